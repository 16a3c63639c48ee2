#include "switchgear/store/job_records.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "switchgear/base/utf8.hpp"

namespace switchgear {
namespace {

/// A key may hold what separates the lines.
void append_escaped(std::string& out, std::string_view key) {
  for (const char c : key) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out += c;
    }
  }
}

std::string unescaped(std::string_view text) {
  std::string key;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      key += text[i];
      continue;
    }
    const char c = text[++i];
    key += c == 't' ? '\t' : c == 'n' ? '\n' : c;
  }
  return key;
}

void check_text(std::string_view text, const char* what, std::int64_t index) {
  const auto fail = [&](const std::string& why) {
    throw Error(Category::data, "text", "the " + std::string(what) + " of record " + std::to_string(index) + " " + why);
  };
  if (text.find('\0') != std::string_view::npos) fail("holds a zero byte, which the store cannot keep");
  if (const auto at = first_invalid_utf8(text); at != text.size()) fail("is not UTF-8 at byte " + std::to_string(at));
}

Error mismatch() {
  return Error(Category::store, "corrupt", "a batch of records in the store does not have the records that its ledger names")
      .with_hint("restore the store from a backup");
}

JobRecord unpacked(std::string_view line, std::int64_t index) {
  const auto tab = line.find('\t');
  if (tab == std::string_view::npos) throw mismatch();
  return {index, unescaped(line.substr(0, tab)), std::string(line.substr(tab + 1))};
}

/// Takes the next line off the front of `packed`.
std::string_view next_line(std::string_view& packed) {
  const auto end = packed.find('\n');
  if (end == std::string_view::npos) throw mismatch();
  const auto line = packed.substr(0, end);
  packed.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string_view to_string(RecordState state) noexcept {
  switch (state) {
    case RecordState::pending:
      return "pending";
    case RecordState::ok:
      return "ok";
    case RecordState::failed:
      return "failed";
    case RecordState::unknown:
      return "unknown";
    case RecordState::skipped:
      return "skipped";
  }
  return "pending";
}

RecordOutcome because_of(const Error& error, RecordState state) {
  return {state, error.category, error.detail, error.message, error.hint, error.retryable};
}

std::string idempotency_key(std::string_view job_id, std::int64_t index, std::string_view key) {
  std::string text(job_id);
  text.append("\n").append(std::to_string(index)).append("\n").append(key);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) {
    throw Error(Category::internal, "crypto", "OpenSSL cannot hash");
  }
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex;
  for (std::size_t i = 0; i < 16; ++i) {
    hex += digits[digest.at(i) >> 4U];
    hex += digits[digest.at(i) & 15U];
  }
  return hex;
}

std::string pack_records(std::span<const NewRecord> records, std::int64_t first_index) {
  std::size_t size = 0;
  for (const auto& record : records) size += record.key.size() + record.json.size() + 2;
  std::string packed;
  packed.reserve(size);
  auto index = first_index;
  for (const auto& record : records) {
    check_text(record.key, "key", index);
    check_text(record.json, "JSON", index);
    append_escaped(packed, record.key);
    packed += '\t';
    const auto start = packed.size();
    packed += record.json;
    // Between the values of JSON a line's end is a space; within them it stands escaped.
    std::replace(packed.begin() + static_cast<std::ptrdiff_t>(start), packed.end(), '\n', ' ');
    packed += '\n';
    ++index;
  }
  return packed;
}

std::vector<JobRecord> unpack_pending(std::string_view packed, std::string_view states, std::int64_t first_index) {
  std::vector<JobRecord> records;
  records.reserve(static_cast<std::size_t>(std::count(states.begin(), states.end(), static_cast<char>(RecordState::pending))));
  auto index = first_index;
  for (const char state : states) {
    const auto line = next_line(packed);
    if (state == static_cast<char>(RecordState::pending)) records.push_back(unpacked(line, index));
    ++index;
  }
  if (!packed.empty()) throw mismatch();
  return records;
}

JobRecord unpack_one(std::string_view packed, std::int64_t first_index, std::int64_t index) {
  for (auto at = first_index; at < index; ++at) next_line(packed);
  return unpacked(next_line(packed), index);
}

}  // namespace switchgear
