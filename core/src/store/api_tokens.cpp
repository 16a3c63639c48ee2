#include "switchgear/store/api_tokens.hpp"

#include <openssl/evp.h>

#include <array>
#include <nlohmann/json.hpp>
#include <tuple>

#include "sealed_box.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using nlohmann::json;
using Text = std::string;
using Time = std::optional<std::int64_t>;
using Row = std::tuple<Text, Text, Text, std::optional<Text>, std::int64_t, Time, Time, Time>;

/// Scanners for secrets that leaked know a token by it.
constexpr std::string_view prefix = "sgt_";
constexpr std::size_t token_bytes = 32;
constexpr std::size_t id_bytes = 6;
constexpr std::int64_t minute = 60'000'000;

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += digits[static_cast<unsigned char>(byte) >> 4U];
    text += digits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

std::string hash_of(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw Error(Category::internal, "crypto", "OpenSSL cannot hash");
  }
  return hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::optional<WallTime> wall_time(const Time& microseconds) {
  if (!microseconds) return std::nullopt;
  return from_microseconds(*microseconds);
}

ApiToken from_row(const Row& row) {
  const auto& [id, name, scope, connections, created_at, expires_at, revoked_at, last_used_at] = row;
  ApiToken token;
  token.id = id;
  token.name = name;
  token.scope = scope == to_string(ApiScope::operate) ? ApiScope::operate : ApiScope::read;
  if (connections) token.connections = json::parse(*connections).get<std::vector<std::string>>();
  token.created_at = from_microseconds(created_at);
  token.expires_at = wall_time(expires_at);
  token.revoked_at = wall_time(revoked_at);
  token.last_used_at = wall_time(last_used_at);
  return token;
}

std::vector<ApiToken> tokens_where(DatabaseSession& session, const std::string& condition, const SqlParameters& parameters = {}) {
  std::vector<ApiToken> tokens;
  for (const Row& row : session.query<Text, Text, Text, std::optional<Text>, std::int64_t, Time, Time, Time>(
           "select id, name, scope, connections, created_at, expires_at, revoked_at, last_used_at from api_tokens " + condition,
           parameters)) {
    tokens.push_back(from_row(row));
  }
  return tokens;
}

Error unknown(DatabaseSession& session, const std::string& id) {
  std::vector<std::string> ids;
  for (const ApiToken& token : tokens_where(session, "order by id")) ids.push_back(token.id);
  return {Category::not_found, "token", "there is no token '" + id + "'" + did_you_mean(id, ids)};
}

}  // namespace

std::string_view to_string(ApiScope scope) noexcept { return scope == ApiScope::operate ? "operate" : "read"; }

std::pair<ApiToken, std::string> ApiTokenStore::create(const ApiToken& wanted) {
  const auto now = store_.now();
  if (wanted.expires_at && to_microseconds(*wanted.expires_at) <= now) {
    throw Error(Category::config, "token", "the token would have run out already").with_hint("give a later end, or none");
  }
  if (wanted.connections && wanted.connections->empty()) {
    throw Error(Category::config, "token", "the token would be for no connection").with_hint("name some, or leave them out for all");
  }
  std::string text = Text(prefix) + hex(store_detail::random_bytes(token_bytes));
  ApiToken token = wanted;
  token.id = hex(store_detail::random_bytes(id_bytes));
  token.created_at = from_microseconds(now);
  token.revoked_at = token.last_used_at = std::nullopt;
  SqlParameters values = {{"id", token.id},
                          {"name", token.name},
                          {"hash", hash_of(text)},
                          {"scope", Text(to_string(token.scope))},
                          {"connections", std::monostate()},
                          {"now", now},
                          {"until", std::monostate()}};
  if (token.connections) values[4].value = json(*token.connections).dump();
  if (token.expires_at) values[6].value = to_microseconds(*token.expires_at);
  store_.write([&](DatabaseSession& session) {
    session.execute(
        "insert into api_tokens (id, name, hash, scope, connections, created_at, expires_at) values (:id, :name, :hash, :scope, "
        ":connections, :now, :until)",
        values);
  });
  return {std::move(token), std::move(text)};
}

std::optional<ApiToken> ApiTokenStore::find(std::string_view text) {
  const auto now = store_.now();
  std::vector<ApiToken> found;
  {
    auto session = store_.read();
    found = tokens_where(session, "where hash = :hash and revoked_at is null and (expires_at is null or expires_at > :now)",
                         {{"hash", hash_of(text)}, {"now", now}});
  }
  if (found.empty()) return std::nullopt;
  ApiToken& token = found.front();
  if (!token.last_used_at || to_microseconds(*token.last_used_at) < now - minute) {
    store_.write([&](DatabaseSession& session) {
      session.execute("update api_tokens set last_used_at = :now where id = :id", {{"now", now}, {"id", token.id}});
    });
    token.last_used_at = from_microseconds(now);
  }
  return std::move(token);
}

std::vector<ApiToken> ApiTokenStore::list() {
  auto session = store_.read();
  return tokens_where(session, "order by created_at desc, id");
}

ApiToken ApiTokenStore::revoke(const std::string& id) {
  return store_.write([&](DatabaseSession& session) {
    session.execute("update api_tokens set revoked_at = :now where id = :id and revoked_at is null", {{"now", store_.now()}, {"id", id}});
    auto found = tokens_where(session, "where id = :id", {{"id", id}});
    if (found.empty()) throw unknown(session, id);
    return std::move(found.front());
  });
}

bool ApiTokenStore::any() { return store_.read().query_one<std::string>("select id from api_tokens limit 1").has_value(); }

std::string ApiTokenStore::signing_key() {
  constexpr std::string_view present = "select value from api_settings where name = 'signing_key'";
  auto row = store_.read().query_one<std::string>(present);
  if (!row) {
    row = store_.write([&](DatabaseSession& session) {
      session.execute("insert into api_settings (name, value) values ('signing_key', :value) on conflict (name) do nothing",
                      {{"value", base64_encode(store_detail::random_bytes(store_detail::key_bytes))}});
      return session.query_one<std::string>(present);
    });
  }
  return base64_decode(std::get<0>(row.value())).value_or("");
}

}  // namespace switchgear
