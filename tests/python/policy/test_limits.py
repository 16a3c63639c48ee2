"""Rate and concurrency limits: the vectors, waits without real time, threads, asyncio, Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import switchgear as sg
from switchgear.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def test_the_vector(clock: ManualClock) -> None:
    """1000/s, burst 3: at 0 ms three pass and the fourth waits 1 ms; at 1.5 ms the next waits 0.5 ms."""
    limiter = sg.RateLimiter("1000/s", burst=3, clock=clock)
    assert [limiter.try_acquire() for _ in range(4)] == [True, True, True, False]
    assert limiter.metrics.waiting == pytest.approx(0.001)
    clock.advance(0.0015)
    assert limiter.try_acquire()
    assert limiter.acquire() == pytest.approx(0.0005)


def test_acquire_waits_on_its_clock(clock: ManualClock) -> None:
    limiter = sg.RateLimiter("10/s", clock=clock)
    assert [round(limiter.acquire(), 6) for _ in range(4)] == [0, 0.1, 0.1, 0.1]
    assert clock.slept == pytest.approx(0.3)
    with limiter:
        assert clock.slept == pytest.approx(0.4)


def test_a_wait_longer_than_the_timeout_is_refused_before_it_begins(clock: ManualClock) -> None:
    limiter = sg.RateLimiter("1/min", clock=clock)
    limiter.acquire()
    with pytest.raises(sg.TimeoutError) as refusal:
        limiter.acquire(timeout=timedelta(seconds=59))
    assert refusal.value.code == "timeout.limiter"
    assert refusal.value.retry_after == 60
    assert clock.slept == 0
    assert limiter.acquire(timeout=60) == 60, "the refused one has taken no place"


def test_several_at_once(clock: ManualClock) -> None:
    limiter = sg.RateLimiter("10/s", burst=5, clock=clock)
    assert limiter.acquire(5) == 0
    assert limiter.acquire(3) == pytest.approx(0.3)
    with pytest.raises(sg.ConfigError, match="from 1 to the burst of 5"):
        limiter.acquire(6)
    with pytest.raises(sg.ConfigError, match="n is 0"):
        limiter.try_acquire(0)


def test_a_throttle_pauses_and_slows_down(clock: ManualClock) -> None:
    limiter = sg.RateLimiter("100/s", clock=clock)
    for _ in range(500):
        limiter.acquire()
        limiter.succeeded()
    limiter.throttled(retry_after=7)
    assert not limiter.try_acquire()
    assert limiter.metrics.waiting == pytest.approx(7)
    assert limiter.metrics.adapted
    assert limiter.metrics.per_second == pytest.approx(70, abs=2)
    assert limiter.acquire() == pytest.approx(7)


def test_asyncio_waits_in_order_and_on_the_clock(clock: ManualClock) -> None:
    limiter = sg.RateLimiter("10/s", clock=clock)
    passed: list[int] = []

    async def work(number: int) -> None:
        async with limiter:
            passed.append(number)

    async def main() -> None:
        await asyncio.gather(*(work(number) for number in range(5)))
        with pytest.raises(sg.TimeoutError):
            await limiter.aacquire(timeout=0)

    asyncio.run(main())
    assert passed == [0, 1, 2, 3, 4]


def test_a_cancelled_task_gives_its_place_back() -> None:
    limiter = sg.RateLimiter("1/h", clock=None)

    async def main() -> None:
        await limiter.aacquire()
        task = asyncio.create_task(limiter.aacquire())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert limiter.metrics.waiting == pytest.approx(3600, abs=5), "not two hours"

    asyncio.run(main())


def test_the_event_loop_runs_on_while_a_task_waits() -> None:
    limiter = sg.RateLimiter("20/s")

    async def main() -> int:
        await limiter.aacquire()
        turns = 0
        waiting = asyncio.create_task(limiter.aacquire())
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(main()) > 1


def test_threads_together_keep_the_rate(clock: ManualClock) -> None:
    limiter = sg.RateLimiter("1000/s", clock=clock)
    threads = [threading.Thread(target=lambda: [limiter.acquire() for _ in range(50)]) for _ in range(8)]
    start = clock.now()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    limiter.acquire()
    assert clock.now() - start >= 0.4 - 1e-6, "400 calls at 1,000 a second"


@pytest.mark.parametrize("what", ["rate", "concurrency", "retry"])
def test_a_wait_hears_ctrl_c(what: str) -> None:
    rate, slots = sg.RateLimiter("1/h"), sg.ConcurrencyLimiter(1)
    retry = sg.Retry(base=3000, cap=3000, random=lambda: 0.99)
    rate.acquire()
    held = slots.acquire()
    asked_at: list[float] = []

    def fails() -> None:
        raise ConnectionError

    waits: dict[str, Callable[[], object]] = {
        "rate": rate.acquire,
        "concurrency": slots.acquire,
        "retry": lambda: retry.call(fails),
    }
    has_begun: dict[str, Callable[[], bool]] = {
        "rate": lambda: rate.metrics.waiting > 3601,
        "concurrency": lambda: slots.metrics.waiting == 1,
        "retry": lambda: retry.tokens < 500,
    }

    def interrupt() -> None:
        while not has_begun[what]():
            pass
        asked_at.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        waits[what]()
    heard_after = time.monotonic() - asked_at[0]
    thread.join()
    assert heard_after < 2, "100 ms, and what a busy machine adds"
    if what == "rate":
        assert rate.metrics.waiting == pytest.approx(3600, abs=60), "the place was given back"
    held.release()


def test_other_threads_run_while_one_waits() -> None:
    limiter = sg.ConcurrencyLimiter(1)
    slot = limiter.acquire()
    threading.Thread(target=slot.success).start()
    limiter.acquire(timeout=60).release()  # would never end with the GIL held
    rate = sg.RateLimiter("2/s")
    rate.acquire()
    turns = 0
    thread = threading.Thread(target=rate.acquire)
    thread.start()
    while thread.is_alive():
        turns += 1
    assert turns > 1


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"rate": "0/s"}, "0/s"),
        ({"rate": "-1/s"}, "-1/s"),
        ({"rate": "1/0s"}, "1/0s"),
        ({"rate": "1.5/s"}, "1.5/s"),
        ({"rate": "many"}, "many"),
        ({"rate": "100"}, "100"),
        ({"rate": "9999999999999999999999/s"}, "9999"),
        ({"rate": "1/999999999999d"}, "1/9999"),
        ({"rate": ""}, "rate_limit"),
        ({"rate": 100}, "rate_limit is 100"),
        ({"rate": "1/s", "burst": 0}, "burst is 0"),
        ({"rate": "1/s", "burst": -3}, "burst is -3"),
        ({"rate": "1/s", "burst": 1.5}, "burst is 1.5"),
        ({"rate": "1/s", "burst": 10**30}, "burst is 1000"),
        ({"rate": "1/s", "burst": True}, "burst is True"),
        ({"rate": "1/s", "burst": None}, "burst is None"),
    ],
    ids=repr,
)
def test_bad_rates_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(sg.ConfigError) as refusal:
        sg.RateLimiter(**settings)
    assert field in refusal.value.message
    assert "must be" in refusal.value.message


@pytest.mark.parametrize("timeout", [float("nan"), float("inf"), 1e300, "soon", True])
def test_bad_timeouts_are_refused(timeout: Any) -> None:
    with pytest.raises(sg.ConfigError, match="timeout is"):
        sg.RateLimiter("1/s").acquire(timeout=timeout)
    with pytest.raises(sg.ConfigError, match="timeout is"):
        sg.ConcurrencyLimiter().acquire(timeout=timeout)


def test_limiters_pickle_as_their_parameters(clock: ManualClock) -> None:
    limiter = sg.RateLimiter("100/s", burst=20, clock=clock)
    limiter.acquire()
    other = pickle.loads(pickle.dumps(limiter))  # noqa: S301
    assert repr(other) == repr(limiter) == "<RateLimiter 100/s, burst 20>"
    assert [other.try_acquire() for _ in range(20)] == [True] * 20
    slots = pickle.loads(pickle.dumps(sg.ConcurrencyLimiter(3)))  # noqa: S301
    assert slots.metrics.limit == 3


# -- concurrency


def test_aimd() -> None:
    limiter = sg.ConcurrencyLimiter(10, most=20)
    slots = [limiter.acquire() for _ in range(10)]
    assert limiter.try_acquire() is None
    slots.pop().success()
    assert limiter.metrics.limit == 11, "it was used by half and more"
    slots.pop().dropped()
    assert limiter.metrics.limit == 9, "a tenth less"
    assert limiter.metrics.drops == 1
    slots.pop().release()
    assert (limiter.metrics.limit, limiter.metrics.in_flight) == (9, 7)
    slots.clear()
    assert limiter.metrics.in_flight == 0, "dropped slots come back"
    idle = limiter.acquire()
    idle.success()
    idle.dropped()
    assert limiter.metrics.limit == 9, "unused it does not grow, and a slot ends once"


@pytest.mark.parametrize(
    ("error", "limit"),
    [(None, 11), (TimeoutError(), 9), (sg.RateLimited("x"), 9), (sg.NotFound("x"), 10), (ValueError(), 10)],
    ids=repr,
)
def test_a_slot_in_a_with_block(error: Exception | None, limit: int) -> None:
    limiter = sg.ConcurrencyLimiter(10)
    others = [limiter.acquire() for _ in range(9)]
    if error is None:
        with limiter.acquire():
            pass
    else:
        with pytest.raises(type(error)), limiter.acquire():
            raise error
    assert limiter.metrics.limit == limit
    del others


def test_no_slot_within_the_timeout() -> None:
    limiter = sg.ConcurrencyLimiter(1)
    with limiter.acquire():
        with pytest.raises(sg.TimeoutError, match="within 0"):
            limiter.acquire(timeout=0)

        async def main() -> None:
            with pytest.raises(sg.TimeoutError):
                await limiter.aacquire(timeout=0)

        asyncio.run(main())
    assert limiter.metrics.waiting == 0


@pytest.mark.parametrize("ends", ["success", "drop", "thread"])
def test_tasks_wait_for_slots(ends: str) -> None:
    limiter = sg.ConcurrencyLimiter(1)
    order: list[int] = []

    async def work(number: int) -> None:
        with await limiter.aacquire():
            order.append(number)

    async def main() -> None:
        held: Any = limiter.acquire()
        tasks = [asyncio.create_task(work(number)) for number in range(3)]
        await asyncio.sleep(0)
        assert not order
        if ends == "success":
            held.success()
        elif ends == "drop":
            del held
        else:
            threading.Thread(target=held.release).start()
        await asyncio.wait_for(asyncio.gather(*tasks), 60)

    asyncio.run(main())
    assert sorted(order) == [0, 1, 2]
    assert limiter.metrics.in_flight == 0


@pytest.mark.parametrize(
    "settings", [{"initial": 0}, {"initial": 300}, {"least": 0}, {"least": 30}, {"most": 10}, {"most": 10**9}], ids=repr
)
def test_contradicting_limits_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(sg.ConfigError, match="must be"):
        sg.ConcurrencyLimiter(**settings)


def test_html() -> None:
    assert "<td>100.0</td>" in sg.RateLimiter("100/s")._repr_html_()
    assert "<td>20</td>" in sg.ConcurrencyLimiter()._repr_html_()
