// How many deliveries a second the sender brings from a SQLite outbox to a receiver on this machine, each on disk before it is sent and
// put down as delivered afterwards.
//
// usage: bench_sender [--folder FOLDER] [--events 20000] [--targets FILE]     a SQLite store is made in FOLDER and removed
// The receiver reads each request whole and answers 200 on a connection that stays open. Signing, TCP and both transactions are in the
// time; TLS is not.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "switchgear/webhook/sender.hpp"

namespace {

using namespace switchgear;
using Seconds = std::chrono::duration<double>;

double now() { return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// A thread for each connection.
class Receiver {
 public:
  Receiver() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* as = reinterpret_cast<sockaddr*>(&address);
    if (bind(listener_, as, size) != 0 || listen(listener_, 1024) != 0 || getsockname(listener_, as, &size) != 0) std::abort();
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;
  ~Receiver() {
    shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (const int peer : peers_) shutdown(peer, SHUT_RDWR);
    for (std::thread& thread : threads_) thread.join();
    for (const int peer : peers_) close(peer);
    close(listener_);
  }

  int port() const { return port_; }
  std::int64_t requests() const { return requests_; }

 private:
  void accept_all() {
    for (int peer = 0; (peer = accept(listener_, nullptr, nullptr)) >= 0;) {
      const int one = 1;
      setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      peers_.push_back(peer);
      threads_.emplace_back([this, peer] { serve(peer); });
    }
  }

  void serve(int peer) {
    constexpr std::string_view reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    constexpr std::string_view field = "Content-Length: ";
    std::string pending;
    char bytes[65536];
    for (;;) {
      const auto end = pending.find("\r\n\r\n");
      const auto length = pending.find(field);
      if (end != std::string::npos && length < end) {
        const std::size_t whole = end + 4 + std::strtoul(pending.c_str() + length + field.size(), nullptr, 10);
        if (pending.size() >= whole) {
          pending.erase(0, whole);
          ++requests_;
          if (send(peer, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) return;
          continue;
        }
      }
      const ssize_t count = recv(peer, bytes, sizeof bytes, 0);
      if (count <= 0) return;
      pending.append(bytes, static_cast<std::size_t>(count));
    }
  }

  int listener_;
  int port_ = 0;
  std::atomic<std::int64_t> requests_{0};
  std::vector<int> peers_;  // the acceptor's until it has ended
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

void record_events(Store& store, std::int64_t count) {
  const std::string data = R"({"order":4711,"text":")" + std::string(700, 'x') + "\"}";
  constexpr std::int64_t threads = 16;  // who share commits
  std::vector<std::thread> all;
  for (std::int64_t i = 0; i < threads; ++i) {
    all.emplace_back([&, mine = count / threads + (i < count % threads ? 1 : 0)] {
      EventStore events(store);
      NewEvent event;
      event.type = "order.urgent";
      event.data_json = data;
      for (std::int64_t n = 0; n < mine; ++n) events.record(event);
    });
  }
  for (std::thread& thread : all) thread.join();
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder = std::filesystem::absolute(argv[0]).parent_path();
  std::int64_t count = 20'000;
  std::FILE* targets = nullptr;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--folder") folder = argv[i + 1];
    if (option == "--events") count = std::strtoll(argv[i + 1], nullptr, 10);
    if (option == "--targets") targets = std::fopen(argv[i + 1], "a");
  }
  const std::filesystem::path path = folder / "bench_sender.db";
  const auto remove = [&] {
    for (const char* suffix : {"", "-wal", "-shm", ".key"}) std::filesystem::remove(path.string() + suffix);
  };
  remove();
  {
    Receiver receiver;
    Store store(path.string());
    SecretStore secrets(store);
    StoredEndpoint endpoint;
    endpoint.id = "ops";
    endpoint.url = "http://127.0.0.1:" + std::to_string(receiver.port()) + "/hook";
    endpoint.subnets_json = R"(["127.0.0.0/8"])";
    EndpointStore(store, secrets).add(endpoint, "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0");
    double began = now();
    record_events(store, count);
    std::printf("recorded    %8.0f events/s, with a delivery each\n", static_cast<double>(count) / (now() - began));
    SenderOptions options;
    options.until_idle = true;
    WebhookSender sender(store, secrets, options);
    began = now();
    sender.run([] { return true; });
    const double rate = static_cast<double>(count) / (now() - began);
    const SenderStats stats = sender.stats();
    std::printf("delivered   %8.0f deliveries/s (%llu of %lld, %lld requests)\n", rate, static_cast<unsigned long long>(stats.delivered),
                static_cast<long long>(count), static_cast<long long>(receiver.requests()));
    if (stats.delivered != static_cast<std::uint64_t>(count)) return 1;
    const char* what = "webhook sender: deliveries/s to a loopback receiver with a SQLite outbox";
    std::printf("%s  %s\n", rate >= 2000 ? "met   " : "MISSED", what);
    if (targets != nullptr) {
      std::fprintf(targets, "{\"what\": \"%s\", \"seen\": %.4f, \"limit\": 2000, \"at_least\": true}\n", what, rate);
      std::fclose(targets);
    }
  }
  remove();
}
