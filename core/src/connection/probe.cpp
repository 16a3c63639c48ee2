#include "switchgear/connection/probe.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>
#include <utility>

#include "entity_probe.hpp"
#include "switchgear/connection/call_services.hpp"

namespace switchgear {
namespace {

using State = HealthStep::State;

constexpr std::array<std::string_view, 8> stages = {"config", "dns", "proxy", "connect", "tls", "http", "auth", "permission"};

double milliseconds(std::chrono::nanoseconds duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

class Probe {
 public:
  Probe(std::shared_ptr<Connection> connection, const CheckOptions& options, std::stop_token stop)
      : connection_(std::move(connection)),
        options_(options),
        stop_(std::move(stop)),
        services_(connection_, "", "check", CallServices::Mode::unguarded) {
    for (const std::string_view name : stages) health_.steps.push_back({std::string(name), State::skipped, 0, ""});
  }

  Health run() {
    const SteadyTime begin = now();
    if (configured() && way_is_open() && signed_in() && answers()) look_at_entities();
    health_.latency_ms = milliseconds(now() - begin);
    return std::move(health_);
  }

 private:
  SteadyTime now() const { return connection_->clock().now(); }
  HealthStep& step(std::string_view name) {
    return *std::find_if(health_.steps.begin(), health_.steps.end(), [&](const HealthStep& each) { return each.name == name; });
  }

  void passed(std::string_view name, std::string detail = {}) {
    step(name).state = State::ok;
    step(name).detail = std::move(detail);
  }

  /// What comes before the stage of `error` went well, as far as it was not said otherwise; what comes after it was not tried.
  bool failed(const Error& error, std::string_view at) {
    const std::string code = error.code();
    if (error.category == Category::cancelled || code == "unsupported.fork" || code == "not_found.entity") throw error;  // the caller's
    health_.error = error;
    for (HealthStep& each : health_.steps) {
      if (each.name == at) {
        each.state = State::failed;
        each.detail = error.message;
        forget_the_rest(each);
        return false;
      }
      if (each.name != untried_) each.state = State::ok;
    }
    return false;
  }
  /// A stage that was not reached has nothing to tell.
  void forget_the_rest(const HealthStep& last) {
    for (std::size_t i = static_cast<std::size_t>(&last - health_.steps.data()) + 1; i < health_.steps.size(); ++i) {
      health_.steps[i].detail.clear();
    }
  }

  bool failed(const Error& error) { return failed(error, switchgear::stage_of(error)); }

  template <class Function>
  bool tried(Function function) {
    try {
      function();
      return true;
    } catch (const Error& error) {
      return failed(error);
    }
  }

  bool configured() {
    const SteadyTime begin = now();
    if (const auto held = connection_->tracker().refusal()) return failed(*held, "config");
    const bool good = tried([&] { session_.emplace(connection_->lease(stop_)); });
    step("config").latency_ms = milliseconds(now() - begin);
    const Manifest& manifest = connection_->manifest();
    if (good) passed("config", manifest.name + " " + manifest.version);
    return good;
  }

  bool way_is_open() {
    for (const std::string& url : connection_->urls()) {
      const auto report = connection_->transport().examine(Url::parse(url), stop_);
      if (!report) return true;
      take_over(*report);
      if (report->error) return failed(*report->error, stage_of(*report));
    }
    return true;
  }

  /// With several urls the last one stands, or the one that failed.
  void take_over(const EndpointReport& report) {
    const bool direct = report.proxy.empty();
    const auto set = [this](std::string_view name, std::optional<std::chrono::microseconds> took, std::string detail) {
      if (took) step(name).latency_ms = milliseconds(*took);
      step(name).detail = std::move(detail);
    };
    set("dns", direct ? report.dns : std::nullopt, direct ? report.address : "left to the proxy");
    set("proxy", direct ? std::nullopt : report.connect, direct ? "none" : report.proxy);
    set("connect", direct ? report.connect : std::nullopt, direct ? report.place : report.place + ", by the proxy");
    set("tls", report.tls, report.certificate ? report.certificate->describe() : report.tls ? "" : "none: plain http");
    health_.certificate = report.certificate;
  }
  /// Some errors, such as a timeout, don't say where they were met: then it is the last step that was reached.
  static std::string_view stage_of(const EndpointReport& report) {
    const std::string_view by_error = switchgear::stage_of(*report.error);
    if (report.error->category == Category::offline && by_error != "http") return by_error;
    return report.tls ? "tls" : report.connect ? "connect" : "dns";
  }

  /// Credentials that have to be fetched are fetched here, so that it can be told which of the two servers is at fault.
  bool signed_in() {
    Authenticator* const auth = connection_->auth();
    if (auth == nullptr || connection_->urls().empty()) return true;
    HttpRequest unsent;
    unsent.url = connection_->urls().front();
    const SteadyTime begin = now();
    try {
      auth->apply(unsent, stop_);
    } catch (const Error& error) {
      untried_ = "http";
      step("http").detail = "not asked: there are no credentials to ask with";
      step("auth").latency_ms = milliseconds(now() - begin);
      Error told = error;
      told.connection_id = connection_->id();
      const std::string_view at = switchgear::stage_of(told);
      return failed(told, at == "config" ? at : "auth");
    }
    step("auth").latency_ms = milliseconds(now() - begin);
    return true;
  }

  bool answers() {
    CallContext call{services_, stop_, connection_->clock(), {}};
    bool good = true;
    try {
      (*session_)->check(call);
    } catch (const Error& error) {
      const bool no_check = error.code() == "unsupported";  // the entities will tell
      if (!no_check) good = failed(error);
    }
    if (const auto timing = services_.last_timing()) {
      step("http").latency_ms = milliseconds(timing->total - std::max(timing->connect, timing->tls));
      take_over_times(*timing);
    }
    return good;
  }

  /// Of a transport that can't be examined, such as a recording.
  void take_over_times(const HttpTiming& timing) {
    const auto set = [this](std::string_view name, std::chrono::microseconds from, std::chrono::microseconds to) {
      if (step(name).latency_ms == 0 && to > from) step(name).latency_ms = milliseconds(to - from);
    };
    set("dns", std::chrono::microseconds(0), timing.dns);
    set("connect", timing.dns, timing.connect);
    set("tls", timing.connect, timing.tls);
  }

  void look_at_entities() {
    const SteadyTime begin = now();
    const bool looked = tried([&] { health_.entities = probe_entities(connection_, options_, stop_); });
    step("permission").latency_ms = milliseconds(now() - begin);
    if (!looked) return;
    const auto is_bad = [](const EntityHealth& each) { return each.error.has_value(); };
    const auto bad = std::find_if(health_.entities.begin(), health_.entities.end(), is_bad);
    const auto good =
        std::count_if(health_.entities.begin(), health_.entities.end(), [](const EntityHealth& each) { return each.state == State::ok; });
    health_.online = bad == health_.entities.end() || good > 0;
    if (bad != health_.entities.end()) {
      failed(*bad->error, health_.online ? "permission" : switchgear::stage_of(*bad->error));
      if (step("permission").state == State::failed) step("permission").detail = summary();
      return;
    }
    for (HealthStep& each : health_.steps) each.state = State::ok;
    step("permission").detail = summary();
    step("permission").state = health_.entities.empty() ? State::skipped : State::ok;
  }

  /// "4 of 5 entities readable; not: Vendors (permission)".
  std::string summary() const {
    std::size_t good = 0;
    std::size_t asked = 0;
    std::string others;
    for (const EntityHealth& each : health_.entities) {
      if (each.state == State::ok) ++good;
      if (each.state != State::skipped) ++asked;
      if (each.error) others += (others.empty() ? "" : ", ") + each.entity + " (" + each.error->code() + ")";
    }
    if (health_.entities.empty()) return "no entity was asked for";
    return std::to_string(good) + " of " + std::to_string(asked) + " entities readable" + (others.empty() ? "" : "; not: " + others);
  }

  std::shared_ptr<Connection> connection_;
  const CheckOptions& options_;
  std::stop_token stop_;
  CallServices services_;
  std::optional<SessionLease> session_;
  std::string_view untried_;  // a stage before the one that failed
  Health health_;
};

/// What was found goes into the connection's status, as if calls had met it.
void tell_status(Connection& connection, const Health& health) {
  StatusTracker& tracker = connection.tracker();
  if (health.online) tracker.reachable();
  for (const EntityHealth& each : health.entities) {
    OperationRecord& record = connection.errors().operation(each.entity, "read");
    if (each.error && health.online) tracker.failed(record, *each.error);
  }
  if (!health.online && health.error) tracker.failed(connection.errors().operation("", "check"), *health.error);
  if (health.online) tracker.succeeded(connection.errors().operation("", "check"));
}

}  // namespace

const HealthStep* Health::failed_step() const noexcept {
  const auto found = std::find_if(steps.begin(), steps.end(), [](const HealthStep& step) { return step.state == State::failed; });
  return found == steps.end() ? nullptr : &*found;
}

std::string_view to_string(HealthStep::State state) noexcept {
  return state == State::ok ? "ok" : state == State::failed ? "failed" : "skipped";
}

std::string_view stage_of(const Error& error) {
  switch (error.category) {
    case Category::config:
    case Category::plugin:
    case Category::unsupported:
    case Category::circuit_open:
      return "config";
    case Category::offline:
      if (error.detail == "dns" || error.detail == "proxy" || error.detail == "connect" || error.detail == "tls") {
        return *std::find(stages.begin(), stages.end(), error.detail);
      }
      return "http";
    case Category::timeout:
      return error.detail == "connect" ? "connect" : "http";
    case Category::auth_expired:
    case Category::auth_invalid:
    case Category::csrf:
      return "auth";
    case Category::permission:
      return "permission";
    default:
      return "http";
  }
}

Health check(const std::shared_ptr<Connection>& connection, const CheckOptions& options, std::stop_token stop) {
  Health health = Probe(connection, options, std::move(stop)).run();
  if (!connection->tracker().refusal()) tell_status(*connection, health);
  return health;
}

Health check(const std::shared_ptr<Connection>& connection, std::stop_token stop) {
  return check(connection, CheckOptions{}, std::move(stop));
}

}  // namespace switchgear
