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

#include "switchgear/base/buffer.hpp"
#include "switchgear/data/schema.hpp"

namespace switchgear {

/// JSON pointers (RFC 6901) into the body of a page; "" is the whole body.
struct PagePointers {
  std::string records;  ///< -> array of objects
  std::optional<std::string> next, removed, delta, total;
  std::string control;  ///< members whose name contains this text are the protocol's, not data; "": there are none
};

class JsonPage {
 public:
  JsonPage(Buffer body, PagePointers pointers);
  ~JsonPage();
  JsonPage(JsonPage&&) noexcept;
  JsonPage& operator=(JsonPage&&) noexcept;

  /// The continuation token; nothing where it is missing, null or "".
  const std::optional<std::string>& next() const noexcept { return next_; }
  const std::optional<std::string>& delta() const noexcept { return delta_; }
  std::optional<std::int64_t> total() const noexcept { return total_; }

  /// The array that `removed` points to, as JSON text.
  const std::optional<std::string>& removed() const noexcept { return removed_; }

  /// Bytes of the body.
  std::size_t bytes() const noexcept;

  /// Columns for what the first `max_records` records hold: the narrowest type that holds every value seen; `json` for mixed types,
  /// nested values and members that were always null. Nothing, if the page has no records.
  std::optional<Schema> infer(std::size_t max_records);

 private:
  friend class JsonColumns;
  struct Document;
  class Locator;
  JsonPage();

  std::unique_ptr<Document> document_;
  PagePointers pointers_;
  std::optional<std::string> next_, delta_, removed_;
  std::optional<std::int64_t> total_;
};

}  // namespace switchgear
