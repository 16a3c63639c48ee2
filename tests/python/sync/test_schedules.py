"""What is due is synced once: over changes of the clocks, after a sleep, while it fails, and until SIGTERM."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import switchgear as sg
from support.tables import difference, rows_of
from switchgear import _core
from switchgear.running import Scheduler, next_sync
from switchgear.sandbox import Sandbox
from switchgear.testing import ManualClock

UTC = timezone.utc


class AtOnce(Executor):
    """Runs what is submitted before submit() returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Months:
    """A scheduler whose clock goes as fast as it is told, and what it synced when."""

    def __init__(self, folder: Path, start: datetime) -> None:
        self.clock = ManualClock(start.timestamp())
        self.store = _core.Store(str(folder / "plant.db"), clock=self.clock)
        self.connections = _core.ConnectionStore(self.store)
        self.statuses = _core.SyncStatusStore(self.store)
        self.synced: list[tuple[str, datetime]] = []
        self.scheduler = self.begin()

    def begin(self) -> Scheduler:
        """As a process does that begins."""
        connections = self.connections.all
        return Scheduler(self.statuses, self.sync, now=self.now, pool=AtOnce(), connections=connections)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.wall, UTC)

    def add(self, id: str, schedule: str, zone: str) -> None:
        row = _core.StoredConnection()
        row.id, row.connector, row.schedule, row.timezone = id, "odata", schedule, zone
        self.connections.add(row)

    def sync(self, id: str) -> None:
        self.synced.append((id, self.now()))

    def run_until(self, end: datetime) -> None:
        self.scheduler.look()
        while (due := self.statuses.next_due()) is not None and due <= end:
            self.clock.advance(max((due - self.now()).total_seconds(), 0.0) + 0.001)
            self.scheduler.look()


@pytest.mark.parametrize("start", [datetime(2026, 2, 15, tzinfo=UTC), datetime(2026, 9, 15, tzinfo=UTC)])
def test_three_months_with_changes_of_the_clocks_in_two_zones(tmp_path: Path, start: datetime) -> None:
    months = Months(tmp_path, start)
    zones = {"berlin": "Europe/Berlin", "new-york": "America/New_York"}
    for name, zone in zones.items():
        months.add(name, "30 2 * * *", zone)  # a time that is skipped in spring and comes twice in autumn
        months.add(f"{name}-hourly", "0 * * * *", zone)
    end = start + timedelta(days=92)
    months.run_until(end)
    for name, zone in zones.items():
        days = Counter(at.astimezone(ZoneInfo(zone)).date() for id, at in months.synced if id == name)
        assert set(days.values()) == {1}
        assert len(days) in (91, 92)
        hours = Counter(int(at.timestamp()) // 3600 for id, at in months.synced if id == f"{name}-hourly")
        assert set(hours.values()) == {1}
        assert len(hours) in range(92 * 24 - 1, 92 * 24 + 1)


def test_after_a_sleep_it_catches_up_once(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    months = Months(tmp_path, start)
    months.add("plant", "15m", "UTC")
    months.run_until(start + timedelta(hours=2))
    before = len(months.synced)
    months.clock.advance(8 * 3600.0)
    for _ in range(10):
        months.scheduler.look()
    assert len(months.synced) == before + 1
    due = months.statuses.next_due()
    assert due is not None
    assert timedelta(0) < due - months.now() <= timedelta(minutes=17)


@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_is_moved_back_does_not_hold_syncs_up(
    tmp_path: Path, restarted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    start = datetime(2026, 3, 10, 12, tzinfo=UTC)
    months = Months(tmp_path, start)
    months.add("plant", "15m", "UTC")
    months.add("nightly", "0 2 * * *", "UTC")
    months.run_until(start + timedelta(hours=1))
    before = len(months.synced)
    assert before == 4
    months.clock.step_wall(-7 * 86_400.0)
    if restarted:
        months.scheduler = months.begin()
    months.run_until(start + timedelta(hours=2) - timedelta(days=7))
    later = [at for id, at in months.synced[before:] if id == "plant"]
    assert len(later) == 4
    assert "the clock was moved back: plant" in caplog.text
    due = months.statuses.get("nightly").next_sync_at
    assert due is not None
    assert due.date().isoformat() == "2026-03-04"
    months.clock.step_wall(-0.4)  # as clocks are set all the time
    caplog.clear()
    months.scheduler.look()
    assert not caplog.text


def test_a_source_that_is_away_is_asked_less_often() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)

    class Due:
        connection_id, schedule, timezone, next_sync_at = "plant", "1m", "UTC", now

        def __init__(self, failures: int) -> None:
            self.failures = failures

    waits = [next_sync(Due(n), now)[0] for n in (0, 1, 2, 3, 10)]  # type: ignore[arg-type]
    minutes = [(at - now).total_seconds() / 60 for at in waits if at is not None]
    assert minutes[0] <= 1.2
    assert minutes[1:] == [2, 4, 8, 60]


FOREVER = """
import sys, switchgear as sg
hub = sg.Hub(sys.argv[1])
hub.run_forever(poll=0.05, workers=1)
print("ended", flush=True)
"""


@pytest.mark.timeout(120)
def test_run_forever_syncs_what_is_due_and_ends_with_sigterm(tmp_path: Path) -> None:
    store, destination = str(tmp_path / "plant.db"), f"duckdb:///{tmp_path}/plant.duckdb"
    with Sandbox(records=300, process=True) as box:
        hub = sg.Hub(store)
        for name in ("one", "two"):
            hub.add(name, "odata", {"url": box.odata_url}, destination=destination, schedule=timedelta(seconds=1))
        process = subprocess.Popen([sys.executable, "-c", FOREVER, store], stdout=subprocess.PIPE, text=True)
        try:
            done = {"one": 0, "two": 0}
            while min(done.values()) < 3:
                assert process.poll() is None
                for name in done:
                    done[name] = sum(run.status == "completed" for run in hub.runs(name, limit=100))
            process.send_signal(signal.SIGTERM)
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
        assert said == "ended\n"
        assert process.returncode == 0
        for name in done:
            assert difference(rows_of(destination, name, "WorkOrders"), list(box.truth("WorkOrders"))) == []
            status = hub.sync_status(name)
            assert status.freshness != "unscheduled"  # a busy machine is late by a second
            assert status.next_sync_at is not None
            assert status.status in ("completed", "cancelled")
            assert all(run.cause == "schedule" for run in hub.runs(name))
        assert json.loads(json.dumps(hub.sync_status("one").to_dict()))["connection_id"] == "one"
