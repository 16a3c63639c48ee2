#include "switchgear/http/classify.hpp"

#include <algorithm>
#include <array>

#include "classify_verdict.hpp"
#include "error_body.hpp"
#include "login_signs.hpp"
#include "source_codes.hpp"
#include "switchgear/base/text.hpp"
#include "switchgear/policy/retryable.hpp"

namespace switchgear {
namespace {

std::string_view header(const Headers& headers, std::string_view name) { return headers.get(name).value_or(std::string_view()); }

std::optional<bool> asked_for_json(const HttpRequest& request, const ClassifyContext& context) {
  if (context.wants_json) return context.wants_json;
  const std::string accept = to_lower_ascii(header(request.headers, "Accept"));
  if (accept.find("json") != std::string::npos) return true;
  if (accept.find("html") != std::string::npos) return false;
  return std::nullopt;
}

bool is_html(const HttpResponse& response) {
  const std::string_view type = trim(header(response.headers, "Content-Type"));
  return equal_ignoring_case(type.substr(0, 9), "text/html") || equal_ignoring_case(type.substr(0, 21), "application/xhtml+xml") ||
         looks_like_html(response.body.view());
}

/// A page for people where data was asked for: as good as always the sign-in of a session that ran out.
bool is_login_instead_of_data(const HttpRequest& request, const HttpResponse& response, const ClassifyContext& context) {
  if (response.body.empty() || !is_html(response)) return false;
  const std::optional<bool> json = asked_for_json(request, context);
  if (json) return *json;
  return looks_like_login_page(response.body.view()) || leads_to_login(response.url);
}

std::optional<Verdict> verdict_of_challenge(const Headers& headers) {
  for (const std::string_view challenge : headers.all("WWW-Authenticate")) {
    const std::string error = challenge_error(challenge);
    if (equal_ignoring_case(error, "invalid_token")) return Verdict{Category::auth_expired};
    if (equal_ignoring_case(error, "insufficient_scope")) return Verdict{Category::permission, "scope"};
  }
  return std::nullopt;
}

Verdict verdict_of_401(const HttpResponse& response, const SourceError& said, const ClassifyContext& context) {
  std::optional<Verdict> verdict = verdict_of_challenge(response.headers);
  if (!verdict) verdict = verdict_of_code(said.code);
  if (!verdict) verdict = Verdict{Category::auth_invalid};
  if (verdict->category == Category::auth_expired && context.renewed) verdict = Verdict{Category::auth_invalid, "after_renewal"};
  return *verdict;
}

/// nginx finishes the handshake and then refuses in HTTP: its 496 (there was no certificate) and 495 (it was not accepted).
std::optional<Verdict> verdict_of_client_certificate(const SourceError& said) {
  if (said.message.find("No required SSL certificate was sent") != std::string::npos) {
    return Verdict{Category::auth_invalid, "no_client_certificate"};
  }
  if (said.message.find("The SSL certificate error") != std::string::npos) return Verdict{Category::auth_invalid, "client_certificate"};
  return std::nullopt;
}

Verdict verdict_of_403(const HttpResponse& response, const RateHeaders& rate) {
  if (equal_ignoring_case(trim(header(response.headers, "X-CSRF-Token")), "required")) return {Category::csrf};
  if (const auto verdict = verdict_of_challenge(response.headers)) return *verdict;
  if (rate.retry_after || rate.exhausted()) return {Category::rate_limit};
  return {Category::permission};
}

Verdict verdict_of_redirect(int status, const HttpResponse& response) {
  const bool temporary = status == 302 || status == 303 || status == 307;
  if (temporary && leads_to_login(header(response.headers, "Location"))) return {Category::auth_expired};
  return {Category::config, "redirect"};
}

Verdict verdict_of_failure(const HttpResponse& response, const SourceError& said, const RateHeaders& rate, const ClassifyContext& context) {
  const int status = response.status;
  if (status == 401) return verdict_of_401(response, said, context);
  if (const auto verdict = verdict_of_code(said.code)) return *verdict;
  if (status == 403) return verdict_of_403(response, rate);
  if (status == 400 && is_html(response)) {
    if (const auto verdict = verdict_of_client_certificate(said)) return *verdict;
  }
  if (status >= 300 && status < 400) return verdict_of_redirect(status, response);
  if (status == 404 && context.service_root) return {Category::config};
  return verdict_of_status(status).value_or(Verdict{Category::protocol, "status"});
}

std::string request_id_of(const Headers& headers) {
  constexpr std::array<std::string_view, 12> names = {"x-request-id",    "request-id",        "x-ms-request-id",  "x-ms-service-request-id",
                                                      "req_id",          "sap-request-id",    "sap-message-id",   "x-correlation-id",
                                                      "x-correlationid", "x-vcap-request-id", "x-amzn-requestid", "x-ms-client-request-id"};
  for (const std::string_view name : names) {
    if (const auto value = headers.get(name); value && !trim(*value).empty()) return one_line(*value, 127);
  }
  return {};
}

/// Without the query, which may hold a key, and without user and password.
std::string place_of(const HttpRequest& request) {
  std::string_view url = std::string_view(request.url).substr(0, request.url.find_first_of("?#"));
  std::string place;
  if (const std::size_t scheme = url.find("://"); scheme != std::string_view::npos) {
    place = url.substr(0, scheme + 3);
    url.remove_prefix(scheme + 3);
    const std::size_t path = std::min(url.find('/'), url.size());
    if (const std::size_t user = url.substr(0, path).rfind('@'); user != std::string_view::npos) url.remove_prefix(user + 1);
  }
  place.append(url);
  return one_line(request.method, 20) + " " + one_line(place, 200);
}

std::string sentence(const std::string& place, int status, const SourceError& said) {
  std::string text = place + ": ";
  if (status != 0) {
    text += std::to_string(status);
    if (const std::string_view phrase = reason_phrase(status); !phrase.empty()) text.append(" ").append(phrase);
  }
  if (!said.message.empty()) text.append(status == 0 ? "" : ": ").append(said.message);
  if (!said.code.empty() && said.message.find(said.code) == std::string::npos) text.append(" [").append(said.code).append("]");
  if (status == 0 && said.message.empty() && said.code.empty()) text += "refused without a reason";
  return text;
}

Error login_page_error(const HttpRequest& request, const HttpResponse& response, const ClassifyContext& context) {
  SourceError said = read_error_body(response.body.view());
  said.message = "an HTML page where data was asked for" + (said.message.empty() ? std::string() : " (\"" + said.message + "\")");
  const Verdict verdict = context.renewed ? Verdict{Category::auth_invalid, "after_renewal"} : Verdict{Category::auth_expired};
  Error error = make_error(verdict, request, response.status, said, context);
  error.hint = "most likely a sign-in page: the session has run out, or the url leads to a web interface instead of the API";
  return error;
}

void add_wait(Error& error, const RateHeaders& rate) {
  error.retry_after = error.category == Category::rate_limit && !rate.retry_after && rate.reset_after ? rate.reset_after : rate.retry_after;
}

}  // namespace

Verdict verdict_of_envelope(const SourceError& said) {
  if (const auto verdict = verdict_of_code(said.code)) return *verdict;
  const bool numeric =
      said.code.size() == 3 && std::all_of(said.code.begin(), said.code.end(), [](char c) { return c >= '0' && c <= '9'; });
  for (const int status : {numeric ? std::stoi(said.code) : 0, said.status}) {
    if (status < 400) continue;
    if (const auto verdict = verdict_of_status(status)) return *verdict;
  }
  if (const auto verdict = verdict_of_words(said.code)) return *verdict;
  return {said.aborted ? Category::server : Category::bad_request};
}

Error make_error(const Verdict& verdict, const HttpRequest& request, int status, const SourceError& said, const ClassifyContext& context) {
  Error error(verdict.category, std::string(verdict.detail), sentence(place_of(request), status, said));
  error.hint = hint_for(verdict.category, verdict.detail);
  error.http_status = status;
  error.request_id = said.request_id;
  error.connection_id = context.connection_id;
  error.entity = context.entity;
  return error;
}

void set_retryable(Error& error, const HttpRequest& request) {
  const bool renewable = error.category == Category::auth_expired || error.category == Category::csrf;
  const bool later = error.category == Category::conflict && error.detail == "locked";
  error.retryable =
      renewable || later ||
      may_retry(error, request.safe ? std::string_view("GET") : std::string_view(request.method), !request.idempotency_key.empty());
}

std::optional<Error> classify(const HttpRequest& request, const HttpResponse& response, const ClassifyContext& context) {
  if (response.status == 304) return std::nullopt;
  const bool success = response.status >= 200 && response.status < 300;
  std::optional<Error> error;
  if (success) {
    if (is_login_instead_of_data(request, response, context)) {
      error = login_page_error(request, response, context);
    } else if (const std::optional<SourceError> said = find_envelope(response.body.view())) {
      error = make_error(verdict_of_envelope(*said), request, response.status, *said, context);
    }
    if (!error) return std::nullopt;
  }
  const RateHeaders rate = read_rate_headers(response.headers, context.now.value_or(Clock::system().wall()), context.retry_after_cap);
  if (!error) {
    SourceError said = read_error_body(response.body.view());
    const std::string_view location = header(response.headers, "Location");
    if (response.status >= 300 && response.status < 400 && !location.empty()) {
      said.message = "redirects to " + one_line(location.substr(0, location.find_first_of("?#")), 200);
    }
    error = make_error(verdict_of_failure(response, said, rate, context), request, response.status, said, context);
  }
  add_wait(*error, rate);
  if (std::string id = request_id_of(response.headers); !id.empty()) error->request_id = std::move(id);
  set_retryable(*error, request);
  return error;
}

}  // namespace switchgear
