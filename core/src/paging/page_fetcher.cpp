#include "switchgear/paging/page_fetcher.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <stop_token>
#include <utility>

#include "switchgear/base/error.hpp"

namespace switchgear {
namespace {

// What a page is taken to occupy before one was seen.
constexpr std::uint64_t first_guess = 1U << 20U;

std::string megabytes(std::uint64_t bytes) {
  return bytes < (1U << 20U) ? std::to_string(bytes) + " bytes" : std::to_string(bytes >> 20U) + " MiB";
}

/// What is being handled, with the names that data/ and the loader's source can't know.
std::exception_ptr named_failure(const ListingOptions& names) {
  try {
    throw;
  } catch (const Error& error) {
    Error named = error;
    if (named.connection_id.empty()) named.connection_id = names.connection_id;
    if (named.entity.empty()) named.entity = names.entity;
    return std::make_exception_ptr(std::move(named));
  } catch (...) {
    return std::current_exception();
  }
}

struct Part {
  std::optional<Place> place;      // where to go on after what was settled; nothing: the part is finished
  std::optional<Listing> listing;  // from its first page to its last
  std::deque<FetchedPage> pages;
  std::exception_ptr failure;
  bool in_flight = false;
  bool fetched = false;  // all of it
};

}  // namespace

// Outlives the fetcher for as long as the pool has a task of it; pool, budget and loaders have to outlive the fetcher alone. Lock order:
// this mutex, then the pool's or the budget's; bytes are given back to the budget without it, because that wakes other readers.
struct PageFetcher::Shared : std::enable_shared_from_this<PageFetcher::Shared> {
  Shared(Open how, std::vector<Place> places, ListingOptions names, FetchOptions with)
      : open(std::move(how)),
        listing(std::move(names)),
        options(std::move(with)),
        pool(options.pool != nullptr ? *options.pool : FetchPool::process()),
        budget(options.budget != nullptr ? *options.budget : MemoryBudget::process()),
        parts(places.size()) {
    options.parallel = std::max<std::size_t>(options.parallel, 1);
    for (std::size_t i = 0; i < places.size(); ++i) parts[i].place = std::move(places[i]);
    guess = std::min(first_guess, options.max_bytes / (2 * options.parallel));
  }
  ~Shared() {
    if (fd >= 0) ::close(fd);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  void begin() {
    if (waiter != nullptr) return;
    waiter = std::make_shared<MemoryBudget::Waiter>([weak = weak_from_this()] {
      if (const auto shared = weak.lock()) {
        const std::lock_guard lock(shared->mutex);
        shared->pump();
      }
    });
    pump();
  }

  // ---- what to fetch next; all with the mutex held

  bool failed() const {
    return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.failure != nullptr; });
  }

  std::size_t allowed() const {
    const std::size_t limit = options.in_flight_limit ? std::max<std::size_t>(options.in_flight_limit(), 1) : options.parallel;
    return std::min(options.parallel, limit);
  }

  /// The first part that is not finished moves on; pages in order come from it alone.
  void skip_finished() {
    while (first < parts.size() && parts[first].fetched && parts[first].pages.empty() && parts[first].failure == nullptr) ++first;
  }

  void pump() {
    if (stopping) return;
    skip_finished();
    for (std::size_t i = first; i < parts.size() && in_flight < allowed(); ++i) {
      Part& part = parts[i];
      // What comes after a failure would not be taken.
      if (part.failure != nullptr && options.ordered) return;
      if (part.in_flight || part.fetched || part.failure != nullptr) {
        if (options.parallel == 1) return;
        continue;
      }
      if (!options.ordered && failed()) return;
      const bool wanted = hungry || fd >= 0;
      if (options.parallel == 1 && part.pages.size() >= (wanted ? std::max<std::size_t>(options.prefetch, 1) : options.prefetch)) return;
      // What is waited for always comes: bytes that others hold must not be able to stop it. In order that is the part whose turn it is.
      const bool next = options.ordered ? i == first && part.pages.empty() : in_flight == 0 && next_part() == nullptr;
      const bool always = (held == 0 && in_flight == 0) || (next && wanted);
      const std::uint64_t bytes = always && !seen_a_page ? 0 : guess;
      if (!reserve(bytes, always)) return;
      send(i, bytes);
    }
  }

