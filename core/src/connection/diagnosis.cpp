#include "switchgear/connection/diagnosis.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <utility>

#include "diagnosis_rules.hpp"
#include "switchgear/http/message.hpp"

namespace switchgear {
namespace {

constexpr std::size_t most_lines = 6;  // of one kind; more would hide what matters

using Operation = std::pair<std::string, std::string>;  // entity, operation

Operation operation_of(const LoggedError& logged) { return {logged.error.entity, logged.operation}; }

std::string utc(WallTime time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(seconds);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(seconds - day);
  std::array<char, 40> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                    static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                    static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()));
  return {text.data(), static_cast<std::size_t>(std::max(length, 0))};
}

std::string doing(const Operation& operation) {
  const auto& [entity, verb] = operation;
  if (verb == "read") return "reading " + entity;
  if (verb == "discover") return "listing the entities";
  if (verb == "check") return "the check";
  if (verb == "call") return "every call";
  return verb + (entity.empty() ? "" : " on " + entity);
}

/// It is no matter of one entity: no connection, no sign-in, a limit, a setting.
bool is_of_everything(const Error& error) {
  switch (error.category) {
    case Category::offline:
      return error.detail != "lost";
    case Category::timeout:
      return error.detail == "connect";
    case Category::auth_expired:
    case Category::auth_invalid:
    case Category::rate_limit:  // of the user or the key
    case Category::unavailable:
    case Category::config:
      return true;
    case Category::circuit_open:
      return error.detail == "paused" || error.detail == "disconnected";
    default:
      return false;
  }
}

/// A breaker that refuses only repeats what it has seen.
bool is_echo(const Error& error) { return error.category == Category::circuit_open && !is_of_everything(error); }

/// A reply that came but can't be read: as a request it was a success, so when the last one was says nothing.
bool is_about_the_reply(const Error& error) {
  return error.category == Category::protocol || error.category == Category::plugin || error.category == Category::data;
}

class Judgement {
 public:
  explicit Judgement(const Findings& findings) : found_(findings) {
    diagnosis_.connection_id = findings.connection_id;
    diagnosis_.probe = findings.probe;
    diagnosis_.status = findings.status;
  }

  Diagnosis run() {
    collect_standing();
    if (standing_.empty()) {
      nothing_stands();
    } else {
      order_by_weight();
      diagnosis_.scope = scope();
      explain_cause();
      tell_what_stands();
      tell_what_works();
    }
    tell_breakers();
    tell_recovered();
    tell_probe();
    return std::move(diagnosis_);
  }

 private:
  std::optional<WallTime> latest_success() const {
    std::optional<WallTime> latest;
    for (const OperationSuccess& success : found_.successes) {
      if (!latest || success.last_success > *latest) latest = success.last_success;
    }
    return latest;
  }

  std::optional<WallTime> success_of(const Operation& operation) const {
    for (const OperationSuccess& success : found_.successes) {
      if (success.entity == operation.first && success.operation == operation.second) return success.last_success;
    }
    return std::nullopt;
  }

  void collect_standing() {
    for (const LoggedError& logged : found_.errors) {
      if (!logged.stands()) continue;
      // Whatever succeeds later, anywhere, shows that the source is there and takes the credentials.
      const auto latest = latest_success();
      if (is_of_everything(logged.error) && latest && *latest > logged.last_seen) continue;
      standing_.push_back(logged);
    }
    if (found_.held) {
      standing_.push_back({"call", *found_.held, 1, 0, found_.status.since, found_.now, {}});
    } else if (found_.probe) {
      collect_probe(*found_.probe);
    }
    // The log may have forgotten what a breaker has seen; but where it has not, the breaker's word is no news.
    const auto is_real = [](const LoggedError& logged) { return !is_echo(logged.error); };
    if (std::any_of(standing_.begin(), standing_.end(), is_real)) {
      std::erase_if(standing_, [&](const LoggedError& logged) { return !is_real(logged); });
    }
  }

  void collect_probe(const Health& health) {
    bool told = false;
    for (const EntityHealth& each : health.entities) {
      if (!each.error) continue;
      add(*each.error, "read");
      told = true;
    }
    if (health.error && !told) add(*health.error, "check");
  }

  /// What the probe met counts like what a call met; the same thing is told once.
  void add(const Error& error, const std::string& operation) {
    for (LoggedError& logged : standing_) {
      if (logged.error.code() != error.code()) continue;
      if (operation == "check" || operation_of(logged) == Operation(error.entity, operation)) {
        logged.error.message = error.message;  // a check sees more: the certificate, for one
        logged.error.hint = error.hint;
        logged.last_seen = found_.now;
        ++logged.count;
        return;
      }
    }
    standing_.push_back({operation, error, 1, 0, found_.now, found_.now, success_of({error.entity, operation})});
  }

