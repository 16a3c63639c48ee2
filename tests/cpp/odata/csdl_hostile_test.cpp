// $metadata comes from the network: whatever it is, parsing ends soon, in bounded memory, with a model or with an error that says why.
#include <gtest/gtest.h>

#include "csdl.hpp"
#include "metadata_text.hpp"

namespace switchgear::odata {
namespace {

std::string refusal(std::string_view xml, const CsdlLimits& limits = {}) {
  try {
    parse_csdl(xml, limits);
  } catch (const MetadataError& error) {
    EXPECT_NE(error.hint, "");
    return error.what();
  }
  return "(taken)";
}

std::string repeated(const std::string& text, std::size_t times) {
  std::string result;
  result.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

std::size_t columns(const std::vector<Column>& fields) {
  std::size_t count = fields.size();
  for (const Column& field : fields) count += columns(field.children);
  return count;
}

TEST(CsdlHostile, WhatIsNoMetadataIsNamed) {
  EXPECT_EQ(refusal(""), "the document is empty");
  EXPECT_EQ(refusal(" \r\n\t"), "the document is empty");
  EXPECT_EQ(refusal(R"( {"$Version": "4.01"})"), "the document is JSON, not XML");
  EXPECT_EQ(refusal("<!DOCTYPE html>\n<html><head><title>Log in</title></head><body/></html>"),
            "line 2: the root element is <html>, not <edmx:Edmx>: this is an HTML page");
  EXPECT_EQ(refusal("<service xmlns=\"http://www.w3.org/2007/app\"/>"), "line 1: the root element is <service>, not <edmx:Edmx>");
  EXPECT_EQ(refusal("<a:Edmx>\n</a:Edmx>"), "line 1: <edmx:Edmx> holds no <edmx:DataServices>");
  EXPECT_NE(refusal("401 Unauthorized").find("line 1"), std::string::npos);
  EXPECT_NE(refusal(std::string(1000, '\0')).find("line 1"), std::string::npos);
}

TEST(CsdlHostile, AnHtmlPageThatIsNoXmlIsRefused) {
  const std::string answer = refusal("<html>\n<body><p>Please <b>log in</p></body></html>");
  EXPECT_EQ(answer.substr(0, 8), "line 2 (") << answer;
}

TEST(CsdlHostile, CutAtAnyByteItIsRefusedWithTheLine) {
  const std::string whole = testdata("cap_v4.xml");
  const std::size_t end = whole.rfind('>');
  for (std::size_t cut = 1; cut < end; cut += 7) {
    const std::string answer = refusal(std::string_view(whole).substr(0, cut));
    EXPECT_EQ(answer.substr(0, 5), "line ") << cut;
  }
}

TEST(CsdlHostile, EntitiesAreNeverExpanded) {
  std::string xml = "<!DOCTYPE lolz [<!ENTITY a \"lol\">";
  for (char c = 'b'; c <= 'k'; ++c)
    xml += std::string("<!ENTITY ") + c + " \"" + repeated(std::string("&") + static_cast<char>(c - 1) + ";", 10) + "\">";
  xml += "<!ENTITY secret SYSTEM \"file:///etc/passwd\">]>";
  const std::string body = v4_things("<Property Name=\"&k;\" Type=\"Edm.String\"/><Property Name=\"&secret;\" Type=\"Edm.String\"/>");
  const Model model = parse_csdl(xml + body.substr(body.find('\n')));
  ASSERT_EQ(model.sets.at(0).fields.size(), 3U);
  EXPECT_EQ(model.sets[0].fields[1].name, "&k;");
  EXPECT_EQ(model.sets[0].fields[2].name, "&secret;");
}

TEST(CsdlHostile, ComplexTypesThatDoubleStayBounded) {
  std::string types;
  for (int i = 0; i < 40; ++i) {
    const std::string next = std::to_string(i + 1);
    types += "<ComplexType Name=\"T" + std::to_string(i) + "\"><Property Name=\"a\" Type=\"N.T" + next +
             "\"/><Property Name=\"b\" Type=\"N.T" + next + "\"/></ComplexType>";
  }
  types += "<ComplexType Name=\"T40\"><Property Name=\"x\" Type=\"Edm.String\"/></ComplexType>";
  const Model model = parse_csdl(v4_things("<Property Name=\"t\" Type=\"N.T0\"/>", types));
  EXPECT_LE(columns(model.sets.at(0).fields), CsdlLimits().max_unfolded_per_entity + 100);
}

TEST(CsdlHostile, ManySetsOfAWideTypeAreRefused) {
  std::string properties, sets;
  for (int i = 0; i < 300; ++i) properties += "<Property Name=\"p" + std::to_string(i) + "\" Type=\"Edm.Int32\"/>";
  for (int i = 0; i < 300; ++i) sets += "<EntitySet Name=\"S" + std::to_string(i) + "\" EntityType=\"N.Thing\"/>";
  CsdlLimits limits;
  limits.max_fields = 20'000;
  EXPECT_EQ(refusal(v4_things(properties, "<EntityContainer Name=\"D\">" + sets + "</EntityContainer>"), limits),
            "the entities have more than 20000 fields in all");
}

TEST(CsdlHostile, BaseTypesInACircleEnd) {
  const Model model = parse_csdl(v4(R"(<EntityType Name="A" BaseType="N.B"><Property Name="a" Type="Edm.Int32"/></EntityType>
    <EntityType Name="B" BaseType="N.C"><Property Name="b" Type="Edm.Int32"/></EntityType>
    <EntityType Name="C" BaseType="N.A"><Property Name="c" Type="Edm.Int32"/></EntityType>
    <EntityType Name="Self" BaseType="N.Self"/>
    <EntityContainer Name="X"><EntitySet Name="As" EntityType="N.A"/><EntitySet Name="Selfs" EntityType="N.Self"/></EntityContainer>)"));
  EXPECT_EQ(shape(model.sets.at(0)), "c int64, b int64, a int64");
  ASSERT_EQ(model.problems.list.size(), 2U);
  EXPECT_EQ(model.problems.list[0], "line 4: 'N.A' inherits from itself through 'N.A': each type is taken once");
}

TEST(CsdlHostile, ALongChainOfBaseTypesIsCut) {
  std::string types;
  for (int i = 0; i < 5000; ++i)
    types += "<EntityType Name=\"T" + std::to_string(i) + "\" BaseType=\"N.T" + std::to_string(i + 1) + "\"><Property Name=\"p" +
             std::to_string(i) + "\" Type=\"Edm.Int32\"/></EntityType>";
  const Model model = parse_csdl(v4(types + R"(<EntityContainer Name="X"><EntitySet Name="S" EntityType="N.T0"/></EntityContainer>)"));
  EXPECT_EQ(model.sets.at(0).fields.size(), CsdlLimits().max_bases);
  EXPECT_EQ(model.problems.list.size(), 1U);
}

TEST(CsdlHostile, DeepNestingOverflowsNoStack) {
  const std::size_t depth = 1'000'000;
  EXPECT_EQ(refusal(repeated("<a>", depth) + repeated("</a>", depth)).substr(0, 35), "line 1: the root element is <a>, no");
  EXPECT_NE(refusal(repeated("<a>", depth)), "(taken)");
  EXPECT_NE(refusal("<!DOCTYPE " + repeated("<![", depth)), "(taken)");
}

TEST(CsdlHostile, SizesAreBounded) {
  CsdlLimits limits;
  limits.edmx.max_bytes = 1000;
  EXPECT_EQ(refusal(std::string(1001, ' '), limits), "the document has 1001 bytes, more than the 1000 that are read");
  limits = {};
  limits.edmx.max_elements = 10;
  EXPECT_EQ(refusal(repeated("<a>", 11), limits), "the document has 11 elements, more than the 10 that are read");
  limits = {};
  limits.edmx.max_attributes = 10;
  EXPECT_EQ(refusal("<a " + repeated("b='' ", 11) + ">", limits), "the document has 11 attributes, more than the 10 that are read");
}

TEST(CsdlHostile, FiveMegabytesOfProblemsAreToldInAHundredLines) {
  std::string properties;
  for (int i = 0; properties.size() < (5U << 20U); ++i)
    properties += "<Property Name=\"p" + std::to_string(i) + "\" Type=\"Nowhere.T" + std::to_string(i) + "\"/>\n";
  const Model model = parse_csdl(v4_things(properties));
  EXPECT_GT(model.sets.at(0).fields.size(), 80'000U);
  EXPECT_EQ(model.problems.list.size(), Problems::listed);
  EXPECT_EQ(model.problems.unlisted, model.sets[0].fields.size() - 1 - Problems::listed);
}

TEST(CsdlHostile, OtherEncodingsAreRead) {
  const std::string utf8 = v4_things("<Property Name=\"Größe\" Type=\"Edm.String\"/>");
  std::string utf16 = "\xFF\xFE";
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    const unsigned code = byte < 0x80 ? byte : (byte & 0x1FU) << 6U | (static_cast<unsigned char>(utf8[++i]) & 0x3FU);
    utf16.push_back(static_cast<char>(code & 0xFFU));
    utf16.push_back(static_cast<char>(code >> 8U));
  }
  EXPECT_EQ(shape(parse_csdl(utf16).sets.at(0)), "ID int64!, Größe utf8");
  EXPECT_EQ(shape(parse_csdl("\xEF\xBB\xBF" + utf8).sets.at(0)), "ID int64!, Größe utf8");
}

}  // namespace
}  // namespace switchgear::odata
