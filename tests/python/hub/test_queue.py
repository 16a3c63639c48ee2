"""Jobs of a hub, written to SAP CAP by workers, with CAP's own SQLite file as the truth."""

from __future__ import annotations

import datetime
import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import switchgear as sg
from servers.cap import Cap
from support.orders import ASSERT_RANGE, bad_orders, order, stored
from switchgear.testing import FaultProxy


def test_a_job_is_done_and_the_database_agrees(hub: sg.Hub, target: Cap, first: int) -> None:
    records, expected = bad_orders(first, 1_200, 13)
    job = hub.queue.submit("plant", "WorkOrders", iter(records), key="ID", batch_size=50)
    assert (job.status, job.progress.pending, job.progress.share) == ("queued", 1_200, 0.0)
    stats = hub.work(until_idle=True)
    assert (stats.ok, stats.failed, stats.under_way) == (1_187, 13, 0)
    assert job.status == "partial"
    result = job.result
    assert (result.ok, result.failed, result.unknown, result.skipped, result.pending) == (1_187, 13, 0, 0, 0)
    assert [outcome.index for outcome in result.errors] == sorted(expected)
    assert [outcome for outcome in result.errors if expected[outcome.index] not in outcome.message] == []
    assert {outcome.key for outcome in result.errors} == {str(first + index) for index in expected}
    assert pa.table(result.rejected).column("_index").to_pylist() == sorted(expected)
    assert list(result.errors.to_pandas()["index"]) == sorted(expected)
    assert sorted(stored(target, first)) == [first + i for i in range(1_200) if i not in expected]
    assert json.dumps(job.to_dict())
    assert job.id in hub.queue._repr_html_()
    assert ">1187<" in job._repr_html_()
    assert "plant" in hub._repr_html_()


def test_the_failed_are_tried_again_and_no_other(hub: sg.Hub, target: Cap, first: int) -> None:
    records = [order(first + i, priority=9 if i == 3 else 1) for i in range(20)]
    job = hub.queue.submit("plant", "WorkOrders", records, op="create", batch_size=10)
    hub.work(until_idle=True)
    assert ASSERT_RANGE in job.result.errors[0].message
    requests = hub.connection("plant").errors()
    job.retry()
    assert job.status == "queued"
    hub.work(until_idle=True)
    assert (job.status, job.progress.failed, job.progress.ok) == ("partial", 1, 19)
    assert len(stored(target, first)) == 19
    assert requests is not None
    with pytest.raises(sg.Conflict):
        job.retry(only_retryable=True)


def test_nothing_is_queued_of_what_can_not_be(hub: sg.Hub, first: int) -> None:
    good = [order(first + i) for i in range(1_000)]

    def raises() -> Iterator[dict[str, Any]]:
        yield from good
        raise OSError("the file is gone")

    cases: list[tuple[Any, str, str]] = [
        ([*good, {"ID": float("nan")}], "data.nan", "record 1000"),
        ([*good, {"title": "no key"}], "data.key", "record 1000"),
        ([*good, 7], "data.json", "record 1000"),
        ([*good, {"ID": 1, "title": "x" * 5_000}], "data.too_large", "record 1000"),
        (raises(), "data.source", "the file is gone"),
    ]
    for records, code, says in cases:
        with pytest.raises(sg.DataError, match=says) as caught:
            hub.queue.submit("plant", "WorkOrders", records, key="ID", max_record_bytes=4_000)
        assert caught.value.code == code
        assert caught.value.hint
    assert hub.queue.jobs() == []
    with pytest.raises(sg.NotFound, match="plant"):
        hub.queue.submit("plan", "WorkOrders", good)
    for wrong in ({"op": "merge"}, {"on_error": "ten"}, {"batch_size": 0}, {"delay": -1}, {"max_attempts": 0}):
        with pytest.raises(sg.ConfigError):
            hub.queue.submit("plant", "WorkOrders", good, **wrong)
    with pytest.raises(sg.ConfigError, match="time zone"):
        hub.queue.submit("plant", "WorkOrders", good, not_before=datetime.datetime(2030, 1, 1))  # noqa: DTZ001
    assert hub.queue.jobs() == []


