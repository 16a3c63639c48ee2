#include "switchgear/data/json_page.hpp"

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include "json_document.hpp"
#include "json_values.hpp"
#include "switchgear/base/utf8.hpp"

namespace switchgear {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// Parsers keep memory of several times the largest page, so a few are kept for reuse and the rest freed.
class ParserPool {
 public:
  ondemand::parser take() {
    const std::lock_guard lock(mutex_);
    if (idle_.empty()) return ondemand::parser();
    ondemand::parser parser = std::move(idle_.back());
    idle_.pop_back();
    return parser;
  }
  void give_back(ondemand::parser parser) {
    if (parser.capacity() > max_capacity) return;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle) idle_.push_back(std::move(parser));
  }

 private:
  static constexpr std::size_t max_capacity = 8U << 20U;
  static constexpr std::size_t max_idle = 8;
  std::mutex mutex_;
  std::vector<ondemand::parser> idle_;
};

ParserPool& parser_pool() {
  static ParserPool pool;
  return pool;
}

std::vector<std::string> pointer_segments(std::string_view pointer) {
  std::vector<std::string> segments;
  if (!pointer.empty() && pointer.front() != '/') {
    throw Error(Category::plugin, "pointer", "'" + std::string(pointer) + "' is not a JSON pointer: it must be empty or begin with '/'")
        .with_hint("write /data for {\"data\": ...}, /meta/next for {\"meta\": {\"next\": ...}} (RFC 6901)");
  }
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    const auto end = std::min(pointer.find('/'), pointer.size());
    std::string segment;
    for (std::size_t i = 0; i < end; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < end;
      segment.push_back(!escaped ? pointer[i] : pointer[++i] == '1' ? '/' : '~');
    }
    segments.push_back(std::move(segment));
    pointer.remove_prefix(end);
  }
  return segments;
}

}  // namespace

std::string excerpt(std::string_view text, std::size_t most) {
  std::string result;
  for (const char c : text.substr(0, most)) {
    result.push_back(static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f ? '?' : c);
  }
  return text.size() > most ? result + "..." : result;
}

void JsonPage::Document::fail(simdjson::error_code code, std::string_view where) {
  std::string message = where.empty() ? "the reply" : std::string(where);
  std::string hint = "this is a fault of the source or of something between; ask for the page again, or send its operator this message";
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    message += " is empty where JSON was expected";
  } else if (text[first] == '<') {
    message += " is HTML or XML where JSON was expected: '" + excerpt(text.substr(first)) + "'";
    hint = "often a login or error page of a proxy: check the URL and the credentials";
  } else if (code == simdjson::UTF8_ERROR) {
    const std::size_t at = first_invalid_utf8(text);
    message += " is not valid UTF-8 at byte " + std::to_string(at) + ", after '" +
               excerpt(text.substr(at - std::min<std::size_t>(at, 20), std::min<std::size_t>(at, 20))) + "'";
    hint = "the source must answer in UTF-8 (RFC 8259)";
  } else {
    message += " of " + std::to_string(text.size()) + " bytes is broken JSON";
    const char* location = nullptr;
    // What was refused as a whole (a text that is not closed) has no document to ask.
    if (iterated && document.current_location().get(location) == simdjson::SUCCESS && location >= text.data() &&
        location < text.data() + text.size()) {
      const auto at = static_cast<std::size_t>(location - text.data());
      message += " at byte " + std::to_string(at) + ", at '" + excerpt(text.substr(at), 40) + "'";
    }
    message += std::string(" (") + simdjson::error_message(code) + ")";
    if (text.find_last_of("}]") != text.find_last_not_of(" \t\r\n")) message += ": it seems to be cut off";
  }
  throw Error(Category::protocol, "json", message).with_hint(hint);
}

ondemand::array JsonPage::Document::records(const std::string& pointer) {
  document.rewind();
  if (pointer.empty()) return get(document.get_array());
  return get(get(document.at_pointer(pointer)).get_array());
}

// Walks the document once, entering only what leads to a pointer's target.
class JsonPage::Locator {
 public:
  explicit Locator(JsonPage& page) : page_(page), document_(*page.document_) {
    add(page.pointers_.records, &Locator::records);
    const auto add_optional = [this](const std::optional<std::string>& pointer, Handler handler) {
      if (pointer) add(*pointer, handler);
    };
    add_optional(page.pointers_.next, &Locator::next);
    add_optional(page.pointers_.delta, &Locator::delta);
    add_optional(page.pointers_.total, &Locator::total);
    add_optional(page.pointers_.removed, &Locator::removed);
  }

  void run() {
    ondemand::json_type type{};
    if (const auto code = document_.document.type().get(type); code != simdjson::SUCCESS) document_.fail(code);
    if (type == ondemand::json_type::object) {
      walk(document_.get(document_.document.get_object()), all(), 0);
    } else if (type == ondemand::json_type::array) {
      for (auto element : document_.get(document_.document.get_array())) document_.get(std::move(element));
      if (page_.pointers_.records.empty()) found_records_ = true;
    }
    const char* rest = nullptr;
    if (document_.document.current_location().get(rest) == simdjson::SUCCESS) document_.fail(simdjson::TRAILING_CONTENT);
    if (!found_records_) throw no_records();
  }

 private:
  using Handler = void (Locator::*)(ondemand::value);
  struct Target {
    std::string pointer;
    std::vector<std::string> segments;
    Handler handler;
    bool found = false;
  };

