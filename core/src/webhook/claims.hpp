// What a message says of itself by the rules of its scheme: id, timestamp, signatures, and the bytes that these are over.
//
// Everything borrows from the message. Throws Error(signature): missing_header, duplicate_header, malformed_header, unsupported_version.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "key.hpp"
#include "rfc3339.hpp"
#include "switchgear/webhook/signature.hpp"

namespace switchgear::webhook_detail {

/// The content of the scheme `hmac`, taken apart.
struct ContentTemplate {
  enum class Part { literal, id, timestamp, body };
  struct Piece {
    Part part;
    std::string literal = {};
  };
  std::vector<Piece> pieces;

  /// Throws Error(config, webhook) for anything but {body} once, {id} and {timestamp} where there is a header for them, and text.
  static ContentTemplate parse(const HmacRecipe& recipe);

  /// What stands before the body and behind it.
  void fill(std::string_view id, std::string_view timestamp, std::string& head, std::string& tail) const;
  bool uses(Part part) const noexcept;
};

/// Throws Error(config, webhook) for options that make no sense.
ContentTemplate check_options(const WebhookOptions& options);

struct Candidate {
  bool ed25519 = false;
  SignatureEncoding encoding = SignatureEncoding::base64;
  std::string_view text;
};

/// The signatures of one header that can be checked, at most 16.
class Candidates {
 public:
  void add(Candidate candidate);
  std::span<const Candidate> all() const noexcept { return {items_.data(), count_}; }
  bool empty() const noexcept { return count_ == 0; }

 private:
  std::array<Candidate, 16> items_;
  std::size_t count_ = 0;
};

struct Claims {
  std::string_view id;
  std::optional<Instant> timestamp;
  Candidates signatures;
  std::string head, tail;  ///< signed before and behind the body
  bool over_body = true;
  bool id_is_signed = false;
  std::vector<std::string> other_heads;  ///< that would do as well as `head`
};

Claims read_claims(const WebhookOptions& options, const ContentTemplate& content, const WebhookMessage& message);

/// What Twilio signs: the URL and the parameters of the form, sorted, each name and value once.
std::string twilio_content(std::string_view url, const WebhookMessage& message);

/// The digest that a signature's text stands for; size 0 where it is none.
Digest decode_signature(SignatureEncoding encoding, std::string_view text) noexcept;
std::string encode_signature(SignatureEncoding encoding, std::string_view digest);

}  // namespace switchgear::webhook_detail
