// The Arrow C data and stream interfaces: how columns leave the core without a copy and without Arrow's own library.
// Source: Apache Arrow, "The Arrow C data interface" and "The Arrow C stream interface".
//
// Arrow's structures own what they point to until their `release` is called. Here they are held by shared_ptr (released with the last
// owner); share_*() hands out a structure of its own that keeps the original alive, as often as wanted, from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "switchgear/data/schema.hpp"
#include "switchgear/sdk/abi.h"

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
extern "C" {
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
}
#endif

namespace switchgear {

using SharedArrowSchema = std::shared_ptr<const ::ArrowSchema>;
using SharedArrowArray = std::shared_ptr<const ::ArrowArray>;

/// Arrow's format string: "l", "tsu:UTC", "d:23,4".
std::string arrow_format(const Field& field);

/// A struct whose children are the schema's fields. All are nullable: a value that does not fit is null and rescued. Arrow has no type for
/// JSON, so such a column is text with the metadata `switchgear:type` = `json`.
SharedArrowSchema to_arrow_schema(const Schema& schema);

/// The other way. Types that have no name here (dictionaries, unions ...) throw Error(unsupported) naming the field.
Schema from_arrow_schema(const ::ArrowSchema& schema);

/// Takes over what a producer filled in; `*from` is left released.
SharedArrowSchema take(::ArrowSchema* from);
SharedArrowArray take(::ArrowArray* from);

void share(const SharedArrowSchema& from, ::ArrowSchema* out);
void share(const SharedArrowArray& from, ::ArrowArray* out);

/// A structure of its own for `part`, which lies anywhere below `whole`.
void share_part(const SharedArrowArray& whole, const ::ArrowArray& part, ::ArrowArray* out);

/// `part` with other children, which it takes over.
void share_shell(const SharedArrowArray& whole, const ::ArrowArray& part, std::vector<::ArrowArray> children, ::ArrowArray* out);

/// A struct array that takes over its children, each of `length` rows.
SharedArrowArray make_batch(std::vector<::ArrowArray> children, std::int64_t length);

/// Rows [offset, offset + length) of a struct array, in the same memory.
SharedArrowArray slice(const SharedArrowArray& from, std::int64_t offset, std::int64_t length);

/// Bytes of all buffers that the rows of `array` refer to.
std::uint64_t arrow_bytes(const ::ArrowArray& array, const ::ArrowSchema& schema);

/// Turns a function into a stream; `next` returns the batches one by one, then nothing. What it throws becomes the stream's error;
/// a null function ends at once. Calls are serial, as the interface demands.
void make_stream(SharedArrowSchema schema, std::function<SharedArrowArray()> next, ::ArrowArrayStream* out);

}  // namespace switchgear
