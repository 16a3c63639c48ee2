"""Writing to a real system: SAP CAP, compared with its own SQLite file."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

import switchgear as sg
from servers.cap import PLANNER, READER, Cap
from support.orders import ASSERT_RANGE, bad_orders, order, stored
from switchgear.testing import FaultProxy


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cap]:
    """A service of this file's own, to write to."""
    with Cap(tmp_path_factory.mktemp("cap-write"), work_orders=10) as server:
        yield server


@pytest.fixture
def plant(target: Cap) -> sg.Connection:
    return sg.connect("odata", url=target.url, auth=sg.BasicAuth(*PLANNER))


NUMBERS = itertools.count(1_000_000, 100_000)


@pytest.fixture
def first() -> int:
    """The first of 100,000 IDs that no other test uses."""
    return next(NUMBERS)


def counts(result: sg.WriteResult) -> tuple[int, int, int, int]:
    return result.ok, result.failed, result.unknown, result.skipped


def test_each_record_has_its_outcome_and_the_database_agrees(plant: sg.Connection, target: Cap, first: int) -> None:
    records, expected = bad_orders(first, 250, 9)
    result = plant.write("WorkOrders", records)
    assert counts(result) == (241, 9, 0, 0)
    for outcome in result.errors:
        assert expected[outcome.index] in outcome.message
        assert (outcome.key, outcome.category) == (str(first + outcome.index), "bad_request")
        assert outcome.record == records[outcome.index]
    assert [outcome.index for outcome in result.errors] == sorted(expected)
    rows = stored(target, first)
    good = [record for index, record in enumerate(records) if index not in expected]
    assert sorted(rows) == [record["ID"] for record in good]
    for record in good:
        assert {name: rows[record["ID"]][name] for name in record} == record


def test_an_upsert_changes_what_is_there(plant: sg.Connection, target: Cap, first: int) -> None:
    assert counts(plant.write("WorkOrders", [order(first + i) for i in range(0, 20, 2)])) == (10, 0, 0, 0)
    changed = [order(first + i, title="changed") for i in range(20)]
    assert counts(plant.write("WorkOrders", changed, batch_size=7)) == (20, 0, 0, 0)
    assert {row["title"] for row in stored(target, first).values()} == {"changed"}
    assert len(stored(target, first)) == 20


def test_create_update_and_delete(plant: sg.Connection, target: Cap, first: int) -> None:
    orders = [order(first + i) for i in range(5)]
    assert counts(plant.write("WorkOrders", orders, op="create")) == (5, 0, 0, 0)
    twice = plant.write("WorkOrders", orders, op="create")
    assert counts(twice) == (0, 5, 0, 0)
    assert all("UNIQUE constraint" in outcome.message for outcome in twice.errors)
    update = [{"ID": first, "title": "new"}, {"ID": first + 77, "title": "nobody"}]
    result = plant.write("WorkOrders", update, op="update")
    assert counts(result) == (1, 1, 0, 0)
    assert (result.errors[0].index, result.errors[0].category) == (1, "not_found")
    assert counts(plant.write("WorkOrders", [{"ID": first + i} for i in range(1, 5)], op="delete")) == (4, 0, 0, 0)
    assert {number: row["title"] for number, row in stored(target, first).items()} == {first: "new"}


def test_atomic_batches_are_written_whole_or_not_at_all(plant: sg.Connection, target: Cap, first: int) -> None:
    records = [order(first + i) for i in range(9)]
    records[4]["priority"] = 9
    result = plant.write("WorkOrders", records, batch_size=3, atomic=True)
    assert counts(result) == (6, 3, 0, 0)
    assert [outcome.index for outcome in result.errors] == [3, 4, 5]
    assert [outcome.code for outcome in result.errors] == [
        "bad_request.rolled_back",
        "bad_request",
        "bad_request.rolled_back",
    ]
    assert sorted(stored(target, first)) == [first + i for i in (0, 1, 2, 6, 7, 8)]


def test_parents_and_children_in_one_record(plant: sg.Connection, target: Cap, first: int) -> None:
    steps = [{"sequence": 1, "text": "open"}, {"sequence": 2, "text": "close"}]
    assert counts(plant.write("WorkOrders", [order(first, operations=steps)], op="create")) == (1, 0, 0, 0)
    rows = target.query("SELECT workOrder_ID, text FROM maintenance_Operations ORDER BY sequence")
    assert [row["text"] for row in rows if row["workOrder_ID"] == first] == ["open", "close"]


