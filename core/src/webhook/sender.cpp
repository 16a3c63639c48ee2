#include "switchgear/webhook/sender.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "endpoint_client.hpp"
#include "switchgear/base/error.hpp"
#include "switchgear/base/log.hpp"

namespace switchgear {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using webhook_detail::EndpointClient;

constexpr milliseconds tick{100};
constexpr milliseconds gathering{2};  // for more results to share a transaction
constexpr std::size_t enough_results = 64;
constexpr std::size_t most_waiting = 512;  // claimed, and not under way yet
constexpr std::size_t waiting_per_slot = 8;
constexpr milliseconds slow_attempt{500};

double own_chance() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(random);
}

SenderOptions checked(SenderOptions options) {
  const auto refuse = [](const char* what, const char* hint) { throw Error(Category::config, "sender", what).with_hint(hint); };
  if (options.concurrency < 1 || options.concurrency > 512) refuse("concurrency is not from 1 to 512", "64 are enough for most");
  if (options.per_endpoint < 1) refuse("per_endpoint is 0", "16 suit most endpoints");
  if (options.timeout < milliseconds(1)) refuse("the timeout is less than 1 ms", "10 s suit most endpoints");
  if (options.lease < 2 * options.timeout) refuse("the lease is shorter than twice the timeout", "30 s go with a timeout of 10 s");
  if (options.poll < milliseconds(1)) refuse("poll is less than 1 ms", "250 ms cost nothing");
  if (!options.chance) options.chance = own_chance;
  if (options.name.empty()) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0) host.front() = '?';
    options.name = std::string(host.data()) + ":" + std::to_string(getpid());
  }
  return options;
}

DeliveryResult untried(const ClaimedDelivery& delivery) {
  DeliveryResult result;
  result.id = delivery.id;
  result.fence = delivery.fence;
  result.endpoint_id = delivery.endpoint_id;
  result.state = DeliveryState::pending;
  return result;
}

}  // namespace

/// What is claimed, by endpoint, the threads that send it, and what became of it.
class WebhookSender::Lanes {
 public:
  Lanes(Store& store, SecretStore& secrets, const SenderOptions& options) : store_(store), endpoints_(store, secrets), options_(options) {}
  ~Lanes() { end(); }
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// How many more of this endpoint to claim.
  std::int64_t room(const std::string& endpoint_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = lanes_.find(endpoint_id);
    if (found == lanes_.end()) return 1;  // the first one shows how it is
    const Lane& lane = found->second;
    const std::size_t most = lane.unproven ? 1 : lane.quick() ? options_.per_endpoint * waiting_per_slot : side_by_side(lane);
    std::size_t has = lane.waiting.size() + lane.under_way;
    if (lane.unproven || lane.failures > 0) has += lane.unsettled;  // which may pause it, or end it
    return static_cast<std::int64_t>(most - std::min(most, has));
  }

