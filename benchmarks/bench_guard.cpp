// What the policies cost a reading: the same listing with all of them on and with none, in turns, by one process.
//
// usage: bench_guard CONNECTOR URL [ROUNDS]     the odata connector's library, a service with the entity set WorkOrders
//
// Prints one line of JSON: records, and the seconds of each round with the policies on and off: on the clock, and of
// processor time. Two threads and a server on two cores make the clock differ by tens of percent from round to round;
// what the policies do is computing, which the processor time shows.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connector/loader.hpp"
#include "switchgear/paging/entity_reader.hpp"

namespace {

using namespace switchgear;

std::shared_ptr<Connection> connect(const std::string& connector, const std::string& url, const GuardOptions& guard) {
  ConnectionConfig config;
  config.config_json = R"({"url": ")" + url + R"("})";
  config.transport_options.proxy = "none";
  config.guard = guard;
  return Connection::open(load_connector(connector), std::move(config));
}

struct Reading {
  std::int64_t records = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // of all threads
};

struct Seconds {
  std::vector<double> clock;
  std::vector<double> cpu;

  void add(const Reading& reading) {
    clock.push_back(reading.seconds);
    cpu.push_back(reading.cpu_seconds);
  }
};

Reading read_all(const std::shared_ptr<Connection>& connection) {
  Reading reading;
  const auto begun = std::chrono::steady_clock::now();
  const std::clock_t cpu_begun = std::clock();
  ReadRequest request;
  request.entity = "WorkOrders";
  const EntityReader reader = read_entity(connection, std::move(request));
  while (const auto page = reader.pages->next()) reading.records += page->batch.length();
  reading.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  reading.cpu_seconds = static_cast<double>(std::clock() - cpu_begun) / CLOCKS_PER_SEC;
  return reading;
}

std::string list(const std::vector<double>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : ",") + std::to_string(value);
  return "[" + text + "]";
}

void compare(const std::string& connector, const std::string& url, int rounds) {
  const auto guarded = connect(connector, url, GuardOptions{});
  const auto bare = connect(connector, url, GuardOptions{std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt});
  const std::int64_t records = read_all(guarded).records;  // and both have their connection and the source's metadata
  read_all(bare);
  Seconds on;
  Seconds off;
  for (int round = 0; round < rounds; ++round) {
    // Who comes first changes, so that what the one leaves behind for the other evens out.
    if (round % 2 == 0) on.add(read_all(guarded));
    off.add(read_all(bare));
    if (round % 2 != 0) on.add(read_all(guarded));
  }
  std::printf("{\"records\":%lld,\"on\":%s,\"off\":%s,\"cpu_on\":%s,\"cpu_off\":%s}\n", static_cast<long long>(records),
              list(on.clock).c_str(), list(off.clock).c_str(), list(on.cpu).c_str(), list(off.cpu).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    std::fprintf(stderr, "usage: bench_guard CONNECTOR URL [ROUNDS]\n");
    return 2;
  }
  try {
    compare(argv[1], argv[2], argc == 4 ? std::atoi(argv[3]) : 15);
  } catch (const Error& error) {
    std::fprintf(stderr, "bench_guard: %s\n", error.describe().c_str());
    return 1;
  }
  return 0;
}
