// One page of JSON, indexed once: where its records are, and what it says about the next page.
//
// Construction scans the text's structure and reads only what the pointers name, so that the next page can be asked for before this one
// is turned into columns (see json_columns.hpp). Throws Error(protocol): `protocol.json` for text that is broken, cut or not JSON
// at all, naming the byte; `protocol.records` and `protocol.token` where a pointer leads to the wrong thing. A page owns its bytes; it
// may be handed from thread to thread but used by one at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/base/buffer.hpp"

namespace switchgear {

/// JSON pointers (RFC 6901) into the body of a page; "" is the whole body.
struct PagePointers {
  std::string records;  ///< -> array of objects
  std::optional<std::string> next, removed, delta, total;
  std::string control;                        ///< members whose name contains this text are the protocol's, not data; "": there are none
  std::optional<std::string> more = {};       ///< -> the source's word on whether there is more
  std::vector<std::string> next_fields = {};  ///< pointers into one record, see next()
};

class JsonPage {
 public:
  JsonPage(Buffer body, PagePointers pointers);
  ~JsonPage();
  JsonPage(JsonPage&&) noexcept;
  JsonPage& operator=(JsonPage&&) noexcept;

  /// The continuation token; nothing where it is missing, null or "", or where `more` says that there is no more. With `next_fields` it is
  /// the JSON array of the last record's values there, and nothing for a page without records.
  const std::optional<std::string>& next() const noexcept { return next_; }

  /// What `more` points to: false for false, 0, "", "-", "false", "N" and null; nothing where it leads nowhere.
  std::optional<bool> more() const noexcept { return more_; }

  const std::optional<std::string>& delta() const noexcept { return delta_; }
  std::optional<std::int64_t> total() const noexcept { return total_; }

  /// The array that `removed` points to, as it stands in the body: what is inside was not looked at and need not be JSON.
  const std::optional<std::string>& removed() const noexcept { return removed_; }

  /// Bytes of the body, and those that the page occupies until it has become columns.
  std::size_t bytes() const noexcept;
  std::size_t held_bytes() const noexcept;

  bool has_records() const noexcept;

  /// How many records there are; counts them.
  std::size_t count_records() const;

  /// Equal for pages whose records are, byte for byte.
  std::uint64_t records_hash() const noexcept;

  /// A hash for each record of its values in `fields`; 0 where it lacks one of them.
  std::vector<std::uint64_t> key_hashes(const std::vector<std::string>& fields) const;

  /// These records, by position, do not become columns: they were read before.
  void leave_out(std::vector<bool> positions);

 private:
  friend class JsonColumns;
  friend class SchemaInference;
  struct Document;
  class Locator;
  JsonPage();

  std::unique_ptr<Document> document_;
  PagePointers pointers_;
  std::optional<std::string> next_, delta_, removed_;
  std::optional<std::int64_t> total_;
  std::optional<bool> more_;
};

}  // namespace switchgear