  void order_by_weight() {
    const auto weight = [](const LoggedError& logged) {
      const bool about_the_call = logged.error.category == Category::bad_request || logged.error.category == Category::not_found ||
                                  logged.error.category == Category::gone || logged.error.category == Category::conflict;
      return is_of_everything(logged.error) ? 0 : is_echo(logged.error) ? 3 : about_the_call ? 2 : 1;
    };
    std::stable_sort(standing_.begin(), standing_.end(), [&](const LoggedError& a, const LoggedError& b) {
      if (weight(a) != weight(b)) return weight(a) < weight(b);
      return weight(a) == 0 ? a.last_seen > b.last_seen : a.count > b.count;
    });
    diagnosis_.affected = standing_;
  }

  std::set<Operation> working() const {
    std::set<Operation> failing;
    for (const LoggedError& logged : standing_) failing.insert(operation_of(logged));
    std::set<Operation> working;
    for (const OperationSuccess& success : found_.successes) {
      const Operation operation(success.entity, success.operation);
      if (!success.entity.empty() && !failing.contains(operation)) working.insert(operation);
    }
    return working;
  }

  DiagnosisScope scope() const {
    if (is_of_everything(standing_.front().error)) return DiagnosisScope::connection;
    const std::set<Operation> works = working();
    std::set<std::string> entities;
    std::set<std::string> operations;
    for (const LoggedError& logged : standing_) {
      if (!logged.error.entity.empty()) entities.insert(logged.error.entity);
      operations.insert(logged.operation);
    }
    if (entities.empty()) return DiagnosisScope::connection;
    const bool others_work = std::any_of(works.begin(), works.end(), [&](const Operation& each) { return !entities.contains(each.first); });
    const bool same_work = std::all_of(entities.begin(), entities.end(), [&](const std::string& entity) {
      return std::any_of(works.begin(), works.end(), [&](const Operation& each) { return each.first == entity; });
    });
    // Every one of these entities still does something else: it is the thing that is done.
    if (same_work && operations.size() == 1) return DiagnosisScope::operation;
    if (others_work) return DiagnosisScope::entity;
    return entities.size() > 1 ? DiagnosisScope::connection : DiagnosisScope::entity;
  }

  void explain_cause() {
    const LoggedError& first = standing_.front();
    RuleWords words;
    words.message = first.error.message;
    words.what = doing(operation_of(first));
    words.connection = found_.connection_id;
    words.entity = first.error.entity;
    const std::size_t colon = found_.place.rfind(':');
    words.host = found_.place.substr(0, colon);
    if (colon != std::string::npos) words.port = found_.place.substr(colon + 1);
    const auto success = is_of_everything(first.error) ? latest_success() : first.last_success;
    if (success) words.success = utc(*success);
    words.first = utc(first.first_seen);
    words.count = std::to_string(first.count);
    Explanation explanation = explain(first.error, words);
    diagnosis_.code = first.error.code();
    diagnosis_.cause = std::move(explanation.cause);
    diagnosis_.next_steps = std::move(explanation.next_steps);
    if (!first.error.request_id.empty()) {
      diagnosis_.next_steps.push_back("give the source's operator the request id " + first.error.request_id);
    }
  }

  void tell_what_stands() {
    for (std::size_t i = 0; i < standing_.size(); ++i) {
      if (i == most_lines) {
        diagnosis_.evidence.push_back("and " + std::to_string(standing_.size() - i) + " more");
        break;
      }
      const LoggedError& logged = standing_[i];
      std::string line = doing(operation_of(logged)) + ": " + logged.error.code() + ", " + std::to_string(logged.count) + " x";
      line += logged.first_seen == logged.last_seen ? " at " + utc(logged.last_seen)
                                                    : " from " + utc(logged.first_seen) + " to " + utc(logged.last_seen);
      if (logged.last_success && !is_about_the_reply(logged.error)) line += "; worked until " + utc(*logged.last_success);
      diagnosis_.evidence.push_back(std::move(line));
    }
  }

  void tell_what_works() {
    if (diagnosis_.scope == DiagnosisScope::connection) return;
    std::string line;
    std::size_t count = 0;
    for (const Operation& each : working()) {
      if (++count <= most_lines) line += (line.empty() ? "" : ", ") + doing(each);
    }
    if (count > most_lines) line += " and " + std::to_string(count - most_lines) + " more";
    if (!line.empty()) diagnosis_.evidence.push_back("still works: " + line);
  }

