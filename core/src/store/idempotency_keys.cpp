#include "switchgear/store/idempotency_keys.hpp"

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

constexpr std::int64_t kept_for = 24LL * 3600 * 1'000'000;  // microseconds
constexpr std::size_t max_reply_bytes = 16U << 20U;

}  // namespace

std::optional<KeptReply> IdempotencyStore::claim(const std::string& owner, const std::string& key, const std::string& fingerprint) {
  return store_.write([&](DatabaseSession& session) -> std::optional<KeptReply> {
    const auto now = store_.now();
    session.execute("delete from idempotency_keys where begun_at < :oldest", {{"oldest", now - kept_for}});
    const auto claimed = session.execute(
        "insert into idempotency_keys (owner, key, fingerprint, status, body, begun_at) values (:owner, :key, :fingerprint, 0, '', :now) "
        "on conflict (owner, key) do nothing",
        {{"owner", owner}, {"key", key}, {"fingerprint", fingerprint}, {"now", now}});
    if (claimed != 0) return std::nullopt;
    auto row = session.query_one<std::string, std::int64_t, std::string, std::int64_t>(
        "select fingerprint, status, body, begun_at from idempotency_keys where owner = :owner and key = :key",
        {{"owner", owner}, {"key", key}});
    auto& [first, status, body, begun_at] = row.value();
    return KeptReply{std::move(first), status, std::move(body), from_microseconds(begun_at)};
  });
}

void IdempotencyStore::finish(const std::string& owner, const std::string& key, std::int64_t status, const std::string& body) {
  if (body.size() > max_reply_bytes) {
    throw Error(Category::too_large, "reply", "the reply of " + std::to_string(body.size()) + " bytes is too large to be kept")
        .with_hint("write fewer records at once, or let a job write them");
  }
  store_.write([&](DatabaseSession& session) {
    session.execute("update idempotency_keys set status = :status, body = :body where owner = :owner and key = :key",
                    {{"status", status}, {"body", body}, {"owner", owner}, {"key", key}});
  });
}

void IdempotencyStore::release(const std::string& owner, const std::string& key) {
  store_.write([&](DatabaseSession& session) {
    session.execute("delete from idempotency_keys where owner = :owner and key = :key and status = 0", {{"owner", owner}, {"key", key}});
  });
}

}  // namespace switchgear