  std::int64_t room() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::int64_t>(most_waiting - std::min(most_waiting, waiting_));
  }

  void add(std::vector<ClaimedDelivery> claimed) {
    const std::lock_guard lock(mutex_);
    const auto latest = steady_clock::now() + options_.lease - options_.timeout;
    for (ClaimedDelivery& each : claimed) {
      lanes_[each.endpoint_id].waiting.push_back({std::move(each), latest});
      ++waiting_;
    }
    const std::size_t wanted = std::min(options_.concurrency, waiting_ + under_way_);
    while (threads_.size() < wanted) threads_.emplace_back([this] { work(); });
    ready_.notify_all();
  }

  std::vector<DeliveryResult> take_results() {
    const std::lock_guard lock(mutex_);
    for (const DeliveryResult& each : results_) --lanes_[each.endpoint_id].unsettled;
    return std::exchange(results_, {});
  }

  /// Nothing waits, nothing is under way, and no result is left to be taken.
  bool idle() const {
    const std::lock_guard lock(mutex_);
    return waiting_ + under_way_ == 0 && results_.empty();
  }

  /// Until something came to an end, and some more with it, or for so long.
  void wait(milliseconds longest) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, longest, [this] { return !results_.empty(); })) return;
    changed_.wait_for(lock, gathering, [this] { return results_.size() >= enough_results || waiting_ + under_way_ == 0; });
  }

  /// What is not under way goes back.
  void give_back() {
    const std::lock_guard lock(mutex_);
    for (auto& [id, lane] : lanes_) give_back(lane);
  }

  void cancel() { cancelled_.request_stop(); }

  /// Ends the threads. What they have under way is cut off.
  void end() {
    cancel();
    {
      const std::lock_guard lock(mutex_);
      for (auto& [id, lane] : lanes_) give_back(lane);
      ending_ = true;
    }
    ready_.notify_all();
    threads_.clear();
    const std::lock_guard lock(mutex_);
    ending_ = false;
    cancelled_ = std::stop_source();
  }

  SenderStats stats() const {
    const std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  struct Waiting {
    ClaimedDelivery delivery;
    steady_clock::time_point latest;  ///< its lease would not outlast an attempt that began later
  };
  struct Lane {
    std::deque<Waiting> waiting;
    std::size_t under_way = 0;
    std::size_t unsettled = 0;         ///< results that the store does not know
    std::int64_t failures = 0;         ///< in a row
    bool unproven = true;              ///< nothing has gone well yet
    steady_clock::duration took{0};    ///< the last attempt
    steady_clock::time_point moved{};  ///< when an attempt ended last, or the first of those under way began
    std::shared_ptr<const EndpointClient> client;

    bool quick() const { return failures == 0 && took < slow_attempt; }
    bool drags(steady_clock::time_point now) const { return !quick() || (under_way > 0 && now - moved > slow_attempt); }
  };

  /// What may still begin of those that fail, are slow or hang, and of those that nobody knows yet: however many they are, threads are left
  /// for those that answer.
  struct Places {
    std::size_t dragging, unproven;
  };
  Places places(steady_clock::time_point now) const {
    std::size_t dragging = 0;
    std::size_t both = 0;
    for (const auto& [id, lane] : lanes_) {
      if (lane.drags(now)) dragging += lane.under_way;
      if (lane.drags(now) || lane.unproven) both += lane.under_way;
    }
    const std::size_t half = (options_.concurrency + 1) / 2;
    const std::size_t more = half + options_.concurrency / 4;
    return {.dragging = half - std::min(half, dragging), .unproven = more - std::min(more, both)};
  }

  /// A slow one gets a few threads and no more, a failing one a single one: the others go to those that answer.
  std::size_t side_by_side(const Lane& lane) const {
    if (lane.failures > 0) return 1;
    return lane.quick() ? options_.per_endpoint : std::max<std::size_t>(1, options_.per_endpoint / 4);
  }

  void put(Lane& lane, DeliveryResult result) {
    results_.push_back(std::move(result));
    ++lane.unsettled;
  }

  void give_back(Lane& lane) {
    for (const Waiting& each : lane.waiting) put(lane, untried(each.delivery));
    waiting_ -= lane.waiting.size();
    lane.waiting.clear();
  }

  /// The next lane that may send, in turn; none: null.
  Lane* next_lane() {
    if (waiting_ == 0) return nullptr;
    const auto now = steady_clock::now();
    const Places free = places(now);
    auto at = lanes_.upper_bound(turn_);
    for (std::size_t i = 0; i < lanes_.size(); ++i, ++at) {
      if (at == lanes_.end()) at = lanes_.begin();
      Lane& lane = at->second;
      if (lane.waiting.empty() || lane.under_way >= side_by_side(lane)) continue;
      if (lane.drags(now) ? free.dragging == 0 : lane.unproven && free.unproven == 0) continue;
      turn_ = at->first;
      return &lane;
    }
    return nullptr;
  }

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      Lane* lane = nullptr;
      ready_.wait(lock, [&] { return ending_ || (lane = next_lane()) != nullptr; });
      if (lane == nullptr) return;
      const Waiting mine = std::move(lane->waiting.front());
      lane->waiting.pop_front();
      --waiting_;
      if (steady_clock::now() > mine.latest) {
        put(*lane, untried(mine.delivery));
      } else {
        const auto began = steady_clock::now();
        if (lane->under_way++ == 0) lane->moved = began;
        ++under_way_;
        const std::int64_t failures = lane->failures;
        const auto known = lane->client;
        const auto stop = cancelled_.get_token();
        lock.unlock();
        Attempt attempt = send(mine.delivery, known, failures, stop);
        lock.lock();
        lane->moved = steady_clock::now();
        lane->took = lane->moved - began;
        --lane->under_way;
        --under_way_;
        note(*lane, std::move(attempt));
      }
      changed_.notify_all();
    }
  }

  struct Attempt {
    DeliveryResult result;
    std::shared_ptr<const EndpointClient> client;
  };

  Attempt send(const ClaimedDelivery& delivery, std::shared_ptr<const EndpointClient> client, std::int64_t failures,
               const std::stop_token& stop) {
    webhook_detail::Reply reply;
    StoredEndpoint endpoint;
    endpoint.id = delivery.endpoint_id;
    try {
      if (!client || !client->holds(delivery.endpoint_version, store_.clock().wall())) client = make_client(delivery.endpoint_id);
      endpoint = client->endpoint();
      reply = client->post(delivery, stop);
    } catch (const Error& error) {  // it can't be made: its key is gone, say
      reply.error = error;
      client.reset();
    } catch (const std::exception& problem) {
      reply.error = Error(Category::internal, std::string("the delivery could not be sent: ") + problem.what());
    }
    if (reply.error && reply.error->category == Category::cancelled) return {untried(delivery), std::move(client)};
    return {judge(endpoint, delivery, reply, failures, options_.chance(), store_.clock().wall()), std::move(client)};
  }

  std::shared_ptr<const EndpointClient> make_client(const std::string& endpoint_id) {
    StoredEndpoint endpoint = endpoints_.get(endpoint_id);
    auto keys = endpoints_.keys(endpoint_id);
    auto transport = transport_for(endpoint);
    return std::make_shared<const EndpointClient>(std::move(endpoint), keys, std::move(transport), store_.clock());
  }

  /// Endpoints that trust and may reach the same share their connections.
  std::shared_ptr<Transport> transport_for(const StoredEndpoint& endpoint) {
    const bool https = endpoint.url.starts_with("https:");
    const std::string what = (https ? "https\n" : "http\n") + endpoint.ca_file + "\n" + endpoint.subnets_json;
    const std::lock_guard lock(transports_mutex_);
    auto& transport = transports_[what];
    if (!transport) transport = make_curl_transport(webhook_detail::transport_options(endpoint, options_.timeout, options_.proxy));
    return transport;
  }

  void note(Lane& lane, Attempt attempt) {
    if (attempt.client) lane.client = std::move(attempt.client);
    const DeliveryState state = attempt.result.state;
    if (state != DeliveryState::pending) ++stats_.attempts;
    if (state == DeliveryState::delivered) {
      ++stats_.delivered;
      lane.failures = 0;
      lane.unproven = false;
      ready_.notify_all();  // it may have more of them from now on
    } else if (state != DeliveryState::pending) {
      ++stats_.failed;
      if (state == DeliveryState::dead) ++stats_.dead;
      ++lane.failures;
      give_back(lane);  // one after the other, until it answers again
    }
    put(lane, std::move(attempt.result));
  }

  Store& store_;
  EndpointStore endpoints_;
  const SenderOptions& options_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;    // for the threads: something can be sent
  std::condition_variable changed_;  // for run(): something was
  std::map<std::string, Lane> lanes_;
  std::string turn_;
  std::size_t waiting_ = 0, under_way_ = 0;
  std::vector<DeliveryResult> results_;
  SenderStats stats_;
  bool ending_ = false;
  std::stop_source cancelled_;
  std::mutex transports_mutex_;
  std::map<std::string, std::shared_ptr<Transport>> transports_;
  std::vector<std::jthread> threads_;  // last: they use the others
};

