// What the tests of the store share: a folder of their own, an empty database of each kind, other processes, and what was thrown.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/store/database.hpp"

namespace switchgear {

/// With a space in its name; removed with all that is in it.
class Folder {
 public:
  Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder();
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

template <class Work>
Error error_of(Work&& work) {
  try {
    work();
  } catch (const Error& error) {
    return error;
  }
  return {Category::internal, "test", "nothing was thrown"};
}

/// The same tests for each kind of database; each begins with an empty one.
class OnEachDatabase : public testing::TestWithParam<DatabaseKind> {
 protected:
  OnEachDatabase();
  std::string url() const;
  bool on_sqlite() const { return GetParam() == DatabaseKind::sqlite; }

  Folder folder_;
};

/// Another process, which ends without running this one's destructors. What it throws is on stderr and makes its exit code 1.
class OtherProcess {
 public:
  explicit OtherProcess(const std::function<void()>& work);
  OtherProcess(OtherProcess&& other) noexcept : process_(other.process_) { other.process_ = -1; }
  OtherProcess& operator=(OtherProcess&& other) noexcept {
    std::swap(process_, other.process_);
    return *this;
  }
  ~OtherProcess() { kill(); }

  /// Its exit code; 128 + the signal that killed it.
  int wait();
  void kill();

 private:
  pid_t process_;
};

/// Where one process tells another how far it has come.
class Signpost {
 public:
  Signpost();
  Signpost(const Signpost&) = delete;
  Signpost& operator=(const Signpost&) = delete;
  ~Signpost();
  void reach() const;
  void wait() const;  ///< until another process reached it

 private:
  int pipe_[2];
};

std::string name_of(DatabaseKind kind);

}  // namespace switchgear

#define FOR_EACH_DATABASE(suite)                                                                                                          \
  INSTANTIATE_TEST_SUITE_P(Databases, suite, testing::Values(::switchgear::DatabaseKind::sqlite, ::switchgear::DatabaseKind::postgresql), \
                           [](const auto& kind) { return ::switchgear::name_of(kind.param); })
