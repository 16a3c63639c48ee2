"""kill -9 in the second of three steps: when it is run again, the flow goes on at the batch where it was."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

import switchgear as sg
from support.flow_process import FIRST, RECORDS, SIZE, define, filling
from switchgear.flows import FlowRun
from switchgear.sandbox import Sandbox

LEASE = 2.0  # a busy machine must be able to keep it
BATCHES = RECORDS // SIZE


def flow_run(run: sg.Run) -> FlowRun:
    assert isinstance(run, FlowRun)
    return run


def there(box: Sandbox) -> list[int]:
    plant = sg.connect("odata", url=box.odata_url)
    found = plant.read("WorkOrders", columns=["ID"], where=[("ID", ">=", FIRST)], progress=False).to_pylist()
    return sorted(row["ID"] for row in found)


@pytest.mark.parametrize(("place", "again"), [("before", 0), ("after", 1)])
def test_a_flow_that_was_killed_goes_on_at_its_batch(
    store: str, box: Sandbox, place: str, again: int, until: Callable[[Callable[[], bool]], None]
) -> None:
    hub = sg.Hub(store)
    hub.add("plant", "odata", {"url": box.odata_url})
    process, here = filling(store, LEASE, place, 8)
    told = []
    while process.is_alive() or here.poll():
        try:
            if here.poll(0.1):
                told.append(here.recv())
        except EOFError:
            break
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert told == list(range(1, 8 + again)), "each batch that was sent, and nothing after them"
    assert len(there(box)) == SIZE * (7 + again)

    first = hub.runs(flow="fill")[0]
    until(lambda: hub.run(first.id).status == "failed")  # as soon as its lease has run out
    dead = flow_run(hub.run(first.id))
    assert dead.error is not None
    assert dead.error.code == "failed.interrupted"
    assert [(step.name, step.status) for step in dead.steps] == [("make", "completed"), ("create", "in_progress")]

    before = box.stats()["requests"]
    numbers: list[int] = []
    define(hub, at=numbers.append)
    run = hub.run_flow("fill").raise_for_error()
    assert (run.id, run.status, run.attempts) == (first.id, "completed", 2)
    assert numbers == list(range(8, BATCHES + 1)), "it went on at the batch where it was"
    assert there(box) == list(range(FIRST, FIRST + RECORDS)), "each record once"
    writes = BATCHES - 7
    looked = box.stats()["requests"] - before - writes
    assert looked < 8, "besides: metadata, keys of the batch in doubt, the last step's pages, and what this test read"
    assert run.counts == {"ok": RECORDS, "failed": 0, "unknown": 0, "skipped": 0}

    steps = {step.name: step for step in run.steps}
    assert (steps["make"].attempts, steps["create"].attempts, steps["count"].attempts) == (1, 2, 1)
    assert steps["create"].result == RECORDS - 7 * SIZE
    assert steps["count"].result == RECORDS
    story = [f"{message.entity or '-'}: {message.text}" for message in run.messages]
    for part in (
        "-: begun (manual) by",
        "make: finished in",
        "create: begins",
        "-: interrupted: the process that ran it",
        "-: taken up again by",
        "-: step 'make' was finished before; its result is taken",
        f"create: goes on behind {7 * SIZE} records that are over; a batch of {SIZE} was under way and comes again",
        f"create: {RECORDS:,} records in batches of {SIZE}: {RECORDS:,} ok",
        "count: finished in",
        f"-: {RECORDS - 7 * SIZE} were sent by this process, {RECORDS} are there",
        "-: ended: completed",
    ):
        assert any(line.startswith(part) for line in story), (part, story)
        story = story[next(at for at, line in enumerate(story) if line.startswith(part)) + 1 :]


def test_two_processes_keep_to_the_concurrency(store: str, box: Sandbox) -> None:
    hub = sg.Hub(store)
    hub.add("plant", "odata", {"url": box.odata_url})
    process, here = filling(store, 60.0)
    try:
        assert here.recv() == 1  # under way
        define(hub)
        with pytest.raises(sg.Conflict, match="under way already") as refused:
            hub.run_flow("fill")
        assert refused.value.code == "conflict.flow_busy"
        assert refused.value.retryable
        told = here.recv()
        while told != ("completed", ""):
            told = here.recv()
    finally:
        process.kill()
        process.join()
    assert [run.status for run in hub.runs(flow="fill")] == ["completed"]
    assert len(there(box)) == RECORDS
