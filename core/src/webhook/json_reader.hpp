// A pull parser of one JSON text: whole values go to a sink, objects may be entered member by member. See json_sink.hpp.
#pragma once

#include <bitset>
#include <string>
#include <string_view>

#include "switchgear/webhook/json_sink.hpp"

namespace switchgear::webhook_detail {

class JsonReader {
 public:
  /// Throws for text that is not UTF-8. `max_depth`: at most webhook_json_depth.
  explicit JsonReader(std::string_view text, int max_depth = webhook_json_depth);

  /// The first character of the value that is next; '\0' at the end.
  char peek() noexcept {
    skip_blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  /// Enters the object that is next, for next_key().
  void enter_object();
  /// The next member's name, in `name` until the reader is used again; false behind the last one.
  bool next_key(std::string_view& name);
  /// The same for an array: whether there is one more value.
  void enter_array();
  bool next_item();

  /// One value with all that is in it. nullptr: it is checked and nobody told.
  void read(JsonSink* sink);
  /// The text of the value that is next, as it stands; read(sink) on its way.
  std::string_view read_text(JsonSink* sink = nullptr);

  /// Nothing but blanks may follow.
  void end();

  [[noreturn]] void fail(const char* why) const;

 private:
  std::string_view string(bool& ascii);
  std::string_view unescaped(std::size_t from, bool& ascii);
  std::string_view number(bool& whole);
  void literal(std::string_view word);
  void scalar(JsonSink* sink);
  void open(bool object);
  bool close_or_go_on(JsonSink* sink, int floor);
  void skip_blanks() noexcept {
    while (at_ < text_.size() && text_[at_] <= ' ' && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }
  bool take(char c) noexcept {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void need(char c, const char* why) {
    if (!take(c)) fail(why);
  }
  unsigned hex4();

  std::string_view text_;
  std::size_t at_ = 0;
  int max_depth_;
  int depth_ = 0;
  bool first_ = true;                            // of the object or array that was entered
  bool ascii_;                                   // the whole text is
  std::bitset<webhook_json_depth + 1> objects_;  // for each level, whether it is an object
  std::string plain_;                            // a string without its escapes
};

}  // namespace switchgear::webhook_detail
