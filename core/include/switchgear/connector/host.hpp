// The host's side of the connector ABI: the services that a connector may call while one of its functions runs.
//
// host_table() is the process-wide sg_host; its functions work on an sg_call, which wraps the CallContext of one call and lives on the
// stack of the host function that calls the connector. The functions may be called from any thread while that call is on; they throw
// nothing and answer with an sg_error. A reply's body is handed out without a copy and recognised when it comes back in a page.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "switchgear/base/buffer.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/connector/manifest.hpp"
#include "switchgear/connector/plugin.hpp"
#include "switchgear/sdk/abi.h"

/// What the connector holds as an opaque handle.
struct sg_call {
  switchgear::CallContext& context;
  const switchgear::Manifest& manifest;
};

namespace switchgear {

const sg_host& host_table() noexcept;

/// `body` of a page as a Buffer: the host's own memory as it is, any other copied and released. Throws Error(plugin) for one that can't be.
Buffer take_body(sg_buf& body);

/// The text behind a pointer and a length of a connector's. Throws Error(plugin) naming `what` for a null or absurd one.
std::string_view foreign_text(const sg_str& text, std::string_view what);

/// An error that came out of a connector: its texts ended and made valid UTF-8, an unknown category replaced by `plugin`.
Error error_from(sg_error error, std::string_view connector);

/// And one on its way in. `out` may be null.
void write_error(const Error& error, sg_error* out) noexcept;

/// A blank sg_error for a connector to fill.
sg_error blank_error() noexcept;

/// `url` with the pairs that have a value appended, percent-encoded.
std::string with_query(std::string_view url, const sg_pair* query, std::uint64_t count);

}  // namespace switchgear
