"""The twelve numbered black-box cases of the breaker's semantics, as users of any circuit breaker would write them."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

import switchgear as sg
from switchgear.testing import ManualClock

NANOSECOND = 1e-9


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def breaker_r(clock: ManualClock, **changes: object) -> sg.CircuitBreaker:
    settings: dict[str, object] = {
        "name": "R",
        "window": timedelta(seconds=20),
        "min_calls": 5,
        "failure_rate": 0.5,
        "slow_call": 4,
        "slow_rate": 0.5,
        "half_open_calls": 4,
        "open_for": 5,
        "clock": clock,
    }
    return sg.CircuitBreaker(**{**settings, **changes})  # type: ignore[arg-type]


def play(breaker: sg.CircuitBreaker, calls: str) -> None:
    """S, F: a success, a failure that took no time; N: neutral."""
    for call in calls.replace(" ", ""):
        permit = breaker.acquire()
        if call == "S":
            permit.success(0)
        elif call == "F":
            permit.failure(duration=0)
        else:
            permit.release()


def trip(breaker: sg.CircuitBreaker) -> None:
    play(breaker, "FFFFF")
    assert breaker.state == "open"


def half_open(breaker: sg.CircuitBreaker, clock: ManualClock) -> None:
    trip(breaker)
    clock.advance(5)
    breaker.acquire().release()
    assert breaker.state == "half_open"


def refused(breaker: sg.CircuitBreaker) -> bool:
    try:
        breaker.acquire().release()
    except sg.CircuitOpenError:
        return True
    return False


def test_01_opens_at_the_threshold_and_not_before(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    play(breaker, "SSSFF")
    assert breaker.state == "closed"
    assert breaker.metrics.failure_rate == pytest.approx(0.4)
    play(breaker, "F")
    assert breaker.state == "open"
    assert breaker.metrics.failure_rate == pytest.approx(0.5)


def test_02_a_success_never_trips(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    play(breaker, "FFFS")
    assert breaker.state == "closed"
    play(breaker, "S")
    assert breaker.state == "closed", "60 % of 5 calls failed, but the last one did not"
    play(breaker, "F")
    assert breaker.state == "open"


def test_03_opens_by_slow_calls(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    breaker.acquire().failure(duration=5)
    breaker.acquire().success(5)
    breaker.acquire().failure(duration=0.1)
    breaker.acquire().success(timedelta(milliseconds=100))
    assert breaker.state == "closed"
    breaker.acquire().success(5)
    assert breaker.state == "open"
    assert breaker.metrics.slow_calls == 3


def test_03_exactly_the_limit_is_not_slow(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    for _ in range(10):
        with breaker:
            clock.advance(4)
    assert (breaker.state, breaker.metrics.slow_calls) == ("closed", 0)
    with breaker:
        clock.advance(4 + NANOSECOND)
    assert breaker.metrics.slow_calls == 1


def test_04_admits_exactly_when_the_wait_is_over(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    trip(breaker)
    clock.advance(5 - NANOSECOND)
    with pytest.raises(sg.CircuitOpenError) as refusal:
        breaker.acquire()
    assert refusal.value.retry_after == 0.001, "rounded up"
    clock.advance(NANOSECOND)
    assert breaker.state == "open", "reading does not move it"
    assert breaker.metrics.state == "open"
    assert not refused(breaker)


def test_05_half_open_gives_four_permits_in_all(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    trip(breaker)
    clock.advance(5)
    permits = [breaker.acquire() for _ in range(4)]
    assert refused(breaker)
    permits.pop()  # dropped unused
    again = breaker.acquire()
    assert refused(breaker)
    permits[0].success()
    assert refused(breaker), "a used one does not come back: four in all, not at a time"
    permits[1].failure()
    permits[2].failure()
    assert breaker.state == "open"
    again.failure()
    clock.advance(5)
    permits = [breaker.acquire() for _ in range(4)]
    assert refused(breaker)


@pytest.mark.parametrize(
    ("calls", "state"), [("FFSF", "open"), ("SFSF", "open"), ("SSSF", "closed"), ("SFSS", "closed")]
)
def test_06_half_open_decides(clock: ManualClock, calls: str, state: str) -> None:
    breaker = breaker_r(clock)
    half_open(breaker, clock)
    for permit, call in zip([breaker.acquire() for _ in range(4)], calls, strict=True):
        if call == "F":
            permit.failure()
        else:
            permit.success()
    assert breaker.state == state


def test_06_neutral_outcomes_use_no_permit(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    half_open(breaker, clock)
    play(breaker, "SSS N F")
    assert breaker.state == "closed"
    breaker.reset()
    half_open(breaker, clock)
    play(breaker, "S N N N N N S")
    assert (breaker.state, breaker.metrics.calls) == ("half_open", 2)
    play(breaker, "N S")
    assert breaker.state == "closed", "as soon as the last permit can't change it"


def test_07_exponential_waits(clock: ManualClock) -> None:
    breaker = breaker_r(clock, open_for=sg.Backoff(5, factor=1.5))

    def expect_wait(seconds: float) -> None:
        assert breaker.state == "open"
        assert breaker.metrics.retry_after == seconds
        clock.advance(seconds - NANOSECOND)
        assert refused(breaker)
        clock.advance(NANOSECOND)

    trip(breaker)
    expect_wait(5)
    play(breaker, "FF")
    expect_wait(7.5)
    play(breaker, "FF")
    expect_wait(11.25)
    play(breaker, "SSS")
    assert breaker.state == "closed"
    trip(breaker)
    expect_wait(5)


def test_08_states_entered_by_hand(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    heard: list[str] = []
    breaker.on_event(lambda event: heard.append(event.kind))
    breaker.force_open()
    clock.advance(timedelta(days=365))
    with pytest.raises(sg.CircuitOpenError) as refusal:
        breaker.acquire()
    assert breaker.state == "forced_open"
    assert refusal.value.retry_after is None

    breaker.disable()
    play(breaker, "F" * 12)
    assert (breaker.state, breaker.metrics.calls, breaker.metrics.total_calls) == ("disabled", 0, 0)

    breaker.metrics_only()
    heard.clear()
    for _ in range(20):
        breaker.acquire().failure(duration=5)
    assert (breaker.state, breaker.metrics.calls) == ("metrics_only", 20)
    assert heard == ["failure_rate_exceeded", "slow_rate_exceeded"], "once each"


def test_09_a_result_of_an_earlier_generation_changes_nothing(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    admitted_closed, another = breaker.acquire(), breaker.acquire()
    half_open(breaker, clock)
    before = breaker.metrics
    assert admitted_closed.stale
    admitted_closed.failure()
    another.success()
    after = breaker.metrics
    assert breaker.state == "half_open"
    assert (after.calls, after.failures, after.total_calls) == (before.calls, before.failures, before.total_calls)
    assert after.dropped == before.dropped + 2


def test_10_one_probe_among_nine_threads(clock: ManualClock) -> None:
    breaker = breaker_r(clock, half_open_calls=1)
    trip(breaker)
    clock.advance(5)
    changed = threading.Condition()
    calls, refusals = 0, 0
    let_go = threading.Event()

    def callee() -> None:
        nonlocal calls
        with changed:
            calls += 1
            changed.notify_all()
        assert let_go.wait(60)

    def caller() -> None:
        nonlocal refusals
        try:
            breaker.call(callee)
        except sg.CircuitOpenError:
            with changed:
                refusals += 1
                changed.notify_all()

    threads = [threading.Thread(target=caller) for _ in range(9)]
    for thread in threads:
        thread.start()
    with changed:
        assert changed.wait_for(lambda: calls + refusals == 9, timeout=60)
        assert calls == 1
    let_go.set()
    for thread in threads:
        thread.join()
    assert (calls, refusals, breaker.state) == (1, 8, "closed")


def test_11_a_classifier_that_raises_frees_the_permit(clock: ManualClock) -> None:
    def classify(_: BaseException) -> str | None:
        if broken:
            raise LookupError("the classifier is broken")
        return None

    def fails() -> None:
        raise ValueError("the call failed")

    broken = False
    breaker = breaker_r(clock, half_open_calls=1, classify=classify)
    half_open(breaker, clock)
    broken = True
    with pytest.raises(LookupError) as raised:
        breaker.call(fails)
    assert isinstance(raised.value.__context__, ValueError)
    with pytest.raises(LookupError), breaker:
        fails()
    assert breaker.state == "half_open"
    assert breaker.call(lambda: 7) == 7, "the only permit is free again"
    assert breaker.state == "closed"


def test_12_a_listener_may_call_the_breaker(clock: ManualClock) -> None:
    breaker = breaker_r(clock)
    heard: list[tuple[str, str]] = []

    @breaker.on_event
    def listener(event: object) -> None:
        kind, state = event.kind, event.to_state  # type: ignore[attr-defined]
        heard.append((kind, state))
        assert breaker.metrics.calls <= 5
        if kind == "state_changed" and breaker.state == "open":
            breaker.reset()

    play(breaker, "FFFFF")
    assert breaker.state == "closed"
    assert heard == [
        ("failure_rate_exceeded", "closed"),
        ("state_changed", "open"),
        ("state_changed", "closed"),
        ("reset", "closed"),
    ]
