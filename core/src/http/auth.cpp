#include "switchgear/http/auth.hpp"

#include <functional>
#include <utility>

#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

// The value itself and not how often it was looked up: a wrong password that stays the same must not be tried again by every thread,
// because that locks accounts.
AuthStamp stamp_of(const std::string& credential) { return {std::hash<std::string>()(credential), 0}; }

}  // namespace

void Authenticator::received(const AuthStamp&, const HttpResponse&) {}

SingleFlight<std::string>::Held GivenSecret::look_up(std::uint64_t stale, std::stop_token stop) {
  const auto make = [this] {
    std::string secret = secret_.reveal();
    redactor_->add(secret);
    std::string made = credential(std::move(secret));
    redactor_->add(made);
    return made;
  };
  return credential_.renew(stale, make, stop);
}

AuthStamp GivenSecret::apply(HttpRequest& request, std::stop_token stop) {
  auto held = credential_.current();
  if (!held.value) held = look_up(held.generation, stop);
  put(request, *held.value);
  return stamp_of(*held.value);
}

bool GivenSecret::refresh(const AuthStamp& used, Category why, std::stop_token stop) {
  if (why != Category::auth_expired && why != Category::auth_invalid) return false;
  const auto held = credential_.current();
  if (held.value && stamp_of(*held.value).credentials != used.credentials) return true;
  return stamp_of(*look_up(held.generation, stop).value).credentials != used.credentials;
}

BasicAuth::BasicAuth(std::string user, Secret password, std::shared_ptr<Redactor> redactor)
    : GivenSecret(std::move(password), std::move(redactor)), user_(std::move(user)) {
  if (user_.find(':') == std::string::npos) return;
  throw Error(Category::config, "auth",
              "the user name '" + user_.substr(0, user_.find(':')) + ":…' holds a colon, which basic authentication cannot carry")
      .with_hint("give user and password apart");
}

std::string BasicAuth::credential(std::string secret) const { return base64_encode(user_ + ":" + secret); }

void BasicAuth::put(HttpRequest& request, const std::string& credential) const {
  request.headers.set("Authorization", "Basic " + credential);
}

void BearerAuth::put(HttpRequest& request, const std::string& credential) const {
  request.headers.set("Authorization", "Bearer " + credential);
}

ApiKey::ApiKey(Place place, std::string name, Secret key, std::shared_ptr<Redactor> redactor)
    : GivenSecret(std::move(key), std::move(redactor)), place_(place), name_(std::move(name)) {
  if (name_.empty())
    throw Error(Category::config, "auth", "the API key's header or parameter has no name").with_hint("for example X-API-Key");
}

void ApiKey::put(HttpRequest& request, const std::string& credential) const {
  if (place_ == Place::header) {
    request.headers.set(name_, credential);
  } else {
    request.url = with_query(std::move(request.url), name_, credential);
  }
}

std::string with_query(std::string url, std::string_view name, std::string_view value) {
  const auto fragment = url.find('#');
  if (fragment != std::string::npos) url.resize(fragment);
  const auto mark = url.find('?');
  if (mark == std::string::npos) {
    url += '?';
  } else if (mark + 1 != url.size() && url.back() != '&') {
    url += '&';
  }
  return url.append(percent_encode(name)).append("=").append(percent_encode(value));
}

std::string form_encode(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) {
    if (!text.empty()) text += '&';
    text += percent_encode(name) + "=" + percent_encode(value);
  }
  return text;
}

}  // namespace switchgear
