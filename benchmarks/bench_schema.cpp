// What it costs that nobody declares the columns: 200 pages of 1,000 work orders, from memory, through a PageReader into columns. Prints
// the best of several rounds for each way, and its ratio to the declared one.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "switchgear/paging/page_reader.hpp"

namespace {

using namespace switchgear;

constexpr int n_pages = 200;
constexpr int page_size = 1'000;
constexpr int rounds = 7;

std::string page_text(int page) {
  std::string text = "{\"value\":[";
  std::array<char, 640> record{};
  for (int i = 0; i < page_size; ++i) {
    const int id = page * page_size + i + 1;
    const int length = std::snprintf(
        record.data(), record.size(),
        R"(%s{"ID":%d,"Number":"WO-%08d","Title":"Inspect pump %d in hall %d","Status":"%s","Priority":%d,"Asset":"P-%05d","Plant":"Ulm","EstimatedHours":%d.%d,"MeterReading":%d.%03d,"SafetyRelevant":%s,"CreatedAt":"2026-01-%02dT06:00:00Z","ChangedAt":"2026-02-%02dT14:30:%02d.250Z","Notes":%s})",
        i != 0 ? "," : "", id, id, id % 977, id % 7, id % 3 == 0 ? "OPEN" : "CLOSED", id % 5 + 1, id % 50'000, id % 40, id % 10,
        id % 90'000, id % 1000, id % 2 == 0 ? "true" : "false", id % 28 + 1, id % 28 + 1, id % 60,
        id % 4 == 0 ? "null" : "\"Bearing is warm, vibration at 4.2 mm/s; order a spare part\"");
    text.append(record.data(), static_cast<std::size_t>(length));
  }
  text += "]";
  if (page + 1 < n_pages) text += ",\"next\":\"" + std::to_string(page + 1) + "\"";
  return text + "}";
}

/// Processor seconds for all pages: what other programs take must not turn up in a ratio of a few percent.
double read_all(const std::vector<std::string>& texts, PageColumnsOptions columns) {
  PageReaderOptions options;
  options.entity = "WorkOrders";
  options.columns = std::move(columns);
  const auto load = [&texts](const std::string& token, const std::stop_token&) {
    RawPage page;
    page.body = Buffer(texts[token.empty() ? 0 : std::stoul(token)]);
    page.records = "/value";
    page.next = "/next";
    return page;
  };
  const std::clock_t begun = std::clock();
  PageReader reader(load, options);
  std::int64_t records = 0;
  while (const auto page = reader.next()) records += page->batch.length();
  const double taken = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
  if (records != std::int64_t{n_pages} * page_size || reader.stats().rescued != 0) {
    std::fprintf(stderr, "%lld records, %llu rescued\n", static_cast<long long>(records),
                 static_cast<unsigned long long>(reader.stats().rescued));
    std::exit(1);
  }
  return taken;
}

PageColumnsOptions declared() {
  PageColumnsOptions options;
  Schema& schema = options.schema.emplace();
  for (const auto& [name, type] : std::initializer_list<std::pair<const char*, const char*>>{{"ID", "int64"},
                                                                                             {"Number", "utf8"},
                                                                                             {"Title", "utf8"},
                                                                                             {"Status", "utf8"},
                                                                                             {"Priority", "int64"},
                                                                                             {"Asset", "utf8"},
                                                                                             {"Plant", "utf8"},
                                                                                             {"EstimatedHours", "float64"},
                                                                                             {"MeterReading", "float64"},
                                                                                             {"SafetyRelevant", "bool"},
                                                                                             {"CreatedAt", "timestamp"},
                                                                                             {"ChangedAt", "timestamp"},
                                                                                             {"Notes", "utf8"}})
    schema.fields.push_back(parse_type(name, type));
  return options;
}

PageColumnsOptions inferred(SchemaMode mode) {
  PageColumnsOptions options;
  options.mode = mode;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> texts;
  for (int page = 0; page < n_pages; ++page) texts.push_back(page_text(page));
  struct Way {
    const char* name;
    PageColumnsOptions columns;
    double best = 1e9;
  };
  std::array<Way, 3> ways = {
      {{"declared", declared()}, {"inferred, evolve", inferred(SchemaMode::evolve)}, {"inferred, frozen", inferred(SchemaMode::frozen)}}};
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : ways) way.best = std::min(way.best, read_all(texts, way.columns));
  }
  std::printf("%-18s %12s %8s   (target: at most 1.15)\n", "schema", "records/s", "ratio");
  for (const Way& way : ways) std::printf("%-18s %12.0f %8.2f\n", way.name, n_pages * page_size / way.best, way.best / ways[0].best);
  if (argc != 3 || std::string_view(argv[1]) != "--targets") return 0;
  std::FILE* targets = std::fopen(argv[2], "a");
  if (targets == nullptr) return 1;
  for (const std::size_t i : {1U, 2U}) {
    std::fprintf(targets, "{\"what\": \"schema, %s, to declared\", \"seen\": %.4f, \"limit\": 1.15, \"at_least\": false}\n", ways[i].name,
                 ways[i].best / ways[0].best);
  }
  std::fclose(targets);
}
