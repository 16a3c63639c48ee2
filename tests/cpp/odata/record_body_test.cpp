#include "record_body.hpp"

#include <gtest/gtest.h>

#include "switchgear/sdk/error.hpp"
#include "v2_time.hpp"

namespace switchgear::odata {
namespace {

sdk::Entity entity(const char* version) {
  const auto texts = [](const char* text) { return sg_str{text, std::char_traits<char>::length(text)}; };
  const sg_pair properties[] = {
      {texts("odata_version"), texts(version)},
      {texts("types"), texts(R"({"ID":"Edm.Int32","ticks":"Edm.Int64","cost":"Edm.Decimal","load":"Edm.Double","due":"Edm.DateTime",)"
                             R"("at":"Edm.DateTimeOffset","start":"Edm.Time","Site/area":"Edm.Decimal"})")}};
  return sdk::Entity(texts("WorkOrders"), properties, 2);
}

std::string v4(const char* json) { return RecordBody(entity("4.0")).write(json).json; }
std::string v2(const char* json) { return RecordBody(entity("2.0")).write(json).json; }

TEST(RecordBody, NumbersThatAreLongerThanADoubleBecomeTexts) {
  EXPECT_EQ(v4(R"({"ID":1,"ticks":9007199254740993,"cost":12345678901234567890.1234,"load":1.5})"),
            R"({"ID":1,"ticks":"9007199254740993","cost":"12345678901234567890.1234","load":1.5})");
  EXPECT_EQ(v4(R"({ "ticks" : "17" , "cost" : null , "Site" : { "area" : -1e3 , "ticks" : 1 } })"),
            R"({"ticks":"17","cost":null,"Site":{"area":"-1e3","ticks":1}})");
  EXPECT_EQ(v4(R"({"steps":[{"cost":1}],"notes":"\"cost\":1}","ü":{"a":[1,"]"]}})"),
            R"({"steps":[{"cost":1}],"notes":"\"cost\":1}","ü":{"a":[1,"]"]}})");
}

TEST(RecordBody, TheContentTypeSaysThatTheyAreTexts) {
  EXPECT_EQ(RecordBody(entity("4.0")).write(R"({"ticks":1})").content_type, "application/json;IEEE754Compatible=true");
  EXPECT_EQ(RecordBody(entity("4.0")).write(R"({"ID":1,"ticks":null})").content_type, "application/json");
  EXPECT_EQ(RecordBody(entity("2.0")).write(R"({"ticks":1})").content_type, "application/json") << "V2 knows it no other way";
  const WireRecord plain = RecordBody(entity("4.0"), false).write(R"({"ticks":1,"@odata.etag":"a"})");
  EXPECT_EQ(plain.json, R"({"ticks":1})");
  EXPECT_EQ(plain.content_type, "application/json");
  EXPECT_EQ(plain.etag, "a");
  EXPECT_EQ(RecordBody(entity("2.0"), false).write(R"({"ticks":1})").json, R"({"ticks":"1"})");
}

TEST(RecordBody, V2HasTimesAndNumbersOfItsOwn) {
  EXPECT_EQ(v2(R"({"ID":1,"load":1.5,"ticks":17,"due":"2026-01-01T00:00:00","at":"2026-01-01T01:00:00.5+01:00","start":"13:20:00"})"),
            R"({"ID":1,"load":"1.5","ticks":"17","due":"/Date(1767225600000)/","at":"/Date(1767225600500+0000)/","start":"PT13H20M00S"})");
  EXPECT_EQ(v2(R"({"due":"2026-01-01T00:00:00.123456","at":"/Date(0)/","start":"PT1H"})"),
            R"({"due":"2026-01-01T00:00:00.123456","at":"/Date(0)/","start":"PT1H"})")
      << "what has no place there, or is in its form already, stays";
}

