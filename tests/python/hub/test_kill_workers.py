"""Workers that are killed at any moment: every record ends at the target once, and the job's counts are right.

Orders are created, not changed, so that one sent twice would be refused the second time and counted as failed.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

import switchgear as sg
from servers.cap import Cap
from support.orders import order, stored
from support.seeds import dice, new_seed, soak_deadline, soak_rounds

WORKERS = 4
LEASE = 1.0
BATCH = 20
WORK = f"""
import sys, switchgear as sg
hub = sg.Hub(sys.argv[1])
hub.connection("plant").entities()
print("ready", flush=True)
hub.work(2, lease={LEASE})
"""


@dataclass
class Crew:
    """Worker processes on one store, of which some are killed and replaced."""

    store: str
    rng: random.Random
    processes: list[subprocess.Popen[str]] = field(default_factory=list)
    kills: int = 0

    def hire(self) -> None:
        while len(self.processes) < WORKERS:
            command = [sys.executable, "-c", WORK, self.store]
            self.processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))

    def kill_one(self, pending: Callable[[], int]) -> None:
        """One that works already, while some batches more are entered; another takes its place."""
        process = self.processes.pop(self.rng.randrange(len(self.processes)))
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # Of a batch that is entered by one worker, the one to be killed claims, sends or enters another.
        enough = pending() - self.rng.randint(0, 4 * BATCH)
        while pending() > max(enough, 0):
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
        self.kills += 1
        self.hire()

    def dismiss(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate()


def create_orders(hub: sg.Hub, target: Cap, store: str, first: int, records: int, kills: int, seed: int) -> int:
    """One job, and so many workers killed while it is done. Returns how many were."""
    job = hub.queue.submit(
        "plant", "WorkOrders", (order(first + i) for i in range(records)), op="create", key="ID", batch_size=BATCH
    )
    crew = Crew(store, dice(seed))
    try:
        crew.hire()
        while crew.kills < kills and job.progress.pending > 0:
            crew.kill_one(lambda: job.progress.pending)
        job.wait(300)
    finally:
        crew.dismiss()
    result = job.result
    counts = (result.ok, result.failed, result.unknown, result.skipped, result.pending)
    assert counts == (records, 0, 0, 0, 0), (seed, result.errors[:3])
    assert job.status == "completed"
    assert sorted(stored(target, first)) == list(range(first, first + records))
    return crew.kills


def kill(hub: sg.Hub, target: Cap, store: str, first: int, records: int, wanted: int) -> int:
    """Jobs of so many records, until so many workers were killed or the time is up; a test has numbers for five."""
    seed, kills, jobs = new_seed(), 0, 0
    time_is_up = soak_deadline()
    while kills < wanted and jobs < 5 and not time_is_up():
        kills += create_orders(hub, target, store, first + jobs * 20_000, records, wanted - kills, seed + jobs)
        jobs += 1
    print(f"\nkilled workers: {kills} in {jobs} jobs of {records:,} records on {hub!r}; SWITCHGEAR_SEED={seed}")
    return kills


@pytest.mark.timeout(600)
def test_killed_workers_lose_and_double_nothing(hub: sg.Hub, target: Cap, store: str, first: int) -> None:
    assert kill(hub, target, store, first, 3_000, 20) == 20


@pytest.mark.soak
def test_many_killed_workers(hub: sg.Hub, target: Cap, store: str, first: int) -> None:
    kill(hub, target, store, first, 20_000, soak_rounds(300))
