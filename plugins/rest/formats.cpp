#include "formats.hpp"

#include <algorithm>

#include "json_text.hpp"
#include "paging.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

constexpr std::string_view bom = "\xEF\xBB\xBF";

[[noreturn]] void broken(const char* format, std::size_t line, const std::string& what) {
  throw sdk::Error(sdk::Category::protocol, format, "line " + std::to_string(line) + " of the reply: " + what)
      .with_hint("the reply may have been cut off on its way, or be an error of the source");
}

std::string_view without_bom(std::string_view body) { return body.substr(0, bom.size()) == bom ? body.substr(bom.size()) : body; }

/// The cells of CSV, one line after the other. A quoted cell is told from a bare one: only a bare one can be null.
class CsvReader {
 public:
  struct Cell {
    std::string text;
    bool quoted = false;
  };

  CsvReader(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {}

  std::size_t line() const { return line_; }

  /// False at the end. Lines without anything are passed over.
  bool next(std::vector<Cell>& cells) {
    while (at_ < text_.size()) {
      line_ += lines_of_last_;
      lines_of_last_ = 0;
      cells.clear();
      read_line(cells);
      if (cells.size() > 1 || cells.front().quoted || !cells.front().text.empty()) return true;
    }
    return false;
  }

 private:
  void read_line(std::vector<Cell>& cells) {
    while (true) {
      cells.push_back(cell());
      if (at_ < text_.size() && text_[at_] == delimiter_) {
        ++at_;
        continue;
      }
      if (at_ < text_.size() && text_[at_] == '\r') ++at_;
      if (at_ < text_.size() && text_[at_] == '\n') ++at_;
      ++lines_of_last_;
      return;
    }
  }

  Cell cell() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted_cell();
    Cell bare;
    const std::size_t begin = at_;
    while (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n' && text_[at_] != '\r') ++at_;
    bare.text = text_.substr(begin, at_ - begin);
    return bare;
  }

  Cell quoted_cell() {
    Cell found{"", true};
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] != '"') {
        if (text_[at_] == '\n') ++lines_of_last_;
        found.text.push_back(text_[at_]);
      } else if (text_.substr(at_ + 1, 1) == "\"") {
        found.text.push_back('"');
        ++at_;
      } else {
        ++at_;
        const bool ends = at_ == text_.size() || text_[at_] == delimiter_ || text_[at_] == '\n' || text_[at_] == '\r';
        if (!ends) broken("csv", line_ + lines_of_last_, "text follows a closing quote");
        return found;
      }
    }
    broken("csv", line_, "a quoted cell does not end");
  }

  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0, line_ = 1, lines_of_last_ = 0;
};

std::vector<std::string> csv_header(const Entity& entity, CsvReader& reader) {
  if (!entity.csv.header.empty()) return entity.csv.header;
  std::vector<CsvReader::Cell> cells;
  std::vector<std::string> header;
  if (!reader.next(cells)) return header;
  for (const CsvReader::Cell& cell : cells) {
    if (std::find(header.begin(), header.end(), cell.text) != header.end())
      broken("csv", reader.line(), "two columns are called '" + cell.text + "'");
    header.push_back(cell.text);
  }
  return header;
}

/// Nested values in a cell or an element are JSON, where they are anything.
bool is_json(const std::string& text) {
  try {
    return !whole_value(text).empty();
  } catch (const JsonError&) {
    return false;
  }
}

bool is_numeric(std::string_view type) { return type == "int64" || type == "uint64" || type == "float64" || type == "decimal"; }

std::string row_object(const std::vector<std::string>& names, std::string_view row) {
  const auto values = items(row);
  if (values.size() != names.size())
    throw sdk::Error(sdk::Category::protocol, "rows",
                     "a record has " + std::to_string(values.size()) + " values, " + std::to_string(names.size()) +
                         " are named: " + std::string(row.substr(0, 80)));
  std::string json = "{";
  for (std::size_t i = 0; i < values.size(); ++i) json.append(i > 0 ? "," : "").append(quoted(names[i])).append(":").append(values[i]);
  return json + "}";
}

}  // namespace

