#include "each_database.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

#include "postgres_server.hpp"

namespace switchgear {

namespace fs = std::filesystem;

Folder::Folder() {
  std::string name = (fs::temp_directory_path() / "switchgear store XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder " + name);
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

OnEachDatabase::OnEachDatabase() {
  if (on_sqlite()) return;
  Database emptied(PostgresServer::shared().url());
  emptied.session().execute("drop schema public cascade");
  emptied.session().execute("create schema public");
}

std::string OnEachDatabase::url() const { return on_sqlite() ? folder_ / "a  plant=1.db" : PostgresServer::shared().url(); }

OtherProcess::OtherProcess(const std::function<void()>& work) : process_(::fork()) {
  if (process_ != 0) return;
  int code = 0;
  try {
    work();
  } catch (const Error& error) {
    std::fprintf(stderr, "in another process: %s\n", error.describe().c_str());
    code = 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "in another process: %s\n", error.what());
    code = 1;
  }
  std::fflush(nullptr);
  ::_exit(code);
}

int OtherProcess::wait() {
  int status = 0;
  ::waitpid(process_, &status, 0);
  process_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void OtherProcess::kill() {
  if (process_ <= 0) return;
  ::kill(process_, SIGKILL);
  wait();
}

Signpost::Signpost() {
  if (::pipe(pipe_) != 0) throw std::runtime_error("no pipe");
}

Signpost::~Signpost() {
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}

void Signpost::reach() const {
  if (::write(pipe_[1], "x", 1) != 1) throw std::runtime_error("the other process is gone");
}

void Signpost::wait() const {
  char byte = 0;
  if (::read(pipe_[0], &byte, 1) != 1) throw std::runtime_error("the other process is gone");
}

std::string name_of(DatabaseKind kind) { return kind == DatabaseKind::sqlite ? "Sqlite" : "Postgresql"; }

}  // namespace switchgear
