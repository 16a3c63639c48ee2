#include "postgres_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <stdexcept>

namespace {

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  if (!bound) throw std::runtime_error("no free port on 127.0.0.1");
  return ntohs(address.sin_port);
}

std::string new_folder() {
  std::string name = (std::filesystem::temp_directory_path() / "switchgear-postgres-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder for PostgreSQL in " + name);
  return name;
}

/// What a process wrote up to the word READY, or up to its end.
bool says_ready(int pipe) {
  std::string said;
  std::array<char, 64> buffer{};
  while (said.find("READY") == std::string::npos) {
    const auto count = ::read(pipe, buffer.data(), buffer.size());
    if (count <= 0) return false;
    said.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

PostgresServer::PostgresServer() : port_(free_port()), folder_(new_folder()) {
  const std::string port = std::to_string(port_);
  std::array<int, 2> pipe{};
  if (::pipe(pipe.data()) != 0) throw std::runtime_error("no pipe");
  process_ = ::fork();
  if (process_ == 0) {
    ::dup2(pipe[1], STDOUT_FILENO);
    ::close(pipe[0]);
    ::close(pipe[1]);
    ::execl(POSTGRES_RUN, POSTGRES_RUN, folder_.c_str(), port.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(pipe[1]);
  const bool ready = says_ready(pipe[0]);
  ::close(pipe[0]);
  if (ready) return;
  stop();
  throw std::runtime_error("PostgreSQL did not start; what it said is on stderr");
}

PostgresServer& PostgresServer::shared() {
  static PostgresServer server;
  return server;
}

std::string PostgresServer::url(const std::string& password) const {
  return "postgresql://sg:" + password + "@127.0.0.1:" + std::to_string(port_) + "/maint";
}

void PostgresServer::stop() noexcept {
  if (process_ <= 0) return;
  ::kill(process_, SIGTERM);
  ::waitpid(process_, nullptr, 0);
  process_ = -1;
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}
