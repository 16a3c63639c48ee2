#include "switchgear/store/leases.hpp"

#include "dialect.hpp"
#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

using store_detail::DialectSql;

void check_ttl(std::chrono::microseconds ttl) {
  if (ttl.count() <= 0) throw Error(Category::config, "lease", "a lease must be given for more than 0 s");
}

/// A lease that was given in what is now the future: the clock was moved back. Counted from now, it ends when its time would have.
void shorten_after_clock_step(DatabaseSession& session, const std::string& name, std::int64_t now) {
  session.execute("update leases set expires_at = :now + ttl where name = :name and expires_at > :now + ttl",
                  {{"name", name}, {"now", now}});
}

}  // namespace

std::optional<Lease> LeaseStore::acquire(const std::string& name, const std::string& holder, std::chrono::microseconds ttl) {
  check_ttl(ttl);
  return store_.write([&](DatabaseSession& session) -> std::optional<Lease> {
    const auto now = store_.now();
    shorten_after_clock_step(session, name, now);
    const auto row = session.query_one<std::int64_t>(
        "insert into leases (name, holder, token, ttl, expires_at) values (:name, :holder, 1, :ttl, :until) on conflict (name) do update "
        "set "
        "holder = :holder, token = leases.token + 1, ttl = :ttl, expires_at = :until where leases.expires_at <= :now returning token",
        {{"name", name}, {"holder", holder}, {"ttl", ttl.count()}, {"until", now + ttl.count()}, {"now", now}});
    if (!row) return std::nullopt;
    return Lease{name, holder, std::get<0>(*row), from_microseconds(now + ttl.count())};
  });
}

bool LeaseStore::renew(Lease& lease, std::chrono::microseconds ttl) {
  check_ttl(ttl);
  return store_.write([&](DatabaseSession& session) {
    const auto now = store_.now();
    const auto changed =
        session.execute("update leases set ttl = :ttl, expires_at = :until where name = :name and token = :token and expires_at > :now",
                        {{"name", lease.name}, {"token", lease.token}, {"ttl", ttl.count()}, {"until", now + ttl.count()}, {"now", now}});
    if (changed == 0) return false;
    lease.expires_at = from_microseconds(now + ttl.count());
    return true;
  });
}

void LeaseStore::release(const Lease& lease) {
  store_.write([&](DatabaseSession& session) {
    // The row stays: its token must never be given out again.
    session.execute("update leases set expires_at = 0 where name = :name and token = :token",
                    {{"name", lease.name}, {"token", lease.token}});
  });
}

std::optional<Lease> LeaseStore::find(const std::string& name) {
  auto session = store_.read();
  auto row = session.query_one<std::string, std::int64_t, std::int64_t>(
      "select holder, token, expires_at from leases where name = :name and expires_at > :now", {{"name", name}, {"now", store_.now()}});
  if (!row) return std::nullopt;
  auto& [holder, token, expires_at] = *row;
  return Lease{name, std::move(holder), token, from_microseconds(expires_at)};
}

void LeaseStore::require(DatabaseSession& session, const Lease& lease, std::int64_t now) {
  static const DialectSql held("select holder from leases where name = :name and token = :token and expires_at > :now {for_update}");
  if (session.query_one<std::string>(held(session), {{"name", lease.name}, {"token", lease.token}, {"now", now}})) return;
  const auto other = session.query_one<std::string>("select holder from leases where name = :name", {{"name", lease.name}});
  throw Error(Category::conflict, "lease_lost",
              "the lease '" + lease.name + "' of " + lease.holder + " ran out before the work was done" +
                  (other && std::get<0>(*other) != lease.holder ? ", " + std::get<0>(*other) + " has taken it" : ""))
      .with_hint("nothing was written; renew a lease at a third of its time");
}

}  // namespace switchgear
