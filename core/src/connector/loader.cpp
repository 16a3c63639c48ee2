#define BOOST_DLL_USE_STD_FS
#include "switchgear/connector/loader.hpp"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/dll/shared_library.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <vector>

#include "elf.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/connector/host.hpp"
#include "table_plugin.hpp"

namespace switchgear {
namespace {

namespace fs = std::filesystem;

Error unusable(const std::string& path, const std::string& detail, const std::string& problem) {
  return Error(Category::plugin, detail, path + " is no usable connector: " + problem)
      .with_hint("build it again with switchgear_add_connector() and SWITCHGEAR_CONNECTOR(Class), or report it to its author");
}

struct stat status_of(const fs::path& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) throw unusable(path, "library", std::string("it can't be read: ") + std::strerror(errno));
  return status;
}

// ---- where it lies

/// `place` is the library or a folder above it.
void refuse_if_others_write(const fs::path& library, const fs::path& place, const struct stat& status) {
  const std::string what = library.string() + " is not loaded: " + (place == library ? "it" : "the folder " + place.string());
  if ((status.st_mode & S_IWOTH) != 0) {
    throw Error(Category::plugin, "unsafe", what + " can be written by everybody").with_hint("chmod o-w " + place.string());
  }
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    const std::string me = std::to_string(::geteuid());
    throw Error(Category::plugin, "unsafe",
                what + " belongs to user " + std::to_string(status.st_uid) + ", neither to root nor to user " + me + " of this process")
        .with_hint("chown " + me + " " + place.string());
  }
}

/// The library itself, links resolved, in a place where only root and the user can put something else.
fs::path safe_path(const std::string& given) {
  std::error_code problem;
  const fs::path path = fs::canonical(given, problem);
  if (problem) throw unusable(given, "library", "it can't be found: " + problem.message()).with_hint("check the path");
  refuse_if_others_write(path, path, status_of(path));
  refuse_if_others_write(path, path.parent_path(), status_of(path.parent_path()));
  // Farther up a sticky folder such as /tmp is good enough: others can't rename what is not theirs.
  for (fs::path folder = path.parent_path().parent_path(); folder != folder.root_path(); folder = folder.parent_path()) {
    const struct stat status = status_of(folder);
    if ((status.st_mode & S_ISVTX) == 0 && (status.st_mode & S_IWOTH) != 0) refuse_if_others_write(path, folder, status);
  }
  return path;
}

// ---- what is loaded already

struct Loaded {
  std::string path;
  ::dev_t device;
  ::ino_t inode;
  ::timespec changed;
  ::off_t bytes;
  boost::dll::shared_library library;
  std::shared_ptr<Plugin> plugin;

  bool same_file(const struct stat& status) const { return device == status.st_dev && inode == status.st_ino; }
  bool unchanged(const struct stat& status) const {
    return same_file(status) && bytes == status.st_size && changed.tv_sec == status.st_mtim.tv_sec &&
           changed.tv_nsec == status.st_mtim.tv_nsec;
  }
};

struct Libraries {
  std::mutex mutex;
  std::vector<Loaded> all;
  std::vector<boost::dll::shared_library> refused;  // their constructors have run: they stay like any other
};

/// Never destroyed: connectors may be in use until the last moment of the process.
Libraries& libraries() {
  static auto* one = new Libraries;
  return *one;
}

/// dlopen answers with what it has under that name, even if another file lies there by now: nobody should run old code unawares.
std::shared_ptr<Plugin> already_loaded(const Libraries& libraries, const fs::path& path, const struct stat& status) {
  for (const Loaded& loaded : libraries.all) {
    if (loaded.unchanged(status)) return loaded.plugin;
    if (loaded.same_file(status) || loaded.path == path) {
      throw Error(Category::plugin, "replaced", path.string() + " was replaced after it had been loaded")
          .with_hint("start the process again to use the new one");
    }
  }
  return nullptr;
}

// ---- loading

boost::dll::shared_library opened(const fs::path& path) {
  boost::dll::fs::error_code problem;
  boost::dll::shared_library library;
  library.load(path, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local, problem);
  if (library.is_loaded()) return library;
  const char* said = ::dlerror();  // Boost's own error code holds an errno that nobody set
  throw unusable(path, "load", said != nullptr ? said : "the dynamic linker refused it")
      .with_hint("ldd " + path.string() + " shows what is missing");
}

template <class Symbol>
Symbol& symbol(boost::dll::shared_library& library, const fs::path& path, const char* name) {
  if (!library.has(name)) {
    throw unusable(path, "abi", std::string("it does not export ") + name)
        .with_hint("build it with switchgear_add_connector(), which exports what is needed");
  }
  return library.get<Symbol>(name);
}