def test_an_empty_job_is_completed(hub: sg.Hub) -> None:
    job = hub.queue.submit("plant", "WorkOrders", [])
    assert (job.status, job.progress.records, job.progress.share) == ("completed", 0, 1.0)
    assert job.wait(0) is job


def test_jobs_are_paused_cancelled_and_listed(hub: sg.Hub, target: Cap, first: int) -> None:
    jobs = [hub.queue.submit("plant", "WorkOrders", [order(first + i)]) for i in range(3)]
    jobs[0].pause()
    jobs[1].cancel()
    hub.work(until_idle=True)
    assert [job.status for job in jobs] == ["paused", "cancelled", "completed"]
    assert sorted(stored(target, first)) == [first + 2]
    assert [job.id for job in hub.queue.jobs("plant", status="paused")] == [jobs[0].id]
    assert [job.id for job in hub.queue.jobs()] == [job.id for job in reversed(jobs)]
    assert [job.id for job in hub.queue.jobs(limit=1, after=jobs[2].id)] == [jobs[1].id]
    with pytest.raises(sg.TimeoutError, match="1 records to go"):
        jobs[0].wait(0)
    jobs[0].resume()
    hub.work(until_idle=True)
    assert jobs[0].wait().status == "completed"
    assert hub.queue.purge(datetime.timedelta(0)) == 3
    with pytest.raises(sg.NotFound):
        hub.queue.job(jobs[0].id)


def test_priority_order_and_delay(hub: sg.Hub, target: Cap, first: int) -> None:
    """Of two ordered jobs the later one changes what the earlier one has written, whatever their priorities."""
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    later = hub.queue.submit("plant", "WorkOrders", [order(first + 7)], not_before=soon)
    hub.queue.submit(
        "plant", "WorkOrders", [order(first + i, title="one") for i in range(30)], batch_size=5, ordered=True
    )
    two = [order(first + i, title="two") for i in range(30)]
    last = hub.queue.submit("plant", "WorkOrders", two, batch_size=5, ordered=True, priority=9, delay=0.001)
    worker = threading.Thread(target=hub.work)
    worker.start()
    last.wait(60)
    hub.stop()
    worker.join(60)
    assert not worker.is_alive()
    assert {row["title"] for row in stored(target, first).values()} == {"two"}
    assert later.status == "queued"
    later.cancel()


def test_a_connections_limit_holds_and_each_batch_is_followed_by_its_rest(hub: sg.Hub, first: int) -> None:
    hub.queue.limit("plant", 1)
    records = [order(first + i) for i in range(50)]
    job = hub.queue.submit("plant", "WorkOrders", records, batch_size=10, delay=0.2)
    began = time.monotonic()
    stats = hub.work(4, until_idle=True)
    assert time.monotonic() - began >= 5 * 0.2  # four at once would have rested twice
    assert (stats.ok, stats.batches, job.status) == (50, 5, "completed")


def test_workers_remove_what_ended_long_ago_and_nothing_else(hub: sg.Hub, target: Cap, first: int) -> None:
    old = hub.queue.submit("plant", "WorkOrders", [order(first)])
    hub.work(until_idle=True)
    paused = hub.queue.submit("plant", "WorkOrders", [order(first + 1)]).pause()
    for keeps in (None, datetime.timedelta(days=1)):
        hub.work(until_idle=True, retention=keeps)
        assert old.status == "completed"
    hub.work(until_idle=True, retention=datetime.timedelta(0))
    assert [job.id for job in hub.queue.jobs()] == [paused.id]
    with pytest.raises(sg.ConfigError, match="negative"):
        hub.work(until_idle=True, retention=datetime.timedelta(days=-1))
    assert sorted(stored(target, first)) == [first]


