#include "switchgear/policy/breaker_rules.hpp"

namespace switchgear {

Outcome judge(const Error& error, BreakerScope scope) noexcept {
  switch (error.category) {
    case Category::offline:
    case Category::unavailable:
      return Outcome::failure;
    case Category::timeout:
      if (scope == BreakerScope::operation) return Outcome::failure;
      return error.detail == "connect" || error.nothing_sent ? Outcome::failure : Outcome::neutral;
    case Category::server:
      return scope == BreakerScope::operation ? Outcome::failure : Outcome::neutral;
    default:
      return Outcome::neutral;
  }
}

}  // namespace switchgear
