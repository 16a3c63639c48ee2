"""What is dead is left alone at once, the rest goes on, and what comes back is found again."""

from __future__ import annotations

import time

import pytest

import switchgear as sg
from servers.cap import READER
from servers.nginx import Nginx
from support.lines import connect_over
from switchgear.testing import FaultProxy


def test_a_dead_host_opens_the_breaker_and_its_return_closes_it(line: FaultProxy) -> None:
    plant = connect_over(line, breaker=sg.CircuitBreaker(open_for=5))
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

    deadline = time.monotonic() + refused.value.retry_after + 10
    while True:
        try:
            assert len(plant.read("Assets").to_pylist()) == 501
            break
        except sg.CircuitOpenError as error:
            assert time.monotonic() < deadline
            time.sleep(min(error.retry_after or 0.1, 1.0))  # as whoever reads its hint would
    for _ in range(5):
        assert len(plant.read("Assets").to_pylist()) == 501


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
