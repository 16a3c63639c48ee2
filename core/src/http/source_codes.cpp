#include "source_codes.hpp"

#include <array>
#include <utility>

#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

struct CodeRow {
  std::string_view code;
  Verdict verdict;
};

constexpr CodeRow codes[] = {
    // Dataverse service protection limits: requests, execution time, concurrency; in hex and as the signed number of older APIs.
    {"0x80072322", {Category::rate_limit}},
    {"0x80072321", {Category::rate_limit}},
    {"0x80072326", {Category::rate_limit}},
    {"-2147015902", {Category::rate_limit}},
    {"-2147015903", {Category::rate_limit}},
    {"-2147015898", {Category::rate_limit}},
    // NetSuite
    {"SSS_REQUEST_LIMIT_EXCEEDED", {Category::rate_limit}},
    {"CONCURRENCY_LIMIT_EXCEEDED", {Category::rate_limit}},
    // Salesforce and others
    {"REQUEST_LIMIT_EXCEEDED", {Category::rate_limit}},
    {"TooManyRequests", {Category::rate_limit}},
    {"too_many_requests", {Category::rate_limit}},
    {"rate_limit_exceeded", {Category::rate_limit}},
    {"INVALID_SESSION_ID", {Category::auth_expired}},
    // OAuth: RFC 6750, 3.1 and RFC 6749, 5.2
    {"invalid_token", {Category::auth_expired}},
    {"insufficient_scope", {Category::permission}},
    {"invalid_grant", {Category::auth_invalid}},
    {"invalid_client", {Category::auth_invalid}},
    {"unauthorized_client", {Category::auth_invalid}},
    {"ExpiredAuthenticationToken", {Category::auth_expired}},
    {"token_expired", {Category::auth_expired}},
    {"TokenExpired", {Category::auth_expired}},
    // Odoo
    {"odoo.http.SessionExpiredException", {Category::auth_expired}},
    {"odoo.exceptions.AccessDenied", {Category::auth_invalid}},
    {"odoo.exceptions.AccessError", {Category::permission}},
    {"odoo.exceptions.MissingError", {Category::not_found}},
    {"odoo.exceptions.ValidationError", {Category::bad_request}},
    {"odoo.exceptions.UserError", {Category::bad_request}},
    // Maximo: somebody else changed the record; no such user or password
    {"BMXAA8229W", {Category::conflict, "precondition"}},
    {"BMXAA7901E", {Category::auth_invalid}},
    {"BMXAA0021E", {Category::auth_invalid}},
    // SAP: object locked by another user
    {"MC/601", {Category::conflict, "locked"}},
};

struct StatusRow {
  int status;
  std::string_view phrase;
  Verdict verdict;
};

constexpr StatusRow statuses[] = {
    {301, "Moved Permanently", {Category::config, "redirect"}},
    {302, "Found", {Category::config, "redirect"}},
    {303, "See Other", {Category::config, "redirect"}},
    {307, "Temporary Redirect", {Category::config, "redirect"}},
    {308, "Permanent Redirect", {Category::config, "redirect"}},
    {400, "Bad Request", {Category::bad_request}},
    {401, "Unauthorized", {Category::auth_invalid}},
    {402, "Payment Required", {Category::permission}},
    {403, "Forbidden", {Category::permission}},
    {404, "Not Found", {Category::not_found}},
    {405, "Method Not Allowed", {Category::bad_request}},
    {406, "Not Acceptable", {Category::bad_request}},
    {407, "Proxy Authentication Required", {Category::config, "proxy"}},
    {408, "Request Timeout", {Category::timeout}},
    {409, "Conflict", {Category::conflict}},
    {410, "Gone", {Category::gone}},
    {411, "Length Required", {Category::bad_request}},
    {412, "Precondition Failed", {Category::conflict, "precondition"}},
    {413, "Content Too Large", {Category::too_large}},
    {414, "URI Too Long", {Category::bad_request}},
    {415, "Unsupported Media Type", {Category::bad_request}},
    {422, "Unprocessable Content", {Category::bad_request}},
    {423, "Locked", {Category::conflict, "locked"}},
    {424, "Failed Dependency", {Category::bad_request, "dependency"}},
    {425, "Too Early", {Category::timeout}},
    {428, "Precondition Required", {Category::conflict, "precondition"}},
    {429, "Too Many Requests", {Category::rate_limit}},
    {440, "Login Time-out", {Category::auth_expired}},  // IIS
    {451, "Unavailable For Legal Reasons", {Category::permission}},
    {500, "Internal Server Error", {Category::server}},
    {501, "Not Implemented", {Category::unsupported}},
    {502, "Bad Gateway", {Category::server}},
    {503, "Service Unavailable", {Category::unavailable}},
    {504, "Gateway Timeout", {Category::server}},
    {511, "Network Authentication Required", {Category::config, "proxy"}},
};

