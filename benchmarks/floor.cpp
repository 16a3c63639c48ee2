// The floor of the read benchmark: what a good engineer would write by hand for this one listing. One libcurl handle, one
// simdjson parser, the schema known at compile time, plain column vectors, the next link followed. No library of ours.
//
//   floor URL              e.g. http://127.0.0.1:8080/odata/WorkOrders
//   floor --transfer URL   only fetches the pages and looks for the link: how fast the source is
//
// Prints one line of JSON: records, bytes (decoded), seconds, cpu_seconds, peak_bytes, and a checksum over the columns.
#include <curl/curl.h>
#include <simdjson.h>
#include <time.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

namespace od = simdjson::ondemand;

/// Text of all records in one piece, as Arrow has it: values between offsets, and which are there.
struct Strings {
  std::vector<char> data;
  std::vector<std::int32_t> offsets{0};
  std::vector<std::uint8_t> valid;

  void append(std::string_view value) {
    data.insert(data.end(), value.begin(), value.end());
    offsets.push_back(static_cast<std::int32_t>(data.size()));
    valid.push_back(1);
  }
  void append_null() {
    offsets.push_back(offsets.back());
    valid.push_back(0);
  }
};

template <typename T>
struct Numbers {
  std::vector<T> data;
  std::vector<std::uint8_t> valid;

  void append(T value) {
    data.push_back(value);
    valid.push_back(1);
  }
  void append_null() {
    data.push_back(T{});
    valid.push_back(0);
  }
};

struct Columns {
  Numbers<std::int64_t> id, priority, created_at, changed_at;  // instants in microseconds since 1970
  Strings number, title, status, asset, plant, notes;
  Numbers<double> estimated_hours, meter_reading;
  Numbers<std::uint8_t> safety_relevant;
};

std::int64_t days_since_1970(std::int64_t year, unsigned month, unsigned day) {
  year -= month <= 2;
  const std::int64_t era = year / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * (month + (month > 2 ? -3U : 9U)) + 2) / 5 + day - 1;
  return era * 146097 + static_cast<std::int64_t>(year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year) - 719468;
}

/// "2024-01-31T12:34:56.789Z" -> microseconds. The digits are taken as such: the floor knows its source.
std::int64_t to_microseconds(std::string_view t) {
  if (t.size() != 24) throw std::runtime_error("an instant is not of the form that this source writes");
  const auto digit = [&](std::size_t i) { return static_cast<unsigned>(t[i] - '0'); };
  const auto two = [&](std::size_t i) { return digit(i) * 10 + digit(i + 1); };
  const std::int64_t days = days_since_1970(two(0) * 100 + two(2), two(5), two(8));
  const std::int64_t seconds = days * 86400 + two(11) * 3600 + two(14) * 60 + two(17);
  return seconds * 1000000 + (two(20) * 10 + digit(22)) * 1000;
}

void append(Numbers<std::int64_t>& column, od::value value) { column.append(value.get_int64()); }
void append_instant(Numbers<std::int64_t>& column, od::value value) { column.append(to_microseconds(value.get_string())); }
void append(Numbers<std::uint8_t>& column, od::value value) { column.append(value.get_bool()); }
void append(Strings& column, od::value value) {
  if (value.is_null())
    column.append_null();
  else
    column.append(value.get_string());
}
void append(Numbers<double>& column, od::value value) {
  if (value.is_null())
    column.append_null();
  else
    column.append(value.get_double());
}

void append_record(Columns& to, od::object record) {
  // In the order of the source, which makes each look-up find its field at once.
  append(to.id, record["ID"]);
  append(to.number, record["Number"]);
  append(to.title, record["Title"]);
  append(to.status, record["Status"]);
  append(to.priority, record["Priority"]);
  append(to.asset, record["Asset"]);
  append(to.plant, record["Plant"]);
  append(to.estimated_hours, record["EstimatedHours"]);
  append(to.meter_reading, record["MeterReading"]);
  append(to.safety_relevant, record["SafetyRelevant"]);
  append_instant(to.created_at, record["CreatedAt"]);
  append_instant(to.changed_at, record["ChangedAt"]);
  append(to.notes, record["Notes"]);
}

