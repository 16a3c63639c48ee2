// A loaded connector and its sessions, as C++ sees them: the C tables of sdk/abi.h stay behind this header.
//
// Plugin: one shared library, loaded once, never unloaded; any thread. Session: one opened configuration; calls on it must be serial
// (the paging and batch layers lease sessions). CallContext: what one call may use; made by the connection, borrowed by the call.
// All calls throw Error: the connector's own, or `plugin` when it broke its contract, `unsupported` when it lacks a slot.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "switchgear/base/buffer.hpp"
#include "switchgear/base/clock.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"
#include "switchgear/connector/manifest.hpp"
#include "switchgear/data/schema.hpp"
#include "switchgear/http/message.hpp"

struct ArrowArray;
struct ArrowSchema;

namespace switchgear {

using Properties = std::vector<std::pair<std::string, std::string>>;

/// A credential that a request asks the host to add, by the name of a secret of the manifest.
struct SecretUse {
  enum class Kind { bearer, basic, header, query, none };
  Kind kind = Kind::bearer;
  std::string name;    ///< user, header or parameter
  std::string secret;  ///< name of a secret
};

/// What a connector's request goes through on its way out. Implemented by the connection: guard, authentication, transport.
class HostServices {
 public:
  virtual ~HostServices() = default;

  /// `uses` replaces the connection's own credentials; empty: those are applied. Throws only where there was no reply.
  virtual HttpResponse send(const HttpRequest& request, const std::vector<SecretUse>& uses, std::stop_token stop) = 0;

  /// A reply that amounts to an error, or nothing.
  virtual std::optional<Error> classify(const HttpResponse& response) = 0;

  virtual std::string secret(const std::string& name) = 0;
  virtual void log(LogLevel level, std::string_view message) = 0;
};

struct CallContext {
  HostServices& services;
  std::stop_token stop = {};
  Clock& clock = Clock::system();
  std::optional<SteadyTime> deadline = std::nullopt;
};

struct PageRequest {
  std::string entity;
  Properties properties;
  std::vector<std::string> columns;                                                  ///< empty: all
  std::string filter, raw_filter, order, lower, upper, after_key, token, partition;  ///< as in sg_read_request
  std::int64_t page_size = 0;
  std::int64_t limit = -1;
  bool count = false;
  bool changes = false;    ///< a token with which to ask for changes later is wanted
  std::int64_t parts = 0;  ///< to plan(): how many are wished for; 0: the connector's choice
};

/// Arrow columns that a connector built itself; releases them when destroyed.
struct ForeignBatch {
  std::shared_ptr<::ArrowSchema> schema;
  std::shared_ptr<::ArrowArray> array;
};

/// A page as the connector returns it: raw bytes and where in them to look, or columns.
struct RawPage {
  Buffer body;
  std::string records;                                     ///< JSON pointer; "" is the whole body
  std::optional<std::string> next, removed, delta, total;  ///< JSON pointers
  std::string watermark;
  std::string control;
  std::optional<std::string> next_token;  ///< wins over `next`; "" means that this is the last page
  std::optional<ForeignBatch> batch;      ///< instead of `body`
  std::vector<std::string> next_fields;   ///< pointers into a record: the next token is made of the last record's values
  std::optional<std::string> more;        ///< JSON pointer to the source's word on whether there is more
  std::optional<std::int64_t> offset;     ///< where the page begins: the next token is the offset behind its last record
  bool empty_is_last = false;             ///< without records this is the last page, whatever it names as next
  std::uint64_t overlap = 0;              ///< records at its beginning that should repeat the page before
  std::optional<std::string> back;        ///< the token to load instead where they do not; set on every page that overlaps or may be
                                          ///< overlapped
};

struct WriteRecord {
  std::string id, key, json;
};

struct WriteOutcome {
  enum class State { ok, failed, unknown };
  State state = State::unknown;
  std::optional<Error> error;
};

class Session {
 public:
  virtual ~Session() = default;

  virtual void check(CallContext& call) = 0;

  /// The catalog (docs/connectors.md describes its JSON).
  virtual std::string discover(CallContext& call) = 0;
  virtual std::string plan(const PageRequest& request, CallContext& call) = 0;
  virtual RawPage read_page(const PageRequest& request, CallContext& call) = 0;

  /// One outcome a record, in order.
  virtual std::vector<WriteOutcome> write_batch(const std::string& entity, const Properties& properties, const std::string& op,
                                                const std::vector<WriteRecord>& records, bool atomic, CallContext& call) = 0;
};

class Plugin {
 public:
  virtual ~Plugin() = default;
  virtual const Manifest& manifest() const noexcept = 0;
  virtual const std::string& path() const noexcept = 0;           ///< "" for a connector linked in
  virtual bool offers(std::string_view slot) const noexcept = 0;  ///< "discover", "plan", "write_batch"

  /// `config` as Manifest::checked_config made it.
  virtual std::unique_ptr<Session> open(const std::string& connection_id, const Properties& config, CallContext& call) = 0;
};

}  // namespace switchgear
