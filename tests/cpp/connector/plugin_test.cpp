#include "switchgear/connector/plugin.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <thread>
#include <vector>

#include "fake_services.hpp"
#include "switchgear/connector/loader.hpp"
#include "switchgear/sdk.hpp"

namespace switchgear {
namespace {

const std::string folder = TEST_CONNECTORS;

struct Opened {
  explicit Opened(const std::string& file, const std::string& config = "{}", FakeServices::Source source = nullptr)
      : services(source ? std::move(source) : [](const HttpRequest&) { return FakeServices::reply(200, "{}"); }),
        plugin(load_connector(folder + "/" + file)),
        session(plugin->open("test", plugin->manifest().checked_config(config), call)) {}

  PageRequest request(const std::string& entity) const {
    PageRequest wanted;
    wanted.entity = entity;
    for (const EntityInfo& info : plugin->manifest().entities) {
      if (info.name == entity) wanted.properties = info.properties;
    }
    return wanted;
  }
  RawPage read(const std::string& entity) { return session->read_page(request(entity), call); }
  std::vector<WriteOutcome> write(const std::string& op, const std::vector<WriteRecord>& records, const std::string& entity = "things") {
    return session->write_batch(entity, request(entity).properties, op, records, false, call);
  }

  FakeServices services;
  std::stop_source stop;
  CallContext call{services, stop.get_token()};
  std::shared_ptr<Plugin> plugin;
  std::unique_ptr<Session> session;
};

// ---- the documentation's example, from two toolchains

class AcmeCmms : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(folder + "/" + GetParam())) GTEST_SKIP() << GetParam() << " was not built: no such compiler here";
  }
  static constexpr const char* config = R"({"base_url": "http://127.0.0.1:9", "page_size": 50})";
};

INSTANTIATE_TEST_SUITE_P(Toolchains, AcmeCmms, testing::Values("acme_cmms.so", "libcxx/acme_cmms.so"),
                         [](const auto& chosen) { return std::string(chosen.param).front() == 'l' ? "ClangLibcxx" : "Gcc"; });

TEST_P(AcmeCmms, SaysWhatItIs) {
  const auto plugin = load_connector(folder + "/" + GetParam());
  EXPECT_EQ(plugin->manifest().name, "acme_cmms");
  EXPECT_TRUE(plugin->offers("read_page"));
  EXPECT_TRUE(plugin->offers("write_batch"));
  EXPECT_FALSE(plugin->offers("discover"));
  EXPECT_FALSE(plugin->offers("plan"));
}

TEST_P(AcmeCmms, ReadsAPageWithoutCopyingIt) {
  Opened acme(GetParam(), config,
              [](const HttpRequest&) { return FakeServices::reply(200, R"({"data":[{"wo":"1"}],"meta":{"next":"c2"}})"); });
  PageRequest request = acme.request("work_orders");
  request.token = "c 1";
  const RawPage page = acme.session->read_page(request, acme.call);

  ASSERT_EQ(acme.services.requests.size(), 1U);
  // `since` is empty, so it is left out.
  EXPECT_EQ(acme.services.requests[0].url, "http://127.0.0.1:9/v2/workorders?limit=50&cursor=c%201");
  ASSERT_EQ(acme.services.uses[0].size(), 1U);
  EXPECT_EQ(acme.services.uses[0][0].kind, SecretUse::Kind::bearer);
  EXPECT_EQ(acme.services.uses[0][0].secret, "api_key");
  EXPECT_EQ(page.body.view(), R"({"data":[{"wo":"1"}],"meta":{"next":"c2"}})");
  EXPECT_EQ(page.body.data(), acme.services.last_body);
  EXPECT_EQ(page.records, "/data");
  EXPECT_EQ(page.next, "/meta/next");
  EXPECT_EQ(page.watermark, "changed");
  EXPECT_EQ(page.removed, std::nullopt);
  EXPECT_EQ(page.next_token, std::nullopt);
}