/// Appends a page's records and returns the next link, or nothing at the end.
std::string append_page(Columns& to, od::parser& parser, std::string& body) {
  const std::size_t size = body.size();
  body.resize(size + simdjson::SIMDJSON_PADDING);
  od::document document = parser.iterate(body.data(), size, body.size());
  for (od::object record : document["value"].get_array()) append_record(to, record);
  std::string_view next;
  if (document["@odata.nextLink"].get_string().get(next) != simdjson::SUCCESS) return {};
  return std::string(next);
}

class Client {
 public:
  Client() : curl_(curl_easy_init()) {
    if (curl_ == nullptr) throw std::runtime_error("curl_easy_init failed");
    curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &Client::take);
    curl_easy_setopt(curl_, CURLOPT_WRITEDATA, &body_);
    curl_easy_setopt(curl_, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl_, CURLOPT_BUFFERSIZE, 512L * 1024);
  }
  ~Client() { curl_easy_cleanup(curl_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// The body, valid until the next call.
  std::string& get(const std::string& url) {
    body_.clear();
    curl_easy_setopt(curl_, CURLOPT_URL, url.c_str());
    const CURLcode code = curl_easy_perform(curl_);
    if (code != CURLE_OK) throw std::runtime_error(url + ": " + curl_easy_strerror(code));
    return body_;
  }

 private:
  static std::size_t take(const char* data, std::size_t, std::size_t size, void* body) {
    static_cast<std::string*>(body)->append(data, size);
    return size;
  }

  CURL* curl_;
  std::string body_;
};

/// Finds the link as text at the end of the page, where this source has it; nothing else is looked at.
std::string find_link(std::string_view body) {
  constexpr std::string_view label = "\"@odata.nextLink\":\"";
  const std::size_t at = body.rfind(label);
  if (at == std::string_view::npos || body.size() - at > 200) return {};
  const std::string_view link = body.substr(at + label.size());
  return std::string(link.substr(0, link.find('"')));
}

/// The most memory that was ever resident.
long long peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.rfind("VmHWM:", 0) == 0) return std::strtoll(line.c_str() + 6, nullptr, 10) * 1024;
  return 0;
}

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

void read_all(const std::string& url, bool only_transfer) {
  const std::string root = url.substr(0, url.rfind('/') + 1);
  const auto begun = std::chrono::steady_clock::now();
  Client client;
  od::parser parser;
  Columns columns;
  std::uint64_t bytes = 0;
  for (std::string next = url; !next.empty();) {
    std::string& body = client.get(next);
    bytes += body.size();
    const std::string link = only_transfer ? find_link(body) : append_page(columns, parser, body);
    next = link.empty() || link.starts_with("http") ? link : root + link;
  }
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun;

  std::int64_t checksum = 0;
  for (const std::int64_t id : columns.id.data) checksum += id;
  for (const std::int64_t instant : columns.changed_at.data) checksum ^= instant;
  std::printf(
      "{\"records\":%zu,\"bytes\":%llu,\"seconds\":%.6f,\"cpu_seconds\":%.6f,\"peak_bytes\":%lld,\"checksum\":%lld,"
      "\"records_per_second\":%.0f,\"megabytes_per_second\":%.0f}\n",
      columns.id.data.size(), static_cast<unsigned long long>(bytes), elapsed.count(), cpu_seconds(), peak_bytes(),
      static_cast<long long>(checksum), static_cast<double>(columns.id.data.size()) / elapsed.count(),
      static_cast<double>(bytes) * 1e-6 / elapsed.count());
}

}  // namespace

int main(int argc, char** argv) {
  const bool only_transfer = argc == 3 && std::string_view(argv[1]) == "--transfer";
  if (argc != 2 && !only_transfer) {
    std::fprintf(stderr, "usage: floor [--transfer] URL\n");
    return 2;
  }
  try {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    read_all(argv[argc - 1], only_transfer);
    curl_global_cleanup();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "floor: %s\n", error.what());
    return 1;
  }
  return 0;
}
