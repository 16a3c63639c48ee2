// Bytes -> what a page says of the next one. The first line names the members that make the next token; below it is a page, and below a
// byte 0xFF, which is in no UTF-8, another. Whatever the bytes, either all answers agree with one another, or it is an Error(protocol).
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "json_values.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/data/json_page.hpp"

namespace {

using namespace switchgear;

void require(bool holds) {
  if (!holds) std::abort();
}

std::string_view take_until(std::string_view& text, char end) {
  const std::string_view taken = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), taken.size() + 1));
  return taken;
}

std::vector<std::string> names_in(std::string_view line) {
  std::vector<std::string> names;
  while (!line.empty()) names.emplace_back(take_until(line, ' '));
  return names;
}

std::vector<std::uint64_t> look_at(std::string_view text, const std::vector<std::string>& fields, bool by_fields) {
  PagePointers pointers{"/items", "/next", "/removed", "/delta", "/total", "@", "/more"};
  if (by_fields) {
    pointers.next.reset();
    for (const std::string& field : fields) pointers.next_fields.push_back("/" + field);
  }
  const JsonPage page(Buffer(text), std::move(pointers));
  const std::size_t count = page.count_records();
  require(page.has_records() == (count > 0));
  require(page.bytes() <= text.size());  // without a byte order mark
  if (page.more() == false) require(!page.next());
  if (by_fields && page.next()) require(count > 0 && is_json(*page.next(), 1000));
  if (page.removed()) require(page.removed()->starts_with('['));
  std::vector<std::uint64_t> hashes = page.key_hashes(fields);
  require(hashes.size() == count && hashes == page.key_hashes(fields));
  if (fields.empty()) {
    for (const std::uint64_t hash : hashes) require(hash == 0);
  }
  return hashes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> fields = names_in(take_until(text, '\n'));
  while (!text.empty()) {
    const std::string_view page = take_until(text, '\xff');
    for (const bool by_fields : {false, true}) {
      try {
        look_at(page, fields, by_fields);
      } catch (const Error& error) {
        require(error.category == Category::protocol && !error.hint.empty());
      }
    }
  }
  return 0;
}