TEST(RecordBody, TheETagIsTakenOut) {
  const WireRecord four =
      RecordBody(entity("4.0")).write(R"({"@odata.context":"x","@odata.etag":"W/\"a\"","ID":1,"asset@odata.bind":"A"})");
  EXPECT_EQ(four.etag, "W/\"a\"");
  EXPECT_EQ(four.json, R"({"ID":1,"asset@odata.bind":"A"})");
  const WireRecord two = RecordBody(entity("2.0")).write(R"({"ID":1,"__metadata":{"uri":"x","etag":"W/\"b\""}})");
  EXPECT_EQ(two.etag, "W/\"b\"");
  EXPECT_EQ(two.json, R"({"ID":1})");
  EXPECT_EQ(RecordBody(entity("4.0")).write(R"({"@odata.etag":null})").etag, "");
  for (const char* bad : {R"({"@odata.etag":"a\r\nX-Evil: 1"})", R"({"@odata.etag":17})"})
    EXPECT_THROW(RecordBody(entity("4.0")).write(bad), sdk::Error) << bad;
}

TEST(V2Time, GoesBothWays) {
  EXPECT_EQ(v2_json_instant("1969-12-31T23:59:59.999Z", false), "/Date(-1)/");
  EXPECT_EQ(v2_json_instant("2024-02-29", true), "/Date(1709164800000+0000)/");
  EXPECT_EQ(v2_json_instant("0001-01-01T00:00:00Z", false), "/Date(-62135596800000)/");
  EXPECT_EQ(v2_instant_text("/Date(-1)/"), "1969-12-31T23:59:59.999");
  EXPECT_EQ(v2_instant_text("/Date(1709164800000+0060)/"), "2024-02-29T00:00:00") << "the offset is how it is shown";
  EXPECT_EQ(v2_instant_text("2024-03-01T00:30:00.1234567+01:00"), "2024-02-29T23:30:00.1234567");
  EXPECT_EQ(v2_instant_text("/Date(-62135596800000)/"), "0001-01-01T00:00:00");
  for (const char* wrong :
       {"", "2024-02-30", "2024-02-29T24:00:00", "2024-02-29T10:00:00+99:00", "x", "2024-02-29Tx", "/Date(1", "/Date()/"}) {
    EXPECT_EQ(v2_json_instant(wrong, true), "") << wrong;
    EXPECT_EQ(v2_instant_text(wrong), "") << wrong;
  }
  EXPECT_EQ(v2_duration("13:20"), "PT13H20M00S");
  EXPECT_EQ(v2_duration("13:20:01.5"), "PT13H20M01.5S");
  for (const char* wrong : {"", "13", "13:2", "13:20:0x", "13:20:00x"}) EXPECT_EQ(v2_duration(wrong), "") << wrong;
}

TEST(V2Literal, SaysItsType) {
  const auto of = [](const char* text, const char* edm) { return literal(text_value(text), edm, "f", Dialect::v2); };
  EXPECT_EQ(of("17", "Edm.Int64"), "17L");
  EXPECT_EQ(of("1.5", "Edm.Decimal"), "1.5M");
  EXPECT_EQ(of("1.5", "Edm.Double"), "1.5d");
  EXPECT_EQ(of("/Date(0)/", "Edm.DateTime"), "datetime'1970-01-01T00:00:00'");
  EXPECT_EQ(of("2026-01-01", "Edm.DateTimeOffset"), "datetimeoffset'2026-01-01T00:00:00Z'");
  EXPECT_EQ(of("13:20", "Edm.Time"), "time'PT13H20M00S'");
  EXPECT_EQ(of("0a-1", "Edm.Guid"), "guid'0a-1'");
  EXPECT_EQ(of("O'Neil", "Edm.String"), "'O''Neil'");
  for (const char* edm : {"Edm.Int64", "Edm.Decimal", "Edm.DateTime", "Edm.Time", "Edm.Guid", "Edm.Binary"})
    EXPECT_THROW(of("1' or 1 eq 1", edm), sdk::Error) << edm;
}

}  // namespace
}  // namespace switchgear::odata
