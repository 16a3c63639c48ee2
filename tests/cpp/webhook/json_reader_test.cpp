#include <gtest/gtest.h>

#include "received.hpp"
#include "switchgear/webhook/json_sink.hpp"

namespace switchgear {
namespace {

/// Writes what it is told, so that a text without blanks and escapes comes out as it went in.
class Echo final : public JsonSink {
 public:
  std::string text;

  void null() override { value("null"); }
  void boolean(bool flag) override { value(flag ? "true" : "false"); }
  void number(std::string_view token, bool whole) override { value((whole ? "" : "~") + std::string(token)); }
  void string(std::string_view plain, bool ascii) override { value((ascii ? "'" : "u'") + std::string(plain) + "'"); }
  void begin_object() override { open("{"); }
  void key(std::string_view name, bool) override {
    separate();
    text += std::string(name) + "=";
    first_ = true;
  }
  void end_object() override { close("}"); }
  void begin_array() override { open("["); }
  void end_array() override { close("]"); }

 private:
  void separate() {
    if (!first_) text += ",";
    first_ = false;
  }
  void value(const std::string& shown) {
    separate();
    text += shown;
  }
  void open(const char* bracket) {
    separate();
    text += bracket;
    first_ = true;
  }
  void close(const char* bracket) {
    text += bracket;
    first_ = false;
  }
  bool first_ = true;
};

std::string echo(std::string_view json) {
  Echo sink;
  read_json(json, sink);
  return sink.text;
}

/// What is said of broken JSON, without the place.
std::string fault(std::string_view json) {
  try {
    return "none: " + echo(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "protocol.json");
    const std::string text = error.message;
    const std::size_t from = text.find(": ") + 2;
    return text.substr(from, text.find(", at '") - from);
  }
}

TEST(JsonReader, TellsEachValueInItsOrder) {
  EXPECT_EQ(echo(R"( {"a" : [1, -2.5e+3, 0, {}, [], "x"], "b":{"c":null,"d":true}, "":false} )"),
            "{a=[1,~-2.5e+3,0,{},[],'x'],b={c=null,d=true},=false}");
  EXPECT_EQ(echo("12"), "12");
  EXPECT_EQ(echo(R"("")"), "''");
  EXPECT_EQ(echo("[[[]],[{}]]"), "[[[]],[{}]]");
  EXPECT_EQ(echo(R"(["\"\\\/\b\f\n\r\t", "\u00e4\uD83D\uDE00\u0041", "a text of more than eight letters", "\u0000"])"),
            "['\"\\/\b\f\n\r\t',u'\xc3\xa4\xf0\x9f\x98\x80"
            "A','a text of more than eight letters','" +
                std::string(1, '\0') + "']");
  EXPECT_EQ(echo("{\"\xc3\xa4\":\"\xe2\x82\xac\"}"), "{\xc3\xa4=u'\xe2\x82\xac'}");
}

TEST(JsonReader, RefusesWhatIsNoJson) {
  for (const std::string_view text : {"",
                                      " ",
                                      "{",
                                      "}",
                                      "[",
                                      "]",
                                      "[1",
                                      "[1,",
                                      "[1,]",
                                      "[,1]",
                                      "{,}",
                                      R"({"a"})",
                                      R"({"a":})",
                                      R"({"a":1,})",
                                      R"({"a":1 "b":2})",
                                      "{a:1}",
                                      "[1 2]",
                                      "01",
                                      "-",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "+1",
                                      "--1",
                                      "0x1",
                                      "tru",
                                      "True",
                                      "nul",
                                      "NaN",
                                      "Infinity",
                                      "'a'",
                                      R"("a)",
                                      R"("\x")",
                                      R"("\u12g4")",
                                      R"("\ud800")",
                                      R"("\ud800\u0041")",
                                      R"("\udc00")",
                                      R"("\)",
                                      R"("\u)",
                                      "1 1",
                                      "{} []",
                                      "[1]]",
                                      R"({"a":1}})",
                                      "[}",
                                      "{]",
                                      R"({"a":[})",
                                      R"(["a":1])",
                                      R"({1:2})",
                                      "\"a\nb\"",
                                      "\"long enough \x01\"",
                                      "// no\n1"}) {
    EXPECT_NE(fault(text).substr(0, 5), "none:") << text;
  }
  EXPECT_EQ(fault("\xef\xbb\xbf{}"), "no value") << "a byte order mark";
  EXPECT_EQ(fault("[\"\xff\"]"), "the text is not UTF-8");
  EXPECT_EQ(fault(std::string_view("\0", 1)), "no value");
  EXPECT_EQ(fault(std::string_view("{}\0", 3)), "something follows behind the value");
}

TEST(JsonReader, GoesSoDeepAndNoDeeper) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_EQ(echo(nested(128)), nested(128));
  EXPECT_EQ(fault(nested(129)), "it is nested too deeply");
  EXPECT_EQ(fault(std::string(100'000, '[')), "it is nested too deeply");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"a":)";
  EXPECT_EQ(fault(objects), "it is nested too deeply");
}

}  // namespace
}  // namespace switchgear
