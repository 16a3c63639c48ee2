// A C++ class as a connector of the ABI. SWITCHGEAR_CONNECTOR(Class) at the end of one source file makes the library's two exports and
// puts the manifest into the ELF section .sgmanifest. Nothing leaves a function here by exception: whatever is thrown becomes an sg_error.
//
//     static constexpr const char* manifest              JSON: docs/connectors.md
//     Class(const Config&, Call&)                        throws Error(config) for what the manifest can't check
//     void check(Call&)                                  one cheap request that needs the credentials
//     std::string discover(Call&)                        optional: JSON of the entities that the manifest does not list
//     std::string plan(const Entity&, const Position&, Call&)    optional: JSON array of partitions that can be read side by side
//     Page read(const Entity&, const Position&, Call&)
//     void write(const Entity&, const Batch&, Outcomes&, Call&)  optional
#pragma once

#include <array>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/batch.hpp"
#include "switchgear/sdk/call.hpp"
#include "switchgear/sdk/config.hpp"
#include "switchgear/sdk/entity.hpp"
#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/page.hpp"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk::detail {

// clang-format off
template <class T, class = void> struct has_check : std::false_type {};
template <class T> struct has_check<T, std::void_t<decltype(std::declval<T&>().check(std::declval<Call&>()))>> : std::true_type {};
template <class T, class = void> struct has_discover : std::false_type {};
template <class T> struct has_discover<T, std::void_t<decltype(std::declval<T&>().discover(std::declval<Call&>()))>> : std::true_type {};
template <class T, class = void> struct has_plan : std::false_type {};
template <class T> struct has_plan<T, std::void_t<decltype(std::declval<T&>().plan(std::declval<const Entity&>(), std::declval<const Position&>(), std::declval<Call&>()))>> : std::true_type {};
template <class T, class = void> struct has_read : std::false_type {};
template <class T> struct has_read<T, std::void_t<decltype(std::declval<T&>().read(std::declval<const Entity&>(), std::declval<const Position&>(), std::declval<Call&>()))>> : std::true_type {};
template <class T, class = void> struct has_write : std::false_type {};
template <class T> struct has_write<T, std::void_t<decltype(std::declval<T&>().write(std::declval<const Entity&>(), std::declval<const Batch&>(), std::declval<Outcomes&>(), std::declval<Call&>()))>> : std::true_type {};
// clang-format on

/// Runs `body`; 0, or 1 with the error filled in.
template <class Body>
std::int32_t guarded(const char* where, sg_error* error, Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
    return 0;
  } catch (const Error& thrown) {
    write_error(thrown, error);
  } catch (const std::exception& thrown) {
    write_error(Category::plugin, where, thrown.what(), error);
  } catch (...) {
    write_error(Category::plugin, where, "something that is not a std::exception", error);
  }
  return 1;
}

inline void give_text(std::string text, sg_buf* out) {
  auto owned = std::make_unique<std::string>(std::move(text));
  out->p = owned->data();
  out->n = owned->size();
  out->owner = owned.release();
  out->release = [](sg_buf* bytes) {
    delete static_cast<std::string*>(bytes->owner);
    *bytes = sg_buf{};
  };
}

inline std::int32_t not_offered(sg_error* error) noexcept {
  write_error(Category::unsupported, "this version of the host does not offer it; update switchgear", {}, error);
  return 1;
}

/// The host's table as this connector knows it; slots that an older host lacks answer, rather than crash.
inline sg_host known_host(const sg_host* theirs) noexcept {
  sg_host host = copy_in(theirs);
  if (host.log == nullptr) host.log = [](sg_call*, std::int32_t, sg_str) {};
  if (host.http == nullptr) host.http = [](sg_call*, const sg_request*, sg_response*, sg_error* error) { return not_offered(error); };
  if (host.classify == nullptr) host.classify = [](sg_call*, const sg_response*, sg_error* error) { return not_offered(error); };
  if (host.classify_part == nullptr) {
    host.classify_part = [](sg_call*, std::int32_t, sg_str, sg_str, sg_error* error) { return not_offered(error); };
  }
  if (host.secret == nullptr) host.secret = [](sg_call*, sg_str, sg_buf*, sg_error* error) { return not_offered(error); };
  if (host.cancelled == nullptr) host.cancelled = [](sg_call*) { return std::int32_t{0}; };
  if (host.deadline_ms == nullptr) host.deadline_ms = [](sg_call*) { return std::int64_t{INT64_MAX}; };
  if (host.now_ms == nullptr) host.now_ms = [](sg_call*) { return std::int64_t{0}; };
  return host;
}

template <class T>
struct Slots {
  static inline sg_host host{};

  static std::int32_t open(const sg_open_request* request, sg_call* handle, void** session, sg_error* error) noexcept {
    return guarded("opening the connector threw: ", error, [&] {
      Call call(host, handle);
      const sg_open_request known = copy_in(request);
      *session = std::make_unique<T>(Config(known), call).release();
    });
  }

