#include "cursor.hpp"

#include <algorithm>

#include "switchgear/base/error.hpp"
#include "switchgear/store/timestamps.hpp"

namespace switchgear::sync_detail {
namespace {

constexpr std::int64_t microseconds_a_day = 86'400'000'000;
constexpr std::size_t most_remembered = 4096;
constexpr std::size_t most_where_it_must = 100'000;

KeyHash version_of(KeyHash key, const CursorValue& value) {
  const auto number = static_cast<std::uint64_t>(value.number);
  key.low ^= (number + 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
  key.high ^= (number ^ 0x94d049bb133111ebU) * 0xd6e8feb86659fd93U;
  for (const char c : value.text) {
    key.low = (key.low ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    key.high = (key.high + static_cast<unsigned char>(c)) * 0xff51afd7ed558ccdU;
  }
  return key;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// 'z' for text that is an instant in UTC, 'o' with another offset, 'l' without a zone, 'x' for other text.
char zone_of(const std::string& text) {
  if (text.size() < 16 || !is_digit(text[0]) || text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != ' ')) return 'x';
  if (text.back() == 'Z' || text.back() == 'z') return 'z';
  const auto sign = text.find_first_of("+-", 16);
  return sign == std::string::npos ? 'l' : 'o';
}

}  // namespace

std::string Watermark::asked(std::chrono::microseconds lookback) const {
  if (value.is_text) return value.text;
  switch (type) {
    case DataType::timestamp: {
      std::string text = instant_text(value.number - lookback.count());
      if (!utc) text.pop_back();
      return text;
    }
    case DataType::date: {
      const std::int64_t back = (lookback.count() + microseconds_a_day - 1) / microseconds_a_day;
      return instant_text((value.number - back) * microseconds_a_day).substr(0, 10);
    }
    default:
      return std::to_string(value.number);
  }
}

void Edge::add(const CursorValue& value, const KeyHash& hash) {
  auto& hashes = seen[value];
  if (std::find(hashes.begin(), hashes.end(), hash) != hashes.end()) return;
  hashes.push_back(hash);
  ++size;
}

void Edge::forget_below(const CursorValue& value) {
  for (auto at = seen.begin(); at != seen.end() && at->first < value;) {
    size -= at->second.size();
    at = seen.erase(at);
  }
  if (cut && *cut < value) cut.reset();
}

void Edge::forget() {
  if (!seen.empty() && (!cut || *cut < seen.rbegin()->first)) cut = seen.rbegin()->first;
  seen.clear();
  size = 0;
}

CursorTracker::CursorTracker(Options options, std::optional<Watermark> candidate, Edge edge, const Edge* known)
    : options_(std::move(options)), candidate_(std::move(candidate)), edge_(std::move(edge)) {
  if (known == nullptr) return;
  for (const auto& [value, hashes] : known->seen) known_.insert(hashes.begin(), hashes.end());
}

void CursorTracker::move(const CursorColumn& column, const CursorValue& value) {
  CursorValue reached = value;
  if (column.type() == DataType::timestamp && options_.newest && value.number > to_microseconds(*options_.newest)) {
    ++from_the_future_;
    reached.number = to_microseconds(*options_.newest);
  }
  if (options_.bound && options_.bound->is_text == reached.is_text && *options_.bound < reached) reached = *options_.bound;
  if (!candidate_ || candidate_->value < reached) candidate_ = Watermark{column.type(), column.has_zone(), std::move(reached)};
}

std::optional<CursorValue> CursorTracker::oldest_of_edge() const {
  if (!candidate_) return std::nullopt;
  CursorValue oldest = candidate_->value;
  if (candidate_->type == DataType::timestamp) oldest.number -= options_.lookback.count();
  if (candidate_->type == DataType::date) oldest.number -= (options_.lookback.count() + microseconds_a_day - 1) / microseconds_a_day;
  return oldest;
}

void CursorTracker::watch_zones(const std::string& text) {
  const char zone = zone_of(text);
  if (zone_ == '\0') zone_ = zone;
  if (zone == zone_ && zone != 'o') return;
  throw Error(Category::data, "cursor",
              "'" + options_.cursor + "' can't be the cursor: its times are text in different zones, such as '" + text.substr(0, 40) +
                  "', which have no order")
      .with_hint(
          "give the column a type, \"timestamp\" for instants or \"timestamp_local\" for times without a zone, or choose another cursor");
}

std::vector<std::uint8_t> CursorTracker::see(const RecordBatch& batch) {
  const auto rows = static_cast<std::size_t>(batch.length());
  std::vector<std::uint8_t> wanted(rows, 1);
  if (options_.cursor.empty() || rows == 0) return wanted;
  const CursorColumn column(batch, options_.cursor);
  const std::vector<KeyHash> keys = options_.key.empty() ? row_hashes(batch) : key_hashes(batch, options_.key);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto value = column.at(static_cast<std::int64_t>(row));
    const KeyHash version = value ? version_of(keys[row], *value) : keys[row];
    if (known_.contains(version) || (options_.once && is_repeated(version))) {
      wanted[row] = 0;
      ++unchanged_;
    }
    if (!value) {
      ++without_value_;
      continue;
    }
    if (value->is_text) watch_zones(value->text);
    move(column, *value);
    if (!(*value < *oldest_of_edge())) edge_.add(*value, version);
  }
  if (const auto oldest = oldest_of_edge()) edge_.forget_below(*oldest);
  if (edge_.size > most_where_it_must && options_.must_know)
    throw Error(Category::data, "cursor",
                "more than " + std::to_string(most_where_it_must) + " records without a key lie within " +
                    std::to_string(options_.lookback.count() / 1'000'000) + " s of the newest '" + options_.cursor + "'")
        .with_hint("name the fields that identify a record, make lookback shorter, or choose a finer cursor");
  if (edge_.size > most_remembered && !options_.must_know) edge_.forget();
  return wanted;
}

bool CursorTracker::is_repeated(const KeyHash& version) { return before_.contains(version) || !lately_.insert(version).second; }

void CursorTracker::committed() {
  before_.swap(lately_);
  lately_.clear();
}

}  // namespace switchgear::sync_detail