WebhookSender::WebhookSender(Store& store, SecretStore& secrets, SenderOptions options)
    : options_(checked(std::move(options))), store_(store), deliveries_(store), lanes_(std::make_unique<Lanes>(store, secrets, options_)) {}

WebhookSender::~WebhookSender() = default;

SenderStats WebhookSender::stats() const { return lanes_->stats(); }

void WebhookSender::run(const std::function<bool()>& goes_on) {
  struct Ending {
    Lanes& lanes;
    ~Ending() { lanes.end(); }
  } const ending{*lanes_};
  DeliveryClaim claim;
  claim.sender = options_.name;
  claim.lease = options_.lease;
  claim.room = [this](const std::string& endpoint_id) { return lanes_->room(endpoint_id); };
  std::vector<DeliveryResult> results;
  auto asked = steady_clock::now() - tick;
  auto look_at = steady_clock::now();
  int told_to_end = 0;
  for (;;) {
    if (steady_clock::now() - asked >= tick) {
      asked = steady_clock::now();
      if (!goes_on() && ++told_to_end == 1) lanes_->give_back();
      if (told_to_end > 1) lanes_->cancel();
    }
    for (DeliveryResult& each : lanes_->take_results()) results.push_back(std::move(each));
    const bool looks = told_to_end == 0 && steady_clock::now() >= look_at;
    try {
      if (!results.empty() || (looks && deliveries_.anything_due())) {
        claim.most = told_to_end == 0 ? lanes_->room() : 0;
        auto claimed = deliveries_.settle_and_claim(results, claim);
        results.clear();
        if (options_.until_idle && claimed.empty() && lanes_->idle()) return;
        look_at = steady_clock::now() + (claimed.empty() ? options_.poll : milliseconds(0));
        lanes_->add(std::move(claimed));
      } else if (looks) {
        if (options_.until_idle && lanes_->idle()) return;
        look_at = steady_clock::now() + options_.poll;
      }
    } catch (const Error& error) {  // another process holds the store for long, say: what was sent is to be put down all the same
      if (error.category != Category::store || !error.retryable || told_to_end > 1) throw;
      log(LogLevel::warning, "store", std::string("deliveries could not be settled, which is tried again: ") + error.what());
      look_at = steady_clock::now() + 20 * options_.poll;
      lanes_->wait(tick);
    }
    if (told_to_end > 0 && results.empty() && lanes_->idle()) return;
    const auto until = std::max(look_at - steady_clock::now(), steady_clock::duration(milliseconds(1)));
    lanes_->wait(std::min(tick, std::chrono::ceil<milliseconds>(until)));
  }
}

}  // namespace switchgear
