"""kill -9 anywhere in a sync of a source that changes: after the next whole sync the table equals the source.

The process is killed at each named point around a commit, and at random moments. Its successor may itself be killed. In
the end one sync runs through while nothing changes, and the table is compared with the source key by key and value by
value (Parquet, which is only added to: the latest version by key). The store's runs must all have ended by then.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from support.seeds import dice, new_seed, soak_deadline, soak_rounds
from support.sync_process import syncing
from support.tables import difference, latest, reference, rows_of
from switchgear.sandbox import Sandbox

PLACES = ("before_commit", "after_commit", "after_progress")
LEASE = 0.6  # one that is lost now and then is part of the trial
KEPT = 2.0  # a busy machine must be able to keep it
RECORDS = 400


@dataclass
class Trial:
    """A source, a store and a destination, and the processes that sync between them."""

    box: Sandbox
    store: str
    destination: str
    rng: random.Random
    mode: str
    tracked: bool = False  # records are removed, and the source says which: their rows must go

    def __post_init__(self) -> None:
        self.kills: Counter[str] = Counter()

    def crash(self, place: str, nth: int, lease: float = LEASE) -> None:
        """One process that dies at a place, or, without one, at a moment of chance; if the sync was not over before."""
        process, here = syncing(self.store, lease, place, nth)
        try:
            assert here.recv() == "ready"
            changing = threading.Thread(target=self._change)
            changing.start()
            if not place:
                time.sleep(self.rng.uniform(0, 0.25))  # anywhere
                process.kill()
            changing.join()
            process.join(60)
        finally:
            process.kill()
            process.join()
            here.close()
        if process.exitcode == -signal.SIGKILL:
            self.kills[place or "anywhere"] += 1
        else:
            assert process.exitcode == 0

    def _change(self) -> None:
        """While the source is being read."""
        for _ in range(self.rng.randint(0, 3)):
            self.box.change(self.rng.randint(1, 40))
            if self.rng.random() < 0.4:
                self.box.grow(self.rng.randint(1, 10))
            if self.tracked and self.rng.random() < 0.6:
                self.box.remove(self.rng.randint(1, 15))
                self.box.grow(self.rng.randint(1, 15))

    def settle(self) -> None:
        """One sync to its end, and the comparison."""
        hub = sg.Hub(self.store)
        status = ""
        deadline = time.monotonic() + 30
        while status != "completed":
            assert time.monotonic() < deadline
            try:
                run = hub.sync("plant")
            except sg.Conflict as error:  # the dead one's leases have to run out first
                assert error.code == "conflict.locked"  # noqa: PT017
                continue
            assert run.status == "completed", run.error
            status = run.status
        rows: list[Any] = rows_of(self.destination, "plant", "WorkOrders")
        if self.mode == "append":
            versions = {(row["ID"], str(row["ChangedAt"])) for row in rows}
            assert len(rows) == len(versions), "a version is there twice"
            rows = latest(rows)
        if self.tracked:  # one that is only marked as deleted is one too many
            rows = [{**row, "_deleted_at": None} for row in rows]
        assert difference(rows, list(self.box.truth("WorkOrders"))) == []
        while any(one.status == "in_progress" for one in hub.runs("plant", limit=1000)):  # until its lease runs out
            assert time.monotonic() < deadline
        ended = {one.status for one in hub.runs("plant", limit=1000)}
        assert ended <= {"completed", "failed"}, ended
        died = [one for one in hub.runs("plant", limit=1000) if one.status == "failed"]
        codes = {one.error.code for one in died if one.error is not None}
        # A lease as short as theirs also runs out where the machine stands still for that long.
        assert codes <= {"failed.interrupted", "conflict.lease_lost"}, codes
        assert hub.sync_status("plant").status == "completed"


def trial(
    kind: str, store: str, tmp_path: Path, database: Callable[[], str], rng: random.Random, box: Sandbox
) -> Trial:
    """A new one; Parquet, which can't be changed in place, is added to."""
    mode = "append" if kind == "parquet" else rng.choice(["upsert", "upsert", "append"])
    options = {"mode": mode, "page_size": rng.randint(20, 80), "commit_rows": rng.randint(30, 150)}
    return Trial(box, store, set_up(kind, store, tmp_path, database, box, options), rng, mode)


def tracked_trial(
    kind: str, store: str, tmp_path: Path, database: Callable[[], str], rng: random.Random, box: Sandbox
) -> Trial:
    options = {"page_size": rng.randint(20, 80), "commit_rows": rng.randint(30, 150)}
    destination = set_up(kind, store, tmp_path, database, box, options, track_changes=True)
    return Trial(box, store, destination, rng, "changes and removals", tracked=True)


