#include "switchgear/sync/naming.hpp"

#include <map>
#include <utility>

#include "switchgear/base/error.hpp"
#include "switchgear/data/arrow_abi.hpp"

namespace switchgear {
namespace {

bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
bool is_lower_or_digit(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
/// Bytes of letters beyond ASCII are kept as they are.
bool is_kept(char c) noexcept { return is_upper(c) || is_lower_or_digit(c) || static_cast<unsigned char>(c) >= 0x80; }

std::vector<std::string> in_snake_case(const std::vector<std::string>& names) {
  std::vector<std::string> renamed;
  renamed.reserve(names.size());
  for (const std::string& name : names) renamed.push_back(snake_case(name));
  return renamed;
}

class RenamedTable final : public DestinationTable {
 public:
  explicit RenamedTable(std::unique_ptr<DestinationTable> behind) : behind_(std::move(behind)) {}

  std::optional<std::string> state() override { return behind_->state(); }

  void commit(const Checkpoint& checkpoint) override {
    Checkpoint renamed = checkpoint;
    for (RecordBatch& batch : renamed.batches) batch = RecordBatch(renamed_schema(batch.schema()), batch.array());
    for (RecordBatch& keys : renamed.removed) keys = RecordBatch(renamed_schema(keys.schema()), keys.array());
    behind_->commit(renamed);
  }

  /// In the source's words, where it was heard what they are.
  std::vector<std::string> kept_columns() const override {
    std::vector<std::string> columns = behind_->kept_columns();
    for (std::string& column : columns) {
      if (const auto known = sources_.find(column); known != sources_.end()) column = known->second;
    }
    return columns;
  }

 private:
  SharedArrowSchema renamed_schema(const SharedArrowSchema& schema) {
    if (schema == last_) return last_renamed_;
    Schema columns = from_arrow_schema(*schema);
    for (Field& field : columns.fields) {
      std::string name = snake_case(field.name);
      const auto [source, fresh] = sources_.emplace(name, field.name);
      if (!fresh && source->second != field.name) refuse_same_snake_case({source->second, field.name});
      field.name = std::move(name);
    }
    last_ = schema;
    return last_renamed_ = to_arrow_schema(columns);
  }

  std::unique_ptr<DestinationTable> behind_;
  std::map<std::string, std::string> sources_;  // by their names here
  SharedArrowSchema last_, last_renamed_;       // pages of one listing mostly share theirs
};

class RenamedDestination final : public Destination {
 public:
  explicit RenamedDestination(std::shared_ptr<Destination> behind) : behind_(std::move(behind)) {}

  std::unique_ptr<DestinationTable> open(const DestinationTarget& target) override {
    DestinationTarget renamed = target;
    renamed.key = in_snake_case(target.key);
    renamed.cursor = snake_case(target.cursor);
    return std::make_unique<RenamedTable>(behind_->open(renamed));
  }
  const std::string& display() const noexcept override { return behind_->display(); }
  bool transactional() const noexcept override { return behind_->transactional(); }
  bool deletes() const noexcept override { return behind_->deletes(); }
  bool one_writer() const noexcept override { return behind_->one_writer(); }
  bool single_threaded() const noexcept override { return behind_->single_threaded(); }

 private:
  std::shared_ptr<Destination> behind_;
};

}  // namespace

std::string snake_case(std::string_view name) {
  std::string snake;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (!is_kept(c)) {
      const bool leading = snake.find_first_not_of('_') == std::string::npos;
      if (leading || snake.back() != '_') snake += '_';
      continue;
    }
    // A word begins at a capital after a small letter or digit, and at the last of several capitals before a small letter.
    const bool after_word = i > 0 && is_lower_or_digit(name[i - 1]);
    const bool after_capitals = i > 0 && is_upper(name[i - 1]) && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z';
    if (is_upper(c) && (after_word || after_capitals)) snake += '_';
    snake += is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return snake;
}

void refuse_same_snake_case(const std::vector<std::string>& names) {
  std::map<std::string, std::string> sources;
  for (const std::string& name : names) {
    const auto [source, fresh] = sources.emplace(snake_case(name), name);
    if (!fresh && source->second != name)
      throw Error(Category::config, "naming", "'" + source->second + "' and '" + name + "' would both be called '" + source->first + "'")
          .with_hint("leave one of them out, or keep the source's names: naming = \"exact\"");
  }
}

std::shared_ptr<Destination> in_snake_case(std::shared_ptr<Destination> behind) {
  return std::make_shared<RenamedDestination>(std::move(behind));
}

}  // namespace switchgear
