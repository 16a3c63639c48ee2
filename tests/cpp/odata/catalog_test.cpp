#include "catalog.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "metadata_text.hpp"
#include "switchgear/data/schema.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

using nlohmann::json;

json catalog(const std::string& xml, const Cursors& cursors = {}) {
  return json::parse(catalog_json(parse_csdl(xml), cursors))["entities"];
}

template <class Call>
sdk::Error thrown(Call&& call) {
  try {
    call();
  } catch (const sdk::Error& error) {
    return error;
  }
  return {sdk::Category::internal, "(nothing was thrown)"};
}

void check_words(const json& fields) {
  for (const json& field : fields) {
    EXPECT_TRUE(data_type_from(field["type"].get<std::string>())) << field;
    if (field.contains("fields")) check_words(field["fields"]);
    if (field.contains("item")) check_words(json::array({field["item"]}));
  }
}

TEST(Catalog, DescribesAnEntity) {
  const json orders = catalog(testdata("dynamics_v4.xml"))[0];
  EXPECT_EQ(orders["name"], "workorders");
  EXPECT_EQ(orders["path"], "workorders");
  EXPECT_EQ(orders["key"], json::array({"activityid"}));
  EXPECT_EQ(orders["cursor"], "modifiedon");
  EXPECT_EQ(orders["etag_property"], "versionnumber");
  EXPECT_EQ(orders["odata_version"], "4.0");
  EXPECT_EQ(orders["types"]["state"], "Microsoft.Dynamics.CRM.WorkOrderState");
  EXPECT_EQ(orders["types"]["address/Since"], "Edm.Date") << "a path into a complex type";
  EXPECT_FALSE(orders["types"].contains("tags"));
  std::map<std::string, json> fields;
  for (const json& field : orders["fields"]) fields[field["name"]] = field;
  EXPECT_EQ(fields["price"], (json{{"name", "price"}, {"type", "decimal"}, {"nullable", true}, {"precision", 38}, {"scale", 4}}));
  EXPECT_EQ(fields["tags"]["item"], (json{{"name", "item"}, {"type", "utf8"}, {"nullable", false}}));
  EXPECT_EQ(fields["address"]["fields"][0], (json{{"name", "City"}, {"type", "utf8"}, {"nullable", false}}));
  EXPECT_EQ(fields["activityid"]["nullable"], false);
}

TEST(Catalog, EveryTypeIsAWordOfTheSchema) {
  for (const char* file : {"cap_v4.xml", "cap_v2.xml", "dynamics_v4.xml", "sap_gateway_v2.xml"})
    for (const json& entity : catalog(testdata(file))) check_words(entity["fields"]);
}

TEST(Catalog, V2TimesHaveNoZone) {
  const json fields = catalog(testdata("sap_gateway_v2.xml"))[0]["fields"];
  const auto found = std::find_if(fields.begin(), fields.end(), [](const json& field) { return field["name"] == "BasicStart"; });
  EXPECT_EQ(*found, (json{{"name", "BasicStart"}, {"type", "timestamp"}, {"nullable", true}, {"utc", false}}));
}

TEST(Catalog, SaysWhereDecimalsAreText) {
  const auto says = [](const std::string& properties) { return catalog(v4_things(properties))[0].contains("decimals_as_text"); };
  EXPECT_FALSE(says(R"(<Property Name="a" Type="Edm.Decimal" Scale="2"/><Property Name="b" Type="Edm.String"/>)"));
  EXPECT_TRUE(says(R"(<Property Name="a" Type="Edm.Decimal" Scale="variable"/>)"));
  EXPECT_TRUE(says(R"xml(<Property Name="a" Type="Collection(Edm.Decimal)"/>)xml")) << "in a list";
}

TEST(Catalog, TheConfiguredCursorWins) {
  EXPECT_EQ(catalog(testdata("cap_v4.xml"), {{"WorkOrders", "changedTs"}})[0]["cursor"], "changedTs");
  EXPECT_FALSE(catalog(testdata("cap_v4.xml"), {{"WorkOrders", ""}})[0].contains("cursor")) << "an empty name turns it off";
}