def frame(first: int) -> dict[str, list[Any]]:
    return {
        "ID": [first, first + 1],
        "number": ["A", "B"],
        "title": ["ä", '"quoted"\n'],
        "estimatedHours": [1.5, None],
        "dueAt": [dt.datetime(2026, 1, 31, 12, 30, tzinfo=dt.timezone.utc), None],
    }


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "batches", "generator"])
def test_records_come_in_any_form(plant: sg.Connection, target: Cap, first: int, kind: str) -> None:
    columns = frame(first)
    table = pa.table(columns)
    forms: dict[str, Callable[[], Any]] = {
        "pandas": lambda: pd.DataFrame(columns),
        "polars": lambda: pl.DataFrame(columns),
        "pyarrow": lambda: table,
        "batches": lambda: iter(table.to_batches(1)),
        "generator": lambda: (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)),
    }
    result = plant.write("WorkOrders", forms[kind]())
    assert counts(result) == (2, 0, 0, 0), result.errors
    rows = stored(target, first)
    assert [rows[first + i]["title"] for i in range(2)] == columns["title"]
    assert [rows[first + i]["dueAt"] for i in range(2)] == ["2026-01-31T12:30:00.000Z", None]
    assert [rows[first + i]["estimatedHours"] for i in range(2)] == [1.5, None]


def test_bad_records_fail_alone_and_say_why(plant: sg.Connection, target: Cap, first: int) -> None:
    records: list[Any] = [
        order(first),
        {"number": "x", "title": "no key"},
        order(first + 2, meterReading=float("nan")),
        order(first + 3, titel="x"),
        order(first + 4, notes="x" * 3000),
        17,
        order(first + 6, notes=object()),
        order(first + 7, priority="high"),
        order(first, title="the same key again"),
    ]
    result = plant.write("WorkOrders", records, max_record_bytes=2000)
    assert counts(result) == (2, 7, 0, 0)
    said = {outcome.index: (outcome.code, outcome.message) for outcome in result.errors}
    assert [said[i][0] for i in range(1, 8)] == [
        "data.key",
        "data.nan",
        "data.field",
        "data.too_large",
        "data.json",
        "data.value",
        "bad_request",
    ]
    assert "'ID'" in said[1][1]
    assert "meterReading" in said[2][1]
    assert "did you mean 'title'" in said[3][1]
    assert {row["title"] for row in stored(target, first).values()} == {"the same key again"}


def test_nothing_is_written_of_nothing_and_of_a_dry_run(plant: sg.Connection, target: Cap, first: int) -> None:
    assert counts(plant.write("WorkOrders", [])) == (0, 0, 0, 0)
    looked = plant.write("WorkOrders", [order(first), {"title": "no key"}], dry_run=True)
    assert counts(looked) == (1, 1, 0, 0)
    assert stored(target, first) == {}


def test_an_iterator_that_raises_tells_what_was_written(plant: sg.Connection, target: Cap, first: int) -> None:
    def records() -> Iterator[dict[str, Any]]:
        for i in range(150):
            yield order(first + i)
        raise RuntimeError("the file ends here")

    with pytest.raises(sg.DataError, match="RuntimeError after 150 records: the file ends here") as caught:
        plant.write("WorkOrders", records())
    assert caught.value.code == "data.source"
    assert counts(caught.value.result) == (150, 0, 0, 0)  # type: ignore[attr-defined]
    assert len(stored(target, first)) == 150


def test_on_error_stops_and_the_rest_is_skipped(plant: sg.Connection, first: int) -> None:
    records = [order(first + i) for i in range(40)]
    for record in records[10:20]:
        record["priority"] = 9
    assert counts(plant.write("WorkOrders", records, batch_size=10, on_error="stop")) == (10, 10, 0, 20)
    result = plant.write("WorkOrders", records, batch_size=10, on_error="20%")
    assert counts(result) == (10, 10, 0, 20)
    assert result.errors[-1].code == "cancelled.stopped"
    assert counts(plant.write("WorkOrders", records, batch_size=10, on_error="60%")) == (30, 10, 0, 0)
    with pytest.raises(sg.ConfigError, match="on_error"):
        plant.write("WorkOrders", records, on_error="ten")


