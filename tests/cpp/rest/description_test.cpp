#include "description.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

constexpr const char* sound = R"(name = "plant"
url = "https://{host}/api"
variables = { host = { doc = "the server" }, site = { default = "S1" } }
auth = { kind = "header", name = "X-Key", secret = "api_key" }
headers = { X-Site = "{site}" }
[paging]
style = "offset"
param = "offset"
size_param = "limit"
size = 100
[[entities]]
name = "assets"
path = "/assets"
records = "/items"
key = ["id"]
cursor = "changed"
changes = { since = { changed_since = "{value}" } }
[[entities]]
name = "meters"
path = "/assets/{id}/meters"
parent = { entity = "assets", fields = { asset_id = "id" } }
[entities.paging]
style = "none"
)";

std::string problem(const std::string& toml) {
  try {
    load_description(toml, "plant.toml");
    return "none";
  } catch (const sdk::Error& error) {
    EXPECT_EQ(error.category, sdk::Category::config);
    EXPECT_EQ(error.detail, "description");
    EXPECT_FALSE(error.hint.empty());
    return error.what();
  }
}

/// The problem with one entity whose other parts are sound.
std::string entity_problem(const std::string& lines) {
  return problem("name = \"p\"\nurl = \"http://h\"\n[[entities]]\nname = \"a\"\npath = \"/a\"\n" + lines);
}

std::string paging_problem(const std::string& lines) { return entity_problem("[entities.paging]\n" + lines); }

TEST(Description, IsReadInTheOrderInWhichItIsWritten) {
  const Description made = load_description(sound, "plant.toml");
  ASSERT_EQ(made.entities.size(), 2U);
  EXPECT_EQ(made.entities[0].name, "assets");
  EXPECT_EQ(made.entities[0].paging.style, Style::offset);
  EXPECT_EQ(made.entities[0].paging.size, 100);
  EXPECT_EQ(made.entities[1].paging.style, Style::none);
  EXPECT_EQ(made.entities[1].parent.fields, (Pairs{{"asset_id", "id"}}));
  EXPECT_EQ(made.variables.at(0).value, std::nullopt);
  EXPECT_EQ(made.variables.at(1).value, "S1");
  EXPECT_EQ(made.auth.kind, Auth::Kind::header);
}

TEST(Description, IsTomlWithALineForWhatIsNot) {
  EXPECT_NE(problem("name = \"p\"\nurl = \n").find("plant.toml:2: "), std::string::npos) << problem("name = \"p\"\nurl = \n");
  EXPECT_NE(problem("a = 1\na = 2\n").find("plant.toml:2: "), std::string::npos);
}

// toml++ 3.3 stopped the process here.
TEST(Description, ATableWithoutANameIsRefused) {
  EXPECT_EQ(problem("name = \"p\"\n[!x]\n").find("plant.toml:2: a table or key has a name that"), 0U) << problem("name = \"p\"\n[!x]\n");
  EXPECT_EQ(problem("[[ =]]\n").find("plant.toml:1: "), 0U);
}

struct Wrong {
  const char *lines, *expected;
};

TEST(Description, AnUnknownKeyIsRefusedWithTheNearestRightOne) {
  EXPECT_EQ(entity_problem("recrods = \"/x\"\n"), "plant.toml:6: entities[0].recrods: there is no such key here, did you mean 'records'?");
  EXPECT_EQ(paging_problem("style = \"cursor\"\nparam = \"c\"\nnxt = \"/n\"\n"),
            "plant.toml:9: entities[0].paging.nxt: there is no such key here, did you mean 'next'?");
  EXPECT_NE(problem("nam = \"x\"\n").find("plant.toml:1: 'name' is missing"), std::string::npos);
}

TEST(Description, AnUnknownStyleIsRefusedWithTheNearestRightOne) {
  const std::string said = paging_problem("style = \"cursr\"\n");
  EXPECT_NE(said.find("plant.toml:7: entities[0].paging.style: 'cursr' is none of"), std::string::npos) << said;
  EXPECT_NE(said.find("did you mean 'cursor'?"), std::string::npos) << said;
}

TEST(Description, ABadPointerIsRefused) {
  EXPECT_EQ(entity_problem("records = \"data\"\n"), "plant.toml:6: entities[0].records: 'data' is no JSON pointer, did you mean '/data'?");
  EXPECT_NE(entity_problem("records = \"/a~b\"\n").find("is no JSON pointer"), std::string::npos);
}