  void tell_breakers() {
    for (const BreakerStatus& breaker : found_.status.breakers) {
      const BreakerState state = breaker.metrics.state;
      if (state != BreakerState::open && state != BreakerState::forced_open && state != BreakerState::half_open) continue;
      const std::string whose = breaker.operation.empty() ? "everything" : doing({breaker.entity, breaker.operation});
      std::string line = "the circuit breaker for " + whose + " is " + std::string(to_string(state));
      if (breaker.metrics.retry_after) {
        line += " for another " + std::to_string(std::chrono::ceil<std::chrono::seconds>(*breaker.metrics.retry_after).count()) +
                " s: nothing is sent meanwhile";
      }
      diagnosis_.evidence.push_back(std::move(line));
    }
  }

  void tell_recovered() {
    std::size_t told = 0;
    for (const LoggedError& logged : found_.errors) {
      if (logged.recovered == 0 || ++told > most_lines) continue;
      diagnosis_.evidence.push_back(doing(operation_of(logged)) + ": " + std::to_string(logged.recovered) + " x " + logged.error.code() +
                                    " was got over by another attempt, last at " + utc(logged.last_seen));
    }
  }

  void tell_probe() {
    if (!found_.probe) return;
    std::string passed;
    for (const HealthStep& step : found_.probe->steps) {
      if (step.state == HealthStep::State::ok) passed += (passed.empty() ? "" : ", ") + step.name;
    }
    const HealthStep* failed = found_.probe->failed_step();
    std::string line = "a check at " + utc(found_.now) + " passed " + (passed.empty() ? "nothing" : passed);
    if (failed != nullptr) line += " and stopped at " + failed->name;
    diagnosis_.evidence.push_back(std::move(line));
  }

  void nothing_stands() {
    diagnosis_.scope = DiagnosisScope::none;
    diagnosis_.cause = "nothing is wrong now";
    const bool got_over = std::any_of(found_.errors.begin(), found_.errors.end(), [](const LoggedError& each) { return each.count > 0; });
    if (got_over) diagnosis_.cause += ": what was met is over";
  }

  const Findings& found_;
  std::vector<LoggedError> standing_;
  Diagnosis diagnosis_;
};

std::vector<LoggedError> recent_errors(Connection& connection, std::chrono::seconds recent) {
  std::vector<LoggedError> errors = connection.errors().entries();
  const WallTime since = connection.clock().wall() - recent;
  std::erase_if(errors, [&](const LoggedError& logged) { return logged.last_seen < since; });
  return errors;
}

/// Do the errors alone tell what is hit?
bool says_enough(const Findings& findings) {
  const Diagnosis diagnosis = conclude(findings);
  if (diagnosis.scope == DiagnosisScope::none || is_echo(diagnosis.affected.front().error)) return false;
  if (diagnosis.scope != DiagnosisScope::entity) return true;
  const auto failing = [&](const OperationSuccess& success) {
    return std::any_of(diagnosis.affected.begin(), diagnosis.affected.end(),
                       [&](const LoggedError& logged) { return logged.error.entity == success.entity; });
  };
  return std::any_of(findings.successes.begin(), findings.successes.end(),
                     [&](const OperationSuccess& success) { return !success.entity.empty() && !failing(success); });
}

void look(Connection& connection, const DiagnoseOptions& options, Findings& findings) {
  findings.errors = recent_errors(connection, options.recent);
  findings.successes = connection.errors().successes();
  findings.status = connection.status();
  findings.held = connection.tracker().refusal();
  findings.now = connection.clock().wall();
}

}  // namespace

std::string_view to_string(DiagnosisScope scope) noexcept {
  constexpr std::array<std::string_view, 4> words = {"none", "connection", "entity", "operation"};
  return words[static_cast<std::size_t>(scope)];
}

Diagnosis conclude(const Findings& findings) { return Judgement(findings).run(); }

Diagnosis diagnose(const std::shared_ptr<Connection>& connection, const DiagnoseOptions& options, std::stop_token stop) {
  Findings findings;
  findings.connection_id = connection->id();
  if (!connection->urls().empty()) {
    const Url url = Url::parse(connection->urls().front());
    findings.place = url.host + ":" + url.port;
  }
  look(*connection, options, findings);
  if (options.probe.value_or(!says_enough(findings))) {
    findings.probe = check(connection, options.check, std::move(stop));
    look(*connection, options, findings);
  }
  return conclude(findings);
}

}  // namespace switchgear