TEST_P(AcmeCmms, PassesTheSourcesErrorsOn) {
  Opened acme(GetParam(), config, [](const HttpRequest&) { return FakeServices::reply(404, "no such thing"); });
  const Error error = error_of([&] { acme.session->check(acme.call); });
  EXPECT_EQ(error.category, Category::not_found);
  EXPECT_EQ(error.message, "HTTP 404: no such thing");
  EXPECT_EQ(error.http_status, 404);
}

TEST_P(AcmeCmms, TellsWhatBecameOfEachRecord) {
  Opened acme(GetParam(), config, [](const HttpRequest& request) {
    if (request.url.ends_with("/2")) return FakeServices::reply(400, "closed");
    if (request.url.ends_with("/3")) throw Error(Category::timeout, "no reply in 30 s");
    if (request.url.ends_with("/4")) {
      Error refused(Category::offline, "connect", "port 9 refuses");
      refused.nothing_sent = true;
      throw refused;
    }
    return FakeServices::reply(200, "{}");
  });
  const auto outcomes =
      acme.write("upsert", {{"i1", "1", R"({"wo":"1"})"}, {"i2", "2", "{}"}, {"i3", "3", "{}"}, {"i4", "4", "{}"}}, "work_orders");
  ASSERT_EQ(outcomes.size(), 4U);
  EXPECT_EQ(outcomes[0].state, WriteOutcome::State::ok);
  EXPECT_EQ(outcomes[1].state, WriteOutcome::State::failed);
  EXPECT_EQ(outcomes[1].error->message, "HTTP 400: closed");
  EXPECT_EQ(outcomes[2].state, WriteOutcome::State::unknown);  // it went out, and nothing came back
  EXPECT_EQ(outcomes[2].error->category, Category::timeout);
  EXPECT_EQ(outcomes[3].state, WriteOutcome::State::failed);
  EXPECT_EQ(outcomes[3].error->code(), "offline.connect");
  EXPECT_TRUE(outcomes[3].error->nothing_sent);

  EXPECT_EQ(acme.services.requests[0].method, "PUT");
  EXPECT_EQ(acme.services.requests[0].body, R"({"wo":"1"})");
  EXPECT_EQ(acme.services.requests[0].idempotency_key, "i1");
  EXPECT_EQ(acme.services.requests[0].headers.get("content-type"), "application/json");
}

TEST_P(AcmeCmms, IsRefusedAnOperationThatItDoesNotList) {
  Opened acme(GetParam(), config);
  const Error error = error_of([&] { acme.write("delete", {{"i", "1", "{}"}}, "work_orders"); });
  EXPECT_EQ(error.category, Category::unsupported);
  EXPECT_NE(error.message.find("offers no 'delete' for work_orders (it offers: upsert)"), std::string::npos) << error.message;
  EXPECT_TRUE(acme.services.requests.empty());
}

TEST_P(AcmeCmms, StopsWhenItsCallIsCancelled) {
  Opened acme(GetParam(), config);
  acme.stop.request_stop();
  EXPECT_EQ(error_of([&] { acme.session->check(acme.call); }).category, Category::cancelled);
  EXPECT_TRUE(acme.services.requests.empty());
}

TEST_P(AcmeCmms, SendsNothingAfterItsDeadline) {
  Opened acme(GetParam(), config);
  ManualClock clock;
  acme.call.deadline = clock.now();
  CallContext late{acme.services, {}, clock, clock.now()};
  const Error error = error_of([&] { acme.session->check(late); });
  EXPECT_EQ(error.code(), "timeout.deadline");
  EXPECT_TRUE(error.nothing_sent);
  EXPECT_TRUE(acme.services.requests.empty());
}

TEST(Session, RefusesASecondCallWhileOneIsOn) {
  Opened* inside = nullptr;
  std::string said;
  Opened acme("acme_cmms.so", R"({"base_url": "http://127.0.0.1:9"})", [&](const HttpRequest&) {
    said = error_of([&] { inside->session->check(inside->call); }).code();
    return FakeServices::reply(200, "{}");
  });
  inside = &acme;
  EXPECT_NO_THROW(acme.session->check(acme.call));
  EXPECT_EQ(said, "internal.session");
  EXPECT_NO_THROW(acme.session->check(acme.call));  // and is free again
}

