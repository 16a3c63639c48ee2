"""Policies in connections: templates, off and default, against a source with faults."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

import switchgear as sg
from support.plants import plant_of
from switchgear.sandbox import Fault, Sandbox
from switchgear.testing import ManualClock

UNAVAILABLE = Fault("error", status=503)


def connect(**policies: Any) -> sg.Connection:
    return sg.connect("odata", url="http://127.0.0.1:1/odata", **policies)


def test_the_defaults_are_explained() -> None:
    said = connect().explain()
    assert said.splitlines()[0] == "retry( breaker( rate limiter( concurrency limiter( attempt ))))"
    assert "1 retry: up to 3 attempts" in said
    assert "opens at 50 % failures" in said
    assert said.count("then 3 probes of at most 300 s") == 2, "as long as a call may take"
    assert "3 rate limiter: no limit, slows down when the source throttles" in said


def test_templates_are_explained() -> None:
    said = connect(
        rate_limit=sg.RateLimiter("600/min", burst=20),
        breaker=sg.CircuitBreaker(
            failure_rate=0.25, window=timedelta(seconds=20), min_calls=5, open_for=sg.Backoff(5, cap=60)
        ),
        retry=sg.Retry(attempts=7, base=0.5, cap=10, quota=100),
    ).explain()
    assert "up to 7 attempts, full jitter up to 0.5 s doubling to 10 s" in said
    assert "quota 100 " in said
    assert said.count("opens at 25 % failures or 100 % calls slower than 60 s in the last 20 s (at least 5)") == 2
    assert said.count("for 5 s, x1.5 each time up to 60 s") == 2
    assert "600 requests in 60 s, burst 20" in said


def test_none_is_off() -> None:
    said = connect(rate_limit=None, breaker=None, retry=None).explain()
    assert "1 retry: off" in said
    assert said.count("circuit breaker of the connection: off") == 1
    assert "(entity, operation): off" in said
    assert "3 rate limiter: off" in said


def test_a_rate_as_text() -> None:
    assert "100 requests in 1 s, burst 1" in connect(rate_limit="100/s").explain()


@pytest.mark.parametrize(
    ("policies", "message"),
    [
        ({"rate_limit": "0/s"}, "rate_limit"),
        ({"rate_limit": 100}, "rate_limit is 100"),
        ({"rate_limit": sg.Retry()}, "rate_limit is <Retry"),
        ({"breaker": False}, "breaker is False"),
        ({"breaker": "off"}, "breaker is 'off'"),
        ({"retry": 3}, "retry is 3"),
        ({"breaker": sg.CircuitBreaker(classify=lambda error: None)}, "classify"),
        ({"retry": sg.Retry(retry_on=ValueError)}, "retry_on"),
        ({"retry": sg.Retry(idempotent=False)}, "idempotent"),
    ],
    ids=str,
)
def test_what_is_no_policy_is_refused(policies: dict[str, Any], message: str) -> None:
    with pytest.raises(sg.ConfigError, match=message):
        connect(**policies)


def test_policies_are_pickled_with_the_connection() -> None:
    plant = connect(
        rate_limit="100/s",
        breaker=sg.CircuitBreaker(window=50, open_for=timedelta(seconds=7)),
        retry=None,
    )
    other = pickle.loads(pickle.dumps(plant))  # noqa: S301
    assert other.explain() == plant.explain()
    default = connect()
    assert pickle.loads(pickle.dumps(default)).explain() == default.explain()  # noqa: S301


def test_a_connection_with_a_clock_is_not_pickled() -> None:
    with pytest.raises(sg.ConfigError, match="clock"):
        pickle.dumps(connect(clock=ManualClock()))


def read(plant: sg.Connection, entity: str = "WorkOrders") -> int:
    return len(plant.read(entity, progress=False).to_pylist())


def test_retries_wait_on_the_given_clock(own_box: Sandbox) -> None:
    clock = ManualClock()
    plant = plant_of(own_box, clock=clock, retry=sg.Retry(base=100, cap=100))
    plant.entities()
    own_box.set_faults(Fault("error", status=503, retry_after=200, times=2, entity="WorkOrders"))
    assert read(plant) == 300
    assert 400 <= clock.slept < 402, "twice as the source asked"


def test_without_retry_the_first_error_goes_up(own_box: Sandbox) -> None:
    plant = plant_of(own_box, retry=None, clock=ManualClock())
    plant.entities()
    own_box.set_faults(Fault("error", status=503, times=1, entity="WorkOrders"))
    with pytest.raises(sg.ServerError):
        read(plant)
    assert read(plant) == 300


def test_a_template_keeps_no_state_of_its_connections(own_box: Sandbox) -> None:
    clock = ManualClock()
    template = sg.CircuitBreaker(failure_rate=1, window=2, open_for=5)
    first, second = (plant_of(own_box, id=name, clock=clock, breaker=template, retry=None) for name in ("a", "b"))
    first.entities()
    second.entities()
    own_box.set_faults(UNAVAILABLE)
    for _ in range(2):
        with pytest.raises(sg.ServerError):
            read(first)
    with pytest.raises(sg.CircuitOpenError) as refusal:
        read(first)
    assert refusal.value.connection_id == "a"
    assert refusal.value.retry_after == 5
    own_box.set_faults()
    assert read(second) == 300, "the other connection's breaker is its own"
    assert template.state == "closed"
    assert template.metrics.total_calls == 0
    clock.advance(5)
    assert read(first) == 300


def test_one_broken_entity_does_not_stop_the_rest(own_box: Sandbox) -> None:
    plant = plant_of(
        own_box, clock=ManualClock(), retry=None, breaker=sg.CircuitBreaker(window=2, min_calls=2, open_for=5)
    )
    plant.entities()
    own_box.set_faults(Fault("error", status=500, entity="WorkOrders"))
    for _ in range(2):
        with pytest.raises(sg.ServerError):
            read(plant)
    with pytest.raises(sg.CircuitOpenError):
        read(plant)
    assert read(plant, "Assets") > 0


def test_no_breaker_never_refuses(own_box: Sandbox) -> None:
    plant = plant_of(own_box, breaker=None, retry=None, clock=ManualClock())
    plant.entities()
    own_box.set_faults(UNAVAILABLE)
    for _ in range(30):
        with pytest.raises(sg.ServerError):
            read(plant)


def test_a_function_for_open_for_is_asked_ahead(own_box: Sandbox) -> None:
    clock = ManualClock()
    breaker = sg.CircuitBreaker(window=1, half_open_calls=1, open_for=lambda n: 10 * n)
    plant = plant_of(own_box, clock=clock, retry=None, breaker=breaker)
    plant.entities()
    own_box.set_faults(UNAVAILABLE)
    for wait in (10, 20, 30):
        with pytest.raises(sg.ServerError):
            read(plant)
        with pytest.raises(sg.CircuitOpenError) as refusal:
            read(plant)
        assert refusal.value.retry_after == wait
        clock.advance(wait)


def test_the_rate_limit_holds(own_box: Sandbox) -> None:
    clock = ManualClock()
    plant = plant_of(own_box, clock=clock, rate_limit="1/min", page_size=50)
    plant.entities()
    start = clock.now()
    assert read(plant) == 300
    assert clock.now() - start >= 5 * 60, "six pages, a minute apart"