TEST(Description, AMissingPathParameterIsRefused) {
  EXPECT_NE(problem("name = \"p\"\nvariables = { site = { default = \"1\" } }\n[[entities]]\nname = \"a\"\npath = \"/{sites}/a\"\n")
                .find("plant.toml:5: entities[0].path: nothing fills {sites}, did you mean 'site'?"),
            std::string::npos);
  const std::string parents =
      "name = \"p\"\n[[entities]]\nname = \"assets\"\npath = \"/a\"\nfields = [{ name = \"asset_id\", type = \"int64\" }]\n";
  const std::string said = problem(parents + "[[entities]]\nname = \"m\"\npath = \"/a/{aset_id}\"\nparent = { entity = \"assets\" }\n");
  EXPECT_NE(said.find("plant.toml:8: entities[1].path: there is no field 'aset_id', did you mean 'asset_id'?"), std::string::npos) << said;
  EXPECT_NE(problem(parents + "[[entities]]\nname = \"m\"\npath = \"/a/{asset_id}\"\nparent = { entity = \"asets\" }\n")
                .find("there is no entity 'asets', did you mean 'assets'?"),
            std::string::npos);
}

TEST(Description, AWrongTypeIsRefused) {
  for (const Wrong& wrong : std::vector<Wrong>{
           {"records = 5\n", "entities[0].records: expected a text, got a whole number"},
           {"key = 5\n", "entities[0].key: expected a text or a list of texts"},
           {"key = [1]\n", "one of them is a whole number"},
           {"params = \"x\"\n", "entities[0].params: expected a table, got a text"},
           {"single = \"yes\"\n", "entities[0].single: expected true or false, got a text"},
           {"params = { a = [1] }\n", "entities[0].params.a: expected a text, got a list"},
           {"fields = [{ name = \"a\", type = \"int46\" }]\n", "did you mean 'int64'?"},
           {"fields = [{ name = \"a\", type = \"decimal\", precision = 39 }]\n", "it has to be from 1 to 38"},
           {"fields = [{ name = \"a\", type = \"utf8\", scale = 1 }]\n", "only a field of type 'decimal' has it"},
           {"fields = [{ name = \"a\", type = \"list\" }]\n", "a list says what its items are"},
           {"fields = [{ name = \"a\", type = \"utf8\" }, { name = \"a\", type = \"utf8\" }]\n", "'a' is named twice"},
           {"method = \"PUT\"\n", "'PUT' is none of 'GET' and 'POST'"},
       }) {
    const std::string said = entity_problem(wrong.lines);
    EXPECT_NE(said.find(wrong.expected), std::string::npos) << wrong.lines << said;
    EXPECT_EQ(said.find("plant.toml:6: "), 0U) << said;
  }
}

TEST(Description, AContradictionIsRefused) {
  for (const Wrong& wrong : std::vector<Wrong>{
           {"send = \"body\"\n", "GET has no body"},
           {"body = { a = 1 }\n", "GET has none"},
           {"changes = { since = { s = \"{value}\" } }\n", "the entity has no 'cursor'"},
           {"changes = { since = { s = \"{vale}\" } }\ncursor = \"c\"\n", "nothing fills {vale}, did you mean 'value'?"},
           {"format = \"csv\"\nrecords = \"/a\"\n", "there is nothing to point to"},
           {"format = \"csv\"\n", "it needs [entities.paging]"},
           {"format = \"xml\"\n", "the path of the repeated element"},
           {"csv = { delimiter = \";\" }\n", "it is for format = \"csv\""},
           {"row_names = [\"a\"]\nrow_names_at = \"/n\"\n", "not both"},
           {"key = [\"x\"]\nfields = [{ name = \"id\", type = \"utf8\" }]\n", "there is no field 'x'"},
           {"filters = [{ operators = [\"=\"] }]\n", "'param' is missing"},
           {"filters = [{ operators = [\"=>\"], param = \"p\" }]\n", "'=>' is none of"},
           {"filters = [{ operators = [\"=\"], param = \"p\", quote = \"'\" }]\n", "quoted texts need the characters that would end them"},
           {"writes = [{ op = \"create\", method = \"POST\" }]\n", "'path' is missing"},
           {"writes = [{ op = \"crate\", method = \"POST\", path = \"/\" }]\n", "did you mean 'create'?"},
           {"writes = [{ op = \"update\", method = \"PUT\", path = \"/{kee}\" }]\n", "nothing fills {kee}, did you mean 'key'?"},
           {"writes = [{ op = \"create\", method = \"POST\", path = \"/\", most = 5 }]\n", "goes with body = \"records\""},
           {"writes = [{ op = \"create\", method = \"POST\", path = \"/\", statuses = [20] }]\n", "a list of HTTP statuses"},
           {"parent = { entity = \"a\" }\n", "'a' is its own parent in the end"},
           {"headers = { X = \"{y}\" }\n", "nothing fills {y}"},
       }) {
    EXPECT_NE(entity_problem(wrong.lines).find(wrong.expected), std::string::npos) << wrong.lines << entity_problem(wrong.lines);
  }
}

