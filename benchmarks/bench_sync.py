#!/usr/bin/env python3
"""How fast a sync brings records from the sandbox into DuckDB, against DuckDB alone with the same batches and commits.

usage: benchmarks/bench_sync.py [--records N] [--connections N] [--targets FILE]

1. The first sync of N work orders, and the same Arrow batches, read before, inserted by DuckDB with a commit for each
   250,000 rows.
2. Another full sync into the filled table (upserts), and DuckDB's own: delete by key and insert, with the same commits.
3. A sync that finds nothing new.
4. dlt's rest_api source into DuckDB, with a part of the records, as it is so much slower.
5. The first sync into a PostgreSQL of its own.
6. The status of 10,000 connections in a SQLite store.

DuckDB alone gets the columns that a sync adds, too: `_synced_at` and `_run_id`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import targets
from targets import Target

import switchgear as sg
from switchgear import _core
from switchgear.sandbox import Sandbox

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from servers.postgres import Postgres

COMMIT_ROWS = 250_000
DLT_RECORDS = 50_000


def seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


@contextmanager
def commits(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("begin")
    yield
    connection.execute("commit")


def portions(batches: list[pa.RecordBatch]) -> Iterator[pa.Table]:
    """What a sync commits at once."""
    waiting, rows = [], 0
    for batch in batches:
        waiting.append(batch)
        rows += batch.num_rows
        if rows >= COMMIT_ROWS:
            yield pa.Table.from_batches(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.Table.from_batches(waiting)


def as_synced(page: pa.RecordBatch) -> pa.RecordBatch:
    """With the columns that a sync adds."""
    now = datetime.now(timezone.utc)
    page = page.append_column("_synced_at", pa.array([now] * page.num_rows, pa.timestamp("us", "UTC")))
    return page.append_column("_run_id", pa.array([f"run_{'x' * 24}"] * page.num_rows, pa.string()))


def insert(path: Path, batches: list[pa.RecordBatch], upsert: bool) -> None:
    with duckdb.connect(str(path)) as connection:
        for number, portion in enumerate(portions(batches)):
            connection.register("portion", portion)
            with commits(connection):
                if upsert:
                    connection.execute("delete from orders using portion where orders.ID = portion.ID")
                if upsert or number > 0:
                    connection.execute("insert into orders select * from portion")
                else:
                    connection.execute("create table orders as select * from portion")
            connection.unregister("portion")


def dlt_pipeline(url: str, records: int, folder: Path) -> None:
    """Reads by pages of 5,000, as the sync does, and loads into DuckDB."""
    os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"  # which would wait for a network
    import dlt
    from dlt.sources.rest_api import rest_api_source

    source = rest_api_source(
        {
            "client": {
                "base_url": f"{url}/",
                "headers": {"Prefer": "odata.maxpagesize=5000"},
                "paginator": {"type": "json_link", "next_url_path": "['@odata.nextLink']"},
            },
            "resources": [
                {
                    "name": "WorkOrders",
                    "write_disposition": "append",
                    "endpoint": {"path": "WorkOrders", "params": {"$top": records}, "data_selector": "value"},
                }
            ],
        }
    )
    to = dlt.destinations.duckdb(str(folder / "dlt.duckdb"))
    dlt.pipeline("bench", destination=to, dataset_name="plant", pipelines_dir=str(folder / "dlt")).run(
        source, loader_file_format="parquet"
    )


def syncs(records: int, folder: Path) -> list[Target]:
    with Sandbox(records=records, process=True) as box:
        hub = sg.Hub(folder / "store.db")
        entities: dict[str, Any] = {"WorkOrders": {"page_size": 5000, "commit_bytes": 1 << 30, "commit_seconds": 3600}}
        to = f"duckdb:///{folder}/sync.duckdb"
        hub.add("bench", "odata", {"url": box.odata_url}, destination=to, entities=entities, rate_limit=None)
        batches = [as_synced(page.to_arrow()) for page in hub.connection("bench").read("WorkOrders", page_size=5000)]
        # The sandbox sorts and renders once, and then has it; a real source has indexes.
        rehearsal = sg.Hub(folder / "rehearsal.db")
        to_aside = f"duckdb:///{folder}/rehearsal.duckdb"
        rehearsal.add(
            "bench", "odata", {"url": box.odata_url}, destination=to_aside, entities=entities, rate_limit=None
        )
        rehearsal.sync("bench").raise_for_error()
        first = seconds(lambda: hub.sync("bench").raise_for_error())
        again = seconds(lambda: hub.sync("bench", full=True).raise_for_error())
        quiet = min(seconds(lambda: hub.sync("bench").raise_for_error()) for _ in range(5))
        reading = seconds(lambda: [len(page) for page in hub.connection("bench").read("WorkOrders", page_size=5000)])
        few = min(records, DLT_RECORDS)
        by_dlt = seconds(lambda: dlt_pipeline(box.odata_url, few, folder))
        with Postgres(folder / "postgres") as server:
            (folder / "postgres.url").write_text(server.url)
            to = f"file:{folder}/postgres.url"
            hub.add("server", "odata", {"url": box.odata_url}, destination=to, entities=entities, rate_limit=None)
            postgres = seconds(lambda: hub.sync("server").raise_for_error())
    alone = seconds(lambda: insert(folder / "alone.duckdb", batches, upsert=False))
    alone_again = seconds(lambda: insert(folder / "alone.duckdb", batches, upsert=True))
    print(f"{'':34}{'seconds':>9}{'records/s':>12}")
    for name, took in (
        ("the source, read and left", reading),
        ("first sync", first),
        ("DuckDB alone, inserts", alone),
        ("full sync of a filled table", again),
        ("DuckDB alone, upserts", alone_again),
        ("first sync, into PostgreSQL", postgres),
    ):
        print(f"{name:34}{took:9.2f}{records / took:12,.0f}")
    print(f"{'dlt, ' + format(few, ',') + ' records':34}{by_dlt:9.2f}{few / by_dlt:12,.0f}")
    print(f"{'a sync that finds nothing':34}{quiet * 1000:9.1f} ms")
    return [
        Target("sync into DuckDB, of DuckDB's own rate", alone / first, 0.6, True),
        Target("upserts into DuckDB, of DuckDB's own rate", alone_again / again, 0.5, True),
        Target("sync into DuckDB, of dlt's rate", (records / first) / (few / by_dlt), 15, True),
        Target("sync into PostgreSQL, records/s", records / postgres, 100_000, True),
        Target("a sync that finds nothing, ms", quiet * 1000, 50, False),
    ]


def statuses(connections: int, folder: Path) -> list[Target]:
    hub = sg.Hub(folder / "many.db")
    rows = _core.ConnectionStore(hub._store)
    for number in range(connections):
        row = _core.StoredConnection()
        row.id, row.connector = f"plant-{number:05}", "odata"
        rows.add(row)
    took = min(seconds(hub.sync_status) for _ in range(5))
    print(f"status of {connections:,} connections: {took * 1000:.1f} ms")
    return [Target(f"status of {connections:,} connections, ms", took * 1000, 50, False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--targets", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        targets.record(given.targets, syncs(given.records, Path(folder)))
        targets.record(given.targets, statuses(given.connections, Path(folder)))


if __name__ == "__main__":
    main()