TEST(Catalog, AWrongCursorIsRefusedWithWhatThereIs) {
  const sdk::Error entity = thrown([] { catalog(testdata("cap_v4.xml"), {{"Workorders", "x"}}); });
  EXPECT_EQ(entity.category, sdk::Category::config);
  EXPECT_STREQ(entity.what(), "'cursor' names the entity 'Workorders', which the service does not have");
  EXPECT_EQ(entity.hint, "it has 'WorkOrders', 'Equipment', 'Operations', 'Readings'");
  const sdk::Error field = thrown([] { catalog(testdata("cap_v4.xml"), {{"Equipment", "changed"}}); });
  EXPECT_STREQ(field.what(), "'cursor' names the field 'changed', which 'Equipment' does not have");
  EXPECT_EQ(field.hint, "fields that may serve: 'installedOn', 'serialNo'");
}

TEST(Catalog, NamesThatAreNoUtf8LeaveTheCatalogReadable) {
  const char* broken[] = {"\xFF", "\xC0\xA0", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "&#xD800;", "\xE2\x82"};
  for (const char* bytes : broken) {
    const json things = catalog(v4_things("<Property Name=\"a" + std::string(bytes) + "\" Type=\"Edm.Int32\"/>"));
    EXPECT_EQ(things[0]["fields"][1]["name"].get<std::string>().substr(0, 4), "a\uFFFD") << bytes;
  }
  EXPECT_EQ(catalog(v4_things("<Property Name=\"a\U0001F527ß漢&#x1F527;\" Type=\"Edm.Int32\"/>"))[0]["fields"][1]["name"],
            "a\U0001F527ß漢\U0001F527");
}

TEST(Catalog, NamesThatBecomeEqualAreNotGivenTwice) {
  EXPECT_EQ(
      catalog(v4_things("<Property Name=\"a\xFF\" Type=\"Edm.Int32\"/><Property Name=\"a\xFE\" Type=\"Edm.Int32\"/>"))[0]["fields"].size(),
      2U);
}

TEST(Catalog, AKeyNamesAFieldOnce) {
  const json entity = catalog(
      v4(R"(<EntityType Name="T"><Key><PropertyRef Name="A"/><PropertyRef Name="A"/></Key><Property Name="A" Type="Edm.Int32"/></EntityType>
    <EntityContainer Name="C"><EntitySet Name="Ts" EntityType="N.T"/></EntityContainer>)"))[0];
  EXPECT_EQ(entity["key"], json::array({"A"}));
}

TEST(Catalog, AServiceDocumentGivesNames) {
  const json entities = json::parse(catalog_json_from_service_document(
      R"({"@odata.context": "$metadata", "value": [{"name": "A", "url": "A"}, {"name": "B", "url": "sub/B", "kind": "EntitySet"},
        {"name": "Me", "kind": "Singleton", "url": "Me"}, {"name": "C", "url": "http://elsewhere/C"}, {"name": "D"}, 7, {"url": "E"}, {"name": 1}]})",
      {{"A", "changed"}}))["entities"];
  ASSERT_EQ(entities.size(), 4U);
  EXPECT_EQ(entities[0], (json{{"name", "A"}, {"path", "A"}, {"odata_version", "4.0"}, {"cursor", "changed"}}));
  EXPECT_EQ(entities[1]["path"], "sub/B");
  EXPECT_EQ(entities[2]["path"], "C") << "a URL elsewhere is not followed";
  EXPECT_EQ(entities[3]["path"], "D");
}

TEST(Catalog, V2IsListedAndWrittenTo) {
  const json named = json::parse(catalog_json_from_service_document(R"({"d": {"EntitySets": ["A"]}})", {}))["entities"][0];
  EXPECT_EQ(named["odata_version"], "2.0");
  const json entity = json::parse(catalog_json(parse_csdl(testdata("cap_v2.xml")), {}, true))["entities"][0];
  EXPECT_EQ(entity["ops"].size(), 4U);
  EXPECT_EQ(entity["select"].get<std::string>().substr(0, 20), "createdAt,createdBy,");
  EXPECT_EQ(entity["fields"].back()["name"], "__metadata");
}

TEST(Catalog, WhatIsNoServiceDocumentIsRefused) {
  for (const char* body : {"", "<html>", "[]", R"({"value": 1})", R"({"d": {"EntitySets": {}}})", "{\"value\": ["}) {
    const sdk::Error error = thrown([&] { catalog_json_from_service_document(body, {}); });
    EXPECT_EQ(error.category, sdk::Category::protocol) << body;
    EXPECT_EQ(error.detail, "service_document");
  }
}

}  // namespace
}  // namespace switchgear::odata
