// Throws from wherever it is told to, whatever it is told to.
#include <stdexcept>
#include <string>
#include <switchgear/sdk.hpp>

namespace sg = switchgear::sdk;

namespace {

class Throwing {
 public:
  static constexpr const char* manifest = R"({"name":"throwing","version":"1.0.0","secrets":["token"],
    "config":{"place":"text","kind":"text"},
    "entities":[{"name":"things","key":["id"],"ops":["create","delete"]}]})";

  Throwing(const sg::Config& config, sg::Call&) : place_(config.str("place")), kind_(config.str("kind")) { at("open"); }

  void check(sg::Call&) { at("check"); }
  std::string discover(sg::Call&) { return (at("discover"), R"({"entities":[]})"); }
  std::string plan(const sg::Entity&, const sg::Position&, sg::Call&) { return (at("plan"), "[]"); }
  sg::Page read(const sg::Entity&, const sg::Position&, sg::Call&) { return (at("read"), sg::Page(std::string("[]"))); }

  void write(const sg::Entity&, const sg::Batch& batch, sg::Outcomes& outcomes, sg::Call&) {
    if (place_ == "mid_write") outcomes.ok(batch[0]);
    at("mid_write");
    at("write");
  }

 private:
  void at(const std::string& place) const {
    if (place != place_) return;
    if (kind_ == "exception") throw std::runtime_error("the floor opened");
    if (kind_ == "long") throw std::runtime_error(std::string(2000, 'x') + "\xc3\xa4");
    if (kind_ == "int") throw 42;
    if (kind_ == "error") {
      sg::Error error(sg::Category::rate_limit, "tenant", "too many requests");
      error.retry_after_ms = 1500;
      error.http_status = 429;
      error.request_id = "r-1";
      throw std::move(error).with_hint("wait").with_retry(true);
    }
  }

  std::string place_, kind_;
};

}  // namespace

SWITCHGEAR_CONNECTOR(Throwing)
