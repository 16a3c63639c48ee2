// A PostgreSQL server of the test program's own, on loopback.
#pragma once

#include <sys/types.h>

#include <string>

/// Started when made, stopped when destroyed; throws std::runtime_error when it does not start, its log being on stderr.
class PostgresServer {
 public:
  PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer() { stop(); }

  /// The one that all tests share, started when first asked for.
  static PostgresServer& shared();

  std::string url(const std::string& password = "s%20g") const;
  void stop() noexcept;

 private:
  int port_;
  std::string folder_;
  pid_t process_ = -1;
};
