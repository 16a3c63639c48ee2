#include "formats.hpp"

#include <gtest/gtest.h>

#include "json_text.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

Entity entity_of(const std::string& lines) {
  return load_description("name = \"p\"\n[[entities]]\nname = \"a\"\npath = \"/a\"\npaging = { style = \"none\" }\n" + lines, "p.toml")
      .entities[0];
}

const char* const typed = R"(
fields = [ { name = "id", type = "int64" }, { name = "cost", type = "decimal" }, { name = "ok", type = "bool" }, { name = "name", type = "utf8" },
           { name = "tag", type = "list", item = { type = "utf8" } } ]
)";

template <class Body>
std::string problem(Body&& body) {
  try {
    body();
    return "none";
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.category, sdk::Category::protocol);
    return error.what();
  }
}

TEST(Ndjson, LinesAreRecords) {
  EXPECT_EQ(from_ndjson("{\"a\":1.10}\r\n\n {\"b\":\"x\\n\"} \n{\"c\":2}").json, R"([{"a":1.10},{"b":"x\n"},{"c":2}])");
  EXPECT_EQ(from_ndjson("").json, "[]");
  EXPECT_EQ(from_ndjson("\xEF\xBB\xBF{}\n").json, "[{}]");
}

TEST(Ndjson, ACutLineIsAnErrorAndNoShorterPage) {
  for (const auto* const broken : {"{\"a\":1}\n{\"a\":", "{\"a\":1}\n[1]", "{\"a\":1}\n{\"a\":1},{\"b\":2}", "{}\n{\"a\":\n1}"})
    EXPECT_NE(problem([&] { from_ndjson(broken); }).find("line 2 of the reply"), std::string::npos) << broken;
}

TEST(Csv, CellsByRfc4180) {
  const Entity entity = entity_of(std::string("format = \"csv\"\n") + typed);
  EXPECT_EQ(from_csv(entity, "id,name,cost,ok\r\n1,\"a \"\"b\"\", c\nd\",12345678901234567890.10,true\r\n2,,,\r\n3,\"\",007,0\n").json,
            R"([{"id":1,"name":"a \"b\", c\u000ad","cost":12345678901234567890.10,"ok":true},)"
            R"({"id":2,"name":null,"cost":null,"ok":null},{"id":3,"name":"","cost":"007","ok":false}])");
}

TEST(Csv, HeadersDelimitersAndUnknownColumns) {
  EXPECT_EQ(from_csv(entity_of("format = \"csv\"\ncsv = { delimiter = \";\", header = [\"a\", \"b\"] }\n"), "1;2,5\n").json,
            R"([{"a":"1","b":"2,5"}])");
  EXPECT_EQ(from_csv(entity_of("format = \"csv\"\n"), "").json, "[]");
  EXPECT_EQ(from_csv(entity_of("format = \"csv\"\n"), "a,b\n").json, "[]");
}

TEST(Csv, BrokenLinesAreNamed) {
  const Entity entity = entity_of("format = \"csv\"\n");
  EXPECT_NE(problem([&] { from_csv(entity, "a,b\n1,2\n3\n"); }).find("line 3 of the reply: it has 1 cells, the header 2"),
            std::string::npos);
  EXPECT_NE(problem([&] { from_csv(entity, "a,b\n\"x\ny\",2\n3\n"); }).find("line 4"), std::string::npos) << "a cell of two lines";
  EXPECT_NE(problem([&] { from_csv(entity, "a\n\"cut"); }).find("does not end"), std::string::npos);
  EXPECT_NE(problem([&] { from_csv(entity, "a\n\"x\"y\n"); }).find("follows a closing quote"), std::string::npos);
  EXPECT_NE(problem([&] { from_csv(entity, "a,a\n"); }).find("two columns are called 'a'"), std::string::npos);
}

// Half of a last cell looks whole.
TEST(Csv, AReplyThatIsCutInItsLastCellIsAnError) {
  EXPECT_NE(problem([&] { from_csv(entity_of("format = \"csv\"\n"), "a,b\n1,2026-01-01\n2,2026"); }).find("may have been cut off"),
            std::string::npos);
  EXPECT_EQ(from_csv(entity_of("format = \"csv\"\ncsv = { open_end = true }\n"), "a\n1").json, R"([{"a":"1"}])");
}

