#include "store_key.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "sealed_box.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/store/store.hpp"

namespace switchgear::store_detail {
namespace {

constexpr const char* variable = "SWITCHGEAR_KEY";
constexpr const char* how_to_make_one = "make one with: openssl rand -base64 32";

Error no_key(const std::string& what, const std::string& hint) { return Error(Category::config, "store_key", what).with_hint(hint); }

Error failed(const std::string& path, const std::string& what) {
  return no_key("the key file '" + path + "' " + what + ": " + std::strerror(errno),
                "check the folder's owner, permissions and free space, or set SWITCHGEAR_KEY");
}

std::string decoded(std::string text, const std::string& source) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  auto key = base64_decode(text);
  if (!key || key->size() != key_bytes) throw no_key(source + " is not base64 of 32 bytes", how_to_make_one);
  return std::move(*key);
}

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(::open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int descriptor() const noexcept { return descriptor_; }

 private:
  int descriptor_;
};

std::optional<std::string> read_key(const std::string& path) {
  const File file(path, O_RDONLY);
  if (file.descriptor() < 0) {
    if (errno == ENOENT) return std::nullopt;
    throw failed(path, "cannot be read");
  }
  struct stat about{};
  if (::fstat(file.descriptor(), &about) != 0) throw failed(path, "cannot be read");
  if (about.st_uid != ::geteuid() || (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    throw no_key("the key file '" + path + "' can be read by others than its owner", "chown it to this user and chmod 600 it");
  }
  std::string text(256, '\0');
  const auto count = ::read(file.descriptor(), text.data(), text.size());
  if (count < 0) throw failed(path, "cannot be read");
  text.resize(static_cast<std::size_t>(count));
  return decoded(text, "the key file '" + path + "'");
}

/// Written aside and linked, so that of several processes one makes it and no one reads half of it. It is on disk before it is used:
/// what was sealed with a key that is lost is lost too.
void make_key(const std::string& path) {
  const std::string draft = path + "." + std::to_string(::getpid()) + ".new";
  const std::string text = base64_encode(random_bytes(key_bytes)) + "\n";
  ::unlink(draft.c_str());
  {
    const File file(draft, O_WRONLY | O_CREAT | O_EXCL);
    if (file.descriptor() < 0 || ::write(file.descriptor(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(file.descriptor()) != 0) {
      throw failed(path, "cannot be written");
    }
  }
  const int linked = ::link(draft.c_str(), path.c_str());
  const int why = errno;
  ::unlink(draft.c_str());
  errno = why;
  if (linked != 0 && why != EEXIST) throw failed(path, "cannot be made");
  const auto folder = std::filesystem::path(path).parent_path();
  const File parent(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  if (parent.descriptor() >= 0) ::fsync(parent.descriptor());
}

}  // namespace

StoreKey find_store_key(const Store& store, const std::optional<Secret>& given, bool may_make) {
  if (given) {
    const std::string source = "the key given as " + given->display();
    return {decoded(given->reveal(), source), source};
  }
  if (const char* text = std::getenv(variable); text != nullptr && *text != '\0') return {decoded(text, variable), variable};
  if (store.kind() != DatabaseKind::sqlite || store.display() == ":memory:") {
    throw no_key("the store " + store.display() + " has no key to keep secrets with: SWITCHGEAR_KEY is not set",
                 std::string("set it, to the same for all that use this store; ") + how_to_make_one);
  }
  const std::string path = store.display() + ".key";
  auto key = read_key(path);
  if (!key && may_make) {
    make_key(path);
    key = read_key(path);
  }
  if (!key) {
    throw no_key(
        "the secrets in the store " + store.display() + " have a key, but there is no file '" + path + "' and SWITCHGEAR_KEY is not set",
        "bring the key file back to its place beside the store, or set SWITCHGEAR_KEY");
  }
  return {std::move(*key), "the file '" + path + "'"};
}

}  // namespace switchgear::store_detail
