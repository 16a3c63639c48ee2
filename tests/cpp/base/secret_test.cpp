#include "switchgear/base/secret.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

TEST(Secret, IsLookedUpEachTimeAndNeverShown) {
  ::setenv("SG_TEST_SECRET", "first", 1);
  const Secret secret = Secret::env("SG_TEST_SECRET");
  EXPECT_EQ(secret.reveal(), "first");
  ::setenv("SG_TEST_SECRET", "second", 1);
  EXPECT_EQ(secret.reveal(), "second");
  EXPECT_EQ(secret.display(), "env:SG_TEST_SECRET");
  EXPECT_EQ(Secret("hunter2").display(), "***");
}

TEST(Secret, FileLosesItsLineEndOnly) {
  const auto path = std::filesystem::temp_directory_path() / "sg_secret_test.txt";
  std::ofstream(path) << "pass word \r\n";
  EXPECT_EQ(Secret::from_reference("file:" + path.string()).reveal(), "pass word ");
  std::filesystem::remove(path);
}

TEST(Secret, SaysWhichReferenceLeadsNowhere) {
  try {
    Secret::env("SG_TEST_NOT_SET").reveal();
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "config.secret");
    EXPECT_NE(error.message.find("SG_TEST_NOT_SET"), std::string::npos);
  }
}

TEST(Secret, ARefusedReferenceIsNotRepeated) {
  try {
    Secret::from_reference("hunter2");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category, Category::config);
    EXPECT_EQ(error.describe().find("hunter2"), std::string::npos);
  }
}

TEST(Redactor, KnowsTheEncodedForms) {
  Redactor redactor;
  redactor.add("s3cret/+");
  EXPECT_EQ(redactor.redact("a s3cret/+ b s3cret%2F%2B c czNjcmV0Lys= d"), "a *** b *** c *** d");
  redactor.add("abc");  // too short to tell from a word
  EXPECT_EQ(redactor.redact("abc"), "abc");
}

TEST(Redactor, LeavesNoRemainderOfALongerValue) {
  Redactor redactor;
  redactor.add("token");
  redactor.add("token-and-more");
  EXPECT_EQ(redactor.redact("x token-and-more y token"), "x *** y ***");
}

}  // namespace
}  // namespace switchgear