TEST(Description, PagingKeysBelongToTheirStyle) {
  for (const Wrong& wrong : std::vector<Wrong>{
           {"size = 5\n", "'style' is missing"},
           {"style = \"cursor\"\nnext = \"/n\"\n", "'param' is missing: the style 'cursor' needs it"},
           {"style = \"cursor\"\nparam = \"c\"\n", "it is missing: where the reply says how to go on"},
           {"style = \"cursor\"\nparam = \"c\"\nnext = \"/n\"\nnext_header = \"N\"\n", "not both"},
           {"style = \"cursor\"\nparam = \"c\"\nnext = \"\"\n", "it points to the whole reply"},
           {"style = \"page\"\nparam = \"p\"\noverlap = 3\n", "the style 'page' has no such key; it belongs to 'offset'"},
           {"style = \"none\"\nsize = 3\n", "the style 'none' has no pages"},
           {"style = \"offset\"\nparam = \"o\"\noverlap = 3\n", "'overlap' tells records that were read twice by their key"},
           {"style = \"offset\"\nparam = \"o\"\nsize_param = \"l\"\noverlap = 3\naligned = true\n", "it contradicts 'aligned'"},
           {"style = \"offset\"\nparam = \"o\"\nsize_param = \"l\"\nsize = 9\nmax_size = 3\n", "more than max_size (3)"},
           {"style = \"keyset\"\nfields = [\"/id\"]\nparams = { after = \"x\" }\n", "use {0}"},
           {"style = \"keyset\"\nfields = [\"/id\"]\nparams = { after = \"{1}\" }\n", "nothing fills {1}"},
           {"style = \"keyset\"\nfields = []\nparams = { after = \"x\" }\n", "it is empty"},
           {"style = \"window\"\nfrom_param = \"f\"\nuntil_param = \"u\"\n", "'more' is missing"},
           {"style = \"window\"\nfrom_param = \"f\"\nuntil_param = \"u\"\nmore = \"/m\"\nstart = \"once\"\n", "is no time"},
           {"style = \"page\"\nparam = \"p\"\nfirst = 2\n", "it has to be from 0 to 1"},
       }) {
    EXPECT_NE(paging_problem(wrong.lines).find(wrong.expected), std::string::npos) << wrong.lines << paging_problem(wrong.lines);
  }
}

TEST(Description, TheRestOfItIsCheckedAsWell) {
  const std::string entity = "[[entities]]\nname = \"a\"\npath = \"/a\"\n";
  for (const Wrong& wrong : std::vector<Wrong>{
           {"auth = { kind = \"bearr\", secret = \"token\" }\n", "did you mean 'bearer'?"},
           {"auth = { kind = \"bearer\", secret = \"tokn\" }\n", "did you mean 'token'?"},
           {"auth = { kind = \"bearer\" }\n", "secret: it is missing"},
           {"auth = { kind = \"none\", secret = \"token\" }\n", "this kind of auth has none"},
           {"auth = { kind = \"header\", secret = \"token\" }\n", "name: it is missing"},
           {"errors = { message = \"/m\" }\n", "it says nothing"},
           {"errors = { when = \"/e\", code = \"/c\", categories = { x = \"rate_limt\" } }\n", "did you mean 'rate_limit'?"},
           {"rate_limit = { unit = \"seconds\" }\n", "it names no header"},
           {"url = \"https://{acount}.x\"\nvariables = { account = {} }\n", "nothing fills {acount}, did you mean 'account'?"},
           {"url = \"https://{x\"\n", "is never closed"},
       }) {
    const std::string said = problem("name = \"p\"\n" + std::string(wrong.lines) + entity);
    EXPECT_NE(said.find(wrong.expected), std::string::npos) << wrong.lines << said;
  }
  EXPECT_NE(problem("name = \"p\"\n").find("it describes no entity"), std::string::npos);
  EXPECT_NE(problem("name = \"p\"\n" + entity + entity).find("'a' is described twice"), std::string::npos);
}

TEST(Description, WritesAreReadInFull) {
  const Description made = load_description(R"(name = "p"
[[entities]]
name = "orders"
path = "/orders"
key = ["id"]
[[entities.writes]]
op = "create"
method = "POST"
path = "/orders"
wrap = "/order"
key = "/order/id"
statuses = [201]
idempotency_header = "Idempotency-Key"
[[entities.writes]]
op = "update"
method = "PATCH"
path = "/orders/{id}"
body = "changes"
)",
                                            "p.toml");
  ASSERT_EQ(made.entities[0].writes.size(), 2U);
  EXPECT_EQ(made.entities[0].writes[0].wrap, "/order");
  EXPECT_EQ(made.entities[0].writes[0].statuses, std::vector<std::int64_t>{201});
  EXPECT_EQ(made.entities[0].writes[1].body, "changes");
}

}  // namespace
}  // namespace switchgear::rest
