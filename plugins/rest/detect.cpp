#include "detect.hpp"

#include <algorithm>
#include <array>

#include "json_text.hpp"
#include "link_header.hpp"
#include "switchgear/sdk/error.hpp"

namespace switchgear::rest {
namespace {

/// Places where replies are seen to say how to go on, and the parameter that takes it.
struct Sign {
  std::string_view pointer, param;
};

constexpr std::array<std::string_view, 12> url_signs = {
    "/next",          "/@odata.nextLink", "/nextLink",        "/next_url",
    "/next_page_url", "/links/next",      "/links/next/href", "/_links/next/href",
    "/paging/next",   "/pagination/next", "/meta/next",       "/responseInfo/nextPage/href"};

constexpr std::array<Sign, 14> cursor_signs = {{{"/next_cursor", "cursor"},
                                                {"/nextCursor", "cursor"},
                                                {"/nextPageToken", "pageToken"},
                                                {"/next_page_token", "page_token"},
                                                {"/nextToken", "nextToken"},
                                                {"/next_token", "next_token"},
                                                {"/meta/next_cursor", "cursor"},
                                                {"/meta/nextCursor", "cursor"},
                                                {"/pagination/next_cursor", "cursor"},
                                                {"/pagination/nextCursor", "cursor"},
                                                {"/page_info/end_cursor", "cursor"},
                                                {"/pageInfo/endCursor", "cursor"},
                                                {"/cursor", "cursor"},
                                                {"/next", "cursor"}}};

constexpr std::array<std::string_view, 3> cursor_headers = {"X-Next-Cursor", "X-Continuation-Token", "X-Next-Page-Token"};
constexpr std::array<std::string_view, 6> more_signs = {"/has_more",    "/hasMore", "/more", "/meta/has_more", "/pagination/has_more",
                                                        "/is_truncated"};
constexpr std::array<std::string_view, 6> page_count_signs = {"/pages",      "/total_pages", "/totalPages", "/meta/total_pages",
                                                              "/page_count", "/next_page"};
constexpr std::array<std::string_view, 7> total_signs = {"/total",      "/count",      "/totalResults",    "/total_count",
                                                         "/totalCount", "/meta/total", "/meta/total_count"};
constexpr std::array<std::string_view, 8> usual_records = {"/data",  "/items", "/results", "/records",
                                                           "/value", "/rows",  "/content", "/entries"};

class Detective {
 public:
  Detective(const Entity& entity, const Answer& answer) : entity_(entity), answer_(answer) {}

  Detected detect() {
    found_.paging = entity_.paging;
    found_.paging.style = Style::none;
    found_.records = entity_.records ? *entity_.records : find_records();
    count_ = records_of(answer_.body, found_.records).size();
    if (by_link() || by_url() || by_cursor() || by_header() || by_page() || by_offset()) return std::move(found_);
    by_nothing();
    return std::move(found_);
  }

 private:
  std::optional<std::string_view> at(std::string_view pointer) const { return is_list() ? std::nullopt : find(answer_.body, pointer); }
  bool is_list() const { return find(answer_.body, "")->substr(0, 1) == "["; }

  template <class Signs>
  std::string first_of(const Signs& signs) const {
    for (const std::string_view sign : signs) {
      if (at(sign)) return std::string(sign);
    }
    return {};
  }

  /// The one member that is a list of objects, or the one that is called as such lists are.
  std::string find_records() const {
    if (is_list()) return "";
    std::vector<std::string> lists;
    for (const std::string_view usual : usual_records) {
      const auto value = at(usual);
      if (value && value->substr(0, 1) == "[") return std::string(usual);
    }
    for (const auto& [name, value] : members(*find(answer_.body, ""))) {
      if (value.substr(0, 1) == "[") lists.push_back("/" + pointer_token(name));
    }
    if (lists.size() == 1) return lists.front();
    throw sdk::Error(sdk::Category::protocol, "records",
                     lists.empty() ? "the reply holds no list of records" : "the reply holds several lists: " + lists[0] + ", " + lists[1])
        .with_hint("say which one: records = \"/…\" under [[entities]]");
  }

  void settle(Style style, const std::string& reason, const std::string& toml) {
    found_.paging.style = style;
    found_.reason = reason;
    found_.toml = "style = \"" + style_names()[static_cast<std::size_t>(style)] + "\"" + (toml.empty() ? "" : "\n" + toml);
  }

  bool by_link() {
    if (answer_.header("Link").empty()) return false;
    const bool next = link_target(answer_.header("Link"), "next").has_value();
    if (!next && !link_target(answer_.header("Link"), "first") && !link_target(answer_.header("Link"), "last")) return false;
    settle(Style::link, next ? "the reply has a Link header with rel=\"next\"" : "the reply has a Link header for pages, and no next one",
           "");
    return true;
  }

  bool by_url() {
    for (const std::string_view sign : url_signs) {
      const auto value = at(sign);
      if (!value || value->substr(0, 1) != "\"") continue;
      const std::string text = text_of(*value);
      if (text.find("://") == std::string::npos && text.substr(0, 1) != "/" && text.find('?') == std::string::npos) continue;
      found_.paging.next = sign;
      settle(Style::next_url, "the reply holds a URL at " + std::string(sign), "next = \"" + std::string(sign) + "\"");
      return true;
    }
    return false;
  }

