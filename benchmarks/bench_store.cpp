// How fast the queue's part of the store is: records put in, batches claimed and completed, and what a claim costs when very much is
// queued.
//
// usage: bench_store [FOLDER [QUEUED]]     a SQLite store is made in FOLDER (default: the current one) and removed; QUEUED: 10000000
// records Each number counts what is on disk. The time of a bare fsync in the same folder is printed beside it: the floor of every single
// commit.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "switchgear/store/connections.hpp"
#include "switchgear/store/job_claims.hpp"
#include "switchgear/store/jobs.hpp"

namespace {

using namespace switchgear;
using Seconds = std::chrono::duration<double>;

constexpr int batch_size = 100;

double now() { return Seconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

std::FILE* targets = nullptr;

void record(const char* what, double seen, double limit, bool at_least) {
  std::printf("%s  %s\n", (at_least ? seen >= limit : seen <= limit) ? "met   " : "MISSED", what);
  if (targets == nullptr) return;
  std::fprintf(targets, "{\"what\": \"%s\", \"seen\": %.4f, \"limit\": %g, \"at_least\": %s}\n", what, seen, limit,
               at_least ? "true" : "false");
}

/// A store in a file of its own, removed at the end.
class Scratch {
 public:
  Scratch(const std::filesystem::path& folder, const char* name) : path_(folder / name) {
    remove();
    store_ = std::make_unique<Store>(path_.string());
    StoredConnection connection;
    connection.id = "plant";
    connection.connector = "odata";
    ConnectionStore(*store_).add(connection);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    store_.reset();
    remove();
  }
  Store& store() { return *store_; }

 private:
  void remove() {
    for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_.string() + suffix);
  }

  std::filesystem::path path_;
  std::unique_ptr<Store> store_;
};

/// Work orders of about 200 bytes, or of 40 where only their number matters. Returns the seconds that it took.
double enqueue(Store& store, std::int64_t records, bool small) {
  JobSpec spec;
  spec.connection_id = "plant";
  spec.entity = "WorkOrders";
  const auto start = now();
  auto submission = JobStore(store).submit(spec);
  std::vector<std::string> keys(batch_size);
  std::vector<std::string> jsons(batch_size);
  for (std::int64_t first = 0; first < records; first += batch_size) {
    std::vector<NewRecord> batch;
    for (std::size_t i = 0; i < batch_size; ++i) {
      keys[i] = std::to_string(first + static_cast<std::int64_t>(i));
      jsons[i] = R"({"OrderNo":)" + keys[i];
      if (!small) {
        jsons[i] += R"(,"Title":"Replace the bearing of pump 17","Status":"OPEN","Priority":2,"Plant":"P100","Equipment":"EQ-000417",)"
                    R"("ChangedAt":"2026-11-26T08:00:00Z","Hours":3.5)";
      }
      jsons[i] += "}";
      batch.push_back({keys[i], jsons[i]});
    }
    submission.add(batch);
  }
  submission.finish();
  return now() - start;
}

/// Claims and completes with this many threads for about `seconds`; returns batches a second.
double work_off(Store& store, int threads, std::int64_t batches_each, double seconds) {
  JobClaims claims(store);
  std::atomic<std::int64_t> done = 0;
  const auto start = now();
  {
    std::vector<std::jthread> workers;
    for (int t = 0; t < threads; ++t) {
      workers.emplace_back([&] {
        ClaimOptions options{.worker = "bench", .max_batches = batches_each};
        while (now() - start < seconds) {
          const auto batches = claims.claim(options);
          if (batches.empty()) return;
          for (const auto& batch : batches) {
            std::vector<RecordResult> results;
            results.reserve(batch.records.size());
            for (const auto& record : batch.records) results.push_back({record.index, {}});
            claims.complete(batch, results);
          }
          done += static_cast<std::int64_t>(batches.size());
        }
      });
    }
  }
  return static_cast<double>(done) / (now() - start);
}

/// Milliseconds of single claims, one after the other.
std::vector<double> claim_times(Store& store, int count) {
  JobClaims claims(store);
  std::vector<double> times;
  for (int i = 0; i < count; ++i) {
    const auto start = now();
    if (claims.claim({.worker = "bench"}).empty()) break;
    times.push_back((now() - start) * 1e3);
  }
  return times;
}

/// Milliseconds of an fsync after 4 KiB were written, as a commit does.
double fsync_time(const std::filesystem::path& folder) {
  const auto path = folder / "bench_store.fsync";
  const int file = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  const std::vector<char> page(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < 200; ++i) {
    const auto start = now();
    if (::write(file, page.data(), page.size()) < 0 || ::fdatasync(file) != 0) break;
    times.push_back((now() - start) * 1e3);
  }
  ::close(file);
  std::filesystem::remove(path);
  return percentile(times, 0.5);
}

}  // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder = std::filesystem::absolute(argv[0]).parent_path();
  std::int64_t queued = 10'000'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view option = argv[i];
    if (option == "--folder") folder = argv[i + 1];
    if (option == "--queued") queued = std::strtoll(argv[i + 1], nullptr, 10);
    if (option == "--targets") targets = std::fopen(argv[i + 1], "a");
  }
  std::printf("SQLite in %s, synchronous=FULL; a bare fsync takes %.2f ms\n", folder.c_str(), fsync_time(folder));

  double rate = 0;
  {
    Scratch scratch(folder, "bench_store_1.db");
    constexpr std::int64_t records = 4'000'000;
    rate = records / enqueue(scratch.store(), records, false);
    std::printf("enqueue: %10.0f records/s of 200 bytes, in batches of %d\n", rate, batch_size);
    const double singly = work_off(scratch.store(), 64, 1, 2);
    std::printf("claim + complete, 64 threads, 1 at a time: %8.0f batches/s\n", singly);
    const double together = work_off(scratch.store(), 64, 8, 2);
    std::printf("claim + complete, 64 threads, 8 at a time: %8.0f batches/s\n", together);
    record("queue: records put in, a second", rate, 100'000, true);
    record("queue: batches claimed and completed, a second", std::max(singly, together), 5'000, true);
  }

  std::vector<double> few;
  {
    Scratch scratch(folder, "bench_store_2.db");
    enqueue(scratch.store(), 100'000, true);
    few = claim_times(scratch.store(), 300);
  }
  Scratch scratch(folder, "bench_store_3.db");
  enqueue(scratch.store(), queued, true);
  const auto many = claim_times(scratch.store(), 300);
  const double floor = fsync_time(folder);
  std::printf("one claim with %10d records queued: median %.2f ms, 99 %% %.2f ms\n", 100'000, percentile(few, 0.5), percentile(few, 0.99));
  std::printf("one claim with %10lld records queued: median %.2f ms, 99 %% %.2f ms; a bare fsync %.2f ms\n", static_cast<long long>(queued),
              percentile(many, 0.5), percentile(many, 0.99), floor);
  record("queue: ms for a claim with 10,000,000 records queued", percentile(many, 0.5), 5, false);
  if (targets != nullptr) std::fclose(targets);
}
