"""Batches of a flow: paced, with an outcome for each record, and a place in the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import switchgear as sg
from switchgear.flows import Batch, FlowContext
from switchgear.sandbox import Sandbox
from switchgear.testing import ManualClock


def shown(run: sg.Run) -> list[str]:
    return [message.text for message in run.messages]


def test_batches_are_paced_and_told(hub: sg.Hub, clock: ManualClock) -> None:
    seen: list[tuple[int, list[int], list[int], bool, float]] = []

    @hub.flow("paced")
    def paced(ctx: FlowContext) -> None:
        began = clock.now()
        for batch in ctx.batches(iter(range(7)), size=3, delay=0.5):
            seen.append((batch.number, list(batch), batch.indices, batch.again, round(clock.now() - began, 1)))

    run = hub.run_flow("paced").raise_for_error()
    assert seen == [
        (1, [0, 1, 2], [0, 1, 2], False, 0.0),
        (2, [3, 4, 5], [3, 4, 5], False, 0.5),
        (3, [6], [6], False, 1.0),
    ]
    assert run.status == "completed"
    assert run.counts == {"ok": 7, "failed": 0, "unknown": 0, "skipped": 0}
    assert "7 records in batches of 3: 7 ok" in shown(run)


def test_one_goes_on_behind_the_batches_that_are_over(hub: sg.Hub) -> None:
    seen: list[Any] = []
    fails_at = 5

    @hub.flow("numbers")
    def numbers(ctx: FlowContext) -> None:
        def work() -> int:
            for batch in ctx.batches(range(10), size=2, delay=0):
                seen.append((list(batch), batch.again))
                if fails_at in batch:
                    raise OSError("away")
            for batch in ctx.batches(["abc"] * 2, size=1, delay=0):
                seen.append((list(batch), batch.again))
            return len(seen)

        ctx.step("work", work)

    assert hub.run_flow("numbers").status == "failed"
    assert seen == [([0, 1], False), ([2, 3], False), ([4, 5], False)]
    fails_at = -1
    seen.clear()
    assert hub.run_flow("numbers").raise_for_error().status == "completed"
    assert seen == [([4, 5], True), ([6, 7], False), ([8, 9], False), (["abc"], False), (["abc"], False)]


def test_other_records_than_before_are_refused(hub: sg.Hub) -> None:
    records = [1, 2, 3, 4]
    broken = True

    @hub.flow("changing")
    def changing(ctx: FlowContext) -> None:
        for batch in ctx.batches(records, size=1, delay=0):
            if broken and 3 in batch:
                raise OSError("away")

    hub.run_flow("changing")
    broken = False
    for other in ([1, 5, 3, 4], [1]):
        records = other
        run = hub.run_flow("changing")
        assert run.error is not None
        assert run.error.code == "data.other_records"
        assert "2 are over" in run.error.message
    records = [1, 2, 3, 4]
    assert hub.run_flow("changing").status == "completed"


@pytest.mark.parametrize(("on_error", "sent"), [("continue", 6), ("stop", 2), ("30%", 4)])
def test_failures_are_counted_and_may_end_it(hub: sg.Hub, on_error: str, sent: int) -> None:
    """Of six batches of ten, the second has five failures, and the fourth ten."""
    batches: list[int] = []
    bad = {*range(10, 15), *range(30, 40)}

    @hub.flow("some-fail")
    def some_fail(ctx: FlowContext) -> None:
        for batch in ctx.batches(range(60), size=10, delay=0, on_error=on_error):
            batches.append(batch.number)
            for place, record in enumerate(batch):
                if record in bad:
                    batch.fail(place, f"record {record} is bad")
            with pytest.raises(IndexError, match="the batch has records 0 to"):
                batch.fail(10, "there is none")

    run = hub.run_flow("some-fail")
    assert len(batches) == sent
    assert any("batch 2, records 10-19: 5 of 10 are not ok: record 10 is bad" in text for text in shown(run))
    if on_error == "continue":
        assert (run.status, run.counts) == ("partial", {"ok": 45, "failed": 15, "unknown": 0, "skipped": 0})
        return
    assert run.error is not None
    assert (run.status, run.error.code) == ("failed", "data.records_failed")
    if on_error == "30%":
        return
    bad.clear()
    batches.clear()
    again = hub.run_flow("some-fail")
    assert (again.id, again.status) == (run.id, "completed")
    assert again.counts["ok"] == 60, "those that had failed came again, alone, and then the rest"
    assert len(batches) == 5


def test_what_a_source_refuses_is_told_record_by_record(store: str, box: Sandbox) -> None:
    hub = sg.Hub(store)
    hub.add("plant", "odata", {"url": box.odata_url})
    results: list[sg.WriteResult] = []

    @hub.flow("close")
    def close(ctx: FlowContext) -> None:
        changed = [{"ID": number, "Status": "CLOSED"} for number in (1, 2, None, 4)]
        for batch in ctx.batches(changed, size=2, delay=0):
            results.append(ctx.write("plant", "WorkOrders", batch, op="update"))

    run = hub.run_flow("close")
    assert (run.status, run.counts) == ("partial", {"ok": 3, "failed": 1, "unknown": 0, "skipped": 0})
    assert [result.ok for result in results] == [2, 1]
    (told,) = [text for text in shown(run) if "not ok" in text]
    assert told.startswith("batch 2, records 2-3: 1 of 2 are not ok: record 2 failed: ")
    plant = hub.connection("plant")
    found = plant.read("WorkOrders", columns=["Status"], where=[("ID", "in", [1, 2, 4])], progress=False).to_pylist()
    assert {row["Status"] for row in found} == {"CLOSED"}


def test_everything_that_holds_records_will_do(store: str, box: Sandbox) -> None:
    hub = sg.Hub(store)
    hub.add("plant", "odata", {"url": box.odata_url})

    @hub.flow("read")
    async def read(ctx: FlowContext) -> None:
        sizes = [len(batch) for batch in ctx.batches(ctx.read("plant", "WorkOrders", page_size=70), size=64, delay=0)]
        assert sizes == [64, 64, 64, 8]
        total = 0
        async for page in ctx.aread("plant", "WorkOrders", limit=10):
            total += len(page)
        assert total == 10
        result = await ctx.awrite("plant", "WorkOrders", [{"ID": 1, "Status": "OPEN"}], op="update")
        assert result.ok == 1

    assert hub.run_flow("read").raise_for_error().status == "completed"


def test_an_iterator_that_raises_ends_the_step(quick: sg.Hub) -> None:
    def records() -> Iterator[int]:
        yield 1
        raise OSError("the disk is gone")

    @quick.flow("raising")
    def raising(ctx: FlowContext) -> None:
        for batch in ctx.batches(records(), size=1, delay=0):
            assert isinstance(batch, Batch)

    run = quick.run_flow("raising")
    assert run.error is not None
    assert "the disk is gone" in run.error.message
