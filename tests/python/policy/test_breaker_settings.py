"""A circuit breaker's settings: what can't be is refused when it is made; what can be is pickled."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from typing import Any

import pytest

import switchgear as sg
from switchgear.testing import ManualClock

NAN, INFINITE = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("settings", "field", "value"),
    [
        ({"failure_rate": 0}, "failure_rate", "0"),
        ({"failure_rate": 1.01}, "failure_rate", "1.01"),
        ({"failure_rate": NAN}, "failure_rate", "nan"),
        ({"failure_rate": "half"}, "failure_rate", "'half'"),
        ({"failure_rate": None}, "failure_rate", "None"),
        ({"slow_rate": -0.1}, "slow_rate", "-0.1"),
        ({"slow_rate": INFINITE}, "slow_rate", "inf"),
        ({"window": 0}, "window", "0"),
        ({"window": -1}, "window", "-1"),
        ({"window": 1_000_001}, "window", "1000001"),
        ({"window": 10**30}, "window", "1000"),
        ({"window": 1.5}, "window", "1.5"),
        ({"window": True}, "window", "True"),
        ({"window": timedelta(0)}, "window", "0"),
        ({"window": timedelta(seconds=1.5)}, "window", "1.5"),
        ({"window": timedelta(days=2)}, "window", "172800"),
        ({"window": timedelta.max}, "window", "timedelta"),
        ({"window": timedelta(seconds=-5)}, "window", "-5"),
        ({"window": 5, "min_calls": 6}, "min_calls", "6"),
        ({"min_calls": 0}, "min_calls", "0"),
        ({"min_calls": -1}, "min_calls", "-1"),
        ({"min_calls": 101}, "min_calls", "101"),
        ({"half_open_calls": 0}, "half_open_calls", "0"),
        ({"half_open_calls": 10_001}, "half_open_calls", "10001"),
        ({"half_open_max_wait": 0}, "half_open_max_wait", "0"),
        ({"half_open_max_wait": NAN}, "half_open_max_wait", "nan"),
        ({"half_open_max_wait": 366 * 86400}, "half_open_max_wait", "3.16"),
        ({"slow_call": 0}, "slow_call", "0"),
        ({"slow_call": -1}, "slow_call", "-1"),
        ({"slow_call": 1e300}, "slow_call", "1e+300"),
        ({"slow_call": 10**400}, "slow_call", "1000"),
        ({"slow_call": timedelta(microseconds=-1)}, "slow_call", "-1e-06"),
        ({"open_for": 0}, "open_for", "0"),
        ({"open_for": -30}, "open_for", "-30"),
        ({"open_for": NAN}, "open_for", "nan"),
        ({"open_for": INFINITE}, "open_for", "inf"),
        ({"open_for": timedelta.max}, "open_for", "timedelta"),
        ({"open_for": "30"}, "open_for", "'30'"),
        ({"classify": "neutral"}, "classify", "'neutral'"),
    ],
    ids=repr,
)
def test_bad_settings_are_refused(settings: dict[str, Any], field: str, value: str) -> None:
    with pytest.raises(sg.ConfigError) as refusal:
        sg.CircuitBreaker(**settings)
    assert refusal.value.category == "config"
    assert field in refusal.value.message
    assert value in refusal.value.message
    assert "must be" in refusal.value.message
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((0,), "initial"),
        ((-1,), "initial"),
        ((NAN,), "initial"),
        ((301,), "initial"),
        (("5",), "initial"),
        ((5, 0.5), "factor"),
        ((5, NAN), "factor"),
        ((5, 101), "factor"),
        ((5, 1.5, 4), "initial"),
        ((5, 1.5, INFINITE), "cap"),
        ((5, 1.5, NAN), "cap"),
    ],
)
def test_bad_backoffs_are_refused(arguments: tuple[Any, ...], field: str) -> None:
    with pytest.raises(sg.ConfigError, match=rf"Backoff\.{field} is"):
        sg.Backoff(*arguments)


@pytest.mark.parametrize("clock", ["now", 5, object()])
def test_a_clock_that_is_none(clock: Any) -> None:
    with pytest.raises((sg.ConfigError, TypeError, RuntimeError)):
        sg.CircuitBreaker(clock=clock)


def test_settings_at_their_bounds_are_taken() -> None:
    sg.CircuitBreaker(
        failure_rate=1, slow_rate=1e-9, window=1_000_000, min_calls=1_000_000, half_open_calls=10_000, open_for=1e-9
    )
    sg.CircuitBreaker(window=timedelta(days=1), open_for=365 * 86400, slow_call=365 * 86400)
    sg.CircuitBreaker(window=1, min_calls=1)


def test_a_window_below_ten_calls_needs_no_more_than_it_has() -> None:
    breaker = sg.CircuitBreaker(window=3)
    for _ in range(3):
        breaker.acquire().failure()
    assert breaker.state == "open"


def test_pickles_as_its_parameters() -> None:
    breaker = sg.CircuitBreaker(
        name="erp",
        window=timedelta(seconds=20),
        min_calls=2,
        open_for=sg.Backoff(5, factor=2, cap=timedelta(minutes=1)),
        clock=ManualClock(),
    )
    breaker.force_open()
    for other in (pickle.loads(pickle.dumps(breaker)), copy.copy(breaker), copy.deepcopy(breaker)):  # noqa: S301
        assert type(other) is sg.CircuitBreaker
        assert (other.name, str(other.state)) == ("erp", "closed")
        other.acquire().failure()
        other.acquire().failure()
        assert other.metrics.retry_after == pytest.approx(5, abs=1)


@pytest.mark.parametrize("seconds", [NAN, INFINITE, 1e300, "soon", None])
def test_a_manual_clock_refuses_what_is_no_time(seconds: Any) -> None:
    with pytest.raises(sg.ConfigError, match="seconds is"):
        ManualClock().advance(seconds)


def test_a_step_of_the_wall_clock_changes_nothing() -> None:
    clock = ManualClock()
    breaker = sg.CircuitBreaker(min_calls=1, open_for=5, clock=clock)
    breaker.acquire().failure()
    for step in (timedelta(days=3650), timedelta(days=-7300)):
        clock.step_wall(step)
        assert breaker.metrics.retry_after == 5


@pytest.mark.parametrize("duration", [NAN, INFINITE, "long", 1e300])
def test_a_duration_that_is_none_leaves_the_permit_as_it_was(duration: Any) -> None:
    breaker = sg.CircuitBreaker()
    permit = breaker.acquire()
    with pytest.raises(sg.ConfigError, match="duration is"):
        permit.success(duration)
    assert breaker.metrics.calls == 0
    permit.success(1)
    assert breaker.metrics.calls == 1


def test_a_subclass_whose_init_was_skipped_is_no_crash() -> None:
    class Broken(sg.CircuitBreaker):
        def __init__(self) -> None:
            pass

    with pytest.raises(TypeError):
        Broken()