def test_submitting_takes_the_same_memory_for_any_number_of_records(hub: sg.Hub, store: str) -> None:
    code = (
        "import resource, sys, switchgear as sg\n"
        "hub = sg.Hub(sys.argv[1])\n"
        "for count in (20_000, 300_000):\n"
        "    records = ({'ID': i, 'title': 'x' * 200} for i in range(count))\n"
        "    job = hub.queue.submit('plant', 'WorkOrders', records, key='ID', batch_size=1_000)\n"
        "    assert job.progress.records == count\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, store], capture_output=True, text=True, timeout=120, check=True)
    few, many = map(int, done.stdout.split())
    assert many - few < 20_000, f"{many - few} KiB more for 60 MB more"


def test_on_error_stop_skips_the_rest(hub: sg.Hub, first: int) -> None:
    records = [order(first + i, priority=9 if i == 12 else 1) for i in range(50)]
    job = hub.queue.submit("plant", "WorkOrders", records, batch_size=10, on_error="stop")
    hub.work(1, until_idle=True)
    result = job.result
    assert (result.ok, result.failed, result.skipped) == (19, 1, 30)
    assert job.error is not None
    assert ASSERT_RANGE in job.error.message


def test_a_source_that_is_away_is_waited_for(hub: sg.Hub, target: Cap, first: int) -> None:
    with FaultProxy("127.0.0.1", target.port) as line:
        through = target.url.replace(target.origin, f"http://{line.address}")
        hub.update("plant", {"url": through}, retry=None, breaker=None)
        hub.connection("plant").entities()
        line.refuse()
        job = hub.queue.submit(
            "plant", "WorkOrders", [order(first + i) for i in range(20)], batch_size=10, max_attempts=1
        )
        worker = threading.Thread(target=hub.work, kwargs={"until_idle": True})
        worker.start()
        while (error := job.error) is None:
            worker.join(0.01)
        assert error.code.startswith("offline")
        assert job.progress.pending == 20
        line.clear()
        assert job.wait(60).status == "completed"
        worker.join(60)
    assert len(stored(target, first)) == 20


def test_a_connection_that_is_paused_keeps_its_jobs(hub: sg.Hub, first: int) -> None:
    job = hub.queue.submit("plant", "WorkOrders", [order(first)])
    hub.pause("plant")
    worker = threading.Thread(target=hub.work)
    worker.start()
    while (error := job.error) is None:
        worker.join(0.01)
    assert error.code == "circuit_open.paused"
    hub.stop()
    worker.join(60)
    assert (job.status, job.progress.pending) == ("in_progress", 1)


def test_ctrl_c_ends_a_worker_when_its_batches_have_ended(hub: sg.Hub, store: str, first: int) -> None:
    job = hub.queue.submit("plant", "WorkOrders", [order(first + i) for i in range(5)])
    code = "import sys, switchgear as sg\nhub = sg.Hub(sys.argv[1])\nprint('ready', flush=True)\nhub.work()"
    with subprocess.Popen(
        [sys.executable, "-c", code, store], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        job.wait(60)
        process.send_signal(2)
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    assert job.status == "completed"


def test_ctrl_c_is_not_lost_on_a_listener(hub: sg.Hub, first: int) -> None:
    heard: list[str] = []

    def interrupted(change: sg.StatusChange) -> None:
        heard.append(str(change.to_state))
        signal.raise_signal(signal.SIGINT)

    hub.connection("plant").on_status(interrupted)
    hub.queue.submit("plant", "WorkOrders", [order(first)])
    with pytest.raises(KeyboardInterrupt):
        hub.work()
    assert heard == ["online"]


def test_a_store_of_a_newer_version_is_refused_and_one_that_is_open_goes_on(tmp_path: Path, first: int) -> None:
    file = tmp_path / "plant.db"
    hub = sg.Hub(file)
    hub.add("plant", "odata", {"url": "http://host/"})
    with sqlite3.connect(file) as database:
        columns = [row[1] for row in database.execute("pragma table_info(schema_migrations)")]
        row = dict(zip(columns, database.execute("select * from schema_migrations").fetchone(), strict=True))
        row["version"] = 9_999
        names = ", ".join(row)
        database.execute(
            f"insert into schema_migrations ({names}) values ({', '.join('?' * len(row))})",  # noqa: S608
            list(row.values()),
        )
    with pytest.raises(sg.StoreError) as newer:
        sg.Hub(file)
    assert newer.value.code == "store.newer_version"
    assert hub.queue.submit("plant", "WorkOrders", [order(first)]).status == "queued"  # what is open goes on
