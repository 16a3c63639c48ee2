// What tells pages and records of a listing apart: how many there are, and hashes of them.
#include <algorithm>
#include <array>
#include <cstring>

#include "json_document.hpp"

namespace switchgear {
namespace {

__extension__ using uint128 = unsigned __int128;

std::uint64_t mixed(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<uint128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

/// Fast (some GB/s, as wyhash), for telling pages and keys apart; not for anything that an attacker must not forge.
std::uint64_t hash_text(std::string_view text, std::uint64_t seed) noexcept {
  constexpr std::array<std::uint64_t, 4> odd = {0xa0761d6478bd642fU, 0xe7037ed1a0b428dbU, 0x8ebc6af09c88c6e3U, 0x589965cc75374cc3U};
  const char* at = text.data();
  std::size_t left = text.size();
  const auto word = [](const char* from, std::size_t bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, bytes);
    return value;
  };
  std::uint64_t first = seed ^ odd[0];
  std::uint64_t second = text.size() ^ odd[1];
  for (; left >= 32; at += 32, left -= 32) {
    first = mixed(word(at, 8) ^ odd[2], word(at + 8, 8) ^ first);
    second = mixed(word(at + 16, 8) ^ odd[3], word(at + 24, 8) ^ second);
  }
  for (; left > 0; at += std::min<std::size_t>(left, 8), left -= std::min<std::size_t>(left, 8)) {
    first = mixed(word(at, std::min<std::size_t>(left, 8)) ^ odd[2], first ^ left);
  }
  return mixed(first ^ odd[1], second ^ odd[3]);
}

}  // namespace

bool JsonPage::has_records() const noexcept { return document_->records.front() != ']'; }

std::size_t JsonPage::count_records() const {
  std::size_t count = 0;
  document_->for_each_record([&count](const JsonCursor&) { ++count; });
  return count;
}

std::uint64_t JsonPage::records_hash() const noexcept { return hash_text(document_->records_text, 0); }

std::vector<std::uint64_t> JsonPage::key_hashes(const std::vector<std::string>& fields) const {
  std::vector<std::uint64_t> hashes;
  std::vector<std::string_view> values(fields.size());
  document_->for_each_record([&](JsonCursor at) {
    std::fill(values.begin(), values.end(), std::string_view());
    if (at.take('{') && at.front() != '}') {
      do {
        std::string_view name;
        if (!at.take_name(name)) document_->fail(at);
        const auto field = std::find(fields.begin(), fields.end(), name);
        if (!(field == fields.end() ? at.skip_value() : at.take_value(values[static_cast<std::size_t>(field - fields.begin())])))
          document_->fail(at);
      } while (at.take(','));
    }
    std::uint64_t hash = 0;
    const bool whole = std::none_of(values.begin(), values.end(), [](std::string_view value) { return value.empty() || value == "null"; });
    for (const std::string_view value : values) hash = hash_text(value, hash);
    hashes.push_back(whole && !fields.empty() ? std::max<std::uint64_t>(hash, 1) : 0);
  });
  return hashes;
}

void JsonPage::leave_out(std::vector<bool> positions) { document_->left_out = std::move(positions); }

}  // namespace switchgear
