// Here and not with the connection's tests, because it needs both databases.
#include "switchgear/connection/stored_tokens.hpp"

#include <atomic>
#include <thread>

#include "each_store.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

const std::string key = base64_encode(std::string(32, 'k'));

class TokensInTheStore : public OnEachStore {
 protected:
  StoredTokens tokens_{*store_, Secret(key), 5s};
};

TEST_P(TokensInTheStore, AreSeenByAnotherProcessAndSealed) {
  EXPECT_FALSE(tokens_.load("plant").has_value());
  tokens_.save("plant", {"access42", "refresh42", clock_.wall() + 1h});
  tokens_.save("bare", {"a\xff", "", std::nullopt});
  Store elsewhere(url(), {}, clock_);
  const auto loaded = StoredTokens(elsewhere, Secret(key)).load("plant").value();
  EXPECT_EQ(loaded.access_token, "access42");
  EXPECT_EQ(loaded.refresh_token, "refresh42");
  EXPECT_EQ(loaded.expires_at, clock_.wall() + 1h);
  EXPECT_FALSE(tokens_.load("bare")->expires_at.has_value());
  EXPECT_EQ(
      std::get<0>(store_->read().query_one<std::string>("select sealed from secrets where name = 'tokens/plant'").value()).find("42\""),
      std::string::npos);
  tokens_.erase("plant");
  EXPECT_FALSE(tokens_.load("plant").has_value());
}

TEST_P(TokensInTheStore, AreRenewedByOneProcessAtATime) {
  store_->write([](DatabaseSession& session) { session.execute("create table inside (n bigint)"); });
  // Whoever holds the lock finds nobody else's row inside.
  const auto renew = [](StoredTokens& tokens, Store& store) {
    for (int i = 0; i < 10; ++i) {
      const auto held = tokens.lock("plant", {});
      store.write([](DatabaseSession& session) { session.execute("insert into inside (n) values (1)"); });
      if (store.read().query<std::int64_t>("select n from inside").size() != 1) throw std::runtime_error("two renew at once");
      store.write([](DatabaseSession& session) { session.execute("delete from inside"); });
    }
  };
  OtherProcess process([&] {
    Store store(url());
    StoredTokens tokens(store, Secret(key));
    renew(tokens, store);
  });
  Store here(url());
  StoredTokens tokens(here, Secret(key));
  EXPECT_NO_THROW(renew(tokens, here));
  EXPECT_EQ(process.wait(), 0);
}

TEST_P(TokensInTheStore, ADeadProcessKeepsTheOthersWaitingForTheRenewalTimeOnly) {
  const Signpost locked;
  const Signpost never;
  OtherProcess process([&] {
    ManualClock clock;
    Store store(url(), {}, clock);
    const auto held = StoredTokens(store, Secret(key), 5s).lock("plant", {});
    locked.reach();
    never.wait();
  });
  locked.wait();
  process.kill();
  const auto before = clock_.slept();
  EXPECT_NE(tokens_.lock("plant", {}), nullptr);
  EXPECT_EQ(clock_.slept() - before, 5s);
}

TEST_P(TokensInTheStore, AStopRequestEndsTheWait) {
  const auto held = tokens_.lock("plant", {});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(error_of([&] { tokens_.lock("plant", stop.get_token()); }).code(), "cancelled");
}

FOR_EACH_DATABASE(TokensInTheStore);

}  // namespace
}  // namespace switchgear
