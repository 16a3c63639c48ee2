// A source that keeps records by key and does to a batch what a test says, and the connector that leads to it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "switchgear/connector/plugin.hpp"

namespace switchgear {

struct Source {
  std::mutex mutex;
  std::map<std::string, std::string> stored;
  std::vector<std::size_t> sizes;
  std::vector<std::string> sent;
  std::multiset<std::string> ids;
  /// Called before a batch is stored, and after; may throw.
  std::function<void(const std::vector<WriteRecord>&)> before = [](const std::vector<WriteRecord>&) {};
  std::function<void(const std::vector<WriteRecord>&)> after = [](const std::vector<WriteRecord>&) {};
  std::function<bool(const WriteRecord&)> is_bad = [](const WriteRecord&) { return false; };
  Error refusal = Error(Category::bad_request, "not this one");
  bool honours_ids = false;  ///< what came with this idempotency key is not done again
};

class FakeSession final : public Session {
 public:
  explicit FakeSession(Source& source) : source_(source) {}

  void check(CallContext&) override {}
  std::string discover(CallContext&) override { return "{}"; }
  std::string plan(const PageRequest&, CallContext&) override { return "[]"; }

  RawPage read_page(const PageRequest& request, CallContext&) override {
    const std::lock_guard lock(source_.mutex);
    std::string records;
    for (const auto& [key, json] : source_.stored) {
      if (request.filter.find("\"" + key + "\"") != std::string::npos) records.append(records.empty() ? "" : ",").append(json);
    }
    RawPage page;
    page.body = Buffer("{\"value\":[" + records + "]}");
    page.records = "/value";
    return page;
  }

  std::vector<WriteOutcome> write_batch(const std::string&, const Properties&, const std::string& op,
                                        const std::vector<WriteRecord>& records, bool, CallContext&) override {
    const std::lock_guard lock(source_.mutex);
    source_.sizes.push_back(records.size());
    source_.before(records);
    std::vector<WriteOutcome> outcomes;
    for (const WriteRecord& record : records) {
      source_.sent.push_back(record.key);
      const bool again = source_.ids.count(record.id) != 0;
      source_.ids.insert(record.id);
      if (source_.is_bad(record)) {
        outcomes.push_back({WriteOutcome::State::failed, source_.refusal});
      } else if (source_.honours_ids && again) {
        outcomes.push_back({WriteOutcome::State::ok, std::nullopt});
      } else if (op == "create" && source_.stored.count(record.key) != 0) {
        outcomes.push_back({WriteOutcome::State::failed, Error(Category::conflict, "it is there already")});
      } else {
        source_.stored[record.key] = record.json;
        outcomes.push_back({WriteOutcome::State::ok, std::nullopt});
      }
    }
    source_.after(records);
    return outcomes;
  }

 private:
  Source& source_;
};

class FakePlugin final : public Plugin {
 public:
  explicit FakePlugin(Source& source, const std::string& pushdown = R"(["filter"])") : source_(source) {
    manifest_ = Manifest::parse(R"({"name": "fake", "version": "1.0.0", "pushdown": )" + pushdown +
                                    R"(, "entities": [{"name": "orders", "path": "/orders", "key": ["id"],
        "fields": [{"name": "id", "type": "utf8"}, {"name": "n", "type": "int64"}], "ops": ["create", "update", "upsert", "delete"]},
        {"name": "tickets", "path": "/tickets", "key": ["id"], "ops": ["create"], "idempotent_ops": ["create"]},
        {"name": "read_only", "path": "/x", "key": ["id"]}]})",
                                "the test");
  }

  const Manifest& manifest() const noexcept override { return manifest_; }
  const std::string& path() const noexcept override { return path_; }
  bool offers(std::string_view) const noexcept override { return true; }
  std::unique_ptr<Session> open(const std::string&, const Properties&, CallContext&) override {
    return std::make_unique<FakeSession>(source_);
  }

 private:
  Source& source_;
  Manifest manifest_;
  std::string path_;
};

}  // namespace switchgear
