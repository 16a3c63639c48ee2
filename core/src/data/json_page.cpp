#include "switchgear/data/json_page.hpp"

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "json_document.hpp"
#include "json_values.hpp"
#include "switchgear/base/utf8.hpp"

namespace switchgear {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// An index keeps memory of several times the largest page, so a few are kept for reuse and the rest freed.
class IndexPool {
 public:
  JsonIndex take(std::size_t bytes) {
    JsonIndex index;
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        index = std::move(idle_.back());
        idle_.pop_back();
      }
    }
    if (index == nullptr) {
      check(simdjson::get_active_implementation()->create_dom_parser_implementation(bytes, 1, index));
    } else if (index->capacity() < bytes) {
      check(index->set_capacity(bytes));
    }
    return index;
  }

  void give_back(JsonIndex index) {
    if (index == nullptr || index->capacity() > max_capacity) return;
    const std::lock_guard lock(mutex_);
    if (idle_.size() < max_idle) idle_.push_back(std::move(index));
  }

 private:
  static void check(simdjson::error_code code) {
    if (code == simdjson::MEMALLOC) throw std::bad_alloc();
    if (code != simdjson::SUCCESS) {
      throw Error(Category::protocol, "reply_too_large", "a reply of 4 GiB or more can't be parsed")
          .with_hint("ask for smaller pages (page_size)");
    }
  }

  static constexpr std::size_t max_capacity = 8U << 20U;
  static constexpr std::size_t max_idle = 8;
  std::mutex mutex_;
  std::vector<JsonIndex> idle_;
};

IndexPool& index_pool() {
  static IndexPool pool;
  return pool;
}

constexpr std::size_t max_token_nesting = 16;

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

bool JsonPage::Document::unescape(std::string_view raw, std::string& plain) const {
  plain.resize(raw.size() + Buffer::padding);
  const auto* end = index->parse_string(reinterpret_cast<const std::uint8_t*>(raw.data()), reinterpret_cast<std::uint8_t*>(plain.data()));
  if (end == nullptr) return false;
  plain.resize(static_cast<std::size_t>(reinterpret_cast<const char*>(end) - plain.data()));
  return true;
}

void JsonPage::Document::fail(const JsonCursor& cursor, std::string_view where) const {
  const auto at = static_cast<std::size_t>(cursor.position() - text.data());
  std::string message = (where.empty() ? "the reply" : std::string(where)) + " is broken JSON at byte " + std::to_string(at) + " of " +
                        std::to_string(text.size());
  if (at < text.size()) message += ", at '" + excerpt(text.substr(at), 40) + "'";
  if (text.find_last_of("}]") != text.find_last_not_of(" \t\r\n")) message += ": it seems to be cut off";
  throw Error(Category::protocol, "json", message)
      .with_hint("this is a fault of the source or of something between; ask for the page again, or send its operator this message");
}

void JsonPage::Document::fail_index(simdjson::error_code code) const {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    throw Error(Category::protocol, "json", "the reply is empty where JSON was expected")
        .with_hint("the source, or a proxy, answered without a body; check the entity's path");
  }
  if (text[first] == '<') {
    throw Error(Category::protocol, "json", "the reply is HTML or XML where JSON was expected: '" + excerpt(text.substr(first)) + "'")
        .with_hint("often a login or error page of a proxy: check the URL and the credentials");
  }
  if (code == simdjson::UTF8_ERROR) {
    const std::size_t at = first_invalid_utf8(text);
    const std::size_t before = std::min<std::size_t>(at, 20);
    throw Error(
        Category::protocol, "json",
        "the reply is not valid UTF-8 at byte " + std::to_string(at) + ", after '" + excerpt(text.substr(at - before, before)) + "'")
        .with_hint("the source must answer in UTF-8 (RFC 8259)");
  }
  std::string message = "the reply of " + std::to_string(text.size()) + " bytes is broken JSON (" + simdjson::error_message(code) + ")";
  if (code == simdjson::UNCLOSED_STRING)
    message += ": it seems to be cut off, behind '" + excerpt(text.substr(text.size() - std::min<std::size_t>(text.size(), 40))) + "'";
  throw Error(Category::protocol, "json", message)
      .with_hint("this is a fault of the source or of something between; ask for the page again, or send its operator this message");
}