  bool reserve(std::uint64_t bytes, bool always) {
    if (always) {
      budget.take(bytes);
    } else if (held + bytes > options.max_bytes || !budget.take_or_wait(bytes, waiter)) {
      return false;
    }
    held += bytes;
    return true;
  }

  void send(std::size_t index, std::uint64_t reserved) {
    Part& part = parts[index];
    part.in_flight = true;
    ++in_flight;
    pool.submit(options.group, [self = shared_from_this(), index, reserved] { self->fetch(index, reserved); });
  }

  // ---- on a thread of the pool

  void fetch(std::size_t index, std::uint64_t reserved) noexcept {
    Part& part = parts[index];  // the vector never grows; this part is ours while it is in flight
    std::unique_lock lock(mutex);
    std::optional<FetchedPage> page;
    std::exception_ptr failure;
    if (abandoned) return;
    ++running;
    if (!stopping) {
      lock.unlock();
      try {
        if (!part.listing) part.listing.emplace(open(part.place->partition), listing, *part.place);
        page.emplace(part.listing->fetch(stop.get_token()));
        check_size(*page);
      } catch (...) {
        page.reset();
        failure = named_failure(listing);
      }
      const bool last = failure != nullptr || part.listing->ended();
      if (last) part.listing.reset();  // its session goes back
      lock.lock();
      part.fetched = last;
    }
    const std::uint64_t bytes = page && !stopping ? page->held : 0;
    if (bytes > reserved) budget.take(bytes - reserved);
    held = held + bytes - reserved;
    // Quick to grow, slow to shrink; before a page was seen it was made up.
    if (bytes > 0) guess = std::exchange(seen_a_page, true) ? std::max(bytes, (guess + bytes) / 2) : bytes;
    if (page && !stopping) part.pages.push_back(std::move(*page));
    part.failure = failure;
    part.in_flight = false;
    --in_flight;
    pump();
    tell();
    lock.unlock();
    page.reset();
    if (reserved > bytes) budget.give_back(reserved - bytes);
    lock.lock();
    if (--running == 0) changed.notify_all();
  }

  void check_size(const FetchedPage& page) const {
    const std::uint64_t most = std::min(options.max_bytes, budget.max_bytes());
    if (page.held <= most) return;
    throw Error(Category::config, "page_too_large",
                "a page of " + megabytes(page.bytes) + " takes " + megabytes(page.held) + " of memory, more than the " + megabytes(most) +
                    " that " + (most == options.max_bytes ? "this reader" : "all readers of this process") + " may hold")
        .with_hint("ask for smaller pages (page_size), or allow more (max_bytes)");
  }

  // ---- what can be taken; with the mutex held

  /// The part whose page comes next, if there is one.
  Part* next_part() {
    skip_finished();
    if (options.ordered) return first < parts.size() && !parts[first].pages.empty() ? &parts[first] : nullptr;
    if (chosen < parts.size() && !parts[chosen].pages.empty()) return &parts[chosen];
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::size_t index = (chosen + 1 + i) % parts.size();  // they take turns
      if (!parts[index].pages.empty()) return chosen = index, &parts[index];
    }
    return nullptr;
  }

  /// Nothing: there is a page, or one may still come. Else why none does; a null pointer inside is the end.
  std::optional<std::exception_ptr> end_reason() {
    if (next_part() != nullptr) return std::nullopt;
    if (first >= parts.size()) return std::exception_ptr();
    if (options.ordered && parts[first].failure != nullptr) return parts[first].failure;
    if (!options.ordered && in_flight == 0) {
      for (const Part& part : parts) {
        if (part.failure != nullptr) return part.failure;
      }
    }
    if (stopping) return std::make_exception_ptr(Error(Category::cancelled, "the reader was stopped"));
    return std::nullopt;
  }

  void tell() {
    changed.notify_all();
    if (fd < 0) return;
    const bool is_ready = waiter != nullptr && (next_part() != nullptr || end_reason().has_value());
    if (is_ready == readable) return;
    readable = is_ready;
    std::uint64_t value = 1;
    // An eventfd of its own, not blocking: neither can fail but by a bug.
    // NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): it does not block
    const ssize_t done = is_ready ? ::write(fd, &value, sizeof value) : ::read(fd, &value, sizeof value);
    if (done != sizeof value) readable = !is_ready;
  }

  const Open open;
  const ListingOptions listing;
  FetchOptions options;
  FetchPool& pool;
  MemoryBudget& budget;
  std::stop_source stop;

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::shared_ptr<MemoryBudget::Waiter> waiter;  // set: it has begun
  std::vector<Part> parts;
  std::size_t first = 0;      // all before are finished
  std::size_t chosen = 0;     // unordered: whose page comes next
  std::size_t in_flight = 0;  // handed to the pool
  std::size_t running = 0;    // and begun there; until nothing outside of this is touched any more
  std::uint64_t held = 0;     // bytes reserved, queued, or taken and not settled
  std::uint64_t guess = 0;    // of the next page's
  bool seen_a_page = false;   // so that the guess is not made up
  bool hungry = false;        // a page is waited for, and there is none
  bool stopping = false;
  bool abandoned = false;  // the fetcher is gone: tasks that still wait in the pool touch nothing
  int fd = -1;
  bool readable = false;
};

