#include "switchgear/base/error.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace switchgear {
namespace {

TEST(Category, HasOneWordAndOneNumberEach) {
  std::set<std::string_view> words;
  for (std::int32_t number = category_first; number <= category_last; ++number) {
    const auto category = category_from(number);
    ASSERT_TRUE(category.has_value()) << number;
    const std::string_view word = to_string(*category);
    EXPECT_TRUE(words.insert(word).second) << word;
    EXPECT_EQ(category_from(word), category);
  }
  EXPECT_EQ(category_from(0), std::nullopt);
  EXPECT_EQ(category_from(category_last + 1), std::nullopt);
  EXPECT_EQ(category_from("Offline"), std::nullopt);
}

TEST(Error, DescribesItselfInOneLine) {
  Error error = Error(Category::offline, "connect", "port 443 of host x refuses").with_hint("start the service");
  EXPECT_EQ(error.code(), "offline.connect");
  EXPECT_EQ(error.describe(), "offline.connect: port 443 of host x refuses; start the service");
  error.connection_id = "sap-mt";
  error.entity = "WorkOrders";
  EXPECT_EQ(error.describe(), "offline.connect: port 443 of host x refuses (sap-mt/WorkOrders); start the service");
  EXPECT_EQ(Error(Category::rate_limit, "slow down").code(), "rate_limit");
}

TEST(DidYouMean, SuggestsTheNearestNameOnly) {
  const std::vector<std::string> known = {"WorkOrders", "Assets", "Vendors"};
  EXPECT_EQ(did_you_mean("WorkOrder", known), ", did you mean 'WorkOrders'?");
  EXPECT_EQ(did_you_mean("workorders", known), ", did you mean 'WorkOrders'?");
  EXPECT_EQ(did_you_mean("Asstes", known), ", did you mean 'Assets'?");
  EXPECT_EQ(did_you_mean("Invoices", known), "");
}

}  // namespace
}  // namespace switchgear
