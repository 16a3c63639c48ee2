"""500 records that were changed at one instant, read in pages of 100, with a crash between two pages.

The source is Datasette on a SQLite file, to which the test adds rows while nobody reads. What a sync asks for begins at
that instant, so that each run is shown all 500 again, and has to tell those that it knows.
"""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.datasette import Datasette
from support.sync_process import syncing
from support.tables import difference, reference, rows_of

LEASE = 2.0  # a busy machine must be able to keep it
INSTANT = "2026-11-01T06:00:00Z"  # after all others
DESCRIPTION = """
name = "datasette"
[[entities]]
name = "workorders"
path = "/workorders.json"
records = "/rows"
key = ["id"]
cursor = "changed"
params = { _shape = "objects" }
changes = { since = { changed__gte = "{value}" } }
fields = [ { name = "id", type = "int64" }, { name = "title", type = "utf8" }, { name = "cost", type = "utf8" },
           { name = "changed", type = "timestamp" } ]
[entities.paging]
style = "cursor"
param = "_next"
next = "/next"
size_param = "_size"
size = 100
"""


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Datasette]:
    with Datasette(tmp_path / "datasette") as server:
        yield server


def add(source: Datasette, first: int, count: int) -> None:
    rows = [(number, f"order {number}", 1, 1, "1.50", INSTANT) for number in range(first, first + count)]
    with closing(sqlite3.connect(source.file)) as database, database:
        sql = "insert into workorders (id, title, priority, asset, cost, changed) values (?, ?, ?, ?, ?, ?)"
        database.executemany(sql, rows)


def truth(source: Datasette) -> list[dict[str, Any]]:
    """The fields that the description has; what else there is, is rescued."""
    rows = source.rows("select id, title, cost, changed from workorders")
    return [{**row, "changed": datetime.fromisoformat(row["changed"].replace("Z", "+00:00"))} for row in rows]


@pytest.mark.parametrize(
    ("kind", "mode"),
    [(kind, mode) for kind in ("duckdb", "postgresql", "sqlite") for mode in ("upsert", "append")]
    + [("parquet", "append")],
)
def test_500_records_at_one_instant_come_once_each(
    kind: str, mode: str, source: Datasette, database: Callable[[], str], tmp_path: Path
) -> None:
    destination = database() if kind == "postgresql" else f"{kind}:///{tmp_path}/data.{kind}"
    store = str(tmp_path / "store.db")
    hub = sg.Hub(store)
    options = {"mode": mode, "page_size": 100, "commit_rows": 100}
    hub.add(
        "plant",
        "rest",
        {"description": DESCRIPTION, "url": source.url},
        destination=reference(destination, tmp_path),
        entities={"workorders": options},
        rate_limit=None,
    )

    def sync() -> tuple[int, int]:
        """What it wrote, and what it knew."""
        deadline = time.monotonic() + 30
        while True:
            try:
                run = hub.sync("plant")
            except sg.Conflict:  # the dead one's lease has to run out first
                assert time.monotonic() < deadline
                continue
            run.raise_for_error()
            assert compared() == []
            (entity,) = run.entities
            return entity.counts.written, entity.counts.unchanged

    def compared() -> list[str]:
        rows = [{**row, "_rescued": None} for row in rows_of(destination, "plant", "workorders")]
        return difference(rows, truth(source), key="id")

    assert sync()[0] == 3000
    add(source, 20_000, 500)
    process, here = syncing(store, LEASE, "after_commit", 2)
    process.join(60)
    here.close()
    assert process.exitcode == -signal.SIGKILL
    there = len(rows_of(destination, "plant", "workorders"))
    assert 3000 < there < 3500, "it died between two pages"
    add(source, 21_000, 7)  # the same instant, while nobody reads
    sync()
    written, known = sync()
    assert written == 0
    assert known >= 507
    add(source, 22_000, 3)
    assert sync() == (3, known)
