"""Conditions: pushed down to a source that can, applied to the columns otherwise, with the same records."""

from __future__ import annotations

import asyncio
import datetime
import json
from typing import Any

import pytest

import switchgear as sg
from switchgear.sandbox import Fault, Sandbox

CASES: list[tuple[str, str, Any]] = [
    ("ID", "<=", 17),
    ("ID", "in", [3, 2_500, 9_999]),
    ("Status", "=", "OPEN"),
    ("Status", "!=", "OPEN"),
    ("Status", "in", ["DONE", "WAITING"]),
    ("Status", ">", "IN"),
    ("Priority", "<", 3),
    ("Priority", "!=", 3),
    ("EstimatedCost", ">=", 900),
    ("ActualCost", "<", 100.5),
    ("ActualCost", "=", None),
    ("ActualCost", "!=", None),
    ("DowntimeHours", ">", 1.5),
    ("SafetyCritical", "=", True),
    ("SafetyCritical", "!=", True),
    ("DueDate", ">", datetime.date(2026, 6, 1)),
    ("DueDate", "=", None),
    ("DueDate", "!=", datetime.date(2026, 6, 1)),
    ("ChangedAt", "<=", datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc)),
    ("ChangedAt", ">", datetime.datetime(2026, 2, 1, 3, tzinfo=datetime.timezone(datetime.timedelta(hours=3)))),
    ("AssetID", "=", (1 << 53) + 3),
]


@pytest.fixture
def rest(box: Sandbox) -> sg.Connection:
    """Its description says nothing about conditions."""
    return sg.connect("rest", description="sandbox", url=box.rest_url)


def ids(reader: sg.Reader) -> list[int]:
    return [record["ID"] for record in reader.to_pylist()]


@pytest.mark.parametrize("condition", CASES, ids=lambda case: f"{case[0]} {case[1]}")
def test_the_same_records_whoever_applies_it(plant: sg.Connection, rest: sg.Connection, condition: Any) -> None:
    pushed, local = plant.read("WorkOrders", where=[condition]), rest.read("WorkOrders", where=[condition])
    expected = ids(pushed)
    assert ids(local) == expected
    assert 0 < len(expected) < 2_500, "a condition that says nothing tests nothing"
    assert pushed.stats.filtered == 0
    assert local.stats.filtered == 2_500 - len(expected)


@pytest.mark.parametrize("nested", [None, "flatten"])
def test_records_are_whole_and_columns_as_asked(box: Sandbox, rest: sg.Connection, nested: Any) -> None:
    where = [("Status", "=", "OPEN"), ("Priority", "<=", 2)]
    wanted = [r for r in box.truth("WorkOrders") if r["Status"] == "OPEN" and r["Priority"] <= 2]
    everything = rest.read("WorkOrders", where=where, nested=nested).to_pylist()
    assert [record["Title"] for record in everything] == [record["Title"] for record in wanted]
    if nested is None:
        assert [record["Location"] for record in everything] == [record["Location"] for record in wanted]
        assert [record["Tags"] for record in everything] == [record["Tags"] for record in wanted]
    some = rest.read("WorkOrders", columns=["Title", "ID"], where=where, nested=nested)
    assert some.to_arrow().column_names[:2] == ["Title", "ID"]
    assert all(set(record) <= {"Title", "ID", "_rescued"} for record in some.to_pylist())
    assert ids(some) == [record["ID"] for record in wanted]


@pytest.mark.parametrize(
    "options", [{"parallel": 4}, {"parallel": 4, "ordered": False}, {"prefetch": 1}, {"page_size": 7}]
)
def test_however_the_pages_come(box: Sandbox, options: dict[str, Any]) -> None:
    text = """
name = "offsets"
[[entities]]
name = "WorkOrders"
path = "/offset/WorkOrders"
records = "/items"
total = "/total"
key = ["ID"]
[entities.paging]
style = "offset"
param = "offset"
size_param = "limit"
size = 100
"""
    plant = sg.connect("rest", description=text, url=box.rest_url)
    got = ids(plant.read("WorkOrders", where=[("Priority", "=", 1), ("Status", "!=", "DONE")], **options))
    assert sorted(got) == [r["ID"] for r in box.truth("WorkOrders") if r["Priority"] == 1 and r["Status"] != "DONE"]


