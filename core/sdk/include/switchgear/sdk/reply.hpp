// A source's reply, or the error that came instead of a good one. Owns the host's memory of it; movable. Views live as long as the Reply.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "switchgear/sdk/abi.h"
#include "switchgear/sdk/error.hpp"
#include "switchgear/sdk/text.hpp"

namespace switchgear::sdk {

class Reply {
 public:
  explicit Reply(Error error) : error_(std::move(error)) {}
  Reply(Reply&& other) noexcept : response_(other.response_), error_(std::move(other.error_)) { other.response_ = sg_response{}; }
  Reply& operator=(Reply&& other) noexcept {
    if (this != &other) {
      release();
      response_ = std::exchange(other.response_, sg_response{});
      error_ = std::move(other.error_);
    }
    return *this;
  }
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;
  ~Reply() { release(); }

  /// True when the host's verdict is that the source did what it was asked.
  explicit operator bool() const noexcept { return !error_.has_value(); }

  /// Only where the reply is not a good one.
  const Error& error() const { return error_.value(); }

  int status() const noexcept { return response_.status; }                ///< 0: there was no reply
  std::string_view body() const { return detail::view(response_.body); }  ///< decompressed
  std::string_view url() const { return detail::view(response_.url); }    ///< after redirects

  /// The first header of that name, whatever its case; empty if there is none.
  std::string_view header(std::string_view name) const {
    for (std::uint64_t i = 0; i < response_.n_headers; ++i) {
      if (detail::equal_ignoring_case(detail::view(response_.headers[i].name), name)) return detail::view(response_.headers[i].value);
    }
    return {};
  }

  /// All headers of that name, with ", " between them (RFC 9110, 5.3); empty if there is none.
  std::string headers(std::string_view name) const {
    std::string all;
    for (std::uint64_t i = 0; i < response_.n_headers; ++i) {
      if (!detail::equal_ignoring_case(detail::view(response_.headers[i].name), name)) continue;
      all.append(all.empty() ? "" : ", ").append(detail::view(response_.headers[i].value));
    }
    return all;
  }

  /// The body with its memory, as the host handed it over: for a Page. The reply keeps all else.
  sg_buf take_body() noexcept { return std::exchange(response_.body, sg_buf{}); }

 private:
  friend class Call;

  Reply() { response_.size = sizeof response_; }

  void release() noexcept {
    if (response_.release != nullptr) response_.release(&response_);
    response_ = sg_response{};
  }

  sg_response response_{};
  std::optional<Error> error_;
};

}  // namespace switchgear::sdk
