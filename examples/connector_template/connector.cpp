// A connector for a REST API whose pages name the next one by a link. Replace what is yours: the manifest, the paths, the credentials.
#include <string>
#include <switchgear/sdk.hpp>

namespace sg = switchgear::sdk;

namespace {

class MyCmms {
 public:
  static constexpr const char* manifest = R"({
    "name": "my_cmms", "version": "0.1.0", "doc": "Work orders of My CMMS.",
    "secrets": ["api_key"],
    "config": {
      "base_url": {"type": "url", "doc": "Where the API is: https://host/api"},
      "page_size": {"type": "int", "default": 200, "doc": "Records a page"}
    },
    "entities": [
      {"name": "work_orders", "path": "/workorders", "records": "/items", "key": ["id"], "cursor": "updated_at", "ops": ["create", "update"],
       "fields": [
         {"name": "id", "type": "int64", "nullable": false},
         {"name": "title", "type": "utf8"},
         {"name": "cost", "type": "decimal", "precision": 12, "scale": 2},
         {"name": "updated_at", "type": "timestamp"}
       ]}
    ]})";

  MyCmms(const sg::Config& config, sg::Call&) : base_(config.str("base_url")), page_size_(config.integer("page_size")) {}

  void check(sg::Call& call) { call.send(request("GET", "/me")); }

  sg::Page read(const sg::Entity& entity, const sg::Position& at, sg::Call& call) {
    // The token is the link that the page before gave, perhaps relative to it. It is followed to this server only.
    auto wanted = at.token.empty()
                      ? request("GET", entity.path).query("limit", at.page_size_or(page_size_)).query("updated_since", at.watermark)
                      : sg::Request("GET", at.token).link(base_ + entity.path).bearer("api_key");
    return sg::Page(call.send(wanted)).records(entity.records).next("/links/next").watermark(entity.cursor);
  }

  void write(const sg::Entity& entity, const sg::Batch& batch, sg::Outcomes& outcomes, sg::Call& call) {
    for (const auto& record : batch) {
      const bool fresh = batch.op == "create";
      auto wanted = request(fresh ? "POST" : "PATCH", fresh ? entity.path : entity.path + "/" + record.key());
      const auto reply = call.try_send(wanted.json(record.json()).idempotency_key(record.id()));
      reply ? outcomes.ok(record) : outcomes.fail(record, reply.error());
    }
  }

 private:
  sg::Request request(const char* method, const std::string& path) const { return sg::Request(method, base_ + path).bearer("api_key"); }

  std::string base_;
  std::int64_t page_size_;
};

}  // namespace

SWITCHGEAR_CONNECTOR(MyCmms)
