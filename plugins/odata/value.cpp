#include "value.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace switchgear::odata {
namespace {

constexpr std::size_t max_depth = 32;

/// Builds the tree from the parser's events: these still have a number's text, which nlohmann's own tree does not.
class Builder : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return add({}); }
  bool boolean(bool value) override { return add({Value::Kind::boolean, value ? "true" : "false", {}, {}}); }
  bool number_integer(number_integer_t value) override { return add({Value::Kind::number, std::to_string(value), {}, {}}); }
  bool number_unsigned(number_unsigned_t value) override { return add({Value::Kind::number, std::to_string(value), {}, {}}); }
  bool number_float(number_float_t, const string_t& text) override { return add({Value::Kind::number, text, {}, {}}); }
  bool string(string_t& text) override { return add({Value::Kind::text, text, {}, {}}); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(Value::Kind::object); }
  bool start_array(std::size_t) override { return open(Value::Kind::list); }
  bool key(string_t& name) override { return (open_.back()->names.push_back(name), true); }
  bool end_object() override { return (open_.pop_back(), true); }
  bool end_array() override { return (open_.pop_back(), true); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw std::invalid_argument("no JSON from byte " + std::to_string(position) + " on");
  }

  Value root;

 private:
  bool add(Value value) {
    if (open_.empty()) {
      root = std::move(value);
    } else {
      open_.back()->items.push_back(std::move(value));
    }
    return true;
  }

  bool open(Value::Kind kind) {
    if (open_.size() == max_depth) throw std::invalid_argument("JSON that nests deeper than " + std::to_string(max_depth));
    add({kind, {}, {}, {}});
    open_.push_back(open_.empty() ? &root : &open_.back()->items.back());
    return true;
  }

  std::vector<Value*> open_;  ///< an item only grows while it is the last of its parent, so these stay valid
};

}  // namespace

const Value* Value::find(std::string_view name) const noexcept {
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? nullptr : &items[static_cast<std::size_t>(found - names.begin())];
}

Value parse_json(std::string_view json) {
  Builder builder;
  nlohmann::json::sax_parse(json.begin(), json.end(), &builder);
  return std::move(builder.root);
}

}  // namespace switchgear::odata
