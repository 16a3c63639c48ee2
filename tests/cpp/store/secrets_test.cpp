#include "switchgear/store/secrets.hpp"

#include <sys/stat.h>

#include <cstdlib>
#include <optional>

#include "each_store.hpp"
#include "postgres_server.hpp"
#include "sealed_box.hpp"
#include "switchgear/base/text.hpp"

namespace switchgear {
namespace {

const std::string key_a = base64_encode(std::string(32, 'a'));
const std::string key_b = base64_encode(std::string(32, 'b'));

class Secrets : public OnEachStore {
 protected:
  Secrets() { ::setenv("SWITCHGEAR_KEY", key_a.c_str(), 1); }
  ~Secrets() override { ::unsetenv("SWITCHGEAR_KEY"); }
};

TEST_P(Secrets, ComeBackAsTheyWerePut) {
  const std::string odd("\0\x01 \xff O'Neil {\"a\":1}", 18);
  SecretStore(*store_).put("tokens/plant", odd);
  SecretStore(*store_).put("tokens/other", "");
  Store elsewhere(url(), {}, clock_);
  SecretStore secrets(elsewhere);
  EXPECT_EQ(secrets.find("tokens/plant"), odd);
  EXPECT_EQ(secrets.find("tokens/other"), "");
  EXPECT_FALSE(secrets.find("tokens/none").has_value());
  secrets.put("tokens/plant", "new");
  EXPECT_EQ(secrets.find("tokens/plant"), "new");
  EXPECT_EQ(secrets.names(), (std::vector<std::string>{"tokens/other", "tokens/plant"}));
  secrets.erase("tokens/plant");
  EXPECT_FALSE(secrets.find("tokens/plant").has_value());
}

TEST_P(Secrets, AreNotInTheDatabaseInAnyReadableForm) {
  const std::string value = "refresh-token-geheim42";
  SecretStore(*store_).put("tokens/plant", value);
  const auto row = store_->read().query_one<std::string, std::string>("select sealed, key_id from secrets");
  for (const std::string& text : {std::get<0>(*row), base64_decode(std::get<0>(*row)).value(), std::get<1>(*row)}) {
    EXPECT_EQ(text.find("geheim42"), std::string::npos);
    EXPECT_EQ(text.find(key_a.substr(0, 8)), std::string::npos);
  }
}

TEST_P(Secrets, AWrongKeyIsToldFromADamagedRow) {
  SecretStore(*store_).put("tokens/plant", "x");
  SecretStore other(*store_, Secret(key_b));
  for (const Error& error : {error_of([&] { other.find("tokens/plant"); }), error_of([&] { other.put("tokens/new", "y"); })}) {
    EXPECT_EQ(error.code(), "config.store_key");
    EXPECT_NE(error.message.find(store_detail::key_id(std::string(32, 'a'))), std::string::npos) << error.message;
    EXPECT_NE(error.message.find(store_detail::key_id(std::string(32, 'b'))), std::string::npos) << error.message;
    EXPECT_EQ(error.describe().find(key_b), std::string::npos);
  }
  store_->write([](DatabaseSession& session) { session.execute("update secrets set sealed = 'AAAA' || substr(sealed, 5)"); });
  EXPECT_EQ(error_of([&] { SecretStore(*store_).find("tokens/plant"); }).code(), "store.corrupt");
}

TEST_P(Secrets, ARowThatWasExchangedWithAnotherDoesNotOpen) {
  SecretStore secrets(*store_);
  secrets.put("tokens/mine", "mine");
  secrets.put("tokens/yours", "yours");
  store_->write([](DatabaseSession& session) {
    session.execute("update secrets set sealed = (select sealed from secrets where name = 'tokens/yours') where name = 'tokens/mine'");
  });
  EXPECT_EQ(error_of([&] { secrets.find("tokens/mine"); }).code(), "store.corrupt");
}

TEST_P(Secrets, AMalformedKeyIsRefusedWithHowToMakeOne) {
  for (const std::string& bad : {std::string("short"), base64_encode(std::string(31, 'x')), std::string("not base64 at all!")}) {
    ::setenv("SWITCHGEAR_KEY", bad.c_str(), 1);
    const Error error = error_of([&] { SecretStore(*store_).put("a", "b"); });
    EXPECT_EQ(error.code(), "config.store_key");
    EXPECT_NE(error.message.find("SWITCHGEAR_KEY"), std::string::npos) << error.message;
    EXPECT_EQ(error.describe().find(bad), std::string::npos) << error.describe();
    EXPECT_NE(error.hint.find("openssl rand"), std::string::npos) << error.hint;
  }
}

TEST_P(Secrets, MoveToANewKeyAllTogether) {
  SecretStore secrets(*store_);
  secrets.put("a", "1");
  secrets.put("b", "2");
  secrets.change_key(Secret(key_b));
  EXPECT_EQ(secrets.find("a"), "1");
  EXPECT_EQ(error_of([&] { SecretStore(*store_).find("a"); }).code(), "config.store_key");
  ::setenv("SWITCHGEAR_KEY", key_b.c_str(), 1);
  EXPECT_EQ(SecretStore(*store_).find("b"), "2");
  EXPECT_EQ(error_of([&] { SecretStore(*store_, Secret(key_a)).change_key(Secret(key_a)); }).code(), "config.store_key");
  EXPECT_EQ(SecretStore(*store_).find("b"), "2");
}

FOR_EACH_DATABASE(Secrets);

TEST(SecretsInPostgresql, WithoutAKeyAreRefused) {
  ::unsetenv("SWITCHGEAR_KEY");
  Database emptied(PostgresServer::shared().url());
  emptied.session().execute("drop schema public cascade");
  emptied.session().execute("create schema public");
  Store store(PostgresServer::shared().url());
  SecretStore secrets(store);
  EXPECT_FALSE(secrets.find("a").has_value());
  const Error error = error_of([&] { secrets.put("a", "1"); });
  EXPECT_EQ(error.code(), "config.store_key");
  EXPECT_NE(error.message.find("SWITCHGEAR_KEY is not set"), std::string::npos) << error.message;
}

class KeyFile : public testing::Test {
 protected:
  KeyFile() {
    ::unsetenv("SWITCHGEAR_KEY");
    store_.emplace(path_);
  }

