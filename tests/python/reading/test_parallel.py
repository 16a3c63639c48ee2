"""Reading side by side, within a budget of bytes, told beforehand and without waiting."""

from __future__ import annotations

import select
from typing import TYPE_CHECKING

import pytest

import switchgear as sg
from switchgear import _core

if TYPE_CHECKING:
    from switchgear.connection import Connection


def request_of(**options: object) -> _core.ReadRequest:
    request = _core.ReadRequest()
    request.entity = "WorkOrders"
    for name, value in options.items():
        setattr(request, name, value)
    return request


def test_a_connector_that_cannot_divide_is_read_page_by_page_and_says_so(plant: Connection) -> None:
    records = plant.read("WorkOrders", parallel=4).to_pylist()
    assert [record["ID"] for record in records] == list(range(1, 2_501))
    assert "can't divide a listing" in plant.read("WorkOrders", parallel=4).explain().notes[0]
    assert _core.read_entity(plant._core, request_of(parallel=4)).sequential


def test_explain_tells_before_anything_is_sent(plant: Connection) -> None:
    told = plant.read("WorkOrders", page_size=100).explain(records=2_500)
    assert (told.pages, told.requests, told.parallel, told.partitions) == (25, 25, 1, None)
    assert "pages: 25 of 100" in str(told)
    assert plant.read("WorkOrders", page_size=100, limit=250).explain().pages == 3
    unknown = plant.read("WorkOrders").explain()
    assert unknown.pages is None
    assert "not known yet" in str(unknown)


def test_a_page_larger_than_the_budget_says_what_to_do(plant: Connection) -> None:
    with pytest.raises(sg.ConfigError, match="more than the 1000 bytes") as caught:
        plant.read("WorkOrders", page_size=500, max_bytes=1000).to_pylist()
    assert caught.value.code == "config.page_too_large"
    assert "page_size" in str(caught.value.hint)


def test_the_budget_of_the_process_is_free_again_after_reading(plant: Connection) -> None:
    budget = sg.memory_budget()
    before = budget.in_use  # of readers that other tests left open
    plant.read("WorkOrders", page_size=100).to_pylist()
    assert budget.peak > 0
    assert budget.in_use <= before
    assert budget.max_bytes == 512 << 20


def test_the_total_is_among_the_stats(plant: Connection) -> None:
    reader = plant.read("WorkOrders", count=True)
    reader.to_pylist()
    assert reader.stats.total == 2_500


def test_an_event_loop_is_told_when_a_page_is_there(plant: Connection) -> None:
    core = _core.read_entity(plant._core, request_of(page_size=500))
    poll = select.poll()
    poll.register(core.ready_fd(), select.POLLIN)
    records = 0
    while True:
        assert poll.poll(10_000), "a page, or the end, has to come"
        state, page = core.next_now()
        if state == "end":
            break
        if page is not None:
            records += len(page.batch)
    assert records == 2_500
    core.close()


@pytest.mark.parametrize(("name", "value"), [("parallel", 0), ("prefetch", -1), ("max_bytes", 0)])
def test_numbers_are_checked(plant: Connection, name: str, value: int) -> None:
    with pytest.raises(sg.ConfigError, match=f"{name}={value}"):
        plant.read("WorkOrders", **{name: value})  # type: ignore[arg-type]
