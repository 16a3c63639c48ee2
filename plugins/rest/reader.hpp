// Reads pages of a description's entities: puts requests together, looks at replies for errors, converts them, and tells the host how to go
// on.
//
// Belongs to one session: its calls come one at a time. What it keeps between them (the page of parents that children are being read for)
// only saves requests; all that a page depends on is in its token. Throws sdk::Error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "description.hpp"
#include "formats.hpp"
#include "paging.hpp"
#include "source.hpp"
#include "switchgear/sdk/call.hpp"
#include "switchgear/sdk/entity.hpp"
#include "switchgear/sdk/page.hpp"

namespace switchgear::rest {

class Reader {
 public:
  Reader(Description description, std::string base, Variables variables, std::int64_t page_size, bool own_url);

  const Description& description() const noexcept { return description_; }

  void check(sdk::Call& call);
  sdk::Page read(const Entity& entity, const sdk::Position& at, sdk::Call& call);

  /// A JSON array of parts, each a listing of its own; concatenated they are the whole. `[]` where it can't be divided.
  std::string plan(const Entity& entity, const sdk::Position& at, sdk::Call& call);

  // What writing shares with reading:

  /// Where and how a record is written, without its body. Throws sdk::Error(data, "key") for a record that lacks what the path needs.
  sdk::Request write_request(const Entity& entity, const Write& write, std::string_view record, const std::string& key) const;
  /// Throws what a reply that is no good one amounts to.
  void judge(const sdk::Reply& reply, sdk::Call& call);
  /// The error that stands in (a part of) a good reply, at this pointer.
  sdk::Error error_at(std::string_view body, const std::string& pointer) const;
  /// With the category that the description gives to the error's code.
  sdk::Error coded(sdk::Error error, std::string_view body) const;

 private:
  /// A page on its way. Its text is the reply's, or one made of it.
  struct Step {
    std::optional<sdk::Reply> reply;
    std::optional<std::string> text;
    std::string records;
    Tell told;
    std::optional<std::string> next;  ///< where the host is not to work it out from `told`

    std::string_view body() const { return text ? std::string_view(*text) : reply ? reply->body() : std::string_view(); }
    std::string next_token() const { return next ? *next : resolve(told, body(), records); }
  };

  /// Parents whose children are being read.
  struct Parents {
    std::string entity, token, text, next;
    std::vector<std::string_view> records;
  };

  struct ChildPlace;

  Step step(const Entity& entity, const sdk::Position& at, sdk::Call& call);
  Step listing_step(const Entity& entity, const sdk::Position& at, std::string_view parent, sdk::Call& call);
  Step detected_step(const Entity& entity, const sdk::Position& at, const Place& place, std::string_view parent, sdk::Call& call);
  Step window_step(const Entity& entity, const sdk::Position& at, Place place, std::string_view parent, sdk::Call& call);
  static void cut_after(const Paging& paging, std::int64_t high, Step& found);
  Step child_step(const Entity& entity, const sdk::Position& at, sdk::Call& call);
  Step child_page(const Entity& entity, const sdk::Position& at, const ChildPlace& place, std::string_view parent, sdk::Call& call);
  const Parents& parents_at(const Entity& entity, const std::string& token, sdk::Call& call);

  Step fetch(const Entity& entity, const sdk::Position& at, const Paging& paging, const Place& place, std::string_view parent,
             sdk::Call& call);
  sdk::Request request_for(const Entity& entity, const sdk::Position& at, const Ask& asked, std::string_view parent) const;
  void add_credentials(sdk::Request& request) const;
  void add_headers(const Entity* entity, sdk::Request& request) const;
  Parameters parameters_for(const Entity& entity, const sdk::Position& at, const Ask& asked, std::string_view parent) const;
  std::optional<std::string> value_of(std::string_view name, std::string_view parent) const;
  std::string rendered(const Template& form, std::string_view parent, Encoding encoding) const;

  void judge_body(const Entity& entity, std::string_view document, int status) const;
  Place place_of(const Entity& entity, const sdk::Position& at) const;
  std::optional<std::int64_t> total_of(const Entity& entity, const sdk::Position& at, sdk::Call& call);
  std::optional<std::int64_t> key_at_end(const Entity& entity, const sdk::Position& at, bool last, sdk::Call& call);

  Description description_;
  std::string base_;
  Variables variables_;
  std::int64_t page_size_;
  bool own_url_;
  bool warned_of_limit_ = false;
  Parents parents_;
};

}  // namespace switchgear::rest
