#include "batch_sender.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "switchgear/base/clock.hpp"

namespace switchgear {
namespace {

using std::chrono::milliseconds;

// A read-back asks for so many keys at once: their condition has to fit into a URL.
constexpr std::size_t keys_per_read = 40;
constexpr milliseconds longest_wait{60'000};

/// The source said no to the batch as it is, having done nothing.
bool is_refusal(const Error& error) noexcept {
  switch (error.category) {
    case Category::bad_request:
    case Category::too_large:
    case Category::not_found:
    case Category::gone:
    case Category::conflict:
    case Category::data:
      return true;
    default:
      return false;
  }
}

/// Whether the source acted is not known.
bool is_open(const Error& error) noexcept {
  if (error.nothing_sent) return false;
  switch (error.category) {
    case Category::offline:
    case Category::timeout:
    case Category::server:
    case Category::unavailable:
    case Category::protocol:
    case Category::cancelled:
      return true;
    default:
      return false;
  }
}

/// Nothing was done; the same batch may go out a little later.
bool is_worth_waiting(const Error& error) noexcept {
  const bool paused = error.category == Category::circuit_open && !error.retry_after;
  if (paused) return false;
  return error.category == Category::circuit_open || error.category == Category::rate_limit || (error.nothing_sent && error.retryable);
}

/// Any other batch would meet the same.
bool concerns_all(const Error& error) noexcept {
  switch (error.category) {
    case Category::auth_expired:
    case Category::auth_invalid:
    case Category::permission:
    case Category::csrf:
    case Category::config:
    case Category::unsupported:
    case Category::plugin:
    case Category::circuit_open:
    case Category::offline:
    case Category::cancelled:
      return true;
    default:
      return false;
  }
}

RecordRules key_rules(const EntityInfo& entity) {
  RecordRules rules;
  rules.key = entity.key;
  return rules;
}

}  // namespace

BatchSender::BatchSender(std::shared_ptr<Connection> connection, const EntityInfo& entity, const WriteOptions& options, Hooks hooks,
                         std::stop_token stop)
    : connection_(std::move(connection)),
      entity_(entity),
      options_(options),
      hooks_(std::move(hooks)),
      stop_(std::move(stop)),
      services_(connection_, options.entity, options.op),
      inspector_(key_rules(entity)) {}

void BatchSender::write(Items items) {
  const auto in_doubt = std::stable_partition(items.begin(), items.end(), [](const BatchItem& item) { return !item.in_doubt; });
  Items doubtful(std::make_move_iterator(in_doubt), std::make_move_iterator(items.end()));
  items.erase(in_doubt, items.end());
  if (options_.op != "create") {
    std::move(doubtful.begin(), doubtful.end(), std::back_inserter(items));
  } else if (!doubtful.empty()) {
    const Error lost(Category::offline, "lost", "an earlier attempt at this record did not end");
    if (!read_back(doubtful)) {
      settle_all(std::move(doubtful), RecordState::unknown, lost);
    } else {
      std::move(doubtful.begin(), doubtful.end(), std::back_inserter(items));
    }
  }
  send(std::move(items), 1);
}

void BatchSender::settle_all(Items items, RecordState state, const Error& error) {
  for (BatchItem& item : items) hooks_.settle(std::move(item), state, error);
}

std::vector<WriteOutcome> BatchSender::call(const Items& items) {
  std::vector<WriteRecord> records;
  records.reserve(items.size());
  for (const BatchItem& item : items)
    records.push_back({switchgear::idempotency_key(options_.job_id, item.index, item.key), item.key, item.json});
  CallContext context{services_, stop_, connection_->clock(), {}};
  if (!session_) session_.emplace(connection_->lease(stop_));
  hooks_.sent();
  return (*session_)->write_batch(options_.entity, entity_.properties, options_.op, records, options_.atomic, context);
}

void BatchSender::send(Items items, std::uint32_t attempt) {
  if (items.empty()) return;
  if (const std::optional<Error> why = hooks_.stopped()) {
    const bool doubt = items.front().in_doubt;  // those of one call share their history
    settle_all(std::move(items), doubt ? RecordState::unknown : RecordState::skipped, *why);
    return;
  }
  std::optional<Error> failed;
  std::vector<WriteOutcome> outcomes;
  try {
    outcomes = call(items);
  } catch (const Error& error) {
    failed = error;
  } catch (const std::exception& error) {
    failed = Error(Category::internal, "write", std::string("a batch could not be handed over: ") + error.what());
  }
  if (failed) {
    failed->connection_id = connection_->id();
    failed->entity = options_.entity;
    services_.report(*failed);
    judge_whole(std::move(items), *failed, attempt);
  } else {
    judge_each(std::move(items), std::move(outcomes), attempt);
  }
}

void BatchSender::judge_whole(Items items, const Error& error, std::uint32_t attempt) {
  if (is_refusal(error)) {
    if (items.size() > 1 && !options_.atomic) return halve(std::move(items), attempt);
    return settle_all(std::move(items), RecordState::failed, error);
  }
  if (is_open(error)) return look_again(std::move(items), error, attempt);
  if (is_worth_waiting(error) && attempt < options_.attempts && wait(error, attempt)) return send(std::move(items), attempt + 1);
  if (concerns_all(error)) hooks_.stop_all(error);
  const bool doubt = items.front().in_doubt;
  settle_all(std::move(items), doubt ? RecordState::unknown : RecordState::failed, error);
}

void BatchSender::judge_each(Items items, std::vector<WriteOutcome> outcomes, std::uint32_t attempt) {
  Items open;
  Items refused_in_doubt;
  std::vector<std::optional<Error>> refusals;
  std::optional<Error> reason;
  for (std::size_t i = 0; i < items.size(); ++i) {
    BatchItem& item = items[i];
    WriteOutcome& outcome = outcomes[i];
    if (outcome.error) {
      outcome.error->connection_id = connection_->id();
      outcome.error->entity = options_.entity;
    }
    const bool gone = options_.op == "delete" && item.in_doubt && outcome.error &&
                      (outcome.error->category == Category::not_found || outcome.error->category == Category::gone);
    if (outcome.state == WriteOutcome::State::ok || gone) {
      hooks_.settle(std::move(item), RecordState::ok, std::nullopt);
    } else if (outcome.state == WriteOutcome::State::unknown) {
      reason = outcome.error;
      open.push_back(std::move(item));
    } else if (item.in_doubt && outcome.error && outcome.error->code() == "conflict.precondition") {
      // The version that it names is no more: another's change, or that of the first attempt, whose reply was lost.
      hooks_.settle(std::move(item), RecordState::unknown, std::move(outcome.error));
    } else if (options_.op == "create" && item.in_doubt) {
      // Perhaps refused because the first attempt had gone through after all.
      refused_in_doubt.push_back(std::move(item));
      refusals.push_back(outcome.error);
    } else {
      hooks_.settle(std::move(item), RecordState::failed, std::move(outcome.error));
    }
  }
  if (!refused_in_doubt.empty()) {
    std::vector<std::pair<std::int64_t, std::optional<Error>>> why;
    for (std::size_t i = 0; i < refused_in_doubt.size(); ++i) why.emplace_back(refused_in_doubt[i].index, std::move(refusals[i]));
    const bool told = read_back(refused_in_doubt);
    for (BatchItem& item : refused_in_doubt) {
      const auto its = std::find_if(why.begin(), why.end(), [&](const auto& each) { return each.first == item.index; });
      // "It is there already" (which some call a fault of the server) of a key that can't be found: keys may be written in two ways.
      const bool contradicts = its->second && (its->second->category == Category::conflict || its->second->category == Category::server);
      hooks_.settle(std::move(item), told && !contradicts ? RecordState::failed : RecordState::unknown, its->second);
    }
  }
  if (!open.empty()) look_again(std::move(open), reason.value_or(Error(Category::offline, "lost", "the reply was lost")), attempt);
}

void BatchSender::halve(Items items, std::uint32_t attempt) {
  const auto middle = items.begin() + static_cast<std::ptrdiff_t>((items.size() + 1) / 2);
  Items second(std::make_move_iterator(middle), std::make_move_iterator(items.end()));
  items.erase(middle, items.end());
  send(std::move(items), attempt);
  send(std::move(second), attempt);
}

void BatchSender::look_again(Items items, const Error& error, std::uint32_t attempt) {
  for (BatchItem& item : items) item.in_doubt = true;
  const bool replied = error.http_status != 0;
  // A creation was found missing, or, sent again by its key alone, may be there.
  const bool told = replied && (options_.op != "create" || !is_repeatable());
  const auto give_up = [&] { settle_all(std::move(items), told ? RecordState::failed : RecordState::unknown, error); };
  if (error.category == Category::cancelled || stop_.stop_requested()) return settle_all(std::move(items), RecordState::unknown, error);
  if (!is_repeatable()) {
    // The request may still be at work at the source: a moment first.
    if (!wait(error, attempt) || !read_back(items)) return settle_all(std::move(items), RecordState::unknown, error);
    if (items.empty()) return;
  }
  if (replied && items.size() > 1 && !options_.atomic) return halve(std::move(items), attempt);
  if (replied || attempt >= options_.lost_attempts) return give_up();
  if (is_repeatable() && !wait(error, attempt)) return settle_all(std::move(items), RecordState::unknown, error);
  send(std::move(items), attempt + 1);
}

bool BatchSender::is_repeatable() const {
  if (options_.op != "create") return true;
  const auto found = std::find_if(entity_.properties.begin(), entity_.properties.end(),
                                  [](const auto& property) { return property.first == "idempotent_ops"; });
  return found != entity_.properties.end() && found->second.find("\"create\"") != std::string::npos;
}

bool BatchSender::wait(const Error& error, std::uint32_t attempt) {
  const milliseconds doubling(500LL << std::min<std::uint32_t>(attempt - 1, 6));
  return connection_->clock().sleep_for(std::min(error.retry_after.value_or(doubling), longest_wait), stop_);
}

bool BatchSender::read_back(Items& items) {
  if (entity_.key.empty() || !connection_->manifest().can_push_down("filter")) return false;
  if (std::any_of(items.begin(), items.end(), [](const BatchItem& item) { return item.key.empty(); })) return false;
  const std::size_t step = entity_.key.size() == 1 ? keys_per_read : 1;
  std::set<std::string> there;
  try {
    for (std::size_t first = 0; first < items.size(); first += step)
      there.merge(keys_there(items, first, std::min(first + step, items.size())));
  } catch (const Error& error) {
    services_.log(LogLevel::warning, "what became of " + std::to_string(items.size()) + " records can't be read back: " + error.describe());
    return false;
  }
  Items missing;
  for (BatchItem& item : items) {
    if (there.count(item.key) != 0) {
      hooks_.settle(std::move(item), RecordState::ok, std::nullopt);
    } else {
      missing.push_back(std::move(item));
    }
  }
  items = std::move(missing);
  return true;
}

std::set<std::string> BatchSender::keys_there(const Items& items, std::size_t first, std::size_t last) {
  PageRequest request;
  request.entity = entity_.name;
  request.properties = entity_.properties;
  request.columns = entity_.key;
  const auto quoted = [](const std::string& name) { return "\"" + name + "\""; };
  if (entity_.key.size() == 1) {
    std::string values;
    for (std::size_t i = first; i < last; ++i) values.append(values.empty() ? "" : ",").append(items[i].key_values.front());
    request.filter = "[[" + quoted(entity_.key.front()) + ",\"in\",[" + values + "]]]";
  } else {
    for (std::size_t k = 0; k < entity_.key.size(); ++k)
      request.filter.append(k == 0 ? "[[" : ",[")
          .append(quoted(entity_.key[k]))
          .append(",\"=\",")
          .append(items[first].key_values[k])
          .append("]");
    request.filter += ']';
  }
  if (!read_services_) read_services_.emplace(connection_, options_.entity, "read");
  CallContext context{*read_services_, stop_, connection_->clock(), {}};
  if (!session_) session_.emplace(connection_->lease(stop_));
  const RawPage page = (*session_)->read_page(request, context);
  if (page.batch) throw Error(Category::unsupported, "read_back", "the connector reads columns, and keys are compared as JSON");
  std::set<std::string> keys;
  for (std::string& key : inspector_.keys_of_page(page.body.view(), page.records)) keys.insert(std::move(key));
  return keys;
}

}  // namespace switchgear
