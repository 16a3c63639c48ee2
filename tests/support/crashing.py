"""Processes that commit to a destination and are killed, at a named point or at any moment.

What they commit is a story of checkpoints with columns that are added, lost and widened, and rows that change.
Checkpoint number n has the state "n", so that what the table must hold is known from its state.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from support.checkpoints import LABS, Row, checkpoint
from switchgear import Conflict
from switchgear.destinations import Checkpoint, DestinationTable

PATIENCE_SECONDS = 60.0
LISTING = 3
"""Checkpoints of a complete listing (mode replace)."""

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["switchgear", "pyarrow.parquet", "pyarrow.dataset", "deltalake"])


@dataclass(frozen=True)
class Job:
    """What a process commits: all checkpoints up to a number."""

    lab: str
    folder: Path
    mode: str
    upto: int


def story(number: int) -> list[Row]:
    """The rows of checkpoint `number`."""
    cycle = number % 9
    value: Any = {6: 0.5, 7: "n/a", 8: 2**60}.get(cycle, number)
    rows: list[Row] = [{"id": number * 10 + each, "v": value} for each in range(3)]
    rows.append({"id": number - 1, "v": number})  # a row that changes
    if cycle in (3, 4):
        rows = [row | {"crew": f"{number}"} for row in rows]
    if cycle == 5:
        rows = []
    return rows


def told(mode: str, upto: int) -> list[Row]:
    """What a table holds after checkpoint `upto`, as `comparable` has it."""
    if mode == "append":
        return comparable([row for number in range(1, upto + 1) for row in story(number)])
    if mode == "replace":
        end = upto - upto % LISTING
        return comparable([row for number in range(max(end - LISTING + 1, 1), end + 1) for row in story(number)])
    by_key: dict[int, Row] = {}
    for number in range(1, upto + 1):
        for row in story(number):
            by_key[row["id"]] = by_key.get(row["id"], {}) | row
    return comparable(list(by_key.values()))


def comparable(rows: list[Row]) -> list[Row]:
    """Rows whose values are texts, numbers as decimals write them: a column's type depends on what came before."""

    def text(value: Any) -> str:
        try:
            return f"{Decimal(str(value)).normalize():f}"
        except ArithmeticError:
            return str(value).strip('"')

    kept = [{name: text(row[name]) for name in ("id", "v", "crew") if row.get(name) is not None} for row in rows]
    return sorted(kept, key=lambda row: (int(row["id"]), row["v"]))


def next_checkpoint(table: DestinationTable, mode: str) -> tuple[int, Checkpoint]:
    """The one that follows on what the table holds."""
    state = table.state()
    number = int(state or 0) + 1
    first, last = number % LISTING == 1, number % LISTING == 0
    return number, checkpoint(state, str(number), story(number), first=first, last=last)


def go_on(job: Job, before_each: Callable[[], object] = lambda: None) -> None:
    """Commits what is missing."""
    table = LABS[job.lab](job.folder).open(job.mode)
    while int(table.state() or 0) < job.upto:
        _, following = next_checkpoint(table, job.mode)
        before_each()
        table.commit(following)


def commit_and_die_everywhere(job: Job, copies: Path) -> list[Path]:
    """Commits in processes that die just before they open, rename, remove or make their 1st, 2nd ... file of the table.

    Each works on a copy of the job's folder. Returns the copies; in the last one the commit came to its end.
    """
    process = _processes.Process(target=_dying, args=(job, copies), daemon=True)
    process.start()
    process.join(PATIENCE_SECONDS)
    assert process.exitcode == 0, f"the writers ended with {process.exitcode}"
    return sorted(copies.iterdir())


def commit_and_be_killed(job: Job, *, commits: int, after_seconds: float) -> bool:
    """Commits in a process that is killed so long after it began its `commits`th one.

    Returns whether it was still at it.
    """
    begins = _processes.Semaphore(0)
    process = _processes.Process(target=_beginning, args=(job, begins), daemon=True)
    process.start()
    try:
        for _ in range(commits):
            assert begins.acquire(timeout=PATIENCE_SECONDS)
        process.join(after_seconds)
    finally:
        process.kill()
        process.join()
    assert process.exitcode in (0, -signal.SIGKILL), f"the writer ended with {process.exitcode}"
    return process.exitcode != 0


def race(job: Job, writers: int) -> list[int]:
    """Commits in several processes at once, each going on from what it finds. Returns how many each committed."""
    counts = [_processes.Value("i", 0) for _ in range(writers)]
    start = _processes.Barrier(writers)
    processes = [_processes.Process(target=_racing, args=(job, count, start), daemon=True) for count in counts]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE_SECONDS)
        assert process.exitcode == 0, f"a writer ended with {process.exitcode}"
    return [int(count.value) for count in counts]


def _racing(job: Job, count: Any, start: Any) -> None:
    table = LABS[job.lab](job.folder).open(job.mode)
    start.wait(PATIENCE_SECONDS)
    while True:
        number, following = next_checkpoint(table, job.mode)
        if number > job.upto:
            return
        with contextlib.suppress(Conflict):
            table.commit(following)
            count.value += 1


def _beginning(job: Job, begins: Any) -> None:
    go_on(job, begins.release)


def _dying(job: Job, copies: Path) -> None:
    # Forks before anything has started a thread: what begins a process costs more than what it does.
    for point in range(1, 1000):
        folder = copies / f"at-{point:03d}"
        if job.folder.exists():
            shutil.copytree(job.folder, folder)
        else:
            folder.mkdir(parents=True)
        child = os.fork()
        if child == 0:
            try:
                _die_at(replace(job, folder=folder), point)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        if status == 0:
            return
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


def _die_at(job: Job, point: int) -> None:
    table = LABS[job.lab](job.folder).open(job.mode)
    number, following = next_checkpoint(table, job.mode)
    assert number == job.upto
    left = iter(range(1, point))

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in ("open", "os.rename", "os.remove", "os.mkdir"):
            return
        if any(str(job.folder) in str(argument) for argument in arguments) and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    table.commit(following)
