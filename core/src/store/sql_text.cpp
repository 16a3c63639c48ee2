#include "sql_text.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "switchgear/base/error.hpp"

namespace switchgear::store_detail {
namespace {

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

Error wrong(std::string_view sql, const std::string& why) {
  return {Category::internal, "sql", why + ", in the statement: " + std::string(sql)};
}

/// The names behind colons, outside quotes.
std::vector<std::string_view> named_parameters(std::string_view sql) {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const std::string_view rest = sql.substr(i);
    if (sql[i] == '\'' || sql[i] == '"') {
      const auto end = sql.find(sql[i], i + 1);
      if (end == std::string_view::npos) throw wrong(sql, "a quotation mark is never closed");
      i = end;
    } else if (rest.starts_with("--") || rest.starts_with("/*")) {
      throw wrong(sql, "comments are not allowed");
    } else if (sql[i] == ';') {
      throw wrong(sql, "one statement at a time, without a semicolon");
    } else if (rest.starts_with("::")) {
      throw wrong(sql, "a cast is written cast(… as …)");
    } else if (sql[i] == ':') {
      const auto* const end = std::find_if_not(rest.begin() + 1, rest.end(), is_name);
      names.push_back(rest.substr(1, static_cast<std::size_t>(end - rest.begin()) - 1));
      i += names.back().size();
    }
  }
  return names;
}

}  // namespace

void check_statement(std::string_view sql, const SqlParameters& parameters) {
  const auto names = named_parameters(sql);
  for (const auto& name : names) {
    const auto given = std::count_if(parameters.begin(), parameters.end(), [&](const SqlParameter& p) { return p.name == name; });
    if (given != 1) throw wrong(sql, "parameter :" + std::string(name) + " is given " + std::to_string(given) + " times");
  }
  for (const auto& [name, value] : parameters) {
    if (std::find(names.begin(), names.end(), name) == names.end()) throw wrong(sql, "there is no parameter :" + std::string(name));
    if (const auto* text = std::get_if<std::string>(&value); text != nullptr && text->find('\0') != std::string::npos) {
      throw Error(Category::data, "text", "the text for :" + std::string(name) + " holds a zero byte, which the store cannot keep")
          .with_hint("encode binary values, as base64 for example");
    }
  }
}

}  // namespace switchgear::store_detail
