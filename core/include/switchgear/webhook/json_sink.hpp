// JSON as it is read, value by value, for those who build something of it.
//
// read_json checks the whole text first for UTF-8 and on its way for RFC 8259, with bounded depth and without recursion, and tells a sink
// each value in its order. Texts are views that end with the call. Throws Error(protocol, json) naming the byte; what a sink throws goes
// through. Any thread.
#pragma once

#include <string_view>

namespace switchgear {

class JsonSink {
 public:
  virtual ~JsonSink() = default;

  virtual void null() = 0;
  virtual void boolean(bool value) = 0;
  /// As it stands; `whole`: without point and exponent.
  virtual void number(std::string_view token, bool whole) = 0;
  /// Without escapes, in UTF-8; `ascii`: in ASCII.
  virtual void string(std::string_view text, bool ascii) = 0;
  virtual void begin_object() = 0;
  virtual void key(std::string_view name, bool ascii) = 0;
  virtual void end_object() = 0;
  virtual void begin_array() = 0;
  virtual void end_array() = 0;
};

/// Deeper than this is nothing that a webhook carries.
inline constexpr int webhook_json_depth = 128;

void read_json(std::string_view text, JsonSink& sink, int max_depth = webhook_json_depth);

}  // namespace switchgear
