"""Many threads for long: only by `make soak`."""

from __future__ import annotations

import threading

import pytest

import switchgear as sg

THREADS, CALLS = 64, 100_000


@pytest.mark.soak
def test_64_threads_keep_exact_counts() -> None:
    breaker = sg.CircuitBreaker(failure_rate=1)

    def work() -> None:
        for call in range(CALLS):
            permit = breaker.acquire() if call % 10 == 0 else None
            with breaker:
                pass
            if permit is not None:
                permit.failure()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = breaker.metrics
    assert metrics.total_calls == THREADS * (CALLS + CALLS // 10)
    assert metrics.total_failures == THREADS * CALLS // 10
    assert metrics.dropped == 0
