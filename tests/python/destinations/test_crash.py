"""Writers that are killed: whoever reads sees whole checkpoints, and the state says which, before and after an open.

`make test` kills at each file that a commit opens, renames, makes or removes, and at 25 random moments; `make soak` at
random moments for as many rounds as it is told.
"""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from support.checkpoints import LABS, MODES, WORK_ORDERS, Lab
from support.crashing import (
    Job,
    commit_and_be_killed,
    commit_and_die_everywhere,
    comparable,
    go_on,
    next_checkpoint,
    race,
    story,
    told,
)
from support.seeds import dice, new_seed, soak_deadline, soak_rounds
from switchgear import DestinationError
from switchgear.destinations import CallbackDestination, Checkpoint, Table
from switchgear.destinations.parquet import ParquetDestination

PAIRS = [(name, mode) for name, modes in MODES.items() if name in ("parquet", "delta") for mode in modes]
RANDOM_KILLS = 25
# The first checkpoint, the end of a listing with a new column, a wider column: one for each pair; more in a soak.
NUMBERS = {("parquet", "append"): 6, ("parquet", "replace"): 3, ("delta", "append"): 3, ("delta", "replace"): 3}


def check(lab: Lab, mode: Any) -> int:
    """That readers see what the state says, which is returned, as the crash left the table and after it was opened."""
    table = lab.table(mode)
    # The manifest of Parquet files may be one step behind until then.
    seen = {name: comparable(read()) for name, read in lab.readers(table).items() if "manifest" not in name}
    state = int(lab.open(mode).state() or 0)
    for reader, rows in seen.items():
        assert rows == told(mode, state), f"{reader} at state {state}"
    if isinstance(parquet := lab.make(), ParquetDestination):
        assert sorted(parquet.files(table.schema, table.name)) == sorted(parquet.folder.glob("plant/*/*.parquet"))
    return state


def die_everywhere(name: str, mode: str, number: int, folder: Path) -> None:
    """Kills the commit of a checkpoint at each of its files."""
    before = Job(name, folder / "before", mode, number - 1)
    go_on(before)
    seen = []
    for copy in commit_and_die_everywhere(replace(before, upto=number), folder / "copies"):
        lab = LABS[name](copy)
        seen.append(check(lab, mode))
        go_on(Job(name, copy, mode, number + 1))
        read = next(iter(lab.readers(lab.table(mode)).values()))
        assert comparable(read()) == told(mode, number + 1)
    print(f"{name} {mode}: {len(seen) - 1} points, {seen.count(number) - 1} of them after the commit")
    assert len(seen) > 4
    assert seen == sorted(seen)
    assert seen[0] == number - 1
    assert seen[-1] == number


@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_a_commit_that_dies_at_any_file_is_done_or_not(name: str, mode: str, tmp_path: Path) -> None:
    die_everywhere(name, mode, NUMBERS.get((name, mode), 1), tmp_path)


def kill_at_random(name: str, mode: str, folder: Path, kills: int, seed: int) -> None:
    """Goes on with one table through so many kills, of which some hit a commit and some what is between two."""
    rng = dice(seed)
    lab = LABS[name](folder)
    killed = tried = state = 0
    advanced = set()
    while killed < kills:
        tried += 1
        assert tried < 20 * kills
        commits = rng.randint(1, 3)
        job = Job(name, folder, mode, state + commits + 1)
        killed += commit_and_be_killed(job, commits=commits, after_seconds=rng.uniform(0, 0.04))
        now = check(lab, mode)
        advanced.add(now - state - commits)
        state = now
        if state >= 25:  # a table that is read each time must not grow for ever
            shutil.rmtree(folder)
            state = 0
    print(f"{name} {mode}: {killed} kills, of {tried} processes; commits done beside those waited for: {advanced}")


@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_writers_killed_at_any_moment_lose_and_double_nothing(name: str, mode: str, tmp_path: Path) -> None:
    seed = new_seed()
    print(f"SWITCHGEAR_SEED={seed}")
    kill_at_random(name, mode, tmp_path / "tables", RANDOM_KILLS // len(PAIRS), seed)


@pytest.mark.soak
@pytest.mark.parametrize("number", [1, 3, 5, 6, 7, 8])
@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_any_commit_that_dies_at_any_file_is_done_or_not(name: str, mode: str, number: int, tmp_path: Path) -> None:
    die_everywhere(name, mode, number, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_writers_killed_for_long_lose_and_double_nothing(name: str, mode: str, tmp_path: Path) -> None:
    seed, over = new_seed(), soak_deadline()
    print(f"SWITCHGEAR_SEED={seed}")
    for round_number in range(soak_rounds(200) // 10):
        if over():
            break
        kill_at_random(name, mode, tmp_path / f"tables-{round_number}", 10, seed + round_number)


@pytest.mark.parametrize(("name", "mode"), PAIRS)
def test_of_writers_that_race_one_commits_each_checkpoint(name: str, mode: str, tmp_path: Path) -> None:
    counts = race(Job(name, tmp_path, mode, 12), writers=3)
    assert check(LABS[name](tmp_path), mode) == 12
    assert sum(counts) == 12
    print(f"{name} {mode}: {counts}")


def test_a_callback_is_called_again_with_what_was_torn_off(tmp_path: Path) -> None:
    taken: list[int] = []

    def take(table: Table, checkpoint: Checkpoint) -> None:
        taken.extend(pa.record_batch(checkpoint.batches[0]).column("id").to_pylist())
        if len(taken) == 8:
            raise OSError("the house is dark")

    states: list[str | None] = []
    while states[-1:] != ["4"]:
        with CallbackDestination(take, tmp_path).open(WORK_ORDERS) as table:
            with contextlib.suppress(DestinationError):
                table.commit(next_checkpoint(table, "append")[1])
            states.append(table.state())
    assert states == ["1", "1", "2", "3", "4"]
    assert taken == [row["id"] for number in (1, 2, 2, 3, 4) for row in story(number)]
