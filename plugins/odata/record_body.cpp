#include "record_body.hpp"

#include <algorithm>

#include "switchgear/sdk/error.hpp"
#include "v2_time.hpp"
#include "value.hpp"

namespace switchgear::odata {
namespace {

constexpr std::string_view blanks = " \t\r\n";

/// Where a JSON text ends that begins at `at` with its quote.
std::size_t text_end(std::string_view json, std::size_t at) {
  for (++at; at < json.size() && json[at] != '"'; ++at)
    if (json[at] == '\\') ++at;
  return std::min(at + 1, json.size());
}

/// Where the value ends that begins at `at`.
std::size_t value_end(std::string_view json, std::size_t at) {
  if (at >= json.size()) return json.size();
  if (json[at] == '"') return text_end(json, at);
  if (json[at] != '{' && json[at] != '[') return std::min(json.find_first_of(",]} \t\r\n", at), json.size());
  std::size_t depth = 0;
  while (at < json.size()) {
    const char c = json[at];
    if (c == '"') {
      at = text_end(json, at);
      continue;
    }
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at + 1;
    ++at;
  }
  return json.size();
}

std::string text_of(std::string_view json) { return parse_json(json).text; }

bool is_protocol(std::string_view name, Dialect dialect) {
  return dialect == Dialect::v2 ? name == "__metadata"
                                : name == "@odata.etag" || name == "@etag" || name == "@odata.context" || name == "@context";
}

}  // namespace

/// One pass over a record, which copies what it need not touch.
class RecordBody::Walk {
 public:
  Walk(const RecordBody& body, std::string_view json) : body_(body), json_(json) { out_.json.reserve(json.size() + 32); }

  WireRecord run() && {
    skip_blanks();
    object();
    // The type says it of the whole record: a single number written as a number would contradict it.
    if (quoted_ && body_.dialect_ == Dialect::v4) out_.content_type = "application/json;IEEE754Compatible=true";
    return std::move(out_);
  }

 private:
  void skip_blanks() { at_ = std::min(json_.find_first_not_of(blanks, at_), json_.size()); }
  char here() const { return at_ < json_.size() ? json_[at_] : '\0'; }

  std::string_view take_value() {
    const std::size_t begin = at_;
    at_ = value_end(json_, at_);
    return json_.substr(begin, at_ - begin);
  }

  void object() {
    ++at_;
    out_.json += '{';
    bool first = true;
    for (skip_blanks(); here() == '"'; skip_blanks()) {
      const std::string_view name = take_value();
      skip_blanks();
      ++at_;  // the colon
      skip_blanks();
      const std::string_view plain = name.substr(1, name.size() - 2);
      if (path_.empty() && is_protocol(plain, body_.dialect_)) {
        take_etag(plain, take_value());
      } else {
        out_.json.append(first ? "" : ",").append(name).append(":");
        first = false;
        member(plain);
      }
      skip_blanks();
      if (here() != ',') break;
      ++at_;
    }
    ++at_;
    out_.json += '}';
  }

  void member(std::string_view name) {
    const std::size_t length = path_.size();
    path_.append(name);
    if (here() == '{' && has_members()) {
      path_ += '/';
      object();
    } else {
      const auto form = body_.forms_.find(path_);
      const std::string_view value = take_value();
      form == body_.forms_.end() ? void(out_.json.append(value)) : formed(form->second, value);
    }
    path_.resize(length);
  }

  bool has_members() const {
    const std::string prefix = path_ + "/";
    const auto found = body_.forms_.lower_bound(prefix);
    return found != body_.forms_.end() && found->first.compare(0, prefix.size(), prefix) == 0;
  }

  void formed(Form form, std::string_view value) {
    const bool is_number = !value.empty() && (value.front() == '-' || (value.front() >= '0' && value.front() <= '9'));
    const bool is_text = !value.empty() && value.front() == '"';
    if (form == Form::text && (is_number || is_text)) {
      quoted_ = true;
      out_.json.append(is_number ? "\"" : "").append(value).append(is_number ? "\"" : "");
      return;
    }
    std::string changed;
    if (is_text && form == Form::duration) changed = v2_duration(text_of(value));
    if (is_text && (form == Form::instant || form == Form::instant_with_zone))
      changed = v2_json_instant(text_of(value), form == Form::instant_with_zone);
    // What can't be changed without loss goes as it is: the service says what it thinks of it.
    changed.empty() ? out_.json.append(value) : out_.json.append("\"").append(changed).append("\"");
  }

  void take_etag(std::string_view name, std::string_view value) {
    if (name == "@odata.context" || name == "@context") return;
    const Value given = parse_json(value);
    const Value* etag = body_.dialect_ == Dialect::v2 ? given.find("etag") : &given;
    if (etag == nullptr || etag->is(Value::Kind::null)) return;
    const bool fits = etag->is(Value::Kind::text) && etag->text.size() <= 1024 &&
                      std::all_of(etag->text.begin(), etag->text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
    if (!fits)
      throw sdk::Error(sdk::Category::data, "etag", "the record's " + std::string(name) + " is no ETag: it can't stand in a header")
          .with_hint("give it as it was read, or leave it out");
    out_.etag = etag->text;
  }

  const RecordBody& body_;
  std::string_view json_;
  std::size_t at_ = 0;
  std::string path_;
  bool quoted_ = false;
  WireRecord out_;
};

RecordBody::Form RecordBody::form_of(std::string_view edm, Dialect dialect) {
  if (edm == "Edm.Int64" || edm == "Edm.Decimal") return Form::text;
  if (dialect == Dialect::v4) return Form::as_it_is;
  if (edm == "Edm.Double" || edm == "Edm.Single") return Form::text;
  if (edm == "Edm.DateTime") return Form::instant;
  if (edm == "Edm.DateTimeOffset") return Form::instant_with_zone;
  return edm == "Edm.Time" ? Form::duration : Form::as_it_is;
}

RecordBody::RecordBody(const sdk::Entity& entity, bool exact_numbers) : dialect_(dialect_of(entity)) {
  const std::string types = entity.property("types");
  if (types.empty() || (!exact_numbers && dialect_ == Dialect::v4)) return;
  const Value fields = parse_json(types);
  for (std::size_t i = 0; i < fields.names.size(); ++i) {
    const Form form = form_of(fields.items[i].text, dialect_);
    if (form != Form::as_it_is) forms_.emplace(fields.names[i], form);
  }
}

WireRecord RecordBody::write(std::string_view json) const { return Walk(*this, json).run(); }

}  // namespace switchgear::odata
