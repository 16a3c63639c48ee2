// Any bytes as a reply: an error that says where, or JSON whose records are found again. The first byte chooses the format.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "description.hpp"
#include "detect.hpp"
#include "formats.hpp"
#include "json_text.hpp"
#include "link_header.hpp"
#include "paging.hpp"
#include "switchgear/sdk/error.hpp"

namespace {

using namespace switchgear;

rest::Entity entity_of(const std::string& lines) {
  return rest::load_description("name = \"f\"\n[[entities]]\nname = \"a\"\npath = \"/a\"\npaging = { style = \"none\" }\n" + lines,
                                "f.toml")
      .entities[0];
}

const std::vector<rest::Entity>& entities() {
  static const std::string fields =
      "fields = [{ name = \"id\", type = \"int64\" }, { name = \"ok\", type = \"bool\" }, { name = \"t\", type = \"list\", item = { type = "
      "\"utf8\" } }]\n";
  static const std::vector<rest::Entity> made = {
      entity_of("format = \"ndjson\"\n"),
      entity_of("format = \"csv\"\n" + fields),
      entity_of("format = \"csv\"\ncsv = { delimiter = \";\", header = [\"id\", \"ok\"], open_end = true }\n" + fields),
      entity_of("format = \"xml\"\nrecords = \"/R/I\"\n" + fields),
      entity_of("records = \"/rows\"\nrow_names_at = \"/columns\"\n"),
      entity_of("single = true\nrecords = \"/r\"\n"),
  };
  return made;
}

void read(const rest::Entity& entity, std::string_view body) {
  const rest::Converted made = rest::convert(entity, body);
  for (const std::string_view record : rest::records_of(made.json, made.records)) rest::members(record);
  rest::whole_value(made.json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::size_t choice = data[0] % (entities().size() + 2);
  try {
    if (choice < entities().size()) {
      read(entities()[choice], body);
    } else if (choice == entities().size()) {
      rest::link_target(body, "next");
    } else {
      std::string inner;
      const rest::Entity& entity = entities().front();
      const rest::Detected found = rest::detect(entity, {body, [](std::string_view) { return std::string(); }});
      rest::from_token(entity, found.to_token("x"), inner);
      if (inner != "x") __builtin_trap();
    }
  } catch (const sdk::Error&) {
  } catch (const rest::JsonError&) {
    // Rows and records may hold what is no JSON deeper down: the host parses all of a page.
  }
  return 0;
}
