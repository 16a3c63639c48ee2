#include "switchgear/store/api_tokens.hpp"

#include <mutex>
#include <set>
#include <thread>

#include "each_store.hpp"

namespace switchgear {
namespace {

using namespace std::chrono_literals;

class ApiTokens : public OnEachStore {
 protected:
  ApiToken wanted(std::string name, ApiScope scope = ApiScope::read) {
    ApiToken token;
    token.name = std::move(name);
    token.scope = scope;
    return token;
  }

  ApiTokenStore tokens_{*store_};
};

TEST_P(ApiTokens, AreFoundByTheirTextAloneAlsoFromAnotherProcess) {
  auto to_make = wanted("night shift", ApiScope::operate);
  to_make.connections = std::vector<std::string>{"plant", "O'Neil"};
  const auto [made, text] = tokens_.create(to_make);
  EXPECT_EQ(text.rfind("sgt_", 0), 0U);
  Store elsewhere(url(), {}, clock_);
  const auto found = ApiTokenStore(elsewhere).find(text);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->id, made.id);
  EXPECT_EQ(found->name, "night shift");
  EXPECT_EQ(found->scope, ApiScope::operate);
  EXPECT_EQ(found->connections, to_make.connections);
  EXPECT_EQ(found->created_at, clock_.wall());
  EXPECT_FALSE(found->expires_at.has_value());
  for (const std::string& other : {std::string(), made.id, text + "0", text.substr(1), "sgt_" + made.id}) {
    EXPECT_FALSE(tokens_.find(other).has_value()) << other;
  }
}

TEST_P(ApiTokens, TheirTextIsNotInTheDatabase) {
  const auto [made, text] = tokens_.create(wanted("ops"));
  auto session = store_->read();
  const auto row = session.query_one<std::string, std::string, std::string>("select id, name, hash from api_tokens");
  for (const std::string& column : {std::get<0>(*row), std::get<1>(*row), std::get<2>(*row)}) {
    EXPECT_EQ(column.find(text.substr(4, 12)), std::string::npos);
  }
  EXPECT_EQ(std::get<2>(*row).size(), 64U);
}

TEST_P(ApiTokens, ThatRanOutOrWereRevokedAreRefusedAndStayListed) {
  auto short_lived = wanted("short");
  short_lived.expires_at = clock_.wall() + 1h;
  const auto ends = tokens_.create(short_lived).second;
  clock_.advance(1s);
  const auto [gone, revoked] = tokens_.create(wanted("gone"));
  EXPECT_TRUE(tokens_.find(ends).has_value());
  EXPECT_TRUE(tokens_.find(revoked).has_value());
  EXPECT_EQ(tokens_.revoke(gone.id).revoked_at, clock_.wall());
  EXPECT_FALSE(tokens_.find(revoked).has_value());
  clock_.advance(1h - 2s);
  EXPECT_TRUE(tokens_.find(ends).has_value());
  clock_.advance(1s);
  EXPECT_FALSE(tokens_.find(ends).has_value());
  const auto listed = tokens_.list();
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].name, "gone") << "the newest first";
  const auto when = listed[0].revoked_at;
  EXPECT_EQ(tokens_.revoke(gone.id).revoked_at, when) << "revoking again keeps the time of the first";
  EXPECT_TRUE(tokens_.any());
}

TEST_P(ApiTokens, AnUnknownOneIsSuggestedTheNearest) {
  EXPECT_FALSE(tokens_.any());
  const auto made = tokens_.create(wanted("ops")).first;
  std::string misspelt = made.id;
  std::swap(misspelt[4], misspelt[5]);
  if (misspelt == made.id) misspelt[5] = misspelt[5] == 'a' ? 'b' : 'a';
  const Error error = error_of([&] { tokens_.revoke(misspelt); });
  EXPECT_EQ(error.code(), "not_found.token");
  EXPECT_NE(error.describe().find(made.id), std::string::npos) << error.describe();
}

TEST_P(ApiTokens, ThatCouldNeverBeUsedAreNotMade) {
  auto late = wanted("late");
  late.expires_at = clock_.wall();
  auto nothing = wanted("nothing");
  nothing.connections.emplace();
  EXPECT_EQ(error_of([&] { tokens_.create(late); }).code(), "config.token");
  EXPECT_EQ(error_of([&] { tokens_.create(nothing); }).code(), "config.token");
  EXPECT_FALSE(tokens_.any());
}

TEST_P(ApiTokens, UseIsNotedOnceAMinute) {
  const auto text = tokens_.create(wanted("ops")).second;
  const auto first = clock_.wall();
  tokens_.find(text);
  clock_.advance(59s);
  tokens_.find(text);
  EXPECT_EQ(tokens_.list()[0].last_used_at, first);
  clock_.advance(2s);
  tokens_.find(text);
  EXPECT_EQ(tokens_.list()[0].last_used_at, clock_.wall());
}

TEST_P(ApiTokens, ThereIsOneSigningKeyWhoeverAsksFirst) {
  std::set<std::string> keys;
  std::mutex mutex;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        ApiTokenStore mine(*store_);
        const auto key = mine.signing_key();
        const std::lock_guard lock(mutex);
        keys.insert(key);
      });
    }
  }
  EXPECT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys.begin()->size(), 32U);
  Store elsewhere(url(), {}, clock_);
  EXPECT_EQ(ApiTokenStore(elsewhere).signing_key(), *keys.begin());
}

FOR_EACH_DATABASE(ApiTokens);

}  // namespace
}  // namespace switchgear