  static void close(void* session) noexcept { delete static_cast<T*>(session); }

  static std::int32_t check(void* session, sg_call* handle, sg_error* error) noexcept {
    return guarded("check threw: ", error, [&] {
      Call call(host, handle);
      static_cast<T*>(session)->check(call);
    });
  }

  static std::int32_t discover(void* session, sg_call* handle, sg_buf* catalog, sg_error* error) noexcept {
    return guarded("discover threw: ", error, [&] {
      Call call(host, handle);
      give_text(static_cast<T*>(session)->discover(call), catalog);
    });
  }

  static std::int32_t plan(void* session, sg_call* handle, const sg_read_request* request, sg_buf* partitions, sg_error* error) noexcept {
    return guarded("plan threw: ", error, [&] {
      Call call(host, handle);
      const sg_read_request known = copy_in(request);
      const Entity entity(known.entity, known.properties, known.n_properties);
      give_text(static_cast<T*>(session)->plan(entity, Position(known), call), partitions);
    });
  }

  static std::int32_t read_page(void* session, sg_call* handle, const sg_read_request* request, sg_page* page, sg_error* error) noexcept {
    return guarded("read threw: ", error, [&] {
      Call call(host, handle);
      const sg_read_request known = copy_in(request);
      const Entity entity(known.entity, known.properties, known.n_properties);
      static_cast<T*>(session)->read(entity, Position(known), call).give(page);
    });
  }

  static std::int32_t write_batch(void* session, sg_call* handle, const sg_batch* given, sg_error* error) noexcept {
    return guarded("write threw: ", error, [&] {
      Call call(host, handle);
      const sg_batch known = copy_in(given);
      const Entity entity(known.entity, known.properties, known.n_properties);
      Outcomes outcomes(known);
      static_cast<T*>(session)->write(entity, Batch(known), outcomes, call);
    });
  }

  /// Null where the class has no such member.
  static sg_connector table(sg_str manifest) noexcept {
    sg_connector made{};
    made.size = sizeof made;
    made.minor = SG_ABI_MINOR;
    made.manifest = manifest;
    made.open = &open;
    made.close = &close;
    if constexpr (has_check<T>::value) made.check = &check;
    if constexpr (has_discover<T>::value) made.discover = &discover;
    if constexpr (has_plan<T>::value) made.plan = &plan;
    if constexpr (has_read<T>::value) made.read_page = &read_page;
    if constexpr (has_write<T>::value) made.write_batch = &write_batch;
    return made;
  }
};

template <class T>
const sg_connector* entry(const sg_host* theirs, sg_str manifest, sg_error* error) noexcept {
  static_assert(std::is_constructible_v<T, const Config&, Call&>, "a connector is constructed from (const sdk::Config&, sdk::Call&)");
  static_assert(has_read<T>::value || has_write<T>::value,
                "a connector has a member `Page read(const Entity&, const Position&, Call&)` or `void write(const Entity&, const Batch&, "
                "Outcomes&, Call&)`");
  if (theirs == nullptr) {
    write_error(Category::plugin, "sg_connector_entry was called without a host table", {}, error);
    return nullptr;
  }
  Slots<T>::host = known_host(theirs);
  static const sg_connector made = Slots<T>::table(manifest);
  return &made;
}

/// The manifest's text as an object of its own, which can be put into a section.
template <std::size_t N>
constexpr std::array<char, N> text_object(std::string_view text) {
  std::array<char, N> result{};
  for (std::size_t i = 0; i < N; ++i) result[i] = text[i];
  return result;
}

}  // namespace switchgear::sdk::detail

#define SWITCHGEAR_SDK_EXPORT __attribute__((visibility("default")))

#define SWITCHGEAR_CONNECTOR(Class)                                                                                              \
  namespace {                                                                                                                    \
  __attribute__((section(".sgmanifest"), used)) constexpr auto switchgear_manifest =                                             \
      ::switchgear::sdk::detail::text_object<::std::string_view(Class::manifest).size()>(Class::manifest);                       \
  }                                                                                                                              \
  extern "C" {                                                                                                                   \
  SWITCHGEAR_SDK_EXPORT extern const sg_abi sg_connector_abi;                                                                    \
  const sg_abi sg_connector_abi = {SG_ABI_MAGIC, SG_ABI_MAJOR, SG_ABI_MINOR};                                                    \
  SWITCHGEAR_SDK_EXPORT const sg_connector* sg_connector_entry(const sg_host* host, sg_error* error);                            \
  const sg_connector* sg_connector_entry(const sg_host* host, sg_error* error) {                                                 \
    return ::switchgear::sdk::detail::entry<Class>(host, sg_str{switchgear_manifest.data(), switchgear_manifest.size()}, error); \
  }                                                                                                                              \
  }