def test_what_can_not_be_written_is_refused_before_anything_is_sent(plant: sg.Connection, target: Cap) -> None:
    with pytest.raises(sg.NotFound, match="did you mean 'WorkOrders'"):
        plant.write("WorkOrder", [])
    with pytest.raises(sg.Unsupported, match="upsrt"):
        plant.write("WorkOrders", [], op="upsrt")
    with pytest.raises(sg.ConfigError, match="one dict"):
        plant.write("WorkOrders", order(1))
    denied = sg.connect("odata", url=target.url, auth=sg.BasicAuth(*READER)).write("WorkOrders", [order(5)])
    assert counts(denied) == (0, 1, 0, 0)
    assert denied.errors[0].category == "permission"


def test_rejected_records_and_retry(plant: sg.Connection, target: Cap, first: int) -> None:
    records = [order(first + i) for i in range(30)]
    records[3]["priority"] = 9
    result = plant.write("WorkOrders", records, batch_size=10, on_error="stop")
    assert counts(result) == (9, 1, 0, 20)
    table = pa.table(result.rejected)
    assert ASSERT_RANGE in table.column("_message").to_pylist()[0]
    assert table.column("_index").to_pylist() == [3]
    assert list(result.errors.to_pandas()["index"])[:2] == [3, 10]
    assert "1 failed" in repr(result)
    assert "1 failed" in result._repr_html_()
    again = result.retry()
    assert counts(again) == (20, 0, 0, 0)
    assert len(stored(target, first)) == 29


@pytest.mark.parametrize("op", ["upsert", "create"])
def test_lost_replies_double_nothing(target: Cap, first: int, op: str) -> None:
    with FaultProxy("127.0.0.1", target.port) as proxy:
        through = target.url.replace(target.origin, f"http://{proxy.address}")
        plant = sg.connect("odata", url=through, auth=sg.BasicAuth(*PLANNER))
        plant.entities()
        told = itertools.count()

        def lose_one_in_ten(_: sg.WriteProgress) -> None:
            if next(told) % 10 == 3:
                proxy.cut(0)  # the request has gone through when its reply is cut

        orders = [order(first + i) for i in range(200)]
        result = plant.write("WorkOrders", orders, op=op, batch_size=10, progress=lose_one_in_ten)
        assert proxy.stats.cuts >= 2
    assert counts(result) == (200, 0, 0, 0), result.errors[:3]
    assert sorted(stored(target, first)) == [first + i for i in range(200)]


# -- the command line


def command(target: Cap, *arguments: str) -> subprocess.CompletedProcess[str]:
    project = Path(arguments[-1]).parent / "switchgear.toml"
    project.write_text(
        '[connections.plant]\nconnector = "odata"\n'
        'auth = {type = "basic", user = "planner", password = "env:PLANT_PW"}\n'
        f'[connections.plant.config]\nurl = "{target.url}"\n'
    )
    return subprocess.run(
        [sys.executable, "-m", "switchgear", "write", "plant", "WorkOrders", *arguments],
        capture_output=True,
        text=True,
        cwd=project.parent,
        env={**os.environ, "PLANT_PW": PLANNER[1]},
        timeout=60,
    )


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_the_command_writes_a_file(target: Cap, first: int, tmp_path: Path, ending: str) -> None:
    records = [order(first + i) for i in range(30)]
    records[7]["priority"] = 9
    table = pa.Table.from_pylist(records)
    file = tmp_path / f"orders.{ending}"
    if ending == "jsonl":
        file.write_text("\n".join(json.dumps(record) for record in records))
    elif ending == "csv":
        pyarrow.csv.write_csv(table, file)
    else:
        pyarrow.parquet.write_table(table, file)
    done = command(target, "--json", str(file))
    assert done.returncode == 1, done.stderr
    said = json.loads(done.stdout)
    assert [said[name] for name in ("ok", "failed", "unknown", "skipped")] == [29, 1, 0, 0]
    assert (said["errors"][0]["index"], said["errors"][0]["key"]) == (7, str(first + 7))
    assert len(stored(target, first)) == 29


def test_the_command_refuses_what_is_no_file_of_records(target: Cap, tmp_path: Path) -> None:
    for name, words in (("orders.xlsx", "give a .jsonl"), ("missing.csv", "No such file")):
        done = command(target, str(tmp_path / name))
        assert done.returncode == 1
        assert done.stderr.startswith("config.file")
        assert words in done.stderr
