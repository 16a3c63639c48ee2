"""kill -9 while syncs fail and succeed: each run has its event, and each event arrives at least once, under one id."""

from __future__ import annotations

import itertools
import random
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import switchgear as sg
from servers.postgres import Postgres
from support.receiver import Receiver
from support.seeds import dice, new_seed, soak_deadline, soak_rounds
from support.sending_process import KEY, LEASE, TIMEOUT, sending
from switchgear import _core
from switchgear.sandbox import Sandbox

EVERYTHING = 1_000_000
PLACES = ("before_commit", "after_commit", "after_progress")
_DATABASES = itertools.count(1)


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres-events")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "plant.db")
    server: Postgres = request.getfixturevalue("postgres")
    name = f"events{next(_DATABASES)}"
    server.psql(f"create database {name}")
    return server.url.rpartition("/")[0] + "/" + name


def crash(store: str, rng: random.Random) -> bool:
    """One process that dies; whether it was killed."""
    place = rng.choice([*PLACES, "", "", ""])
    process, here = sending(store, place, rng.randint(1, 3))
    try:
        assert here.recv() == "ready"
        if place:
            process.join(2)
        else:
            time.sleep(rng.uniform(0, 0.3))  # anywhere
        process.kill()
        process.join(60)
    finally:
        here.close()
    return process.exitcode == -signal.SIGKILL


def settle(hub: sg.Hub) -> None:
    """What the dead had is taken over once their leases have run out, and everything is sent."""
    deadline = time.monotonic() + 60
    while True:
        assert time.monotonic() < deadline
        states = {run.status for run in hub.runs(limit=EVERYTHING)}
        hub.send_webhooks(lease=LEASE, timeout=TIMEOUT)
        if states <= {"completed", "failed"} and hub._deliveries.next_due() is None:
            return
        time.sleep(0.05)


def compare(hub: sg.Hub, receiver: Receiver) -> None:
    told = defaultdict(list)
    for event in hub.events.list(type="sync.*", limit=EVERYTHING):
        told[event.data["run_id"]].append(event)
    runs = hub.runs(limit=EVERYTHING)
    assert {run.id for run in runs} == set(told)
    for run in runs:
        (event,) = told[run.id]
        assert event.id == _core.event_id(f"run/{run.id}")
        assert event.type == ("sync.completed" if run.status == "completed" else "sync.failed")
        assert event.data["status"] == run.status
    bodies = defaultdict(set)
    for one in receiver.received():
        bodies[one.id].add(one.body)
    assert set(bodies) == {event.id for event in hub.events.list(limit=EVERYTHING)}, (
        "no event is lost, and none made up"
    )
    assert all(len(each) == 1 for each in bodies.values()), "the same bytes each time"
    assert {one.state for one in hub.deliveries(limit=EVERYTHING)} == {"delivered"}


def run(store: str, folder: Path, kills: int, capsys: pytest.CaptureFixture[str], over: Callable[[], bool]) -> None:
    seed = new_seed()
    print(f"SWITCHGEAR_SEED={seed}")
    rng = dice(seed)
    with Sandbox(records=100, process=True) as box, Receiver() as receiver:
        hub = sg.Hub(store, key=sg.Secret(KEY))
        for id, url in (("plant", box.odata_url), ("away", "http://127.0.0.1:9/odata")):
            hub.add(
                id,
                "odata",
                {"url": url},
                destination=f"duckdb:///{folder}/{id}.duckdb",
                entities={"WorkOrders": {"page_size": 30, "commit_rows": 40}},
                rate_limit=None,
                retry=None,
                breaker=None,
            )
        hub.endpoints.add(f"{receiver.origin}/hook", allowed_subnets=["127.0.0.0/8"], schedule=[0.0] * 100)
        killed = 0
        while killed < kills and not over():
            killed += crash(store, rng)
            if rng.random() < 0.3:
                box.change(rng.randint(1, 40))
            if rng.random() < 0.2:
                settle(hub)
        settle(hub)
        compare(hub, receiver)
        runs = hub.runs(limit=EVERYTHING)
        events = hub.events.list(limit=EVERYTHING)
        died = sum(one.error is not None and one.error.code == "failed.interrupted" for one in runs)
        with capsys.disabled():
            print(
                f"\n{killed} kills: {len(runs)} runs, of which {died} died; {len(events)} events,"
                f" {len(receiver.received())} requests; SWITCHGEAR_SEED={seed}"
            )
    assert killed >= kills or over()


@pytest.mark.timeout(300)
def test_killed_at_any_moment(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(store, tmp_path, 15 if store.endswith(".db") else 10, capsys, lambda: False)


@pytest.mark.soak
def test_killed_three_hundred_times(store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(store, tmp_path, soak_rounds(300), capsys, soak_deadline())