TEST(Session, SessionsRunInParallel) {
  std::atomic<int> pages = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&pages, i] {
      Opened acme(i % 2 == 0 ? "acme_cmms.so" : "throwing.so",
                  i % 2 == 0 ? R"({"base_url":"http://h"})" : R"({"place":"check","kind":"int"})");
      for (int k = 0; k < 100; ++k) {
        pages += acme.read(i % 2 == 0 ? "work_orders" : "things").body.empty() ? 0 : 1;
        if (i % 2 == 1) error_of([&] { acme.session->check(acme.call); });
      }
    });
  }
  threads.clear();
  EXPECT_EQ(pages, 800);
}

TEST(Session, AnswersInAForkWithAClearError) {
  Opened acme("acme_cmms.so", R"({"base_url": "http://127.0.0.1:9"})");
  const pid_t child = ::fork();
  if (child == 0) {
    const Error error = error_of([&] { acme.session->check(acme.call); });
    ::_exit(error.code() == "unsupported.fork" && acme.services.requests.empty() ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_NO_THROW(acme.session->check(acme.call));
}

// ---- exceptions

std::string throwing(const std::string& place, const std::string& kind) {
  return R"({"place":")" + place + R"(","kind":")" + kind + R"("})";
}

TEST(Throwing, NothingLeavesTheLibraryAsAnException) {
  for (const std::string place : {"check", "discover", "plan", "read", "write"}) {
    for (const std::string kind : {"exception", "int"}) {
      Opened opened("throwing.so", throwing(place, kind));
      const Error error = error_of([&] {
        if (place == "check") opened.session->check(opened.call);
        if (place == "discover") opened.session->discover(opened.call);
        if (place == "plan") opened.session->plan(opened.request("things"), opened.call);
        if (place == "read") opened.read("things");
        if (place == "write") opened.write("create", {{"i", "k", "{}"}});
      });
      EXPECT_EQ(error.category, Category::plugin) << place << kind;
      const std::string what = kind == "int" ? "something that is not a std::exception" : "the floor opened";
      EXPECT_EQ(error.message, "connector 'throwing': " + place + " threw: " + what);
      EXPECT_NE(error.hint.find("author"), std::string::npos) << error.hint;
    }
  }
}

TEST(Throwing, OpeningToo) {
  EXPECT_EQ(error_of([] { Opened("throwing.so", throwing("open", "int")); }).message,
            "connector 'throwing': opening the connector threw: something that is not a std::exception");
  EXPECT_EQ(error_of([] { Opened("throwing.so", throwing("open", "error")); }).category, Category::rate_limit);
}

TEST(Throwing, AnErrorOfTheSdkComesThroughWhole) {
  Opened opened("throwing.so", throwing("read", "error"));
  const Error error = error_of([&] { opened.read("things"); });
  EXPECT_EQ(error.code(), "rate_limit.tenant");
  EXPECT_EQ(error.message, "too many requests");
  EXPECT_EQ(error.hint, "wait");
  EXPECT_TRUE(error.retryable);
  EXPECT_EQ(error.http_status, 429);
  EXPECT_EQ(error.retry_after, std::chrono::milliseconds(1500));
  EXPECT_EQ(error.request_id, "r-1");
}

TEST(Throwing, ALongMessageIsCutBetweenCharacters) {
  Opened opened("throwing.so", throwing("read", "long"));
  const Error error = error_of([&] { opened.read("things"); });
  EXPECT_TRUE(error.message.ends_with("xxx"));
  EXPECT_LT(error.message.size(), 1100U);
}

TEST(Throwing, AnErrorInMidBatchLosesNoOutcome) {
  Opened opened("throwing.so", throwing("mid_write", "exception"));
  const auto outcomes = opened.write("create", {{"a", "1", "{}"}, {"b", "2", "{}"}});
  EXPECT_EQ(outcomes[0].state, WriteOutcome::State::ok);
  EXPECT_EQ(outcomes[1].state, WriteOutcome::State::unknown);
  EXPECT_NE(outcomes[1].error->message.find("the floor opened"), std::string::npos);
}

TEST(Throwing, RecordsThatWereNeverReportedAreUnknown) {
  Opened opened("throwing.so", throwing("nowhere", "int"));
  const auto outcomes = opened.write("delete", {{"a", "1", "{}"}});
  EXPECT_EQ(outcomes[0].state, WriteOutcome::State::unknown);
  EXPECT_EQ(outcomes[0].error->code(), "plugin.contract");
}

// ---- rubbish

TEST(Rubbish, PagesThatBreakTheContractAreRefused) {
  Opened rubbish("rubbish.so");
  for (const std::string entity :
       {"null_body", "long_body", "unknown_format", "no_columns", "long_pointer", "null_pointer", "no_pointer", "bad_token"}) {
    const Error error = error_of([&] { rubbish.read(entity); });
    EXPECT_EQ(error.code(), "plugin.contract") << entity << ": " << error.message;
  }
}

TEST(Rubbish, RequestsThatBreakTheContractAreNotSent) {
  Opened rubbish("rubbish.so");
  for (const std::string entity : {"send_long_method", "send_null_url", "send_many_headers", "send_null_headers", "send_split_header",
                                   "send_null_reply", "send_classify_own"}) {
    const Error error = error_of([&] { rubbish.read(entity); });
    EXPECT_EQ(error.code(), "plugin.contract") << entity << ": " << error.message;
  }
  const Error error = error_of([&] { rubbish.read("send_other_secret"); });
  EXPECT_EQ(error.code(), "plugin.secret");
  EXPECT_NE(error.message.find("did you mean 'token'?"), std::string::npos) << error.message;
  EXPECT_TRUE(rubbish.services.requests.empty());
}

TEST(Rubbish, ErrorTextsAreEndedAndMadeReadable) {
  Opened rubbish("rubbish.so");
  const Error error = error_of([&] { rubbish.read("bad_error"); });
  EXPECT_EQ(error.category, Category::plugin);
  EXPECT_NE(error.message.find("unknown error category 999"), std::string::npos);
  EXPECT_LT(error.message.size(), 1200U);
  EXPECT_EQ(error.hint.substr(0, 3), "\xEF\xBF\xBD");
  EXPECT_EQ(error.hint.size(), 511U * 3U);
  EXPECT_EQ(error.request_id, std::string(127, 'r'));
  EXPECT_NE(error_of([&] { rubbish.read("silent_error"); }).message.find("did not say why"), std::string::npos);
}

TEST(Rubbish, AForeignBodyIsCopiedAndReleased) {
  Opened rubbish("rubbish.so");
  const RawPage page = rubbish.read("things");
  EXPECT_EQ(page.body.view(), "[]");
  for (std::size_t i = 0; i < Buffer::padding; ++i) EXPECT_EQ(page.body.data()[2 + i], '\0');
  EXPECT_EQ(rubbish.read("released").total, "/yes");
}

TEST(Rubbish, ContradictingReportsCountOnce) {
  Opened rubbish("rubbish.so");
  const auto outcomes = rubbish.write("create", {{"a", "", "{}"}, {"b", "", "{}"}, {"c", "", "{}"}, {"d", "", "{}"}});
  EXPECT_EQ(outcomes[0].state, WriteOutcome::State::ok);
  EXPECT_EQ(outcomes[1].state, WriteOutcome::State::unknown);
  EXPECT_EQ(outcomes[2].state, WriteOutcome::State::failed);
  EXPECT_TRUE(outcomes[2].error.has_value());
  EXPECT_EQ(outcomes[3].state, WriteOutcome::State::unknown);
  ASSERT_EQ(rubbish.services.lines.size(), 1U);
  EXPECT_EQ(rubbish.services.lines[0].first, LogLevel::warning);
}

TEST(Rubbish, ATextWithoutBytesIsRefused) {
  Opened rubbish("rubbish.so");
  EXPECT_EQ(error_of([&] { rubbish.session->discover(rubbish.call); }).code(), "plugin.contract");
}

TEST(Session, SaysWhatItDoesNotOffer) {
  Opened rubbish("rubbish.so");
  const Error error = error_of([&] { rubbish.session->check(rubbish.call); });
  EXPECT_EQ(error.category, Category::unsupported);
  EXPECT_EQ(error.message, "connector 'rubbish' 1.0.0 does not offer check");
}

TEST(Session, ASmallerTableMeansThatItsLaterFunctionsAreMissing) {
  Opened small("variant_small_table.so");
  EXPECT_EQ(small.read("things").body.view(), R"([{"id":1}])");
  EXPECT_FALSE(small.plugin->offers("write_batch"));
  const Error error = error_of([&] { small.write("create", {{"a", "", "{}"}}); });
  EXPECT_EQ(error.category, Category::unsupported);
  EXPECT_NE(error.message.find("needs ABI >= 1.0"), std::string::npos) << error.message;
}

TEST(Session, HowAListingGoesOnSinceAbi11) {
  Opened variant("variant_next_fields.so");
  PageRequest request = variant.request("things");
  request.parts = 5;
  const RawPage page = variant.session->read_page(request, variant.call);
  EXPECT_EQ(page.next_fields, std::vector<std::string>{"/id"});
  EXPECT_TRUE(page.empty_is_last);
  EXPECT_EQ(page.overlap, 5U) << "`parts` came through";
  const RawPage old = Opened("variant_good.so").read("things");
  EXPECT_TRUE(old.next_fields.empty() && !old.more && !old.offset && !old.back && !old.empty_is_last && old.overlap == 0);
  EXPECT_EQ(error_of([] { Opened("variant_bad_next_fields.so").read("things"); }).code(), "plugin.contract");
  EXPECT_EQ(error_of([] { Opened("variant_bad_offset.so").read("things"); }).code(), "plugin.contract");
}

TEST(SdkPage, AHostOfAbi10IsToldThatItCannotFollowSuchAListing) {
  sg_page old{};
  old.size = offsetof(sg_page, next_fields);
  sdk::Page("[]").next_token("x").give(&old);
  EXPECT_EQ(std::string_view(old.next_token.p, old.next_token.n), "x");
  old.release(&old);
  const auto give = [](sdk::Page page) {
    sg_page theirs{};
    theirs.size = offsetof(sg_page, next_fields);
    std::move(page).give(&theirs);
  };
  EXPECT_THROW(give(sdk::Page("[]").next_fields({"/id"})), sdk::Error);
  EXPECT_THROW(give(sdk::Page("[]").offset(0)), sdk::Error);
  EXPECT_THROW(give(sdk::Page("[]").more("/more")), sdk::Error);
}

TEST(SdkPage, CarriesEverythingOfAbi11) {
  sg_page page{};
  page.size = sizeof page;
  sdk::Page("[]").next_fields({"/a\"b", "/\n"}).more("/m").offset(7).empty_is_last().overlap(3, "back").give(&page);
  EXPECT_EQ(std::string_view(page.next_fields.p, page.next_fields.n), R"(["/a\"b","/\u000a"])");
  EXPECT_EQ(std::string_view(page.more.p, page.more.n), "/m");
  EXPECT_EQ(std::string_view(page.back.p, page.back.n), "back");
  EXPECT_EQ(page.flags, SG_PAGE_OFFSET | SG_PAGE_EMPTY_IS_LAST);
  EXPECT_EQ(page.offset, 7);
  EXPECT_EQ(page.overlap, 3U);
  page.release(&page);
}

TEST(Session, ALargerTableOfANewerMinorIsUnderstood) {
  Opened newer("variant_newer_minor.so");
  EXPECT_EQ(newer.read("things").body.view(), R"([{"id":1}])");
}

}  // namespace
}  // namespace switchgear
