#include "switchgear/store/settings.hpp"

#include "each_store.hpp"
#include "switchgear/store/description.hpp"
#include "switchgear/store/migrations.hpp"

namespace switchgear {
namespace {

class Settings : public OnEachStore {
 protected:
  SettingStore settings_{*store_};
};

TEST_P(Settings, AreSharedReplacedAndErased) {
  EXPECT_FALSE(settings_.find("retention").has_value());
  settings_.put("retention", "{\"runs\":1}");
  settings_.put("policies/plant", "x");
  Store elsewhere(url(), {}, clock_);
  EXPECT_EQ(SettingStore(elsewhere).find("retention"), "{\"runs\":1}");
  SettingStore(elsewhere).put("retention", "y");
  EXPECT_EQ(settings_.find("retention"), "y");
  settings_.erase("retention");
  settings_.erase("retention");
  EXPECT_FALSE(SettingStore(elsewhere).find("retention").has_value());
  EXPECT_EQ(settings_.find("policies/plant"), "x");
}

TEST_P(Settings, AStoreIsDescribed) {
  const StoreDescription before = describe(*store_);
  EXPECT_EQ(before.schema_version, newest_schema_version());
  EXPECT_GT(before.bytes, 10'000);
  settings_.put("large", std::string(1'000'000, 'x'));
  EXPECT_GT(describe(*store_).bytes, before.bytes) << "PostgreSQL packs what repeats, but not to nothing";
}

FOR_EACH_DATABASE(Settings);

}  // namespace
}  // namespace switchgear
