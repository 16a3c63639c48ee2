// The source's own words in the body of an error: JSON in the forms that sources are known to use, XML, HTML, plain text.
//
// Never throws but std::bad_alloc; texts come out as one line of valid UTF-8, bounded in length. A body over 256 KiB or nested deeper
// than 64 is not parsed.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace switchgear {

struct SourceError {
  std::string code;        ///< "SY/530", "BMXAA8229W", "0x80072322", "invalid_token"
  std::string message;     ///< with the details that the source lists
  std::string request_id;  ///< where the body names one
  int status = 0;          ///< an HTTP status that the body names
  bool aborted = false;    ///< SAP RETURN type A
};

SourceError read_error_body(std::string_view body);
SourceError read_error_json(const nlohmann::json& root);

/// The error that a reply with a 2xx status carries all the same; looks at the first bytes of a large body only.
std::optional<SourceError> find_envelope(std::string_view body);

/// Parses what is small and flat enough; a discarded value otherwise.
nlohmann::json parse_bounded(std::string_view body);

/// Without control characters and runs of blanks, invalid UTF-8 as '?', cut at `longest` bytes.
std::string one_line(std::string_view text, std::size_t longest);

/// Starts with `<!doctype html` or `<html`, whatever its type says.
bool looks_like_html(std::string_view body);

/// A password field, or a title that speaks of signing in.
bool looks_like_login_page(std::string_view html);

}  // namespace switchgear