const StatusRow* row_of(int status) noexcept {
  for (const StatusRow& row : statuses) {
    if (row.status == status) return &row;
  }
  return nullptr;
}

}  // namespace

std::optional<Verdict> verdict_of_code(std::string_view code) noexcept {
  for (const CodeRow& row : codes) {
    if (equal_ignoring_case(row.code, code)) return row.verdict;
  }
  return std::nullopt;
}

std::optional<Verdict> verdict_of_words(std::string_view code) {
  constexpr std::array<std::pair<std::string_view, Category>, 16> words = {{{"notfound", Category::not_found},
                                                                            {"nosuch", Category::not_found},
                                                                            {"unauthorized", Category::auth_invalid},
                                                                            {"unauthenticated", Category::auth_invalid},
                                                                            {"sessionexpired", Category::auth_expired},
                                                                            {"forbidden", Category::permission},
                                                                            {"accessdenied", Category::permission},
                                                                            {"permission", Category::permission},
                                                                            {"throttl", Category::rate_limit},
                                                                            {"ratelimit", Category::rate_limit},
                                                                            {"conflict", Category::conflict},
                                                                            {"alreadyexists", Category::conflict},
                                                                            {"timeout", Category::timeout},
                                                                            {"unavailable", Category::unavailable},
                                                                            {"internal", Category::server},
                                                                            {"servererror", Category::server}}};
  std::string letters;
  for (const char c : to_lower_ascii(code)) {
    if (c >= 'a' && c <= 'z') letters.push_back(c);
  }
  for (const auto& [word, category] : words) {
    if (letters.find(word) != std::string::npos) return Verdict{category};
  }
  return std::nullopt;
}

std::optional<Verdict> verdict_of_status(int status) noexcept {
  if (const StatusRow* row = row_of(status)) return row->verdict;
  if ((status >= 200 && status < 300) || status == 304) return std::nullopt;
  if (status >= 300 && status < 400) return Verdict{Category::config, "redirect"};
  if (status >= 400 && status < 500) return Verdict{Category::bad_request};
  if (status == 529) return Verdict{Category::unavailable};  // "overloaded"
  if (status >= 500 && status < 600) return Verdict{Category::server};
  return Verdict{Category::protocol, "status"};
}

std::string_view hint_for(Category category, std::string_view detail) noexcept {
  switch (category) {
    case Category::auth_expired:
      return "the token or session has run out: renew it or sign in again";
    case Category::auth_invalid:
      if (detail == "no_client_certificate") {
        return "give a client certificate and its key, in PEM form (in Python: auth=ClientCertificate(cert_file, key_file))";
      }
      if (detail == "client_certificate") {
        return "check that the client certificate has not expired and that the server trusts its issuer";
      }
      return "check user and password, key or token of this connection";
    case Category::permission:
      return "ask the source's administrator to give this user the permission, or use another user";
    case Category::rate_limit:
      return "call less often: lower rate_limit or parallel, or ask for a higher limit";
    case Category::csrf:
      return "the source wants a token against forged requests: wrap the credentials (in Python: auth=CsrfToken(service_root, "
             "credentials))";
    case Category::bad_request:
      if (detail == "dependency" || detail == "rolled_back") return "repair the record that failed, then send all of them again";
      return "the source refuses what was sent: correct it as its message says";
    case Category::not_found:
      return "check the entity's name or the record's key; it may have been deleted";
    case Category::gone:
      return "what this link or token led to has expired: read again from the start or from the last watermark";
    case Category::conflict:
      if (detail == "locked") return "somebody works on the record: send it again later";
      if (detail == "precondition") return "the record changed since it was read: read it again and repeat the change";
      return "the source holds something that contradicts this: read the record and decide";
    case Category::too_large:
      return "send smaller batches (batch_size)";
    case Category::server:
      return "the source failed inside: try again later; if it stays, give its operator the message and the request id";
    case Category::unavailable:
      return "the source is overloaded or in maintenance: try again later";
    case Category::timeout:
      return "try again; if it stays, ask for less at once (page_size) or raise timeout.total";
    case Category::config:
      if (detail == "proxy") return "set a proxy with its user and password, or sign in to the network";
      if (detail == "redirect") return "set the connection's url to the address that the source redirects to";
      return "check the connection's url: nothing is served at this address";
    case Category::protocol:
      return "the reply is not what the protocol allows: check that the url leads to the source and not to something in between";
    case Category::unsupported:
      return "this source does not offer the operation";
    default:
      return "";
  }
}

std::string_view reason_phrase(int status) noexcept {
  const StatusRow* row = row_of(status);
  return row == nullptr ? std::string_view() : row->phrase;
}

}  // namespace switchgear
