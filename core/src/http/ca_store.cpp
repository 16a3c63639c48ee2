// Where the system's certificate authorities are. libcurl has one place compiled in, which is right on one distribution only, and it
// does not look at SSL_CERT_FILE.
#include <array>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <utility>

#include "switchgear/http/transport.hpp"

namespace switchgear {
namespace {

constexpr std::array bundles = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora, RHEL 7 and later, Amazon Linux
    "/etc/pki/tls/certs/ca-bundle.crt",                   // RHEL 6, CentOS
    "/etc/ssl/ca-bundle.pem",                             // SUSE
    "/var/lib/ca-certificates/ca-bundle.pem",             // SUSE, later
    "/etc/ssl/certs/ca-bundle.crt",                       // NixOS
    "/etc/pki/tls/cacert.pem",                            // OpenELEC
    "/etc/ssl/cert.pem",                                  // Alpine, macOS
    "/usr/local/share/certs/ca-root-nss.crt",             // FreeBSD
};

std::mutex& fallback_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::string& fallback_file() {
  static std::string path;
  return path;
}

bool is_there(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace

void set_fallback_ca_file(std::string path) {
  const std::lock_guard lock(fallback_mutex());
  fallback_file() = std::move(path);
}

std::string find_ca_file(const std::string& users) {
  if (!users.empty()) return users;
  // Taken even if it leads nowhere: then the error names it, instead of another store being trusted in silence.
  if (const char* given = std::getenv("SSL_CERT_FILE"); given != nullptr && *given != '\0') return given;
  for (const char* path : bundles) {
    if (is_there(path)) return path;
  }
  const std::lock_guard lock(fallback_mutex());
  return is_there(fallback_file()) ? fallback_file() : std::string();
}

}  // namespace switchgear
