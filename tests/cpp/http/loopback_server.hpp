// A TCP server on 127.0.0.1 that does to its clients whatever a test wants: cut, hang, trickle, lie.
//
// Each accepted connection gets a thread that runs the test's script. Nothing sleeps: a script that hangs waits until the client
// hangs up or the server is destroyed.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace switchgear::testing {

class Peer {
 public:
  Peer(int socket, int number) : socket_(socket), number_(number) {}

  /// The next request, head and body; "" when the client has hung up.
  std::string read_request() {
    for (;;) {
      if (const auto end = pending_.find("\r\n\r\n"); end != std::string::npos) {
        const std::size_t whole = end + 4 + content_length(pending_.substr(0, end));
        if (pending_.size() >= whole) {
          std::string request = pending_.substr(0, whole);
          pending_.erase(0, whole);
          return request;
        }
      }
      char bytes[16384];
      const ssize_t count = recv(socket_, bytes, sizeof bytes, 0);
      if (count <= 0) return {};
      pending_.append(bytes, static_cast<std::size_t>(count));
    }
  }

  /// False when the client has hung up.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t count = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  bool reply(std::string_view body, std::string_view more_headers = {}) {
    return send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + std::string(more_headers) + "\r\n" +
                std::string(body));
  }

  /// Whatever it is; it is not taken.
  void wait_for_a_byte() {
    char byte = 0;
    recv(socket_, &byte, 1, MSG_PEEK);
  }

  /// Holds still until the client hangs up.
  void hang() {
    char byte = 0;
    while (recv(socket_, &byte, 1, 0) > 0) {
    }
  }

  /// A byte at a time, without end, until the client hangs up.
  void trickle(std::chrono::milliseconds pause) {
    pollfd client{socket_, POLLIN, 0};
    while (poll(&client, 1, static_cast<int>(pause.count())) == 0 && send("x")) {
    }
  }

  /// No more will come from here, as the client learns; what it still sends is taken.
  void end_sending() { shutdown(socket_, SHUT_WR); }

  /// Closing sends RST instead of FIN.
  void reset_when_closed() {
    const linger now{1, 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

  int number() const { return number_; }  ///< of the connection, from 1

 private:
  static std::size_t content_length(const std::string& head) {
    const auto at = head.find("Content-Length: ");
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + 16));
  }

  int socket_;
  int number_;
  std::string pending_;
};

/// A listening socket, on a port that the kernel chooses if none is given.
inline int listen_on_loopback(int port = 0) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (listener < 0 || bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(listener, 128) != 0) {
    throw std::runtime_error("cannot listen on 127.0.0.1");
  }
  return listener;
}

inline int port_of(int listener) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

/// A port of 127.0.0.1 on which nobody listens.
inline int closed_port() {
  const int listener = listen_on_loopback();
  const int port = port_of(listener);
  close(listener);
  return port;
}

class LoopbackServer {
 public:
  using Script = std::function<void(Peer&)>;

  explicit LoopbackServer(Script script, int port = 0)
      : script_(std::move(script)), listener_(listen_on_loopback(port)), port_(port_of(listener_)) {
    acceptor_ = std::thread([this] { accept_all(); });
  }

  LoopbackServer(const LoopbackServer&) = delete;
  LoopbackServer& operator=(const LoopbackServer&) = delete;

  ~LoopbackServer() {
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::lock_guard lock(mutex_);
      for (const int socket : open_) shutdown(socket, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    close(listener_);
  }

  int port() const { return port_; }
  int accepted() const { return accepted_; }
  std::string url(std::string_view target = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + std::string(target); }

 private:
  void accept_all() {
    for (;;) {
      const int socket = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (stopping_ || socket < 0) {
        if (socket >= 0) close(socket);
        return;
      }
      const int number = ++accepted_;
      const std::lock_guard lock(mutex_);
      open_.push_back(socket);
      threads_.emplace_back([this, socket, number] { serve(socket, number); });
    }
  }

  void serve(int socket, int number) {
    Peer peer(socket, number);
    script_(peer);
    const std::lock_guard lock(mutex_);
    std::erase(open_, socket);
    close(socket);
  }

  Script script_;
  int listener_;
  int port_;
  std::atomic<bool> stopping_{false};
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace switchgear::testing