def set_up(
    kind: str,
    store: str,
    tmp_path: Path,
    database: Callable[[], str],
    box: Sandbox,
    options: dict[str, Any],
    **config: bool,
) -> str:
    """A hub with the connection; returns the destination's URL."""
    destination = database() if kind == "postgresql" else f"{kind}:///{tmp_path}/data.{kind}"
    hub = sg.Hub(store)
    hub.add(
        "plant",
        "odata",
        {"url": box.odata_url, **config},
        destination=reference(destination, tmp_path),
        entities={"WorkOrders": options},
        rate_limit=None,
    )
    return destination


KINDS = pytest.mark.parametrize("kind", ["duckdb", "postgresql", "parquet"])
THAT_DELETE = pytest.mark.parametrize("kind", ["duckdb", "postgresql", "delta"])


@KINDS
@pytest.mark.timeout(300)
def test_killed_at_each_point_around_a_commit(
    kind: str, store: str, tmp_path: Path, database: Callable[[], str]
) -> None:
    rng = dice(new_seed())
    with Sandbox(records=RECORDS, process=True) as box:
        one = trial(kind, store, tmp_path, database, rng, box)
        for place in PLACES:
            before = sum(one.kills.values())
            one.crash(place, 1, KEPT)
            assert sum(one.kills.values()) == before + 1, place
            one.settle()
            box.change(100)


@KINDS
def test_a_listing_that_shifts_while_nobody_reads_it_adds_no_version_twice(
    kind: str, store: str, tmp_path: Path, database: Callable[[], str]
) -> None:
    """The source pages by offset: a record that begins to match moves those behind it on to pages yet to come."""
    with Sandbox(records=RECORDS, process=True) as box:
        options: dict[str, Any] = {"mode": "append", "page_size": 20, "commit_rows": 40}
        one = Trial(box, store, set_up(kind, store, tmp_path, database, box, options), dice(7), "append")
        one.settle()
        box.change(200)
        process, here = syncing(store, KEPT, "after_commit", 2)
        process.join(60)
        here.close()
        assert process.exitcode == -signal.SIGKILL
        box.change(150)
        one.settle()


def run(one: Trial, kills: int, capsys: pytest.CaptureFixture[str], seed: int) -> None:
    """Processes killed one after the other, with a comparison after every few."""
    time_is_up = soak_deadline()
    tried = settled = 0
    while sum(one.kills.values()) < kills and not time_is_up():
        for _ in range(one.rng.randint(1, 4)):
            one.crash(one.rng.choice([*PLACES, "", "", ""]), one.rng.randint(1, 4))
            tried += 1
        one.settle()
        settled += 1
        one.box.change(one.rng.randint(0, 150))
        if one.tracked:
            one.box.remove(one.rng.randint(0, 40))
            one.box.grow(one.rng.randint(0, 40))
    with capsys.disabled():
        where = ", ".join(f"{count} {place}" for place, count in sorted(one.kills.items()))
        print(
            f"\nsyncs killed into {one.destination.partition(':')[0]}, {one.mode}: {sum(one.kills.values())} of {tried}"
            f" ({where}), {settled} comparisons; SWITCHGEAR_SEED={seed}"
        )
    assert sum(one.kills.values()) >= kills or time_is_up()


@KINDS
@pytest.mark.timeout(300)
def test_killed_at_any_moment(
    kind: str, store: str, tmp_path: Path, database: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    seed = new_seed()
    print(f"SWITCHGEAR_SEED={seed}")
    with Sandbox(records=RECORDS, process=True) as box:
        run(trial(kind, store, tmp_path, database, dice(seed), box), 5, capsys, seed)


@KINDS
@pytest.mark.soak
def test_killed_a_thousand_times(
    kind: str, store: str, tmp_path: Path, database: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    seed, kills = new_seed(), soak_rounds(1000) // 6 + 1
    print(f"SWITCHGEAR_SEED={seed}")
    with Sandbox(records=RECORDS, process=True) as box:
        run(trial(kind, store, tmp_path, database, dice(seed), box), kills, capsys, seed)


@THAT_DELETE
@pytest.mark.timeout(300)
def test_killed_while_records_are_removed(
    kind: str, tmp_path: Path, database: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    seed = new_seed()
    print(f"SWITCHGEAR_SEED={seed}")
    with Sandbox(records=RECORDS, process=True) as box:
        run(tracked_trial(kind, str(tmp_path / "plant.db"), tmp_path, database, dice(seed), box), 4, capsys, seed)


@THAT_DELETE
@pytest.mark.soak
def test_killed_hundreds_of_times_while_records_are_removed(
    kind: str, store: str, tmp_path: Path, database: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    seed, kills = new_seed(), soak_rounds(600) // 6 + 1
    print(f"SWITCHGEAR_SEED={seed}")
    with Sandbox(records=RECORDS, process=True) as box:
        run(tracked_trial(kind, store, tmp_path, database, dice(seed), box), kills, capsys, seed)