std::string typed_value(const Entity& entity, std::string_view column, const std::string& text, bool empty_is_null) {
  const auto field = std::find_if(entity.fields.begin(), entity.fields.end(), [&](const Field& each) { return each.name == column; });
  const std::string type = field == entity.fields.end() ? "" : field->type;
  const bool textual = type == "utf8";
  if (text.empty() && empty_is_null && !textual) return "null";
  if (is_numeric(type) && is_number(text)) return text;
  if ((type == "list" || type == "struct" || type == "json") && is_json(text)) return text;
  if (type == "bool" && (text == "true" || text == "false")) return text;
  if (type == "bool" && (text == "TRUE" || text == "True" || text == "1")) return "true";
  if (type == "bool" && (text == "FALSE" || text == "False" || text == "0")) return "false";
  return quoted(text);
}

bool needs_conversion(const Entity& entity) {
  return entity.format != Format::json || entity.single || !entity.row_names.empty() || entity.row_names_at;
}

Converted convert(const Entity& entity, std::string_view body) {
  try {
    if (entity.format == Format::ndjson) return from_ndjson(body);
    if (entity.format == Format::csv) return from_csv(entity, body);
    if (entity.format == Format::xml) return from_xml(entity, body);
    if (entity.single) return from_single(entity, body);
    return from_rows(entity, body);
  } catch (const JsonError& error) {
    throw sdk::Error(sdk::Category::protocol, "json", "the reply is " + std::string(error.what()));
  }
}

Converted from_ndjson(std::string_view body) {
  Converted made;
  made.json = "[";
  body = without_bom(body);
  std::size_t number = 0;
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    try {
      const std::string_view value = whole_value(line);
      if (value.front() != '{') throw JsonError("no JSON object");
      made.json.append(made.json.size() > 1 ? "," : "").append(value);
    } catch (const JsonError& error) {
      broken("ndjson", number, error.what());
    }
  }
  made.json.push_back(']');
  return made;
}

Converted from_csv(const Entity& entity, std::string_view body) {
  Converted made;
  made.json = "[";
  const std::string_view text = without_bom(body);
  // RFC 4180 lets the last line go without its break: but so does a reply that was cut within its last cell.
  if (!entity.csv.open_end && !text.empty() && text.back() != '\n')
    throw sdk::Error(sdk::Category::protocol, "csv", "the reply's last line does not end: it may have been cut off")
        .with_hint("if this source never ends it, say so: csv = { open_end = true }");
  CsvReader reader(text, entity.csv.delimiter);
  const std::vector<std::string> header = csv_header(entity, reader);
  std::vector<CsvReader::Cell> cells;
  while (reader.next(cells)) {
    if (cells.size() != header.size())
      broken("csv", reader.line(), "it has " + std::to_string(cells.size()) + " cells, the header " + std::to_string(header.size()));
    made.json.append(made.json.size() > 1 ? ",{" : "{");
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const bool null = cells[i].text.empty() && !cells[i].quoted;
      made.json.append(i > 0 ? "," : "").append(quoted(header[i])).append(":");
      made.json.append(null ? "null" : typed_value(entity, header[i], cells[i].text, true));
    }
    made.json.push_back('}');
  }
  made.json.push_back(']');
  return made;
}

Converted from_rows(const Entity& entity, std::string_view body) {
  std::vector<std::string> names = entity.row_names;
  if (entity.row_names_at) {
    const auto found = find(body, *entity.row_names_at);
    if (!found || found->substr(0, 1) != "[")
      throw sdk::Error(sdk::Category::protocol, "rows", "the reply has no list of names at '" + *entity.row_names_at + "'");
    for (const std::string_view name : items(*found))
      names.push_back(text_of(name.substr(0, 1) == "{" ? find(name, "/name").value_or("\"\"") : name));
  }
  Converted made;
  made.json = "{\"records\":[";
  bool first = true;
  for (const std::string_view row : records_of(body, entity.records.value_or(""))) {
    if (row.substr(0, 1) != "[")
      throw sdk::Error(sdk::Category::protocol, "rows", "a record is no list of values: " + std::string(row.substr(0, 80)));
    made.json.append(first ? "" : ",").append(row_object(names, row));
    first = false;
  }
  made.json.append("],\"document\":").append(whole_value(body)).append("}");
  made.records = "/records";
  made.prefix = "/document";
  return made;
}

Converted from_single(const Entity& entity, std::string_view body) {
  Converted made;
  if (entity.format == Format::xml) return from_xml(entity, body);
  const auto found = find(body, entity.records.value_or(""));
  if (!found || found->substr(0, 1) != "{")
    throw sdk::Error(sdk::Category::protocol, "records", "the reply has no record at '" + entity.records.value_or("") + "'");
  made.json = "[" + std::string(*found) + "]";
  return made;
}

}  // namespace switchgear::rest
