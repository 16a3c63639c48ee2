// Hands JSON on to another sink, and keeps the texts of some members of the outermost object.
//
// A member that is there twice counts as the last one, as it does where the whole is built.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "switchgear/webhook/json_sink.hpp"

namespace switchgear::webhook_detail {

struct CaughtMember {
  std::string_view name;
  std::string* text;
};

class CatchingSink final : public JsonSink {
 public:
  CatchingSink(std::span<const CaughtMember> members, JsonSink* next) : members_(members), next_(next) {}

  void null() override {
    other();
    if (next_ != nullptr) next_->null();
  }
  void boolean(bool value) override {
    other();
    if (next_ != nullptr) next_->boolean(value);
  }
  void number(std::string_view token, bool whole) override {
    other();
    if (next_ != nullptr) next_->number(token, whole);
  }
  void string(std::string_view text, bool ascii) override {
    if (depth_ == 1 && in_object_ && wanted_ != nullptr) wanted_->assign(text);
    if (next_ != nullptr) next_->string(text, ascii);
  }
  void begin_object() override {
    if (depth_ == 0) in_object_ = true;
    other();
    ++depth_;
    if (next_ != nullptr) next_->begin_object();
  }
  void key(std::string_view name, bool ascii) override {
    if (depth_ == 1) {
      wanted_ = nullptr;
      for (const CaughtMember& member : members_) {
        if (member.name == name) wanted_ = member.text;
      }
    }
    if (next_ != nullptr) next_->key(name, ascii);
  }
  void end_object() override {
    --depth_;
    if (next_ != nullptr) next_->end_object();
  }
  void begin_array() override {
    other();
    ++depth_;
    if (next_ != nullptr) next_->begin_array();
  }
  void end_array() override {
    --depth_;
    if (next_ != nullptr) next_->end_array();
  }

 private:
  /// A value that is no text.
  void other() noexcept {
    if (depth_ == 1 && in_object_ && wanted_ != nullptr) wanted_->clear();
  }

  std::span<const CaughtMember> members_;
  JsonSink* next_;
  std::string* wanted_ = nullptr;
  int depth_ = 0;
  bool in_object_ = false;
};

}  // namespace switchgear::webhook_detail
