"""The policies that guard a connection, for calls of one's own: circuit breaker, rate limit, retry, concurrency limit.

    breaker = sg.CircuitBreaker(failure_rate=0.5, window=timedelta(seconds=60))
    with breaker:
        ask_the_erp()

Each may be used from any thread and in asyncio. Each takes a `clock`, so that tests need not wait:
`switchgear.testing.ManualClock`. A setting that can't be is refused with ConfigError, naming field, value and range.
"""

from __future__ import annotations

from switchgear.policy.breaker import BreakerState, CircuitBreaker
from switchgear.policy.limits import ConcurrencyLimiter, RateLimiter
from switchgear.policy.open_wait import Backoff
from switchgear.policy.retry import Retry

__all__ = ["Backoff", "BreakerState", "CircuitBreaker", "ConcurrencyLimiter", "RateLimiter", "Retry"]
