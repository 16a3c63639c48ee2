#include "login_signs.hpp"

#include <algorithm>
#include <array>

#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

constexpr std::size_t longest_url = 8192;

bool is_login_word(std::string_view word) {
  constexpr std::array<std::string_view, 24> words = {"login",     "logon",
                                                      "signin",    "sso",
                                                      "saml",      "saml2",
                                                      "oauth",     "oauth2",
                                                      "authorize", "adfs",
                                                      "openid",    "idp",
                                                      "cas",       "auth",
                                                      "authn",     "j_security_check",
                                                      "okta",      "auth0",
                                                      "keycloak",  "accounts",
                                                      "wsfed",     "microsoftonline",
                                                      "onelogin",  "authenticate"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_word_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

/// `sign-in`, `login.jsp` and `sso.example.com` are found word by word; `authors` is none.
bool has_login_word(std::string_view text) {
  if (text.find("sign-in") != std::string_view::npos || text.find("sign_in") != std::string_view::npos) return true;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && is_word_char(text[i])) continue;
    if (is_login_word(text.substr(start, i - start))) return true;
    start = i + 1;
  }
  return false;
}

bool has_login_query(std::string_view query) {
  for (const std::string_view name : {"samlrequest=", "relaystate=", "response_type=", "wa=wsignin"}) {
    if (query.starts_with(name) || query.find("&" + std::string(name)) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

bool leads_to_login(std::string_view url) {
  const std::string lower = to_lower_ascii(url.substr(0, std::min(url.size(), longest_url)));
  const std::string_view text(lower);
  const std::size_t end = std::min(text.find_first_of("?#"), text.size());
  const std::string_view query = end < text.size() && text[end] == '?' ? text.substr(end + 1) : std::string_view();
  return has_login_word(text.substr(0, end)) || has_login_query(query);
}

std::string challenge_error(std::string_view challenge) {
  std::string name;
  for (std::size_t i = 0; i < challenge.size();) {
    const char c = challenge[i];
    if (c == ' ' || c == '\t' || c == ',') {
      name.clear();
      ++i;
    } else if (c != '=') {
      name.push_back(c);
      ++i;
    } else {
      std::string value;
      if (++i < challenge.size() && challenge[i] == '"') {
        for (++i; i < challenge.size() && challenge[i] != '"'; ++i) {
          if (challenge[i] == '\\' && i + 1 < challenge.size()) ++i;
          value.push_back(challenge[i]);
        }
        ++i;
      } else {
        while (i < challenge.size() && challenge[i] != ',' && challenge[i] != ' ') value.push_back(challenge[i++]);
      }
      if (equal_ignoring_case(name, "error")) return value;
      name.clear();
    }
  }
  return {};
}

}  // namespace switchgear
