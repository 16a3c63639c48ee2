"""A read that everything happens to at once is complete, and says what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from servers.cap import Cap
from support.lines import connect_over
from support.maintenance import database, first_difference
from switchgear.testing import FaultProxy


def test_a_read_through_resets_jitter_and_a_black_hole_is_complete(start_server: Callable[..., Any]) -> None:
    """With the policies as they are by default: 20,000 records in pages of 200, 5 % of the requests reset."""
    cap: Cap = start_server(Cap, page_size=200)
    with FaultProxy("127.0.0.1", cap.port, seed=90) as line:
        plant = connect_over(line)
        before = line.stats
        line.set(reset_probability=0.05, jitter=0.2)
        begun = time.monotonic()
        reader = plant.read("WorkOrders")
        records = []
        for number, page in enumerate(reader):
            records += page.to_pylist()
            if number == 30:
                line.black_hole(seconds=20)
        taken = time.monotonic() - begun
    assert first_difference(records, database(cap, "WorkOrders")) is None
    # What happened: the seed draws eight resets for these requests, about half of them in the midst of a reply.
    assert line.stats.resets - before.resets >= 5
    assert taken > 20
    # What it cost. A reset before the first byte of a reply is repeated at once on a new connection and costs no retry.
    stats = reader.stats
    assert stats.records == 20_000
    assert stats.pages == 101
    assert 3 <= stats.retries <= line.stats.resets
    assert stats.requests == stats.pages + stats.retries
    assert 0 < stats.waited_seconds < 20
    assert line.stats.exchanges - before.exchanges > stats.pages
