// A real nginx on loopback with every kind of certificate, for as long as the object lives.
//
// The sockets are bound here and inherited by nginx (its NGINX variable), so that ports are never taken twice and a client that is
// quicker than nginx waits in the backlog. Certificates come from a CA of our own, made by openssl in the object's folder.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include "loopback_server.hpp"

namespace switchgear::testing {

class NginxServer {
 public:
  NginxServer() {
    folder_ = (std::filesystem::temp_directory_path() / "switchgear-nginx-XXXXXX").string();
    if (mkdtemp(folder_.data()) == nullptr) throw std::runtime_error("no temporary folder");
    make_certificates();
    std::filesystem::create_directory(folder_ + "/www");
    std::ofstream(folder_ + "/www/page.json") << page();
    for (int& listener : listeners_) {
      listener = listen_on_loopback();
      fcntl(listener, F_SETFL, O_NONBLOCK);
    }
    write_config();
    start();
  }

  NginxServer(const NginxServer&) = delete;
  NginxServer& operator=(const NginxServer&) = delete;

  ~NginxServer() {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
    for (const int listener : listeners_) close(listener);
    std::filesystem::remove_all(folder_);
  }

  std::string plain(const std::string& target) const { return url("http", 0, target); }
  std::string tls(const std::string& target) const { return url("https", 1, target); }
  std::string expired() const { return url("https", 2, "/"); }
  std::string wrong_host() const { return url("https", 3, "/"); }
  std::string client_certificate_required() const { return url("https", 4, "/who"); }
  std::string self_signed() const { return url("https", 5, "/"); }
  std::string not_yet_valid() const { return url("https", 6, "/"); }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }

  /// About 340 KB of JSON.
  static std::string page() {
    std::string text = "{\"value\":[";
    for (int i = 0; i < 4000; ++i)
      text += (i == 0 ? "" : ",") + ("{\"id\":" + std::to_string(100000 + i)) + ",\"text\":\"work order of the plant, number " +
              std::to_string(i * 7919) + "\"}";
    return text + "]}";
  }

 private:
  static constexpr int ports = 7;

  std::string url(const char* scheme, int which, const std::string& target) const {
    return std::string(scheme) + "://localhost:" + std::to_string(port_of(listeners_[which])) + target;
  }

  void run(const std::string& command) const {
    if (std::system(("cd '" + folder_ + "' && { " + command + "; } >openssl.log 2>&1").c_str()) != 0) {
      throw std::runtime_error("failed: " + command);
    }
  }

  void make_certificates() const {
    const std::string key = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ";
    std::ofstream(folder_ + "/ca.cnf")
        << "[ca]\ndefault_ca=c\n[c]\ndatabase=index.txt\nserial=serial\nnew_certs_dir=.\ncertificate=ca.pem\nprivate_key=ca.key\n"
           "default_md=sha256\npolicy=p\nunique_subject=no\ncopy_extensions=copy\n[p]\ncommonName=supplied\n";
    std::ofstream(folder_ + "/index.txt");
    std::ofstream(folder_ + "/serial") << "01\n";
    run(key + "-x509 -days 30 -subj '/CN=test CA' -keyout ca.key -out ca.pem");
    run(key + "-x509 -days 30 -subj '/CN=other CA' -keyout other-ca.key -out other-ca.pem");
    run(key + "-x509 -days 30 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout self.key -out self.pem");
    const auto issue = [&](const std::string& name, const std::string& san, const std::string& validity) {
      run(key + "-subj /CN=" + name + " -addext subjectAltName=" + san + " -keyout " + name + ".key -out " + name +
          ".csr && openssl ca -batch -config ca.cnf " + validity + " -in " + name + ".csr -out " + name + ".pem -notext");
    };
    issue("server", "DNS:localhost,IP:127.0.0.1", "-days 30");
    issue("expired", "DNS:localhost", "-startdate 20200101000000Z -enddate 20200201000000Z");
    issue("future", "DNS:localhost", "-startdate 20450101000000Z -enddate 20460101000000Z");
    issue("wrong", "DNS:other.example", "-days 30");
    issue("client", "DNS:client", "-days 30");
    run("openssl ec -in client.key -aes128 -passout pass:opensesame -out client-locked.key");
    run("openssl x509 -in server.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | openssl base64 > "
        "server.pin");
  }

  std::string server(int which, const std::string& how, const std::string& certificate, const std::string& more = {}) const {
    std::string text = "server { listen 127.0.0.1:" + std::to_string(port_of(listeners_[which])) + how + "; root " + folder_ +
                       "/www; location = /who { return 200 \"$ssl_client_s_dn\"; } ";
    text += "location = /raw.json { gzip off; alias " + folder_ + "/www/page.json; } location = / { return 200 hello; } " + more;
    if (!certificate.empty())
      text += "ssl_certificate " + folder_ + "/" + certificate + ".pem; ssl_certificate_key " + folder_ + "/" + certificate + ".key; ";
    return text + "}\n";
  }

  void write_config() const {
    std::ofstream conf(folder_ + "/nginx.conf");
    if (geteuid() == 0) conf << "user root; ";  // the folder is private
    conf << "daemon off; worker_processes 1; pid " << folder_ << "/pid; error_log " << folder_
         << "/error.log; events { worker_connections 256; }\nhttp { access_log off; ";
    for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
      conf << kind << "_temp_path " << folder_ << "/" << kind << "; ";
    conf << "keepalive_requests 100000; types { application/json json; } gzip on; gzip_types application/json;\n";
    conf << server(0, "", "") << server(1, " ssl http2", "server") << server(2, " ssl", "expired") << server(3, " ssl", "wrong")
         << server(4, " ssl", "server", "ssl_client_certificate " + folder_ + "/ca.pem; ssl_verify_client on; ")
         << server(5, " ssl", "self") << server(6, " ssl", "future") << "}\n";
  }

  void start() {
    pid_ = fork();
    if (pid_ != 0) return;
    std::string inherited;
    for (const int listener : listeners_) inherited += std::to_string(dup(listener)) + ";";  // a duplicate is not closed by exec
    setenv("NGINX", inherited.c_str(), 1);
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin", 1);
    const std::string conf = folder_ + "/nginx.conf";
    execlp("nginx", "nginx", "-q", "-p", folder_.c_str(), "-c", conf.c_str(), "-e", (folder_ + "/error.log").c_str(), nullptr);
    _exit(127);
  }

  std::string folder_;
  int listeners_[ports] = {};
  pid_t pid_ = -1;
};

}  // namespace switchgear::testing