  bool by_cursor() {
    for (const Sign& sign : cursor_signs) {
      const auto value = at(sign.pointer);
      if (!value || (value->substr(0, 1) != "\"" && *value != "null" && !is_number(*value))) continue;
      if (*value == "null" && sign.pointer == "/next") continue;  // of a URL, as likely
      found_.paging.next = sign.pointer;
      found_.paging.param = sign.param;
      found_.paging.more = optional(first_of(more_signs));
      settle(Style::cursor, "the reply holds " + std::string(sign.pointer),
             "param = \"" + std::string(sign.param) + "\"\nnext = \"" + std::string(sign.pointer) + "\"" + more_line());
      return true;
    }
    return false;
  }

  bool by_header() {
    for (const std::string_view name : cursor_headers) {
      if (answer_.header(name).empty()) continue;
      found_.paging.next_header = name;
      found_.paging.param = "cursor";
      settle(Style::cursor, "the reply has the header " + std::string(name),
             "param = \"cursor\"\nnext_header = \"" + std::string(name) + "\"");
      return true;
    }
    return false;
  }

  bool by_page() {
    const auto page = at("/page");
    if (!page || !is_number(*page) || first_of(page_count_signs).empty()) return false;
    found_.paging.param = "page";
    found_.paging.first = *page == "0" ? 0 : 1;
    found_.paging.more = optional(at("/next_page") ? "/next_page" : first_of(more_signs));
    settle(Style::page, "the reply holds /page and " + first_of(page_count_signs),
           "param = \"page\"\nfirst = " + std::to_string(found_.paging.first) + more_line());
    return true;
  }

  bool by_offset() {
    const auto offset = at("/offset");
    if (!offset || !is_number(*offset)) return false;
    found_.paging.param = "offset";
    found_.paging.more = optional(first_of(more_signs));
    if (found_.paging.size_param.empty() && at("/limit")) found_.paging.size_param = "limit";
    settle(Style::offset, "the reply holds /offset" + (found_.paging.more ? " and " + *found_.paging.more : std::string()),
           "param = \"offset\"" + (found_.paging.size_param.empty() ? "" : "\nsize_param = \"" + found_.paging.size_param + "\"") +
               more_line());
    return true;
  }

  /// Nothing tells how to go on. That is all right where nothing tells that there is more.
  void by_nothing() {
    const std::string more = first_of(more_signs);
    if (!more.empty() && is_something(at(more))) refuse("it says so at " + more);
    for (const std::string_view sign : total_signs) {
      const auto value = at(sign);
      if (value && is_number(*value) && text_of(*value) != "0" && total_of(*value) > count_)
        refuse(std::string(sign) + " is " + std::string(*value) + ", and it holds " + std::to_string(count_));
    }
    const std::string header = answer_.header("X-Total-Count");
    if (is_number(header) && total_of(header) > count_) refuse("X-Total-Count is " + header + ", and it holds " + std::to_string(count_));
    settle(Style::none, "nothing in the reply speaks of a next page", "");
  }

  static std::size_t total_of(std::string_view digits) {
    return digits.size() > 15 || digits.find_first_not_of("0123456789") != std::string_view::npos
               ? 0
               : static_cast<std::size_t>(std::stoll(std::string(digits)));
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw sdk::Error(sdk::Category::unsupported, "paging",
                     "the reply of '" + entity_.name + "' is not all there is (" + why + "), and how to go on can't be seen from it")
        .with_hint("describe it under [entities.paging]; docs/rest.md lists the styles");
  }

  static std::optional<std::string> optional(const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); }
  std::string more_line() const { return found_.paging.more ? "\nmore = \"" + *found_.paging.more + "\"" : std::string(); }

  const Entity& entity_;
  const Answer& answer_;
  std::size_t count_ = 0;
  Detected found_;
};

[[noreturn]] void bad_token(const std::string& token) {
  throw sdk::Error(sdk::Category::bad_request, "token", "the continuation token '" + token.substr(0, 80) + "' is none of a detected style");
}

}  // namespace

std::string Detected::to_token(const std::string& inner) const {
  if (inner.empty()) return {};
  return json_list({style_names()[static_cast<std::size_t>(paging.style)], records, paging.param, paging.next.value_or(""),
                    paging.next_header, paging.more.value_or(""), paging.size_param, std::to_string(paging.first), inner});
}

Detected detect(const Entity& entity, const Answer& answer) {
  try {
    return Detective(entity, answer).detect();
  } catch (const JsonError& error) {
    throw sdk::Error(sdk::Category::protocol, "json", "the reply is " + std::string(error.what()));
  }
}

Detected from_token(const Entity& entity, const std::string& token, std::string& inner) {
  std::vector<std::string> parts;
  try {
    for (const std::string_view part : items(token)) parts.push_back(text_of(part));
  } catch (const JsonError&) {
    bad_token(token);
  }
  if (parts.size() != 9 || !pointer_tokens(parts[1]) || !pointer_tokens(parts[3]) || !pointer_tokens(parts[5])) bad_token(token);
  const auto style = std::find(style_names().begin(), style_names().end(), parts[0]);
  if (style == style_names().end() || parts[0] == "auto" || parts[0] == "window" || parts[0] == "keyset") bad_token(token);
  Detected found;
  found.paging = entity.paging;
  found.paging.style = static_cast<Style>(style - style_names().begin());
  found.records = parts[1];
  found.paging.param = parts[2];
  if (!parts[3].empty()) found.paging.next = parts[3];
  found.paging.next_header = parts[4];
  if (!parts[5].empty()) found.paging.more = parts[5];
  found.paging.size_param = parts[6];
  found.paging.first = whole_number(parts[7]);
  inner = parts[8];
  return found;
}

}  // namespace switchgear::rest