  void add(const std::string& pointer, Handler handler) { targets_.push_back({pointer, pointer_segments(pointer), handler}); }

  std::vector<Target*> all() {
    std::vector<Target*> targets;
    for (Target& target : targets_) {
      if (!target.segments.empty()) targets.push_back(&target);
    }
    return targets;
  }

  void walk(ondemand::object object, const std::vector<Target*>& targets, std::size_t depth) {
    for (auto result : object) {
      ondemand::field field = document_.get(std::move(result));
      const std::string_view raw = raw_key(field);
      std::vector<Target*> here;
      for (Target* target : targets) {
        if (raw == target->segments[depth]) here.push_back(target);
      }
      if (!here.empty()) enter(field.value(), here, depth);
    }
  }

  void enter(ondemand::value value, const std::vector<Target*>& targets, std::size_t depth) {
    if (targets.size() == 1 && targets.front()->segments.size() == depth + 1) {
      Target& target = *targets.front();
      if (std::exchange(target.found, true)) {
        throw Error(Category::protocol, "duplicate_key",
                    "the reply has '" + target.pointer + "' twice, and which one counts is not defined")
            .with_hint("this is a fault of the source; send its operator this message");
      }
      (this->*target.handler)(value);
      return;
    }
    if (token_of(value) == "{") walk(document_.get(value.get_object()), targets, depth + 1);
  }

  std::string_view raw_key(ondemand::field& field) {
    // Keys of an envelope are plain text; one written with escapes does not match a pointer, here as in at_pointer().
    const char* begin = field.key().raw();
    const char* end = begin;
    const char* limit = document_.text.data() + document_.text.size();
    while (end < limit && *end != '"') end += *end == '\\' ? 2 : 1;
    return {begin, static_cast<std::size_t>(std::min(end, limit) - begin)};
  }

  void records(ondemand::value value) {
    const std::string_view token = token_of(value);
    if (token != "[") {
      throw Error(Category::protocol, "records",
                  "'" + page_.pointers_.records + "' should be the array of records but is '" + excerpt(token) + "'")
          .with_hint("the reply may be an error or another version of the API; look at the body");
    }
    found_records_ = true;
  }

  void next(ondemand::value value) { page_.next_ = token(value, page_.pointers_.next); }
  void delta(ondemand::value value) { page_.delta_ = token(value, page_.pointers_.delta); }

  std::optional<std::string> token(ondemand::value value, const std::optional<std::string>& pointer) {
    const std::string_view raw = token_of(value);
    if (raw == "null" || raw == "\"\"") return std::nullopt;
    if (raw.front() == '"') return std::string(document_.get(value.get_string()));
    if (is_json_number(raw)) return std::string(raw);
    if (raw == "false") return std::nullopt;  // "next": false
    throw Error(Category::protocol, "token",
                "the continuation token at '" + *pointer + "' should be text or a number but is '" + excerpt(raw) + "'")
        .with_hint("point to the token itself, for example /meta/next/token");
  }

  void total(ondemand::value value) {
    std::string_view raw = token_of(value);
    if (raw.size() > 1 && raw.front() == '"') raw = raw.substr(1, raw.size() - 2);  // OData V2 writes "__count": "17"
    page_.total_ = parse_int64(raw);
  }

  void removed(ondemand::value value) {
    if (token_of(value) == "[") page_.removed_ = std::string(document_.get(document_.get(value.get_array()).raw_json()));
  }

  Error no_records() const {
    const std::string& pointer = page_.pointers_.records;
    std::string message = pointer.empty() ? "the reply should be an array of records" : "the reply has no records at '" + pointer + "'";
    return Error(Category::protocol, "records", message + "; it begins with '" + excerpt(document_.text, 80) + "'")
        .with_hint("the reply may be an error or another version of the API; check the entity's path and the records pointer");
  }

  JsonPage& page_;
  Document& document_;
  std::vector<Target> targets_;
  bool found_records_ = false;
};

JsonPage::JsonPage(Buffer body, PagePointers pointers) : document_(std::make_unique<Document>()), pointers_(std::move(pointers)) {
  Document& document = *document_;
  document.body = std::move(body);
  document.text = document.body.view();
  if (document.text.starts_with(byte_order_mark)) document.text.remove_prefix(byte_order_mark.size());
  document.parser = parser_pool().take();
  const simdjson::padded_string_view text(document.text.data(), document.text.size(), document.text.size() + Buffer::padding);
  if (const auto code = document.parser.iterate(text).get(document.document); code != simdjson::SUCCESS) document.fail(code);
  document.iterated = true;
  Locator(*this).run();
}

JsonPage::~JsonPage() {
  if (document_ != nullptr) parser_pool().give_back(std::move(document_->parser));
}

JsonPage::JsonPage(JsonPage&&) noexcept = default;

JsonPage& JsonPage::operator=(JsonPage&& other) noexcept {
  JsonPage gone(std::move(other));
  std::swap(document_, gone.document_);
  std::swap(pointers_, gone.pointers_);
  std::swap(next_, gone.next_);
  std::swap(delta_, gone.delta_);
  std::swap(removed_, gone.removed_);
  std::swap(total_, gone.total_);
  return *this;
}

std::size_t JsonPage::bytes() const noexcept { return document_ == nullptr ? 0 : document_->text.size(); }

}  // namespace switchgear
