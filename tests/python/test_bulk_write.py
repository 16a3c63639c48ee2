"""Thousands of records into a real system, SAP CAP: each has its fate, and CAP's SQLite file agrees row by row.

`make test` writes a tenth of what `make soak` does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.cap import PLANNER, Cap
from support.losing_proxy import LosingProxy
from support.seeds import dice, new_seed

# What CAP says of each kind of bad record: by the model's rules, by its types, and by the service's own code.
RULES: list[tuple[dict[str, Any], str, str]] = [
    ({"priority": 9}, "bad_request", "Enter a value between 1 and 4."),
    ({"title": None}, "bad_request", "Provide the missing value."),
    ({"status": "burnt"}, "bad_request", "Enter one of the allowed values: open, started, done, cancelled."),
    ({"estimatedHours": -1}, "bad_request", "estimatedHours must not be negative"),
    ({"title": "LOCKED"}, "conflict", "Work order is being edited by another user"),
    ({"runtimeTicks": "many"}, "bad_request", "runtimeTicks"),
]


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Cap]:
    with Cap(tmp_path / "cap", work_orders=0) as server:
        yield server


def order(number: int) -> dict[str, Any]:
    return {
        "ID": number,
        "number": f"N{number}",
        "title": f"Order {number} – „Öl“ 漢字",
        "priority": 1 + number % 4,
        "status": ["open", "started", "done"][number % 3],
        "estimatedHours": number % 997 / 8,
        "dueAt": f"2026-01-{1 + number % 28:02}T12:00:00Z" if number % 5 else None,
        "scheduledOn": f"2026-02-{1 + number % 28:02}",
        "runtimeTicks": 2**53 + 1 + number,
        "safetyRelevant": number % 2 == 0,
    }


def as_stored(record: dict[str, Any]) -> dict[str, Any]:
    """The row that CAP makes of it."""
    row = dict(record)
    if row["dueAt"] is not None:
        row["dueAt"] = row["dueAt"].replace("Z", ".000Z")
    row["safetyRelevant"] = int(row["safetyRelevant"])
    return row


def rows_of(cap: Cap) -> list[dict[str, Any]]:
    return [dict(row) for row in cap.query("SELECT * FROM maintenance_WorkOrders ORDER BY ID")]


def check_rows(cap: Cap, records: list[dict[str, Any]]) -> None:
    """The table holds these records and no other row, value by value."""
    rows = rows_of(cap)
    assert [row["ID"] for row in rows] == [record["ID"] for record in records]
    for row, record in zip(rows, records, strict=True):
        expected = as_stored(record)
        assert {name: row[name] for name in expected} == expected


def upsert_with_bad_ones(cap: Cap, total: int, bad: int) -> None:
    seed = new_seed()
    print(f"SWITCHGEAR_SEED={seed}")
    rng = dice(seed)
    records = [order(n) for n in range(1, total + 1)]
    # A third is there already, with other values: an upsert changes those.
    plant = sg.connect("odata", url=cap.url, auth=sg.BasicAuth(*PLANNER))
    before = [{**record, "title": "before", "priority": 1} for record in records[::3]]
    assert plant.write("WorkOrders", before, op="create").ok == len(before)

    expected: dict[int, tuple[str, str]] = {}
    for n, index in enumerate(rng.sample(range(total), bad)):
        fields, category, words = RULES[n % len(RULES)]
        records[index] = {**records[index], **fields}
        expected[index] = (category, words)
    result = plant.write("WorkOrders", records)
    assert (result.ok, result.failed, result.unknown, result.skipped) == (total - bad, bad, 0, 0)
    assert [outcome.index for outcome in result.errors] == sorted(expected)
    for outcome in result.errors:
        category, words = expected[outcome.index]
        assert (outcome.category, outcome.key) == (category, str(records[outcome.index]["ID"]))
        assert words in outcome.message
        assert outcome.record == records[outcome.index]

    kept = {record["ID"]: record for record in before}
    kept |= {record["ID"]: record for index, record in enumerate(records) if index not in expected}
    check_rows(cap, [kept[key] for key in sorted(kept)])


def test_1000_upserts_with_14_bad_ones(target: Cap) -> None:
    upsert_with_bad_ones(target, 1000, 14)


@pytest.mark.soak
def test_10000_upserts_with_137_bad_ones(target: Cap) -> None:
    upsert_with_bad_ones(target, 10_000, 137)


def through(proxy: LosingProxy, cap: Cap) -> sg.Connection:
    url = cap.url.replace(cap.origin, f"http://{proxy.address}")
    return sg.connect("odata", url=url, auth=sg.BasicAuth(*PLANNER), breaker=None)


def one_in_ten(n: int) -> bool:
    return n % 10 == 3


def write_while_replies_are_lost(cap: Cap, op: str, total: int) -> None:
    """Orders with natural keys: CAP can be asked for them, so that nothing stays unknown."""
    records = [order(n) for n in range(1, total + 1)]
    with LosingProxy("127.0.0.1", cap.port, one_in_ten) as proxy:
        result = through(proxy, cap).write("WorkOrders", records, op=op, batch_size=10, parallel=4)
        assert proxy.lost >= proxy.writes // 11 >= 3
    assert (result.ok, result.failed, result.unknown, result.skipped) == (total, 0, 0, 0), result.errors[:3]
    check_rows(cap, records)
    assert set(Counter(row["number"] for row in rows_of(cap)).values()) == {1}


@pytest.mark.parametrize("op", ["create", "upsert"])
def test_no_order_comes_twice_though_replies_are_lost(target: Cap, op: str) -> None:
    write_while_replies_are_lost(target, op, 400)


@pytest.mark.soak
@pytest.mark.parametrize("op", ["create", "upsert"])
def test_no_order_of_10000_comes_twice_though_replies_are_lost(target: Cap, op: str) -> None:
    write_while_replies_are_lost(target, op, 10_000)


def test_what_can_not_be_asked_for_stays_unknown_and_is_not_sent_again(target: Cap) -> None:
    """The source assigns the keys of operations: nobody can tell afterwards which of them it has taken."""
    records = [{"sequence": n, "text": f"step {n}"} for n in range(200)]
    with LosingProxy("127.0.0.1", target.port, one_in_ten) as proxy:
        result = through(proxy, target).write("Operations", records, op="create", batch_size=10)
        assert (proxy.writes, proxy.lost) == (20, 2)
    assert (result.ok, result.failed, result.unknown, result.skipped) == (180, 0, 20, 0)
    assert {outcome.code for outcome in result.errors} == {"offline.lost"}
    assert [outcome.index for outcome in result.errors] == [*range(30, 40), *range(130, 140)]
    rows = target.query("SELECT sequence FROM maintenance_Operations")
    assert sorted(row["sequence"] for row in rows) == list(range(200)), "each once"


def test_the_check_of_rows_can_fail(target: Cap) -> None:
    plant = sg.connect("odata", url=target.url, auth=sg.BasicAuth(*PLANNER))
    records = [order(n) for n in range(1, 4)]
    assert plant.write("WorkOrders", records, op="create").ok == 3
    check_rows(target, records)
    changed = {**records[1], "runtimeTicks": records[1]["runtimeTicks"] + 1}
    for wrong in (records[:2], [*records, order(4)], [records[0], changed, records[2]]):
        with pytest.raises(AssertionError):
            check_rows(target, wrong)
