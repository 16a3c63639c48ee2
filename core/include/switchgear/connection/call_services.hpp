// What every request of a connector goes through on its way out: the connection's guard, credentials, transport; and what is counted.
//
// Made for one operation on one entity of one connection and shared by the calls of that operation. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "switchgear/base/error.hpp"
#include "switchgear/connection/connection.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/http/classify.hpp"
#include "switchgear/policy/guard.hpp"

namespace switchgear {

class CallServices final : public HostServices {
 public:
  /// `unguarded`: a look at the source as it is, for diagnosis. No retry hides a failure, no open breaker stands in for one, no limit
  /// delays it; credentials are still renewed once.
  enum class Mode { guarded, unguarded };

  CallServices(std::shared_ptr<Connection> connection, std::string entity, std::string operation, Mode mode = Mode::guarded);

  HttpResponse send(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop) override;
  std::optional<Error> classify(const HttpResponse& response) override;
  std::string secret(const std::string& name) override;
  void log(LogLevel level, std::string_view message) override;

  /// A failure of the operation that may not have come from a request: a page that can't be read, a connector's own complaint. One that
  /// send() has met is not counted twice.
  void report(const Error& error);

  const GuardCounters& counters() const noexcept { return counters_; }

  /// What the source's clock says, by the `Date` of its last reply; that of this machine where it says nothing.
  WallTime source_now() const;

  /// How the last reply came about; nothing before the first.
  std::optional<HttpTiming> last_timing() const;

 private:
  HttpResponse send_unguarded(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop, Authenticator* auth);
  HttpResponse attempt(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop, Attempt& current,
                       AuthStamp& stamp);
  void apply_secrets(HttpRequest& request, const std::vector<SecretUse>& uses);
  void check_recipient(const SecretUse& use, const std::string& url) const;
  ClassifyContext context(bool renewed) const;
  void remember(const HttpRequest& request, const HttpResponse& response, bool renewed);
  HttpResponse send_guarded(const GuardCall& call, const HttpRequest& request, const std::vector<SecretUse>& uses, AuthStamp& stamp);
  void went_well(const std::vector<Error>& met);
  void went_wrong(std::vector<Error> met);
  std::string known_secret(const std::string& name);
  Error named(Error error) const;

  std::shared_ptr<Connection> connection_;
  std::string entity_;
  std::string operation_;
  Mode mode_;
  OperationRecord& record_;
  GuardCounters counters_;
  mutable std::mutex mutex_;
  std::optional<HttpTiming> last_timing_;
  std::optional<std::chrono::seconds> clock_ahead_;  // the source's, of ours
  HttpRequest last_request_;                         // what the reply that the connector asks about was to; without its body
  bool last_renewed_ = false;
  std::atomic<bool> has_counted_{false};
  std::string counted_;  // the code of the failure that send() met last, while it is the last thing that happened
};

}  // namespace switchgear