  Folder folder_;
  std::string path_ = folder_ / "plant.db";
  std::string key_file_ = path_ + ".key";
  std::optional<Store> store_;
};

TEST_F(KeyFile, IsMadeForItsOwnerAloneWhenFirstNeeded) {
  SecretStore secrets(*store_);
  EXPECT_FALSE(secrets.find("a").has_value());
  EXPECT_FALSE(std::filesystem::exists(key_file_)) << "made before it was needed";
  secrets.put("a", "1");
  struct stat info{};
  ASSERT_EQ(::stat(key_file_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_EQ(SecretStore(*store_).find("a"), "1");
}

TEST_F(KeyFile, IsMadeByOneOfManyProcesses) {
  const Signpost start;
  std::vector<OtherProcess> processes;
  for (int i = 0; i < 6; ++i) {
    processes.emplace_back([&, i] {
      Store store(path_);
      start.wait();
      SecretStore(store).put("s" + std::to_string(i), std::to_string(i));
    });
  }
  for (int i = 0; i < 6; ++i) start.reach();
  for (auto& process : processes) EXPECT_EQ(process.wait(), 0);
  SecretStore secrets(*store_);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(secrets.find("s" + std::to_string(i)), std::to_string(i));
}

TEST_F(KeyFile, ThatIsGoneIsNotReplaced) {
  SecretStore(*store_).put("a", "1");
  std::filesystem::rename(key_file_, folder_ / "elsewhere");
  for (const Error& error : {error_of([&] { SecretStore(*store_).find("a"); }), error_of([&] { SecretStore(*store_).put("b", "2"); })}) {
    EXPECT_EQ(error.code(), "config.store_key");
    EXPECT_NE(error.message.find(key_file_), std::string::npos) << error.message;
  }
  EXPECT_FALSE(std::filesystem::exists(key_file_));
}

TEST_F(KeyFile, ThatOthersCanReadIsRefused) {
  SecretStore(*store_).put("a", "1");
  ::chmod(key_file_.c_str(), 0640);
  const Error error = error_of([&] { SecretStore(*store_).find("a"); });
  EXPECT_EQ(error.code(), "config.store_key");
  EXPECT_NE(error.hint.find("chmod 600"), std::string::npos) << error.hint;
}

TEST(SealedBox, EverySealIsAnotherTextAndEveryChangeIsSeen) {
  const std::string key(32, 'k');
  const std::string sealed = store_detail::seal(key, "here", "text");
  EXPECT_NE(sealed, store_detail::seal(key, "here", "text"));
  EXPECT_EQ(store_detail::open_sealed(key, "here", sealed), "text");
  EXPECT_FALSE(store_detail::open_sealed(key, "there", sealed).has_value());
  EXPECT_FALSE(store_detail::open_sealed(std::string(32, 'l'), "here", sealed).has_value());
  const std::string bytes = base64_decode(sealed).value();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(store_detail::open_sealed(key, "here", base64_encode(changed)).has_value()) << "byte " << i;
    EXPECT_FALSE(store_detail::open_sealed(key, "here", base64_encode(bytes.substr(0, i))).has_value()) << "cut at " << i;
  }
}

}  // namespace
}  // namespace switchgear
