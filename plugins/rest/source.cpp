#include "source.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "json_text.hpp"
#include "switchgear/sdk/error.hpp"
#include "table.hpp"

namespace switchgear::rest {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_file = 4U << 20U;

sdk::Error wrong(const std::string& message, const std::string& hint) {
  return sdk::Error(sdk::Category::config, "description", message).with_hint(hint);
}

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code failed;
  if (!file || fs::is_directory(path, failed))
    throw wrong("the description '" + path + "' can't be read" + (fs::exists(path, failed) ? "" : ": there is no such file"),
                "give the path of a TOML file, the name of a shipped description, or TOML itself");
  std::string text(largest_file + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > largest_file) throw wrong("the description '" + path + "' is larger than 4 MiB", "check that it is a description");
  return text;
}

std::vector<std::string> shipped(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (fs::directory_iterator item(folder, ignored), end; !ignored && item != end; item.increment(ignored)) {
    if (item->path().extension() == ".toml") names.push_back(item->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

Description find_description(const std::string& given, const std::string& folder) {
  if (given.find_first_of("\n=") != std::string::npos) return load_description(given, "description");
  if (given.find('/') != std::string::npos || ends_with(given, ".toml"))
    return load_description(read_file(given), fs::path(given).filename().string());
  const std::vector<std::string> names = shipped(folder);
  if (std::find(names.begin(), names.end(), given) == names.end())
    throw wrong("there is no shipped description '" + given + "'" + did_you_mean(given, names),
                "shipped are " + listed(names) + "; a file of your own is given by its path");
  return load_description(read_file(folder + "/" + given + ".toml"), given + ".toml");
}

Variables variables_of(const Description& description, const std::string& json) {
  Variables values;
  std::vector<std::string> known;
  for (const Variable& variable : description.variables) {
    known.push_back(variable.name);
    if (variable.value) values[variable.name] = *variable.value;
  }
  try {
    if (!json.empty() && json != "null") {
      for (const auto& [name, value] : members(whole_value(json))) {
        if (std::find(known.begin(), known.end(), name) == known.end())
          throw wrong("'variables' names '" + name + "', which " + description.origin + " does not have" + did_you_mean(name, known),
                      known.empty() ? "it has no variables" : "it has " + listed(known));
        values[name] = text_of(value);
      }
    }
  } catch (const JsonError& error) {
    throw wrong("'variables' is " + std::string(error.what()), R"(give an object of texts, as {"account": "123456"})");
  }
  for (const Variable& variable : description.variables) {
    if (values.count(variable.name) == 0)
      throw wrong(description.origin + " needs the variable '" + variable.name + "'" + (variable.doc.empty() ? "" : ": " + variable.doc),
                  "give variables={\"" + variable.name + "\": \"…\"}");
  }
  return values;
}

std::string base_url(const Description& description, const std::string& configured, const Variables& variables) {
  std::string url = configured;
  if (url.empty()) {
    if (description.url.empty()) throw wrong(description.origin + " names no URL", "give url=\"https://…\"");
    const auto value_of = [&](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      if (found->second.find_first_of("/@?#: \\") != std::string::npos)
        throw wrong("the variable '" + found->first + "' is '" + found->second + "', which would lead the URL elsewhere",
                    "check its value");
      return found->second;
    };
    url = description.url.render(value_of);
  }
  if (url.find_first_of("?#") != std::string::npos)
    throw wrong("the URL '" + url + "' has a query or a fragment: it has to be the base alone", "put parameters under [params]");
  if (url.substr(0, 7) != "http://" && url.substr(0, 8) != "https://")
    throw wrong("the URL '" + url + "' begins with neither https:// nor http://", "give the whole URL");
  while (!url.empty() && url.back() == '/') url.pop_back();
  return url;
}

}  // namespace switchgear::rest
