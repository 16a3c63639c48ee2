#include "switchgear/http/token_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds lock_retry{20};

[[noreturn]] void fail(const std::string& path, const std::string& what, const std::string& hint) {
  throw Error(Category::store, "tokens", "the token file '" + path + "' " + what).with_hint(hint);
}

[[noreturn]] void fail_by_errno(const std::string& path, const std::string& what) {
  fail(path, what + ": " + std::strerror(errno), "check the folder's owner, permissions and free space");
}

class File {
 public:
  File(const std::string& path, int flags) : descriptor_(open(path.c_str(), flags | O_CLOEXEC, S_IRUSR | S_IWUSR)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

  /// One byte stands for the whole store, each other one for a key. These locks belong to the open file, so they hold between threads too.
  bool lock_byte(off_t byte, bool wait) const {
    struct flock range{};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = byte;
    range.l_len = 1;
    return fcntl(descriptor_, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range) == 0;
  }

 private:
  int descriptor_;
};

std::shared_ptr<File> open_lock_file(const std::string& path) {
  auto file = std::make_shared<File>(path + ".lock", O_RDWR | O_CREAT);
  if (file->descriptor() < 0) fail_by_errno(path, "cannot be locked");
  return file;
}

std::shared_ptr<File> lock_store(const std::string& path) {
  auto file = open_lock_file(path);
  if (!file->lock_byte(0, true)) fail_by_errno(path, "cannot be locked");
  return file;
}

json read_all(const std::string& path) {
  const File file(path, O_RDONLY);
  if (file.descriptor() < 0) {
    if (errno == ENOENT) return json::object();
    fail_by_errno(path, "cannot be read");
  }
  struct stat about{};
  fstat(file.descriptor(), &about);
  if (about.st_uid != geteuid() || (about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    fail(path, "can be read by others than its owner", "chown it to this user and chmod 600 it; then have the tokens in it revoked");
  }
  std::string text(static_cast<std::size_t>(about.st_size), '\0');
  if (read(file.descriptor(), text.data(), text.size()) != about.st_size) fail_by_errno(path, "cannot be read");
  json tokens = json::parse(text, nullptr, false);
  if (!tokens.is_object()) fail(path, "is no JSON object", "restore it from a backup, or remove it and sign in again");
  return tokens;
}

void write_all(const std::string& path, const json& tokens) {
  const std::string text = tokens.dump(2) + "\n";
  const std::string draft = path + ".new";
  unlink(draft.c_str());
  {
    const File file(draft, O_WRONLY | O_CREAT | O_EXCL);
    if (file.descriptor() < 0 || write(file.descriptor(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        fsync(file.descriptor()) != 0) {
      fail_by_errno(path, "cannot be written");
    }
  }
  if (rename(draft.c_str(), path.c_str()) != 0) fail_by_errno(path, "cannot be replaced");
  const auto folder = std::filesystem::path(path).parent_path();
  const File parent(folder.empty() ? "." : folder.string(), O_RDONLY | O_DIRECTORY);
  if (parent.descriptor() >= 0) fsync(parent.descriptor());
}

json to_json(const Tokens& tokens) {
  json entry{{"access_token", tokens.access_token}, {"refresh_token", tokens.refresh_token}};
  if (tokens.expires_at)
    entry["expires_at"] = std::chrono::duration_cast<std::chrono::seconds>(tokens.expires_at->time_since_epoch()).count();
  return entry;
}

std::optional<Tokens> from_json(const json& all, const std::string& key) {
  const auto found = all.find(key);
  if (found == all.end() || !found->is_object()) return std::nullopt;
  const auto text = [&](const char* name) {
    const auto item = found->find(name);
    return item != found->end() && item->is_string() ? item->get<std::string>() : std::string();
  };
  Tokens tokens{text("access_token"), text("refresh_token"), std::nullopt};
  if (const auto at = found->find("expires_at"); at != found->end() && at->is_number_integer()) {
    tokens.expires_at = WallTime(std::chrono::seconds(at->get<std::int64_t>()));
  }
  return tokens;
}

}  // namespace

std::optional<Tokens> MemoryTokenStore::load(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(key);
  return found == tokens_.end() ? std::nullopt : std::optional(found->second);
}

void MemoryTokenStore::save(const std::string& key, const Tokens& tokens) {
  const std::lock_guard lock(mutex_);
  tokens_[key] = tokens;
}

void MemoryTokenStore::erase(const std::string& key) {
  const std::lock_guard lock(mutex_);
  tokens_.erase(key);
}

// Nobody outside this process sees the store, and within it SingleFlight renews.
std::shared_ptr<void> MemoryTokenStore::lock(const std::string&, std::stop_token) { return nullptr; }

std::optional<Tokens> FileTokenStore::load(const std::string& key) {
  return from_json(read_all(path_), key);  // without the lock: the file is replaced, never changed
}

void FileTokenStore::save(const std::string& key, const Tokens& tokens) {
  const auto locked = lock_store(path_);
  json all = read_all(path_);
  all[key] = to_json(tokens);
  write_all(path_, all);
}

void FileTokenStore::erase(const std::string& key) {
  const auto locked = lock_store(path_);
  json all = read_all(path_);
  if (all.erase(key) != 0) write_all(path_, all);
}

std::shared_ptr<void> FileTokenStore::lock(const std::string& key, std::stop_token stop) {
  auto file = open_lock_file(path_);
  const auto byte = static_cast<off_t>(1 + std::hash<std::string>()(key) % (1U << 30U));
  while (!file->lock_byte(byte, false)) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR) fail_by_errno(path_, "cannot be locked");
    if (!clock_.sleep_for(lock_retry, stop)) {
      throw Error(Category::cancelled, "the request was cancelled while another process renewed the tokens of '" + key + "'");
    }
  }
  return file;
}

}  // namespace switchgear
