"""Retry: what is tried again, how long it waits, the quota, asyncio."""

from __future__ import annotations

import asyncio
import itertools
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import switchgear as sg
from switchgear.testing import ManualClock


class Flaky:
    """Fails with the given errors, one after the other, and then gives 7."""

    def __init__(self, *errors: BaseException) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return 7

    async def later(self) -> int:
        await asyncio.sleep(0)
        return self()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def retry(clock: ManualClock) -> sg.Retry:
    return sg.Retry(clock=clock, random=lambda: 0.5)


def server() -> sg.ServerError:
    return sg.ServerError("it failed")


def test_tries_again_and_waits_with_full_jitter(retry: sg.Retry, clock: ManualClock) -> None:
    flaky = Flaky(server(), server())
    assert retry.call(flaky) == 7
    assert flaky.calls == 3
    assert clock.slept == 0.5 * 1 + 0.5 * 2


def test_the_last_error_goes_up_unchanged(retry: sg.Retry) -> None:
    last = server()
    flaky = Flaky(server(), server(), last, server())
    with pytest.raises(sg.ServerError) as raised:
        retry.call(flaky)
    assert raised.value is last
    assert flaky.calls == 3


def test_the_delays_double_up_to_the_cap(clock: ManualClock) -> None:
    retry = sg.Retry(attempts=8, base=1, cap=20, clock=clock, random=lambda: 0.5)
    waits: list[float] = []

    def fails() -> None:
        waits.append(clock.slept)
        raise server()

    with pytest.raises(sg.ServerError):
        retry.call(fails)
    assert [b - a for a, b in itertools.pairwise(waits)] == [0.5, 1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize("share", [0.0, 0.999, 1.0, -1.0, float("nan")])
def test_randomness_is_kept_in_its_range(clock: ManualClock, share: float) -> None:
    assert sg.Retry(clock=clock, random=lambda: share).call(Flaky(server())) == 7
    assert 0 <= clock.slept < 1


@pytest.mark.parametrize(
    ("error", "tried_again"),
    [
        (sg.OfflineError("x", code="offline.dns"), True),
        (sg.OfflineError("x", code="offline.lost"), True),
        (sg.TimeoutError("x"), True),
        (sg.RateLimited("x"), True),
        (sg.ServerError("x"), True),
        (sg.ServerError("x", category="unavailable"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (sg.NotFound("x"), False),
        (sg.BadRequest("x"), False),
        (sg.AuthError("x"), False),
        (sg.AuthError("x", category="auth_expired"), False),
        (sg.PermissionDenied("x"), False),
        (sg.Conflict("x"), False),
        (sg.ProtocolError("x"), False),
        (sg.CircuitOpenError("x", retry_after=1), False),
        (ValueError(), False),
        (KeyboardInterrupt(), False),
    ],
    ids=repr,
)
def test_what_is_tried_again(retry: sg.Retry, error: BaseException, tried_again: bool) -> None:
    flaky = Flaky(error)
    if tried_again:
        assert retry.call(flaky) == 7
    else:
        with pytest.raises(type(error)):
            retry.call(flaky)
    assert flaky.calls == 1 + tried_again


@pytest.mark.parametrize(
    ("error", "tried_again"),
    [
        (sg.OfflineError("x", code="offline.connect"), True),
        (ConnectionRefusedError(), True),
        (sg.TimeoutError("x", code="timeout.connect"), True),
        (sg.RateLimited("x"), True),
        (sg.ServerError("x", category="unavailable", retry_after=1), True),
        (sg.TimeoutError("x", http_status=425), True),
        (sg.ServerError("x", category="unavailable"), False),
        (sg.OfflineError("x", code="offline.lost"), False),
        (ConnectionResetError(), False),
        (sg.TimeoutError("x"), False),
        (sg.ServerError("x"), False),
    ],
    ids=repr,
)
def test_what_must_not_happen_twice(clock: ManualClock, error: Exception, tried_again: bool) -> None:
    flaky = Flaky(error)
    retry = sg.Retry(idempotent=False, clock=clock)
    if tried_again:
        assert retry.call(flaky) == 7
    else:
        with pytest.raises(type(error)):
            retry.call(flaky)


@pytest.mark.parametrize("retry_on", [LookupError, (OSError, LookupError), lambda error: "mine" in str(error)])
def test_others_by_retry_on(clock: ManualClock, retry_on: Any) -> None:
    retry = sg.Retry(retry_on=retry_on, clock=clock)
    assert retry.call(Flaky(KeyError("mine"), server())) == 7
    with pytest.raises(ValueError, match="other"):
        retry.call(Flaky(ValueError("other")))


def test_retry_after_lengthens_the_wait(retry: sg.Retry, clock: ManualClock) -> None:
    assert retry.call(Flaky(sg.RateLimited("x", retry_after=42.5))) == 7
    assert clock.slept == 42.5
    assert retry.call(Flaky(sg.RateLimited("x", retry_after=float("nan")))) == 7
    assert clock.slept == 43


def test_the_quota(clock: ManualClock) -> None:
    retry = sg.Retry(quota=12, clock=clock)
    assert retry.call(Flaky(sg.TimeoutError("x"))) == 7
    assert retry.tokens == 12, "a retried success gives back what its retry cost"
    with pytest.raises(sg.ServerError):
        retry.call(Flaky(*[server() for _ in range(9)]))
    assert retry.tokens == 2
    error, flaky = server(), Flaky()
    flaky.errors.append(error)
    with pytest.raises(sg.ServerError) as raised:
        retry.call(flaky)
    assert raised.value is error, "without tokens the first error goes up"
    assert flaky.calls == 1
    assert retry.call(Flaky()) == 7
    assert retry.tokens == 3, "a success at once gives one back"
    with pytest.raises(sg.ServerError):
        sg.Retry(quota=0, clock=clock).call(Flaky(server()))


def test_arguments_are_passed_each_time(retry: sg.Retry) -> None:
    seen: list[tuple[Any, ...]] = []

    def work(a: int, *, b: int) -> int:
        seen.append((a, b))
        if len(seen) == 1:
            raise server()
        return a + b

    assert retry.call(work, 1, b=2) == 3
    assert seen == [(1, 2)] * 2


def test_asyncio(retry: sg.Retry, clock: ManualClock) -> None:
    async def main() -> None:
        assert await retry.acall(Flaky(server(), server()).later) == 7
        assert clock.slept == 1.5
        assert await retry.call(Flaky(server()).later) == 7
        with pytest.raises(sg.NotFound):
            await retry.acall(Flaky(sg.NotFound("x")).later)
        cancelled = Flaky(asyncio.CancelledError())
        with pytest.raises(asyncio.CancelledError):
            await retry.acall(cancelled.later)
        assert cancelled.calls == 1

    asyncio.run(main())


def test_only_the_task_waits() -> None:
    retry = sg.Retry(base=0.05, random=lambda: 0.99)

    async def main() -> int:
        waiting = asyncio.create_task(retry.acall(Flaky(server()).later))
        turns = 0
        while not waiting.done():
            turns += 1
            await asyncio.sleep(0)
        assert await waiting == 7
        return turns

    assert asyncio.run(main()) > 2


def test_the_decorator(retry: sg.Retry) -> None:
    flaky, later = Flaky(server()), Flaky(server())

    @retry
    def ask() -> int:
        """Asks."""
        return flaky()

    @retry
    async def ask_later() -> int:
        return await later.later()

    assert (ask(), asyncio.run(ask_later())) == (7, 7)
    assert (ask.__name__, ask.__doc__) == ("ask", "Asks.")
    with pytest.raises(sg.ConfigError, match="generator"):

        @retry
        def numbers() -> Iterator[int]:
            yield 1


def test_around_a_breaker(clock: ManualClock) -> None:
    """The order of the policies: retry( breaker( attempt )); an open breaker ends the retries."""
    breaker = sg.CircuitBreaker(min_calls=2, clock=clock)
    retry = sg.Retry(attempts=5, clock=clock)
    flaky = Flaky(*[server() for _ in range(9)])
    guarded: Callable[[], int] = breaker(flaky.__call__)
    with pytest.raises(sg.CircuitOpenError):
        retry.call(guarded)
    assert flaky.calls == 2


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"attempts": 0}, "attempts is 0"),
        ({"attempts": 101}, "attempts is 101"),
        ({"attempts": 2.5}, "attempts is 2.5"),
        ({"base": 0}, "base is 0"),
        ({"base": -1}, "base is -1"),
        ({"base": float("nan")}, "base is nan"),
        ({"base": 21}, "base is 21"),
        ({"cap": float("inf")}, "cap is inf"),
        ({"cap": 1e300}, "cap is 1e+300"),
        ({"cap": 3601}, "cap is 3601"),
        ({"base": "1s"}, "base is '1s'"),
        ({"quota": -1}, "quota is -1"),
        ({"quota": 10**9}, "quota is 1000000000"),
        ({"quota": 4, "retry_cost": 5}, "retry_cost is 5"),
        ({"timeout_cost": 501}, "timeout_cost is 501"),
    ],
    ids=repr,
)
def test_bad_parameters_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(sg.ConfigError) as refusal:
        sg.Retry(**settings)
    assert field in refusal.value.message
    assert "must be" in refusal.value.message


def test_pickles_as_its_parameters() -> None:
    retry = pickle.loads(pickle.dumps(sg.Retry(attempts=7, quota=20, retry_on=LookupError)))  # noqa: S301
    assert repr(retry) == "<Retry up to 7 attempts, 20 tokens left>"
