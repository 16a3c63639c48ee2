#include <switchgear/sdk.hpp>
namespace sg = switchgear::sdk;
struct AcmeCmms {
  static constexpr const char* manifest = R"({"name":"acme_cmms","version":"1.0.0","secrets":["api_key"],
    "config":{"base_url":"url","page_size":{"type":"int","default":200}},
    "entities":[{"name":"work_orders","path":"/v2/workorders","records":"/data","key":["wo"],"cursor":"changed","ops":["upsert"]}]})";
  std::string base; long size;
  AcmeCmms(const sg::Config& c, sg::Call&) : base(c.str("base_url")), size(c.integer("page_size")) {}
  sg::Request request(const char* verb, const std::string& path) { return sg::Request(verb, base + path).bearer("api_key"); }
  void check(sg::Call& k) { k.send(request("GET", "/v2/me")); }
  sg::Page read(const sg::Entity& e, const sg::Position& at, sg::Call& k) {
    auto reply = k.send(request("GET", e.path).query("limit", size).query("cursor", at.token).query("since", at.watermark));
    return sg::Page(std::move(reply)).records(e.records).next("/meta/next").watermark(e.cursor);
  }
  void write(const sg::Entity& e, const sg::Batch& batch, sg::Outcomes& out, sg::Call& k) {
    for (const auto& r : batch) {
      auto reply = k.try_send(request("PUT", e.path + "/" + r.key()).json(r.json()).idempotency_key(r.id()));
      reply ? out.ok(r) : out.fail(r, reply.error());
    }
  }
};
SWITCHGEAR_CONNECTOR(AcmeCmms)
