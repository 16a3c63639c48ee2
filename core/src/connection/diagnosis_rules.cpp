#include "diagnosis_rules.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace switchgear {
namespace {

enum class Before { any, worked };

struct Rule {
  Category category;
  std::string_view detail;  // "": any
  Before before;
  int http_status;  // 0: any
  std::string_view cause;
  std::array<std::string_view, 3> steps;
};

using enum Category;

// The first that fits is taken. A step that is "" is none.
constexpr std::array rules = {
    Rule{offline,
         "dns",
         Before::worked,
         0,
         "{message}: its name is gone from DNS, or the DNS server is away; it worked until {success}",
         {"getent hosts {host}", "ask the network's operator whether the name was moved"}},
    Rule{offline,
         "dns",
         Before::any,
         0,
         "{message}: the name in the connection's url is misspelt, or unknown to this network",
         {"getent hosts {host}", "correct the connection's url"}},
    Rule{offline,
         "connect",
         Before::worked,
         0,
         "{message}: the service is down or a firewall was closed; it worked until {success}",
         {"see on the host whether the service runs", "nc -vz {host} {port}", "ask who changed the firewall since {success}"}},
    Rule{offline,
         "connect",
         Before::any,
         0,
         "{message}: a firewall stands in between, the service is down, or the port is another one",
         {"nc -vz {host} {port}", "see on the host whether the service runs, and on which port"}},
    Rule{offline,
         "tls",
         Before::worked,
         0,
         "{message}; it worked until {success}, so the server's certificate or TLS settings were changed",
         {"openssl s_client -connect {host}:{port} -servername {host} -showcerts"}},
    Rule{offline, "tls", Before::any, 0, "{message}", {"openssl s_client -connect {host}:{port} -servername {host} -showcerts"}},
    Rule{offline, "proxy", Before::any, 0, "{message}: the proxy stands in the way, not the source", {"ask the proxy's operator"}},
    Rule{offline,
         "",
         Before::any,
         0,
         "{message}: the source goes away in the middle of calls",
         {"look into the source's log at {first} and later", "see whether a load balancer in between closes connections early"}},
    Rule{timeout,
         "connect",
         Before::any,
         0,
         "{message}: the host is down, or a firewall drops packets without a word",
         {"nc -vz {host} {port}", "raise the timeout `connect` only if the network is known to be slow"}},
    Rule{timeout,
         "",
         Before::any,
         0,
         "{what} takes longer than allowed: {message}",
         {"ask for less at once: page_size, columns, where", "look at the source's load"}},
    Rule{auth_expired,
         "",
         Before::any,
         200,
         "the source answers {what} with a page for people, most likely its sign-in page: the session has run out, or a single sign-on "
         "stands in front ({message})",
         {"open the url in a browser and see what comes", "use the API's own url and credentials that need no browser"}},
    Rule{auth_expired,
         "",
         Before::worked,
         0,
         "the session or token has run out and could not be renewed; it worked until {success} ({message})",
         {"sign in again, or give the connection new credentials", "use credentials that can be renewed: OAuth2 with a refresh token"}},
    Rule{auth_expired,
         "",
         Before::any,
         0,
         "the token has run out, and this connection cannot renew it ({message})",
         {"give the connection a new token", "use credentials that can be renewed: OAuth2 with a refresh token"}},
    Rule{auth_invalid,
         "invalid_grant",
         Before::any,
         0,
         "the refresh token is no longer valid: it was revoked, has run out, or was used up by somebody else ({message})",
         {"sign in again and give the connection the new refresh token", "see whether two programs share one refresh token"}},
    Rule{auth_invalid,
         "invalid_client",
         Before::any,
         0,
         "the identity provider does not take client id and secret ({message})",
         {"see whether the client's secret was renewed there"}},
    Rule{auth_invalid,
         "after_renewal",
         Before::any,
         0,
         "the source refuses credentials that were renewed just before ({message})",
         {"the token may be for another audience or system: check scope and resource", "ask whether the user was locked"}},
    Rule{auth_invalid,
         "",
         Before::worked,
         0,
         "user, password or token were taken until {success} and are refused since: changed, run out, withdrawn, or the user was locked "
         "({message})",
         {"ask the source's administrator what became of the user", "give the connection the new password or token"}},
    Rule{auth_invalid,
         "",
         Before::any,
         0,
         "user, password or token are wrong ({message})",
         {"sign in with the same user by hand", "see whether the secret's reference leads to the value that is meant"}},
    Rule{permission,
         "",
         Before::worked,
         0,
         "the permission for {what} was withdrawn: it worked until {success} ({message})",
         {"ask the source's administrator what was changed for this user after {success}", "use a user who still has the permission"}},
    Rule{permission,
         "",
         Before::any,
         0,
         "the user may not do this: no permission for {what} ({message})",
         {"leave {entity} out, if it is not needed"}},
    Rule{rate_limit,
         "",
         Before::any,
         0,
         "the source limits how often it is asked: {count} x since {first} ({message})",
         {"lower rate_limit (for example \"5/s\") and parallel", "see who else uses the same user or key",
          "ask the source's operator for a higher limit"}},
    Rule{csrf, "", Before::any, 0, "the source wants a CSRF token that this connection does not get ({message})", {}},
    Rule{bad_request,
         "",
         Before::worked,
         0,
         "the source no longer takes what is asked, as it did until {success} ({message})",
         {"see whether fields were renamed or removed: entities(refresh=True)"}},
    Rule{bad_request, "", Before::any, 0, "the source does not take what is asked ({message})", {}},
    Rule{not_found,
         "",
         Before::worked,
         0,
         "{what} leads nowhere any more; it worked until {success} ({message})",
         {"see whether it was renamed: entities(refresh=True)"}},
    Rule{not_found, "", Before::any, 0, "{what} leads nowhere ({message})", {"entities() lists what there is"}},
    Rule{server,
         "",
         Before::any,
         0,
         "the source fails inside when it comes to {what}: {count} x since {first} ({message})",
         {"look into the source's log at {first} and later",
          "a single broken record may be the reason: read with a smaller page_size to find it"}},
    Rule{unavailable, "", Before::any, 0, "the source says that it is down for now ({message})", {"ask whether it is in maintenance"}},
    Rule{protocol,
         "",
         Before::any,
         0,
         "the reply to {what} is not what the protocol promises ({message})",
         {"see what answers there: curl -v the same url", "a proxy or gateway in between may change replies"}},
    Rule{config, "", Before::any, 0, "the configuration cannot work: {message}", {}},
    Rule{plugin, "", Before::any, 0, "the connector is at fault, not the source: {message}", {}},
    Rule{circuit_open, "paused", Before::any, 0, "the connection was paused by hand: {message}", {}},
    Rule{circuit_open,
         "",
         Before::any,
         0,
         "the circuit breaker keeps calls back, because the ones before failed ({message})",
         {"diagnose(probe=True) looks at the source as it is now"}},
    Rule{internal, "", Before::any, 0, "a fault of switchgear: {message}", {"report it, with `switchgear diagnose --bundle`"}},
};

constexpr Rule otherwise{internal, "", Before::any, 0, "{what} fails: {message}", {}};

const Rule& rule_for(const Error& error, bool worked_before) {
  const auto* const found = std::find_if(rules.begin(), rules.end(), [&](const Rule& rule) {
    return rule.category == error.category && (rule.detail.empty() || rule.detail == error.detail) &&
           (rule.http_status == 0 || rule.http_status == error.http_status) && (rule.before == Before::any || worked_before);
  });
  return found == rules.end() ? otherwise : *found;
}

/// What stands between braces is a name of RuleWords; a value is never looked into again.
std::string filled(std::string_view text, const RuleWords& words) {
  const std::array<std::pair<std::string_view, const std::string*>, 9> values = {{{"message", &words.message},
                                                                                  {"what", &words.what},
                                                                                  {"connection", &words.connection},
                                                                                  {"entity", &words.entity},
                                                                                  {"host", &words.host},
                                                                                  {"port", &words.port},
                                                                                  {"success", &words.success},
                                                                                  {"first", &words.first},
                                                                                  {"count", &words.count}}};
  std::string result;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    result.append(text.substr(0, open));
    text.remove_prefix(open);
    if (text.empty()) break;
    const std::string_view name = text.substr(1, text.find('}') - 1);
    for (const auto& [known, value] : values) {
      if (known == name) result.append(*value);
    }
    text.remove_prefix(name.size() + 2);
  }
  return result;
}

/// A step about what is not known helps nobody.
bool is_usable(std::string_view step, const RuleWords& words) {
  return (step.find("{host}") == std::string_view::npos || !words.host.empty()) &&
         (step.find("{entity}") == std::string_view::npos || !words.entity.empty());
}

}  // namespace

Explanation explain(const Error& error, const RuleWords& words) {
  const Rule& rule = rule_for(error, !words.success.empty());
  Explanation result{filled(rule.cause, words), {}};
  if (!error.hint.empty()) result.next_steps.push_back(error.hint);
  for (const std::string_view step : rule.steps) {
    if (!step.empty() && is_usable(step, words)) result.next_steps.push_back(filled(step, words));
  }
  return result;
}

}  // namespace switchgear