TEST(Xml, ElementsAttributesAndRepetitions) {
  const Entity entity = entity_of(std::string("format = \"xml\"\nrecords = \"/Reply/Items/Item\"\n") + typed);
  const Converted made = from_xml(entity, R"(<?xml version="1.0"?><x:Reply xmlns:x="urn:x" more="yes"><Items><Item href="/1"><id>1</id>
    <cost>12345678901234567890.10</cost><ok>true</ok><name>A &amp; B</name><tag>t</tag><extra><a>1</a><a>2</a></extra></Item>
    <Item xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><id>2</id><name/><cost/><ok xsi:nil="true"/></Item></Items><Next>p2</Next></x:Reply>)");
  EXPECT_EQ(find(made.json, "/records"),
            R"([{"@href":"/1","id":1,"cost":12345678901234567890.10,"ok":true,"name":"A & B","tag":["t"],"extra":{"a":["1","2"]}},)"
            R"({"id":2,"name":"","cost":null,"ok":null}])");
  EXPECT_EQ(find(made.json, made.prefix + "/Reply/Next"), "\"p2\"");
  EXPECT_EQ(find(made.json, made.prefix + "/Reply/@more"), "\"yes\"");
  EXPECT_EQ(find(made.json, made.prefix + "/Reply/Items"), "{}") << "records are not there twice";
}

TEST(Xml, AnEmptyListIsOneAndAnotherRootIsNot) {
  const Entity entity = entity_of("format = \"xml\"\nrecords = \"/Reply/Items/Item\"\n");
  EXPECT_EQ(find(from_xml(entity, "<Reply><Items/></Reply>").json, "/records"), "[]");
  EXPECT_NE(problem([&] { from_xml(entity, "<Fault><Text>no</Text></Fault>"); }).find("its root is 'Fault'"), std::string::npos);
  EXPECT_NE(problem([&] { from_xml(entity, "<Reply><Error>no</Error></Reply>"); }).find("no element in which"), std::string::npos);
}

TEST(Xml, ACutDocumentIsAnErrorWithItsLine) {
  const Entity entity = entity_of("format = \"xml\"\nrecords = \"/R/I\"\n");
  EXPECT_NE(problem([&] { from_xml(entity, "<R>\n<I>1</I>\n<I>"); }).find("line 3 of the reply is no XML"), std::string::npos)
      << problem([&] { from_xml(entity, "<R>\n<I>1</I>\n<I>"); });
  std::string deep = "<R><I>";
  for (int i = 0; i < 400; ++i) deep += "<a>";
  deep += "x";
  for (int i = 0; i < 400; ++i) deep += "</a>";
  EXPECT_NE(problem([&] { from_xml(entity, deep + "</I></R>"); }).find("nests deeper"), std::string::npos);
}

// Odoo and SQL services give rows: [[7, "pump"]].
TEST(Rows, ListsOfValuesGetTheirNames) {
  const Converted made = from_rows(entity_of("records = \"/rows\"\nrow_names_at = \"/columns\"\n"),
                                   R"({"columns":["id",{"name":"text"}],"rows":[[9007199254740993,"a"],[2,null]],"more":true})");
  EXPECT_EQ(find(made.json, made.records), R"([{"id":9007199254740993,"text":"a"},{"id":2,"text":null}])");
  EXPECT_EQ(find(made.json, made.prefix + "/more"), "true");
  EXPECT_EQ(find(from_rows(entity_of("row_names = [\"id\", \"text\"]\n"), R"([[1,"x"]])").json, "/records/0/text"), "\"x\"");
}

// `[[id, "text"]]` with status 200, where a refusal is prose.
TEST(Rows, ARefusalInProseIsNoRecord) {
  const Entity entity = entity_of("row_names = [\"id\", \"text\"]\n");
  EXPECT_NE(problem([&] { convert(entity, R"("You may not read this")"); }).find("no list of records"), std::string::npos);
  EXPECT_NE(problem([&] { convert(entity, R"([[1,"x"],["You may not read this"]])"); }).find("has 1 values, 2 are named"),
            std::string::npos);
  EXPECT_NE(problem([&] { convert(entity, R"([{"message":"no"}])"); }).find("no list of values"), std::string::npos);
}

TEST(Single, OneRecordIsAListOfOne) {
  EXPECT_EQ(from_single(entity_of("single = true\nrecords = \"/result\"\n"), R"({"result":{"id":1}})").json, R"([{"id":1}])");
  EXPECT_NE(problem([&] { from_single(entity_of("single = true\n"), "[]"); }).find("no record at ''"), std::string::npos);
}

}  // namespace
}  // namespace switchgear::rest
