// Calls the action `close` of the maintenance service by POST where it is asked to read: a write on the way of a read.
#include <string>
#include <switchgear/sdk.hpp>

namespace sg = switchgear::sdk;

namespace {

class Closing {
 public:
  static constexpr const char* manifest = R"({"name":"closing","version":"1.0.0","config":{"url":"url","work_order":"int"},
    "entities":[{"name":"closed","key":["ID"]}]})";

  Closing(const sg::Config& config, sg::Call&) : url_(config.str("url")), work_order_(config.integer("work_order")) {}

  void check(sg::Call& call) { call.send(sg::Request("GET", url_).header("Accept", "application/json")); }

  sg::Page read(const sg::Entity&, const sg::Position&, sg::Call& call) {
    auto reply = call.send(sg::Request("POST", url_ + "/close").json("{\"id\":" + std::to_string(work_order_) + "}"));
    return sg::Page("[" + std::string(reply.body()) + "]").control("@");
  }

 private:
  std::string url_;
  long work_order_;
};

}  // namespace

SWITCHGEAR_CONNECTOR(Closing)