void check_abi(const sg_abi& abi, const std::string& origin) {
  if (abi.magic != SG_ABI_MAGIC) throw unusable(origin, "abi", "its sg_connector_abi is not one of switchgear's");
  if (abi.major != SG_ABI_MAJOR) {
    throw unusable(origin, "abi",
                   "it was built for connector ABI " + std::to_string(abi.major) + "." + std::to_string(abi.minor) + ", this is " +
                       std::to_string(SG_ABI_MAJOR) + "." + std::to_string(SG_ABI_MINOR))
        .with_hint(abi.major > SG_ABI_MAJOR ? "update switchgear" : "build the connector again with the SDK of this version");
  }
}

const sg_connector& entered(sg_connector_entry_fn entry, const std::string& origin) {
  sg_error error = blank_error();
  const sg_connector* table = entry(&host_table(), &error);
  if (table != nullptr) return *table;
  if (error.category != 0) throw error_from(error, origin);
  throw unusable(origin, "abi", "sg_connector_entry returned nothing and did not say why");
}

std::string section_manifest(const std::string& path) {
  auto text = elf_section(path, ".sgmanifest");
  if (!text) {
    throw unusable(path, "manifest", "it has no section .sgmanifest, so it is a shared library of another kind")
        .with_hint("end the connector's source with SWITCHGEAR_CONNECTOR(Class)");
  }
  return *text;
}

void check_pin(const fs::path& path, const std::string& sha256) {
  if (sha256.empty()) return;
  const std::string actual = file_sha256(path);
  if (!equal_ignoring_case(actual, sha256)) {
    throw Error(Category::plugin, "pin", path.string() + " is not the pinned file: its SHA-256 is " + actual + ", expected " + sha256)
        .with_hint("if the new file is meant, pin its digest");
  }
}

std::shared_ptr<Plugin> load(const fs::path& path, Loaded& loaded) {
  const std::string text = section_manifest(path);
  Manifest manifest = Manifest::parse(text, path.string());
  loaded.library = opened(path);
  check_abi(symbol<const sg_abi>(loaded.library, path, "sg_connector_abi"), path);
  auto& entry = symbol<const sg_connector*(const sg_host*, sg_error*)>(loaded.library, path, "sg_connector_entry");
  const sg_connector& table = entered(&entry, path);
  auto plugin = make_table_plugin(table, std::move(manifest), path);
  if (foreign_text(table.manifest, "the manifest") != text) {
    throw unusable(path, "manifest", "what it says of itself when loaded is not what its section .sgmanifest says");
  }
  return plugin;
}

}  // namespace

Manifest inspect_connector(const std::string& path) { return Manifest::parse(section_manifest(path), path); }

std::shared_ptr<Plugin> load_connector(const std::string& given, const std::string& sha256) {
  const fs::path path = safe_path(given);
  const struct stat status = status_of(path);
  check_pin(path, sha256);
  Libraries& known = libraries();
  const std::lock_guard lock(known.mutex);
  if (auto plugin = already_loaded(known, path, status)) return plugin;
  Loaded loaded{path, status.st_dev, status.st_ino, status.st_mtim, status.st_size, {}, nullptr};
  try {
    loaded.plugin = load(path, loaded);
  } catch (...) {
    if (loaded.library.is_loaded()) known.refused.push_back(std::move(loaded.library));
    throw;
  }
  known.all.push_back(std::move(loaded));
  return known.all.back().plugin;
}

std::string file_sha256(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw unusable(path, "library", "it can't be read");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  bool good = digest != nullptr && EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr) == 1;
  std::array<char, 65536> block{};
  while (good && file) {
    file.read(block.data(), block.size());
    good = EVP_DigestUpdate(digest.get(), block.data(), static_cast<std::size_t>(file.gcount())) == 1;
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned length = 0;
  if (!good || file.bad() || EVP_DigestFinal_ex(digest.get(), bytes.data(), &length) != 1) {
    throw Error(Category::internal, "the SHA-256 of " + path + " could not be computed");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (unsigned i = 0; i < length; ++i) text.append({digits[bytes[i] >> 4U], digits[bytes[i] & 15U]});
  return text;
}

std::shared_ptr<Plugin> linked_connector(const sg_abi& abi, sg_connector_entry_fn entry) {
  check_abi(abi, "the linked connector");
  const sg_connector& table = entered(entry, "the linked connector");
  return make_table_plugin(table, Manifest::parse(foreign_text(table.manifest, "the manifest"), "the linked connector"), "");
}

}  // namespace switchgear
