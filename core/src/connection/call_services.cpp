#include "switchgear/connection/call_services.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "switchgear/base/text.hpp"
#include "switchgear/http/rate_headers.hpp"

namespace switchgear {

CallServices::CallServices(std::shared_ptr<Connection> connection, std::string entity, std::string operation, Mode mode)
    : connection_(std::move(connection)),
      entity_(std::move(entity)),
      operation_(std::move(operation)),
      mode_(mode),
      record_(connection_->errors().operation(entity_, operation_)) {}

HttpResponse CallServices::send(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop) {
  if (const std::optional<Error> held = connection_->tracker().refusal()) throw named(*held);
  GuardCall call;
  call.entity = entity_;
  call.operation = operation_;
  call.subject = {request.safe ? std::string_view("GET") : std::string_view(request.method), !request.idempotency_key.empty()};
  call.stop = stop;
  call.counters = &counters_;
  AuthStamp stamp;
  Authenticator* auth = uses.empty() ? connection_->auth() : nullptr;
  if (auth != nullptr) call.renew = [&](const Error& error) { return auth->refresh(stamp, error.category, stop); };
  try {
    if (mode_ == Mode::unguarded) return send_unguarded(request, uses, stop, auth);
    return send_guarded(call, request, uses, stamp);
  } catch (const Error& error) {
    throw named(error);
  }
}

// What the attempts meet is kept aside until it is known how the call ended: only then is it clear what was got over.
HttpResponse CallServices::send_guarded(const GuardCall& call, const HttpRequest& request, const std::vector<SecretUse>& uses,
                                        AuthStamp& stamp) {
  std::vector<Error> met;
  bool good = false;
  const auto one_attempt = [&](Attempt& current) {
    good = false;
    try {
      HttpResponse response = attempt(request, uses, call.stop, current, stamp);
      good = !current.error;
      if (current.error) met.push_back(named(*current.error));
      return response;
    } catch (const Error& error) {
      met.push_back(named(error));
      throw;
    }
  };
  try {
    HttpResponse response = connection_->guard().run(call, one_attempt);
    if (good) {
      went_well(met);
    } else {
      went_wrong(std::move(met));
    }
    return response;
  } catch (const Error& error) {
    // The last one is what the guard itself says, where it was not one of the attempts: refused, cancelled while waiting.
    if (met.empty() || met.back().code() != error.code()) met.push_back(named(error));
    went_wrong(std::move(met));
    throw;
  }
}

void CallServices::went_well(const std::vector<Error>& met) {
  for (const Error& error : met) connection_->errors().add(record_, error, true);
  connection_->tracker().succeeded(record_);
  has_counted_.store(false, std::memory_order_relaxed);
}

void CallServices::went_wrong(std::vector<Error> met) {
  const Error& last = met.back();
  {
    const std::lock_guard lock(mutex_);
    counted_ = last.code();
    has_counted_.store(true, std::memory_order_relaxed);
  }
  // One call is one occurrence of each thing that it met, however often it tried.
  for (std::size_t i = 0; i < met.size(); ++i) {
    const auto same = [&](const Error& later) { return later.code() == met[i].code(); };
    if (met[i].category == Category::cancelled) continue;
    if (std::none_of(met.begin() + static_cast<std::ptrdiff_t>(i) + 1, met.end(), same)) connection_->errors().add(record_, met[i]);
  }
  connection_->tracker().failed(record_, last);
}

void CallServices::report(const Error& error) {
  const bool by_hand = error.category == Category::cancelled || (error.category == Category::circuit_open && !error.detail.empty());
  if (mode_ == Mode::unguarded || by_hand || error.code() == "unsupported.fork") return;
  {
    const std::lock_guard lock(mutex_);
    if (has_counted_.exchange(false, std::memory_order_relaxed) && counted_ == error.code()) return;
  }
  connection_->errors().add(record_, named(error));
  connection_->tracker().failed(record_, error);
}

HttpResponse CallServices::send_unguarded(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop,
                                          Authenticator* auth) {
  Attempt current;
  AuthStamp stamp;
  ++counters_.attempts;
  HttpResponse response = attempt(request, uses, stop, current, stamp);
  if (!current.error || !is_renewable(*current.error) || auth == nullptr || !auth->refresh(stamp, current.error->category, stop))
    return response;
  current = Attempt{2, true, {}};
  ++counters_.attempts;
  ++counters_.renewals;
  return attempt(request, uses, stop, current, stamp);
}

HttpResponse CallServices::attempt(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop, Attempt& current,
                                   AuthStamp& stamp) {
  HttpRequest prepared = request;
  apply_secrets(prepared, uses);
  Authenticator* auth = uses.empty() && connection_->is_own_origin(request.url) ? connection_->auth() : nullptr;
  if (auth != nullptr) stamp = auth->apply(prepared, stop);
  HttpResponse response = connection_->transport().send(prepared, stop);
  if (auth != nullptr) auth->received(stamp, response);
  current.error = switchgear::classify(request, response, context(current.renewed));
  if (mode_ == Mode::unguarded && !current.error) connection_->tracker().succeeded(record_);
  remember(request, response, current.renewed);
  return response;
}

void CallServices::apply_secrets(HttpRequest& request, const std::vector<SecretUse>& uses) {
  for (const SecretUse& use : uses) {
    if (use.kind == SecretUse::Kind::none) continue;
    check_recipient(use, request.url);
    const std::string value = known_secret(use.secret);
    if (use.kind == SecretUse::Kind::bearer) request.headers.set("Authorization", "Bearer " + value);
    if (use.kind == SecretUse::Kind::basic) request.headers.set("Authorization", "Basic " + base64_encode(use.name + ":" + value));
    if (use.kind == SecretUse::Kind::header) request.headers.set(use.name, value);
    if (use.kind == SecretUse::Kind::query) request.url = with_query(std::move(request.url), use.name, value);
  }
}

// A connector may follow what a source names. Wherever that leads, its secrets stay with the hosts that the user has configured.
void CallServices::check_recipient(const SecretUse& use, const std::string& url) const {
  if (!connection_->names_origins() || connection_->is_own_origin(url)) return;
  throw Error(Category::plugin, "secret",
              "connector '" + connection_->manifest().name + "' would send the secret '" + use.secret + "' to " + Url::parse(url).origin() +
                  ", which none of its settings names")
      .with_hint("nothing was sent; if the source belongs there, the connector needs a setting of type url for that host");
}

ClassifyContext CallServices::context(bool renewed) const {
  ClassifyContext context;
  context.connection_id = connection_->id();
  context.entity = entity_;
  context.renewed = renewed;
  context.now = connection_->clock().wall();
  return context;
}

void CallServices::remember(const HttpRequest& request, const HttpResponse& response, bool renewed) {
  const WallTime now = connection_->clock().wall();
  const auto said = response.headers.get("Date");
  const auto date = said ? parse_http_date(*said, now) : std::nullopt;
  const std::lock_guard lock(mutex_);
  if (date) clock_ahead_ = std::chrono::round<std::chrono::seconds>(*date - now);
  last_timing_ = response.timing;
  last_request_.method = request.method;
  last_request_.url = request.url;
  last_request_.headers = request.headers;
  last_request_.idempotency_key = request.idempotency_key;
  last_request_.safe = request.safe;
  last_renewed_ = renewed;
}

WallTime CallServices::source_now() const {
  const std::lock_guard lock(mutex_);
  return connection_->clock().wall() + clock_ahead_.value_or(std::chrono::seconds(0));
}

std::optional<Error> CallServices::classify(const HttpResponse& response) {
  HttpRequest request;
  bool renewed = false;
  {
    const std::lock_guard lock(mutex_);
    request = last_request_;
    renewed = last_renewed_;
  }
  std::optional<Error> error = switchgear::classify(request, response, context(renewed));
  if (error) error = named(*error);
  return error;
}

std::string CallServices::secret(const std::string& name) { return known_secret(name); }

std::string CallServices::known_secret(const std::string& name) {
  std::string value = connection_->secret(name);
  connection_->redactor().add(value);
  return value;
}

void CallServices::log(LogLevel level, std::string_view message) {
  switchgear::log(level, connection_->id() + (entity_.empty() ? "" : "/" + entity_), connection_->redactor().redact(message));
}

std::optional<HttpTiming> CallServices::last_timing() const {
  const std::lock_guard lock(mutex_);
  return last_timing_;
}

Error CallServices::named(Error error) const {
  error.connection_id = connection_->id();
  if (error.entity.empty()) error.entity = entity_;
  error.message = connection_->redactor().redact(error.message);
  error.hint = connection_->redactor().redact(error.hint);
  return error;
}

}  // namespace switchgear