def test_a_stored_token_goes_on_with_the_same_conditions(rest: sg.Connection, plant: sg.Connection) -> None:
    where = [("Priority", "=", 1)]
    expected = ids(plant.read("WorkOrders", where=where))
    got: list[int] = []
    token = None
    while True:
        reader = rest.read("WorkOrders", where=where, page_size=100, limit=60, token=token)
        part = ids(reader)
        if not part:
            break
        got += part
        # A limit in the middle of a page begins that page again: a record comes twice rather than never.
        token = json.loads(json.dumps(reader.token))
    assert sorted(set(got)) == expected


def test_every_consumer_sees_the_same(rest: sg.Connection) -> None:
    reader = rest.read("WorkOrders", columns=["ID"], where=[("Priority", "=", 1)])
    expected = ids(reader)
    assert reader.to_arrow()["ID"].to_pylist() == expected
    assert reader.to_polars()["ID"].to_list() == expected
    assert list(reader.to_pandas()["ID"]) == expected
    assert [record["ID"] for page in reader for record in page.to_pylist()] == expected
    assert all(len(page) for page in reader), "pages of which nothing is left are passed over"
    nothing = rest.read("WorkOrders", columns=["ID"], where=[("Status", "=", "NEVER")])
    assert nothing.to_arrow().num_rows == 0
    assert nothing.to_arrow().column_names[0] == "ID"
    assert nothing.to_polars().height == 0

    async def main() -> list[int]:
        pages = rest.aread("WorkOrders", columns=["ID"], where=[("Priority", "=", 1)], page_size=5)
        return [record["ID"] async for page in pages for record in page.to_pylist()]

    assert asyncio.run(main()) == expected


def test_the_loop_turns_while_pages_are_passed_over(rest: sg.Connection) -> None:
    async def main() -> int:
        task = asyncio.create_task(rest.aread("WorkOrders", where=[("ID", "=", -1)], page_size=10).to_pylist())
        turns = 0
        while not task.done():
            await asyncio.sleep(0)
            turns += 1
        assert task.result() == []
        return turns

    assert asyncio.run(main()) >= 250, "at least one for each page"


def test_inferred_columns_may_widen_under_a_condition(own_box: Sandbox) -> None:
    text = (
        'name = "p"\n[[entities]]\nname = "orders"\npath = "/cursor/WorkOrders"\nrecords = "/data"\n[entities.paging]\n'
    )
    text += 'style = "cursor"\nparam = "cursor"\nnext = "/next_cursor"\nsize_param = "limit"\nsize = 100\n'
    plant = sg.connect("rest", description=text, url=own_box.rest_url)
    truth = own_box.truth("WorkOrders")
    got = plant.read("orders", where=[("ActualCost", "!=", None), ("Priority", ">=", 4)])
    assert ids(got) == [r["ID"] for r in truth if r["ActualCost"] is not None and r["Priority"] >= 4]
    with pytest.raises(sg.ConfigError, match="did you mean 'Priority'") as raised:
        plant.read("orders", where=[("Prioriti", "=", 4)]).to_pylist()
    assert raised.value.code == "config.where"


def test_explain_names_what_is_applied_here(rest: sg.Connection, plant: sg.Connection, own_box: Sandbox) -> None:
    where = [("Priority", "in", [1, 2])]
    rest.entities()
    assert "the source can't be asked for Priority in (1, 2)" in str(rest.read("WorkOrders", where=where).explain())
    plant.entities()
    assert "can't be asked" not in str(plant.read("WorkOrders", where=where).explain())
    fresh = sg.connect("rest", description="sandbox", url=own_box.rest_url)
    assert "not known before" in str(fresh.read("WorkOrders", where=where).explain())
    assert own_box.stats()["requests"] == 0


def test_a_limit_stops_the_reading(own_box: Sandbox) -> None:
    own_box.set_faults(Fault("latency", ms=20))
    rest = sg.connect("rest", description="sandbox", url=own_box.rest_url)
    reader = rest.read("WorkOrders", where=[("Status", "=", "OPEN")], limit=3, page_size=100)
    assert len(ids(reader)) == 3
    assert own_box.stats()["pages"] <= 1 + 2 + 1, "the first, those fetched ahead, and one under way"
