// What an error means to a circuit breaker. Pure functions; any thread; nothing is thrown.
#pragma once

#include <cstdint>

#include "switchgear/base/error.hpp"

namespace switchgear {

/// neutral: the permit goes back and nothing is counted.
enum class Outcome : std::uint8_t { success, failure, neutral };

/// `connection` counts only what says that the whole system is away; `operation` also what one broken entity does.
enum class BreakerScope : std::uint8_t { connection, operation };

Outcome judge(const Error& error, BreakerScope scope) noexcept;

}  // namespace switchgear