// Walks the document once, entering only what leads to a pointer's target.
class JsonPage::Locator {
 public:
  explicit Locator(JsonPage& page) : page_(page), document_(*page.document_), cursor_(document_.cursor()) {
    add(page.pointers_.records, &Locator::records);
    const auto add_optional = [this](const std::optional<std::string>& pointer, Handler handler) {
      if (pointer) add(*pointer, handler);
    };
    add_optional(page.pointers_.next, &Locator::next);
    add_optional(page.pointers_.delta, &Locator::delta);
    add_optional(page.pointers_.total, &Locator::total);
    add_optional(page.pointers_.removed, &Locator::removed);
    add_optional(page.pointers_.more, &Locator::more);
  }

  void run() {
    const char c = cursor_.front();
    if (c == '{') {
      walk(all(), 0);
    } else if (c == '[' && page_.pointers_.records.empty()) {
      records();
    } else if (!cursor_.skip_value()) {
      document_.fail(cursor_);
    }
    if (!cursor_.at_end()) document_.fail(cursor_);
    if (!found_records_) throw no_records();
    if (!page_.pointers_.next_fields.empty()) page_.next_ = last_values();
    if (page_.more_ == false) page_.next_.reset();
  }

 private:
  using Handler = void (Locator::*)();
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

  // The cursor is on the '{'.
  void walk(const std::vector<Target*>& targets, std::size_t depth) {
    cursor_.advance();
    if (cursor_.take('}')) return;
    do {
      // Names of an envelope are plain text; one written with escapes matches no pointer.
      std::string_view name;
      if (!cursor_.take_name(name)) document_.fail(cursor_);
      std::vector<Target*> here;
      for (Target* target : targets) {
        if (name == target->segments[depth]) here.push_back(target);
      }
      if (here.empty()) {
        skip();
      } else {
        enter(here, depth);
      }
    } while (cursor_.take(','));
    if (!cursor_.take('}')) document_.fail(cursor_);
  }

  void enter(const std::vector<Target*>& targets, std::size_t depth) {
    if (targets.size() == 1 && targets.front()->segments.size() == depth + 1) {
      Target& target = *targets.front();
      if (std::exchange(target.found, true)) {
        throw Error(Category::protocol, "duplicate_key",
                    "the reply has '" + target.pointer + "' twice, and which one counts is not defined")
            .with_hint("this is a fault of the source; send its operator this message");
      }
      (this->*target.handler)();
    } else if (cursor_.front() == '{') {
      walk(targets, depth + 1);
    } else {
      skip();
    }
  }

  void skip() {
    if (!cursor_.skip_value()) document_.fail(cursor_);
  }

  std::string_view value() {
    std::string_view text;
    if (!cursor_.take_value(text)) document_.fail(cursor_);
    return text;
  }

  void records() {
    if (cursor_.front() != '[') {
      throw Error(Category::protocol, "records",
                  "'" + page_.pointers_.records + "' should be the array of records but is '" + excerpt(cursor_.token()) + "'")
          .with_hint("the reply may be an error or another version of the API; look at the body");
    }
    document_.records = cursor_;
    document_.records.advance();
    found_records_ = true;
    const char* begin = cursor_.position();
    skip();
    document_.records_text = {begin, static_cast<std::size_t>(cursor_.behind_bracket() - begin)};
  }

  void next() { page_.next_ = token(page_.pointers_.next); }
  void delta() { page_.delta_ = token(page_.pointers_.delta); }

  std::optional<std::string> token(const std::optional<std::string>& pointer) {
    const JsonCursor before = cursor_;
    const std::string_view raw = value();
    if (raw == "null" || raw == "\"\"" || raw == "false") return std::nullopt;  // "next": false
    if (raw.front() == '"') {
      std::string plain;
      if (!document_.unescape(raw.substr(1), plain)) document_.fail(before);
      return plain;
    }
    if (is_json_number(raw)) return std::string(raw);
    throw Error(Category::protocol, "token",
                "the continuation token at '" + *pointer + "' should be text or a number but is '" + excerpt(raw) + "'")
        .with_hint("point to the token itself, for example /meta/next/token");
  }

  void total() {
    std::string_view raw = value();
    if (raw.size() > 1 && raw.front() == '"') raw = raw.substr(1, raw.size() - 2);  // OData V2 writes "__count": "17"
    page_.total_ = parse_int64(raw);
  }

