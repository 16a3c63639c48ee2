#include "switchgear/connector/host.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "switchgear/base/text.hpp"
#include "switchgear/base/utf8.hpp"
#include "switchgear/connector/link.hpp"

namespace switchgear {
namespace {

// What every connector of major version 1 knows of a reply.
constexpr std::size_t smallest_response = offsetof(sg_response, release) + sizeof(void*);
constexpr std::uint64_t max_text_bytes = 1U << 20U;
constexpr std::uint64_t max_pairs = 10'000;
constexpr std::uint64_t max_body_bytes = std::uint64_t{1} << 32U;

[[noreturn]] void broken(const std::string& problem) {
  throw Error(Category::plugin, "contract", "the connector broke the ABI's contract: " + problem)
      .with_hint("report it to the connector's author");
}

// ---- errors

template <std::size_t N>
void copy_text(char (&out)[N], std::string_view text) noexcept {
  std::size_t n = std::min(text.size(), N - 1);
  if (n < text.size()) {
    while (n > 0 && (static_cast<unsigned char>(text[n]) & 0xC0U) == 0x80U) --n;
  }
  std::memcpy(out, text.data(), n);
  out[n] = '\0';
}

template <std::size_t N>
std::string text_in(char (&text)[N]) {
  text[N - 1] = '\0';
  return to_valid_utf8(text);
}

/// Runs `body` for the connector: 0, or 1 with the error filled in.
template <class Body>
std::int32_t answered(sg_error* error, Body&& body) noexcept {
  try {
    body();
    return 0;
  } catch (const Error& thrown) {
    write_error(thrown, error);
  } catch (const std::exception& thrown) {
    write_error(Error(Category::internal, thrown.what()), error);
  } catch (...) {
    write_error(Error(Category::internal, "an unknown exception in a host service"), error);
  }
  return 1;
}

// ---- requests

template <class Item>
void check_array(const Item* items, std::uint64_t count, const char* what) {
  if (count > max_pairs) broken(std::string(what) + " counts " + std::to_string(count) + " items");
  if (count > 0 && items == nullptr) broken(std::string(what) + " is null, its count is not");
}

/// RFC 9110: a token.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

bool is_header_value(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

std::string absolute_url(const sg_request& request) {
  const std::string_view url = foreign_text(request.url, "a request's URL");
  const std::string_view base = foreign_text(request.base, "a request's base URL");
  if ((request.flags & SG_REQUEST_LINK) != 0) return resolve_link(base, url);
  return base.empty() ? std::string(url) : resolve_url(base, url);
}

void add_headers(const sg_request& request, HttpRequest& out) {
  check_array(request.headers, request.n_headers, "the headers of a request");
  for (std::uint64_t i = 0; i < request.n_headers; ++i) {
    const std::string_view name = foreign_text(request.headers[i].name, "a header's name");
    const std::string_view value = foreign_text(request.headers[i].value, "a header's value");
    if (!is_token(name) || !is_header_value(value)) broken("'" + to_valid_utf8(name.substr(0, 80)) + "' is no header that can be sent");
    out.headers.add(std::string(name), std::string(value));
  }
}

SecretUse secret_use(const sg_auth& auth) {
  SecretUse use;
  switch (auth.kind) {
    case SG_AUTH_BEARER:
      use.kind = SecretUse::Kind::bearer;
      break;
    case SG_AUTH_BASIC:
      use.kind = SecretUse::Kind::basic;
      break;
    case SG_AUTH_HEADER:
      use.kind = SecretUse::Kind::header;
      break;
    case SG_AUTH_QUERY:
      use.kind = SecretUse::Kind::query;
      break;
    case SG_AUTH_NONE:
      use.kind = SecretUse::Kind::none;
      return use;
    default:
      broken("a request asks for authentication of kind " + std::to_string(auth.kind));
  }
  use.name = foreign_text(auth.name, "a credential's name");
  use.secret = foreign_text(auth.secret, "a secret's name");
  if (use.kind == SecretUse::Kind::header && !is_token(use.name)) broken("a secret is to go into a header without a proper name");
  if (use.kind == SecretUse::Kind::query && use.name.empty()) broken("a secret is to go into a parameter without a name");
  return use;
}

void check_secret(const std::string& name, const Manifest& manifest) {
  if (std::find(manifest.secrets.begin(), manifest.secrets.end(), name) != manifest.secrets.end()) return;
  throw Error(Category::plugin, "secret",
              "connector '" + manifest.name + "' asks for the secret '" + to_valid_utf8(name.substr(0, 80)) +
                  "', which its manifest does not list" + did_you_mean(name, manifest.secrets))
      .with_hint("add it to \"secrets\" in the connector's manifest");
}

// ---- replies

/// A reply while the connector looks at it. The body may outlive the rest, in a page.
struct HeldReply {
  std::shared_ptr<HttpResponse> response;
  std::vector<sg_pair> headers;
};

sg_str text_of(std::string_view text) noexcept { return {text.data(), text.size()}; }

void release_body(sg_buf* body) noexcept {
  delete static_cast<std::shared_ptr<HttpResponse>*>(body->owner);
  *body = sg_buf{};
}

void release_reply(sg_response* reply) noexcept {
  if (reply->body.p != nullptr && reply->body.release != nullptr) reply->body.release(&reply->body);
  delete static_cast<HeldReply*>(reply->owner);
  reply->owner = nullptr;
  reply->release = nullptr;
}

void hand_out(HttpResponse&& response, sg_response* out) {
  auto held = std::make_unique<HeldReply>();
  held->response = std::make_shared<HttpResponse>(std::move(response));
  const HttpResponse& kept = *held->response;
  for (const auto& [name, value] : kept.headers) held->headers.push_back({text_of(name), text_of(value)});
  sg_response reply{};
  reply.size = out->size;
  reply.minor = SG_ABI_MINOR;
  reply.status = kept.status;
  // Never null, so that null can say "moved out".
  reply.body.p = kept.body.data() != nullptr ? kept.body.data() : "";
  reply.body.n = kept.body.size();
  reply.body.owner = new std::shared_ptr<HttpResponse>(held->response);
  reply.body.release = &release_body;
  reply.headers = held->headers.data();
  reply.n_headers = held->headers.size();
  reply.url = text_of(kept.url);
  reply.owner = held.release();
  reply.release = &release_reply;
  std::memcpy(out, &reply, std::min<std::size_t>(out->size, sizeof reply));
}

// ---- the table's functions

void host_log(sg_call* call, std::int32_t level, sg_str message) {
  answered(nullptr, [&] {
    const auto clamped = static_cast<LogLevel>(std::clamp(level, SG_LOG_DEBUG, SG_LOG_ERROR));
    call->context.services.log(clamped, to_valid_utf8(foreign_text(message, "a log message")));
  });
}

std::int32_t host_http(sg_call* call, const sg_request* given, sg_response* out, sg_error* error) {
  return answered(error, [&] {
    if (given == nullptr || out == nullptr || out->size < smallest_response) broken("a request or its reply is missing");
    sg_request request{};
    std::memcpy(&request, given, std::min<std::size_t>(given->size, sizeof request));
    if (call->context.stop.stop_requested()) throw Error(Category::cancelled, "the call was cancelled");
    if (call->context.deadline && call->context.clock.now() >= *call->context.deadline) {
      Error late(Category::timeout, "deadline", "the call's time was up before its next request");
      late.nothing_sent = true;
      throw late;
    }
    HttpRequest http;
    http.method = foreign_text(request.method, "a request's method");
    if (!is_token(http.method)) broken("'" + to_valid_utf8(http.method.substr(0, 80)) + "' is no HTTP method");
    check_array(request.query, request.n_query, "the query of a request");
    http.url = with_query(absolute_url(request), request.query, request.n_query);
    add_headers(request, http);
    if (request.body.n > max_body_bytes || (request.body.n > 0 && request.body.p == nullptr))
      broken("a request's body has no sound length");
    if (request.body.n > 0) http.body.assign(request.body.p, request.body.n);
    http.idempotency_key = foreign_text(request.idempotency_key, "an idempotency key");
    http.safe = (request.flags & SG_REQUEST_SAFE) != 0;
    check_array(request.auth, request.n_auth, "the credentials of a request");
    std::vector<SecretUse> uses;
    for (std::uint64_t i = 0; i < request.n_auth; ++i) {
      uses.push_back(secret_use(request.auth[i]));
      if (uses.back().kind != SecretUse::Kind::none) check_secret(uses.back().secret, call->manifest);
    }
    hand_out(call->context.services.send(http, uses, call->context.stop), out);
  });
}

std::int32_t host_classify(sg_call* call, const sg_response* reply, sg_error* error) {
  return answered(error, [&] {
    if (reply == nullptr || reply->release != &release_reply || reply->owner == nullptr)
      broken("classify was given a reply that is not the host's");
    if (auto verdict = call->context.services.classify(*static_cast<const HeldReply*>(reply->owner)->response)) throw std::move(*verdict);
  });
}

std::int32_t host_classify_part(sg_call* call, std::int32_t status, sg_str content_type, sg_str body, sg_error* error) {
  return answered(error, [&] {
    if (status < 100 || status > 599) broken("a part of a bulk reply has the status " + std::to_string(status));
    const std::string_view type = foreign_text(content_type, "the content type of a part");
    if (body.n > max_body_bytes || (body.n > 0 && body.p == nullptr)) broken("the body of a part has no sound length");
    HttpResponse part;
    part.status = status;
    if (!type.empty() && is_header_value(type)) part.headers.add("Content-Type", std::string(type));
    if (body.n > 0) part.body = Buffer(std::string_view(body.p, body.n));
    if (auto verdict = call->context.services.classify(part)) throw std::move(*verdict);
  });
}

std::int32_t host_secret(sg_call* call, sg_str name, sg_buf* value, sg_error* error) {
  return answered(error, [&] {
    const std::string wanted(foreign_text(name, "a secret's name"));
    check_secret(wanted, call->manifest);
    auto text = std::make_unique<std::string>(call->context.services.secret(wanted));
    value->p = text->data();
    value->n = text->size();
    value->owner = text.release();
    value->release = [](sg_buf* bytes) noexcept {
      auto* secret = static_cast<std::string*>(bytes->owner);
      std::fill(secret->begin(), secret->end(), '\0');
      delete secret;
      *bytes = sg_buf{};
    };
  });
}

std::int32_t host_cancelled(sg_call* call) { return call->context.stop.stop_requested() ? 1 : 0; }

std::int64_t milliseconds(SteadyTime at) { return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count(); }

std::int64_t host_deadline_ms(sg_call* call) { return call->context.deadline ? milliseconds(*call->context.deadline) : INT64_MAX; }

std::int64_t host_now_ms(sg_call* call) { return milliseconds(call->context.clock.now()); }

void* host_alloc(std::uint64_t bytes) { return std::malloc(bytes); }

void host_free(void* memory) { std::free(memory); }

constexpr sg_host table = {sizeof(sg_host), SG_ABI_MINOR,      &host_log,    &host_http,  &host_classify, &host_secret,
                           &host_cancelled, &host_deadline_ms, &host_now_ms, &host_alloc, &host_free,     &host_classify_part};

}  // namespace

const sg_host& host_table() noexcept { return table; }

sg_error blank_error() noexcept {
  sg_error error{};
  error.size = sizeof error;
  error.retry_after_ms = -1;
  return error;
}

void write_error(const Error& error, sg_error* out) noexcept {
  if (out == nullptr) return;
  sg_error ours = blank_error();
  ours.size = out->size;
  ours.category = static_cast<std::int32_t>(error.category);
  ours.flags = (error.retryable ? SG_ERROR_RETRYABLE : 0U) | (error.nothing_sent ? SG_ERROR_NOTHING_SENT : 0U);
  ours.http_status = error.http_status;
  if (error.retry_after) ours.retry_after_ms = error.retry_after->count();
  copy_text(ours.detail, error.detail);
  copy_text(ours.message, error.message);
  copy_text(ours.hint, error.hint);
  copy_text(ours.request_id, error.request_id);
  std::memcpy(out, &ours, std::min<std::size_t>(out->size, sizeof ours));
}

Error error_from(sg_error error, std::string_view connector) {
  const auto category = category_from(error.category);
  std::string message = text_in(error.message);
  if (message.empty()) message = "it failed and did not say why";
  if (!category) {
    message += " (with the unknown error category " + std::to_string(error.category) + ")";
  }
  Error result(category.value_or(Category::plugin), text_in(error.detail), std::move(message));
  if (result.category == Category::plugin) result.message = "connector '" + std::string(connector) + "': " + result.message;
  result.hint = text_in(error.hint);
  if (result.category == Category::plugin && result.hint.empty()) {
    result.hint = "this is a fault of the connector, not of the source: report it to its author, with this message";
  }
  result.retryable = (error.flags & SG_ERROR_RETRYABLE) != 0;
  result.nothing_sent = (error.flags & SG_ERROR_NOTHING_SENT) != 0;
  result.http_status = error.http_status;
  if (error.retry_after_ms >= 0) result.retry_after = std::chrono::milliseconds(error.retry_after_ms);
  result.request_id = text_in(error.request_id);
  return result;
}

std::string_view foreign_text(const sg_str& text, std::string_view what) {
  if (text.n == 0) return {};
  if (text.p == nullptr) broken(std::string(what) + " has a length but no bytes");
  if (text.n > max_text_bytes) broken(std::string(what) + " claims " + std::to_string(text.n) + " bytes");
  return {text.p, text.n};
}

Buffer take_body(sg_buf& body) {
  if (body.n > max_body_bytes) broken("a page claims " + std::to_string(body.n) + " bytes");
  if (body.release == &release_body && body.owner != nullptr) {
    auto& owner = *static_cast<std::shared_ptr<HttpResponse>*>(body.owner);
    const std::string_view whole = owner->body.view();
    const bool inside =
        body.n == 0 || (std::less_equal<>()(whole.data(), body.p) && std::less_equal<>()(body.p + body.n, whole.data() + whole.size()));
    if (!inside) broken("a page's body lies outside of the reply that it came from");
    Buffer taken = body.n == 0 ? Buffer() : Buffer(body.p, body.n, owner);
    body.release(&body);
    return taken;
  }
  Buffer copy(std::string_view(body.p, body.n));
  if (body.release != nullptr) body.release(&body);
  body = sg_buf{};
  return copy;
}

std::string with_query(std::string_view url, const sg_pair* query, std::uint64_t count) {
  // The names of OData's options begin with "$", and some servers want to see it as it is.
  const auto encoded_name = [](std::string_view name) {
    const bool option = !name.empty() && name.front() == '$';
    return option ? "$" + percent_encode(name.substr(1)) : percent_encode(name);
  };
  std::string result(url.substr(0, url.find('#')));
  char separator = result.find('?') == std::string::npos ? '?' : '&';
  if (!result.empty() && (result.back() == '?' || result.back() == '&')) separator = '\0';
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string_view value = foreign_text(query[i].value, "a query parameter");
    if (value.empty()) continue;
    if (separator != '\0') result.push_back(separator);
    result.append(encoded_name(foreign_text(query[i].name, "a query parameter's name"))).append("=").append(percent_encode(value));
    separator = '&';
  }
  return result;
}

}  // namespace switchgear
