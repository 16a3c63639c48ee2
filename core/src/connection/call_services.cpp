#include "switchgear/connection/call_services.hpp"

#include <utility>

#include "switchgear/base/text.hpp"

namespace switchgear {

CallServices::CallServices(std::shared_ptr<Connection> connection, std::string entity, std::string operation, Mode mode)
    : connection_(std::move(connection)), entity_(std::move(entity)), operation_(std::move(operation)), mode_(mode) {}

HttpResponse CallServices::send(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop) {
  GuardCall call;
  call.entity = entity_;
  call.operation = operation_;
  call.subject = {request.method, !request.idempotency_key.empty()};
  call.stop = stop;
  call.counters = &counters_;
  AuthStamp stamp;
  Authenticator* auth = uses.empty() ? connection_->auth() : nullptr;
  if (auth != nullptr) call.renew = [&](const Error& error) { return auth->refresh(stamp, error.category, stop); };
  try {
    if (mode_ == Mode::unguarded) return send_unguarded(request, uses, stop, auth);
    return connection_->guard().run(call, [&](Attempt& current) { return attempt(request, uses, stop, current, stamp); });
  } catch (const Error& error) {
    throw named(error);
  }
}

HttpResponse CallServices::send_unguarded(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop,
                                          Authenticator* auth) {
  Attempt current;
  AuthStamp stamp;
  ++counters_.attempts;
  HttpResponse response = attempt(request, uses, stop, current, stamp);
  const bool renewable = current.error && (current.error->category == Category::auth_expired || current.error->category == Category::csrf);
  if (!renewable || auth == nullptr || !auth->refresh(stamp, current.error->category, stop)) return response;
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
  const std::lock_guard lock(mutex_);
  last_timing_ = response.timing;
  last_request_.method = request.method;
  last_request_.url = request.url;
  last_request_.headers = request.headers;
  last_request_.idempotency_key = request.idempotency_key;
  last_renewed_ = renewed;
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