  void removed() {
    const std::string_view raw = value();
    if (raw.front() == '[') page_.removed_ = std::string(raw);
  }

  void more() {
    std::string_view raw = value();
    if (raw.front() == '{' || raw.front() == '[') return;  // leads to something else
    if (raw.size() > 1 && raw.front() == '"') raw = raw.substr(1, raw.size() - 2);
    constexpr std::array<std::string_view, 8> no = {"", "-", "false", "False", "N", "n", "null", "0"};
    const auto zero = is_json_number(raw) ? parse_float64(raw) : std::nullopt;
    page_.more_ = std::find(no.begin(), no.end(), raw) == no.end() && zero.value_or(1) != 0;
  }

  /// `["2024-01-01T00:00:00Z",17]`; nothing for a page without records.
  std::optional<std::string> last_values() const {
    std::optional<JsonCursor> last;
    document_.for_each_record([&last](const JsonCursor& record) { last = record; });
    if (!last) return std::nullopt;
    std::string token = "[";
    for (const std::string& pointer : page_.pointers_.next_fields) {
      JsonCursor at = *last;
      const std::optional<std::string_view> found = member_at(at, pointer_segments(pointer));
      if (!found) {
        throw Error(
            Category::protocol, "token",
            "the page's last record has nothing at '" + pointer + "', from which the listing should go on: '" +
                excerpt({last->position(), document_.text.size() - static_cast<std::size_t>(last->position() - document_.text.data())}) +
                "'")
            .with_hint("name fields that every record has, the last one of them unique");
      }
      if (!is_json(*found, max_token_nesting)) document_.fail(*last, "the page's last record");
      token.append(token.size() > 1 ? "," : "").append(*found);
    }
    return token + "]";
  }

  std::optional<std::string_view> member_at(JsonCursor& at, const std::vector<std::string>& segments) const {
    std::size_t depth = 0;
    std::string_view found;
    while (depth < segments.size()) {
      if (!at.take('{') || at.front() == '}') return std::nullopt;
      bool entered = false;
      do {
        std::string_view name;
        if (!at.take_name(name)) document_.fail(at);
        entered = name == segments[depth];
        if (!entered && !at.skip_value()) document_.fail(at);
      } while (!entered && at.take(','));
      if (!entered) return std::nullopt;
      ++depth;
    }
    if (!at.take_value(found)) document_.fail(at);
    return found;
  }

  Error no_records() const {
    const std::string& pointer = page_.pointers_.records;
    std::string message = pointer.empty() ? "the reply should be an array of records" : "the reply has no records at '" + pointer + "'";
    return Error(Category::protocol, "records", message + "; it begins with '" + excerpt(document_.text, 80) + "'")
        .with_hint("the reply may be an error or another version of the API; check the entity's path and the records pointer");
  }

  JsonPage& page_;
  Document& document_;
  JsonCursor cursor_;
  std::vector<Target> targets_;
  bool found_records_ = false;
};

JsonPage::JsonPage() : document_(std::make_unique<Document>()) {}

// Delegates, so that the destructor gives the index back when the rest throws.
JsonPage::JsonPage(Buffer body, PagePointers pointers) : JsonPage() {
  pointers_ = std::move(pointers);
  Document& document = *document_;
  document.body = std::move(body);
  document.text = document.body.view();
  if (document.text.starts_with(byte_order_mark)) document.text.remove_prefix(byte_order_mark.size());
  document.index = index_pool().take(document.text.size());
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(document.text.data());
  const auto code = document.index->stage1(bytes, document.text.size(), simdjson::stage1_mode::regular);
  if (code != simdjson::SUCCESS || document.index->n_structural_indexes == 0) document.fail_index(code);
  if (*document.cursor().position() == '<') document.fail_index(code);
  Locator(*this).run();
}

JsonPage::~JsonPage() {
  if (document_ != nullptr) index_pool().give_back(std::move(document_->index));
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
  std::swap(more_, gone.more_);
  return *this;
}

std::size_t JsonPage::bytes() const noexcept { return document_ == nullptr ? 0 : document_->text.size(); }

std::size_t JsonPage::held_bytes() const noexcept {
  if (document_ == nullptr) return 0;
  return document_->text.size() + document_->index->n_structural_indexes * sizeof(std::uint32_t);
}

}  // namespace switchgear
