"""What is dead is left alone at once, the rest goes on, and what comes back is found again."""

from __future__ import annotations

import time

import pytest

import switchgear as sg
from servers.cap import READER
from servers.nginx import Nginx
from support.lines import connect_over
from switchgear._core import BreakerEvent
from switchgear.testing import FaultProxy, ManualClock


def test_a_dead_host_opens_the_breaker_and_its_return_closes_it(line: FaultProxy) -> None:
    clock = ManualClock()
    plant = connect_over(line, breaker=sg.CircuitBreaker(open_for=5), clock=clock)
    events: list[tuple[str, str]] = []
    states: list[str] = []
    plant.on_status(lambda change: states.append(change.to_state))

    @plant.on_event
    def on_event(event: BreakerEvent) -> None:
        if event.kind == "state_changed":
            events.append((event.breaker, event.to_state))

    line.refuse()
    for _ in range(3):  # of three attempts each; the breaker wants to see ten calls, and has seen good ones
        with pytest.raises(sg.OfflineError) as offline:
            plant.read("Assets").to_pylist()
        assert offline.value.code == "offline.connect"
    line.clear()  # it is back, and nobody knows yet
    connections = line.stats.connections
    taken = []
    for _ in range(101):
        reader = plant.read("Assets")
        begun = time.perf_counter()
        with pytest.raises(sg.CircuitOpenError) as refused:
            reader.to_pylist()
        taken.append(time.perf_counter() - begun)
    assert min(taken) < 0.001, "what a busy machine adds is not the breaker's"
    assert line.stats.connections == connections, "nothing is sent while the breaker is open"
    assert refused.value.retry_after is not None
    assert 0 < refused.value.retry_after <= 5
    assert reader.stats.requests == 0

    clock.advance(refused.value.retry_after)
    for _ in range(5):
        assert len(plant.read("Assets").to_pylist()) == 501
    assert [state for breaker, state in events if breaker == events[0][0]] == ["open", "half_open", "closed"]
    assert states == ["offline", "online"]


def test_a_broken_entity_leaves_the_others_alone(nginx_tls: Nginx) -> None:
    plant = sg.connect(
        "odata", url=f"{nginx_tls.plain_url}/odata/v4/maintenance", auth=sg.BasicAuth(*READER), proxy="none"
    )
    plant.entities()
    with nginx_tls.switched("failing", entity="Assets"):
        before = len(nginx_tls.requests())
        for _ in range(4):
            with pytest.raises(sg.ServerError):
                plant.read("Assets").to_pylist()
        assert len(nginx_tls.requests()) - before == 10, "the breaker opened at the tenth"
        with pytest.raises(sg.CircuitOpenError, match="Assets"):
            plant.read("Assets").to_pylist()
        for _ in range(10):
            assert len(plant.read("WorkOrders", columns=["ID"], limit=10).to_pylist()) == 10
        failed = [request for request in nginx_tls.requests()[before:] if request["status"] >= 500]
        assert len(failed) == 10
