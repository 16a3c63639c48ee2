#include "changes.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "entity_id.hpp"
#include "json_scan.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::odata {
namespace {

using nlohmann::json;

sg_str text(const char* value) { return {value, std::char_traits<char>::length(value)}; }

sdk::Entity entity(const char* key, const char* types) {
  const sg_pair pairs[] = {{text("key"), text(key)}, {text("types"), text(types)}};
  return {text("Orders"), pairs, 2};
}

const sdk::Entity orders = entity(R"j(["ID"])j", R"j({"ID":"Edm.Int64","Title":"Edm.String","Site/Code":"Edm.String"})j");
const sdk::Entity parts = entity(R"j(["PartNo"])j", R"j({"PartNo":"Edm.String"})j");
const sdk::Entity readings = entity(R"j(["asset","n"])j", R"j({"asset":"Edm.String","n":"Edm.Int32"})j");

json settled(const sdk::Entity& of, const std::string& entries, const std::string& context = "$metadata#Orders/$delta") {
  const std::string body = R"j({"@odata.context":")j" + context + R"j(", "value" : [)j" + entries + R"j(] ,"@odata.deltaLink":"D2"})j";
  const auto page = settled_changes(of, {}, body);
  if (!page) return nullptr;
  const json root = json::parse(*page);
  EXPECT_EQ(root["@odata.deltaLink"], "D2");
  return {root["value"], root.at(json::json_pointer(removed_pointer))};
}

json removed(const sdk::Entity& of, const std::string& entries) { return settled(of, entries)[1]; }

std::string refused(const sdk::Entity& of, const std::string& entries) {
  try {
    return settled(of, entries).dump();
  } catch (const sdk::Error& error) {
    return std::string(error.what()) + " | " + error.hint;
  }
}

std::string full(const char* id, const char* title = "t") {
  return R"j({"ID":)j" + std::string(id) + R"j(,"Title":")j" + title + R"j(","Site":{"Code":"A"}})j";
}

TEST(ODataChanges, RecordsStayAsTheyStandThere) {
  EXPECT_EQ(settled(orders, full("1") + "," + full("2")), nullptr) << "nothing to set apart: the body is not copied";
  EXPECT_EQ(settled(orders, ""), nullptr);
  EXPECT_EQ(settled(orders, R"j({"ID":1,"Title":"about $deletedEntity and @removed"})j", "$metadata#Orders"), nullptr);
  const json both = settled(orders, full("9007199254740993") + R"j(,{"@removed":{"reason":"deleted"},"@id":"Orders(9007199254740995)"})j");
  EXPECT_EQ(both[0].size(), 1U);
  EXPECT_EQ(both[0][0]["ID"].dump(), "9007199254740993");
  EXPECT_EQ(both[1].dump(), R"j([{"ID":9007199254740995}])j") << "every digit";
}

TEST(ODataChanges, ARemovedRecordIsKnownByItsKeyOrItsId) {
  EXPECT_EQ(removed(orders, R"j({"@removed":{"reason":"changed"},"ID":7})j").dump(), R"j([{"ID":7}])j");
  EXPECT_EQ(removed(orders, R"j({"@odata.removed":{"reason":"deleted"},"@odata.id":"Orders(7)"})j").dump(), R"j([{"ID":7}])j");
  EXPECT_EQ(removed(orders, R"j({"@odata.context":"$metadata#Orders\/$deletedEntity","id":"https://h/s(1)/Orders(7)","reason":"deleted"})j")
                .dump(),
            R"j([{"ID":7}])j");
  EXPECT_EQ(removed(parts, R"j({"@removed":{},"@id":"Parts('A%2Fb%27%27c(d)')"})j").dump(), R"j([{"PartNo":"A/b'c(d)"}])j");
  EXPECT_EQ(removed(parts, R"j({"@odata.context":"x#Parts/$deletedEntity","id":"0017","reason":"deleted"})j").dump(),
            R"j([{"PartNo":"0017"}])j")
      << "a bare key, which is text by its type";
  EXPECT_EQ(removed(readings, R"j({"@removed":{},"@id":"Readings(n=3,asset='x,y=z')"})j").dump(), R"j([{"asset":"x,y=z","n":3}])j");
  const sdk::Entity graph = entity(R"j(["id"])j", R"j({"id":"Edm.String"})j");
  EXPECT_EQ(removed(graph, R"j({"@removed":{"reason":"changed"},"id":"87d3-4f(x"})j").dump(), R"j([{"id":"87d3-4f(x"}])j");
  EXPECT_EQ(removed(graph, R"j({"@odata.context":"#users/$deletedEntity","id":"users('u1')"})j").dump(), R"j([{"id":"u1"}])j");
}

TEST(ODataChanges, OfOneRecordTheLastWordCounts) {
  const std::string gone = R"j({"@removed":{"reason":"deleted"},"@id":"Orders(7)"})j";
  EXPECT_EQ(settled(orders, full("7") + "," + gone), json::parse(R"j([[],[{"ID":7}]])j"));
  EXPECT_EQ(settled(orders, gone + "," + full("7", "again"))[1].size(), 0U);
  EXPECT_EQ(settled(orders, full("7") + "," + gone + "," + full("7", "again"))[0].dump(),
            "[" + json::parse(full("7", "again")).dump() + "]");
  EXPECT_EQ(settled(orders, gone + "," + gone)[1].size(), 1U);
}

TEST(ODataChanges, LinksAreLeftOut) {
  const json page = settled(orders, R"j({"@odata.context":"#Orders/$link","source":"Orders(1)","relationship":"x","target":"y(2)"},)j" +
                                        full("1") + R"j(,{"@odata.context":"#Orders/$deletedLink","source":"Orders(1)"})j");
  EXPECT_EQ(page[0].size(), 1U);
  EXPECT_EQ(page[1].size(), 0U);
}

TEST(ODataChanges, APartOfARecordIsNotTakenForTheWhole) {
  const std::string said = refused(orders, R"j({"ID":7,"Site":null})j");
  EXPECT_NE(said.find("without the fields that did not, such as 'Title'"), std::string::npos) << said;
  EXPECT_NE(said.find("track_changes"), std::string::npos) << said;
  EXPECT_FALSE(settled_changes(orders, {"ID"}, R"j({"@context":"#Orders(ID)/$delta","value":[{"ID":7}]})j"))
      << "nothing more was asked for";
  EXPECT_EQ(settled(orders, R"j({"ID":7})j", "$metadata#Orders"), nullptr) << "a listing's record may have what it likes";
}

TEST(ODataChanges, WhoCanNotBeToldIsNotLeftOut) {
  for (const char* entry :
       {R"j({"@removed":{}})j", R"j({"@removed":{},"@id":""})j", R"j({"@removed":{},"@id":"Orders()"})j",
        R"j({"@removed":{},"@id":"Orders(a=1,b=2)"})j", R"j({"@removed":{},"@id":"Orders(X=1)"})j", R"j({"@removed":{},"ID":null})j"})
    EXPECT_NE(refused(orders, entry).find("can't be told by its key"), std::string::npos) << entry;
}

TEST(ODataChanges, KeysAreReadOutOfIds) {
  const auto one = [](const char* id) {
    const auto key = key_in_id(id);
    return key && key->names.empty() && key->values.size() == 1 ? key->values[0].text : std::string("-");
  };
  EXPECT_EQ(one("/v4/Orders/17"), "17");
  EXPECT_EQ(one("Orders(duration'PT1H')"), "PT1H");
  EXPECT_EQ(one("Orders(3f0c2f7e-0000-4000-8000-000000000000)"), "3f0c2f7e-0000-4000-8000-000000000000");
  for (const char* none : {"", "Orders('", "Orders('a'b')", "Orders(1)/Items", "Orders(1,2)", "%", "a?b"})
    EXPECT_TRUE(one(none) == "-" || one(none) == "%" || one(none) == "Items") << none;
}

TEST(ODataChanges, BrokenPagesAreLeftToTheParser) {
  for (const char* body :
       {"", "[", "{", R"j({"value":)j", R"j({"value":[)j", R"j({"@odata.context":"$delta","value":[{"@removed":1,"@id":"x(1)"})j",
        R"j({"value":[1,"@removed",]})j", R"j({"value":["@removed)j", R"j({"value":[{"a":"\)j"})
    EXPECT_FALSE(settled_changes(orders, {}, body)) << body;
}

TEST(ODataChanges, TextsAreDecoded) {
  EXPECT_EQ(json_text(R"j("a\u0027\n")j"), "a'\n");
  EXPECT_EQ(json_text("17"), "17");
}

}  // namespace
}  // namespace switchgear::odata
