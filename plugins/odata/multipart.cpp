#include "multipart.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/text.hpp"

namespace switchgear::odata {
namespace {

constexpr std::string_view outer = "batch_switchgear";
constexpr std::string_view inner = "changeset_switchgear";
// RFC 2046, 5.1.1 allows 70.
constexpr std::size_t longest_boundary = 200;

sdk::Error no_reply(const std::string& what) {
  return sdk::Error(sdk::Category::protocol, "batch", "the reply to $batch " + what)
      .with_hint("set 'batch' to \"json\" if the service takes that");
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && sdk::detail::equal_ignoring_case(text.substr(0, prefix.size()), prefix);
}

/// The next line without its end, which is CRLF or, of careless services, LF.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

struct PartHeaders {
  std::string_view content_type, content_id, content_length;
};

/// Takes the header fields and the empty line behind them.
PartHeaders take_headers(std::string_view& text) {
  PartHeaders headers;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = trimmed(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (sdk::detail::equal_ignoring_case(name, "Content-Type")) headers.content_type = value;
    if (sdk::detail::equal_ignoring_case(name, "Content-ID")) headers.content_id = value;
    if (sdk::detail::equal_ignoring_case(name, "Content-Length")) headers.content_length = value;
  }
  return headers;
}

bool is_multipart(std::string_view content_type) { return starts_with_ignoring_case(content_type, "multipart/mixed"); }

std::string_view boundary_of(std::string_view content_type) {
  constexpr std::string_view name = "boundary=";
  for (std::size_t at = content_type.find(';'); at != std::string_view::npos; at = content_type.find(';', at + 1)) {
    const std::string_view parameter = trimmed(content_type.substr(at + 1));
    if (!starts_with_ignoring_case(parameter, name)) continue;
    std::string_view value = parameter.substr(name.size());
    const bool quoted = !value.empty() && value.front() == '"';
    if (quoted) value.remove_prefix(1);
    value = value.substr(0, value.find(quoted ? '"' : ';'));
    return quoted ? value : trimmed(value);
  }
  return {};
}

struct Parts {
  std::vector<std::string_view> list;
  bool closed = false;  ///< the last delimiter was there
};

/// RFC 2046: a delimiter is "--boundary" at the beginning of a line, the last one has "--" behind it. What lies before the first and behind
/// the last is no part.
Parts split(std::string_view content_type, std::string_view body) {
  const std::string_view boundary = boundary_of(content_type);
  if (boundary.empty() || boundary.size() > longest_boundary) throw no_reply("names no boundary between its parts");
  const std::string delimiter = "--" + std::string(boundary);
  Parts parts;
  std::optional<std::size_t> begin;
  for (std::size_t at = body.find(delimiter); at != std::string_view::npos; at = body.find(delimiter, at)) {
    const std::size_t behind = at + delimiter.size();
    const bool last = body.substr(behind, 2) == "--";
    const char next = behind < body.size() ? body[behind] : '\n';
    const bool whole = last || next == '\r' || next == '\n' || next == ' ' || next == '\t';
    if ((at != 0 && body[at - 1] != '\n') || !whole) {
      at = behind;
      continue;
    }
    if (begin) parts.list.push_back(body.substr(*begin, at - *begin));
    parts.closed = last;
    if (last) break;
    const std::size_t line_end = body.find('\n', behind);
    at = line_end == std::string_view::npos ? body.size() : line_end + 1;
    begin = at;
  }
  if (!begin && !parts.closed) throw no_reply("has no parts");
  return parts;
}

int number_of(std::string_view text) {
  int number = -1;
  const auto [at, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && at == text.data() + text.size() ? number : -1;
}

/// An application/http part's content: status line, header fields, body.
BatchPart read_answer(std::string_view content) {
  while (!content.empty() && (content.front() == '\r' || content.front() == '\n')) content.remove_prefix(1);
  const std::string_view status_line = take_line(content);
  const std::size_t blank = status_line.find(' ');
  if (!starts_with_ignoring_case(status_line, "HTTP/") || blank == std::string_view::npos)
    throw no_reply("has a part without a status line");
  const int status = number_of(trimmed(status_line.substr(blank + 1)).substr(0, 3));
  if (status < 100 || status > 599) throw no_reply("has a part with the status line '" + std::string(status_line.substr(0, 60)) + "'");
  BatchPart part;
  part.status = status;
  if (status < 300) return part;
  const PartHeaders headers = take_headers(content);
  const int length = number_of(headers.content_length);
  // The line end before the delimiter is not the body's.
  part.body = length >= 0 && static_cast<std::size_t>(length) <= content.size() ? content.substr(0, static_cast<std::size_t>(length))
                                                                                : trimmed(content);
  part.content_type = headers.content_type;
  return part;
}

void take_changeset(const PartHeaders& headers, std::string_view content, std::vector<BatchPart>& parts, std::size_t first,
                    std::size_t count) {
  std::size_t place = 0;
  for (std::string_view each : split(headers.content_type, content).list) {
    const PartHeaders its = take_headers(each);
    const int id = number_of(its.content_id);
    const bool named = id >= static_cast<int>(first) && id < static_cast<int>(first + count);
    const std::size_t at = named ? static_cast<std::size_t>(id) : first + place;
    if (at < first + count) parts[at] = read_answer(each);
    ++place;
  }
}

/// One reply in the place of a whole changeset: it failed, and no other of its requests was done.
void take_refusal(const PartHeaders& headers, std::string_view content, std::vector<BatchPart>& parts, std::size_t first,
                  std::size_t count) {
  const BatchPart answer = read_answer(content);
  const int id = number_of(headers.content_id);
  if (count == 1) {
    parts[first] = answer;
  } else if (answer.status >= 300 && id >= 0 && static_cast<std::size_t>(id) < count) {
    parts[static_cast<std::size_t>(id)] = answer;
  } else if (answer.status >= 300) {
    std::fill(parts.begin() + static_cast<std::ptrdiff_t>(first), parts.begin() + static_cast<std::ptrdiff_t>(first + count), answer);
  }
}

}  // namespace

void MultipartBody::begin_changeset() {
  // Services have been seen to take changesets with one boundary as one.
  changeset_ = std::string(inner).append("_").append(std::to_string(count_));
  text_.append("--").append(outer).append("\r\nContent-Type: multipart/mixed; boundary=").append(changeset_).append("\r\n\r\n");
}

void MultipartBody::end_changeset() {
  if (!changeset_.empty()) text_.append("--").append(changeset_).append("--\r\n");
  changeset_.clear();
}

void MultipartBody::add(const BatchRequest& request) {
  const bool reads = request.method == "GET";
  if (reads || !request.atomic || changeset_.empty()) {
    end_changeset();
    if (!reads) begin_changeset();
  }
  text_.append("--").append(reads ? outer : std::string_view(changeset_)).append("\r\nContent-Type: application/http\r\n");
  text_.append("Content-Transfer-Encoding: binary\r\nContent-ID: ").append(std::to_string(count_)).append("\r\n\r\n");
  text_.append(request.method).append(" ").append(request.path).append(" HTTP/1.1\r\nAccept: application/json\r\n");
  if (!request.json.empty()) {
    text_.append("Content-Type: ").append(request.content_type).append("\r\n");
    text_.append("Content-Length: ").append(std::to_string(request.json.size())).append("\r\n");
    if (!v2_) text_.append("Prefer: return=minimal\r\n");
  }
  if (!request.if_match.empty()) text_.append("If-Match: ").append(request.if_match).append("\r\n");
  text_.append("\r\n").append(request.json).append("\r\n");
  ++count_;
}

std::string MultipartBody::finish() && {
  end_changeset();
  return std::move(text_.append("--").append(outer).append("--\r\n"));
}

std::vector<BatchPart> parse_multipart_reply(std::string_view content_type, std::string_view body, std::size_t count, bool atomic) {
  if (!is_multipart(content_type)) throw no_reply("is of the type '" + std::string(content_type.substr(0, 80)) + "', not multipart/mixed");
  const Parts top = split(content_type, body);
  const std::size_t each = atomic ? count : 1;
  const std::size_t groups = atomic ? 1 : count;
  std::vector<BatchPart> parts(count);
  const std::size_t answered = std::min(groups, top.list.size());
  for (std::size_t group = 0; group < answered; ++group) {
    std::string_view content = top.list[group];
    const PartHeaders headers = take_headers(content);
    if (is_multipart(headers.content_type)) {
      take_changeset(headers, content, parts, group * each, each);
    } else {
      take_refusal(headers, content, parts, group * each, each);
    }
  }
  const bool stopped = top.closed && answered != 0 && answered < groups && parts[answered - 1].status >= 300;
  for (std::size_t i = answered; stopped && i < count; ++i) parts[i].not_reached = true;
  return parts;
}

}  // namespace switchgear::odata