PageFetcher::PageFetcher(Open open, std::vector<Place> places, ListingOptions listing, FetchOptions options)
    : shared_(std::make_shared<Shared>(std::move(open), std::move(places), std::move(listing), std::move(options))) {}

PageFetcher::~PageFetcher() {
  stop();
  Shared& shared = *shared_;
  std::uint64_t bytes = 0;
  {
    std::unique_lock lock(shared.mutex);
    shared.changed.wait(lock, [&] { return shared.running == 0; });
    for (Part& part : shared.parts) {
      part.pages.clear();
      part.listing.reset();
    }
    shared.abandoned = true;
    bytes = std::exchange(shared.held, 0);
    shared.waiter.reset();
  }
  shared.budget.give_back(bytes);
}

PageFetcher::State PageFetcher::wait(std::chrono::milliseconds timeout) {
  Shared& shared = *shared_;
  std::unique_lock lock(shared.mutex);
  shared.begin();
  std::optional<std::exception_ptr> reason;
  const auto known = [&] { return shared.next_part() != nullptr || (reason = shared.end_reason()).has_value(); };
  if (!known() && !shared.hungry) {
    shared.hungry = true;
    shared.pump();
  }
  if (!shared.changed.wait_for(lock, timeout, known)) return State::pending;
  if (!reason) return State::page;
  if (*reason != nullptr) std::rethrow_exception(*reason);
  return State::end;
}

FetchedPage& PageFetcher::front() {
  const std::lock_guard lock(shared_->mutex);
  return shared_->next_part()->pages.front();  // a deque that others only append to
}

PageFetcher::Taken PageFetcher::pop() {
  Shared& shared = *shared_;
  const std::lock_guard lock(shared.mutex);
  Part& part = *shared.next_part();
  Taken taken{std::move(part.pages.front()), static_cast<std::size_t>(&part - shared.parts.data())};
  part.pages.pop_front();
  shared.hungry = false;
  shared.pump();
  shared.tell();
  return taken;
}

void PageFetcher::settle(const Taken& taken, bool whole) {
  Shared& shared = *shared_;
  {
    const std::lock_guard lock(shared.mutex);
    shared.parts[taken.part].place = whole ? taken.page.after : taken.page.before;
    shared.held -= taken.page.held;
  }
  shared.budget.give_back(taken.page.held);
  const std::lock_guard lock(shared.mutex);
  shared.pump();
  shared.tell();
}

std::vector<Place> PageFetcher::places() const {
  const std::lock_guard lock(shared_->mutex);
  std::vector<Place> result;
  for (const Part& part : shared_->parts) {
    if (part.place) result.push_back(*part.place);
  }
  return result;
}

void PageFetcher::stop() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
    shared_->tell();
  }
  shared_->stop.request_stop();
}

int PageFetcher::ready_fd() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->fd < 0) shared_->fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  shared_->begin();
  shared_->tell();
  return shared_->fd;
}

std::uint64_t PageFetcher::held_bytes() const {
  const std::lock_guard lock(shared_->mutex);
  return shared_->held;
}

}  // namespace switchgear
