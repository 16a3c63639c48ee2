// What a reply amounts to: nothing, or an Error with category, the source's own words, the request id and the next step.
//
// Judged by status, headers and body: OAuth's WWW-Authenticate, redirects to a login page and login pages themselves, CSRF demands,
// rate-limit headers, the error bodies of OData V4 and V2, SAP, Maximo, Dynamics, NetSuite, Odoo, OAuth and RFC 9457, and a 200 that
// carries an error envelope. docs/errors.md has the table. A large 200 costs next to nothing: only its first bytes are looked at. Replies
// are borrowed for the call. Any thread. Nothing is thrown but std::bad_alloc.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/http/message.hpp"
#include "switchgear/http/rate_headers.hpp"

namespace switchgear {

struct ClassifyContext {
  std::string_view connection_id = {};  ///< copied into the Error, as is `entity`
  std::string_view entity = {};
  /// The URL asked for is the source's root: nothing there means that the `url` setting is wrong.
  bool service_root = false;
  /// The credentials were renewed just before this request, so a 401 is a refusal for good.
  bool renewed = false;
  /// Was JSON asked for? Unset: as the request's Accept header says.
  std::optional<bool> wants_json = {};
  std::optional<WallTime> now = {};  ///< unset: the system's clock
  std::chrono::milliseconds retry_after_cap = default_retry_after_cap;
};

/// The error that the reply amounts to; nothing for a success. `request` needs only method, URL, Accept and idempotency key.
std::optional<Error> classify(const HttpRequest& request, const HttpResponse& response, const ClassifyContext& context = {});

/// One item of a bulk reply, the JSON text as it stands there: {"status": 412, "body": {...}} (OData $batch), {"_responsemeta": {"status":
/// "400"}, "_responsedata": {...}} (Maximo), {"message": ...} without an id or a key beside {"id": ...} (others).
std::optional<Error> classify_item(const HttpRequest& request, std::string_view item_json, const ClassifyContext& context = {});

/// All items of a bulk reply whose body is an array or holds one as "responses", in order; a group of which one item failed has failed as a
/// whole (`bad_request.rolled_back` for the others). Empty, if there is no such array: then classify() has the verdict.
std::vector<std::optional<Error>> classify_bulk(const HttpRequest& request, const HttpResponse& response,
                                                const ClassifyContext& context = {});

}  // namespace switchgear
