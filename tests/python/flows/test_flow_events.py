"""Events begin flows, each once, and flows emit events, each once."""

from __future__ import annotations

import threading

import switchgear as sg
from switchgear.flows import FlowContext
from switchgear.flows.scheduling import FlowScheduler
from switchgear.testing import ManualClock


def looked(scheduler: FlowScheduler) -> int:
    """How many it began, each of which has ended."""
    begun = scheduler.look()
    scheduler.close()
    return begun


def test_each_event_begins_a_flow_once_in_all_processes(hub: sg.Hub, clock: ManualClock) -> None:
    hub.events.emit("workorder.urgent", {"number": 0})  # before there was the flow
    clock.advance(1)
    seen: list[tuple[str, object]] = []

    @hub.flow("react", on="workorder.urgent", concurrency=5)
    def react(ctx: FlowContext) -> None:
        assert ctx.event is not None
        seen.append((ctx.event.type, ctx.event.data["number"]))

    ids = [hub.events.emit("workorder.urgent", {"number": number}) for number in (1, 2, 3)]
    hub.events.emit("workorder.closed", {"number": 4})
    hub.events.emit("workorder.urgent", {"number": 1}, id=ids[0])  # the same, told again
    one, two = FlowScheduler(hub._flows), FlowScheduler(hub._flows)
    assert looked(one) + looked(two) + looked(one) == 3
    assert sorted(seen) == [("workorder.urgent", number) for number in (1, 2, 3)]
    runs = hub.runs(flow="react")
    assert {run.cause for run in runs} == {"event"}
    assert sorted(run.to_dict()["event_id"] for run in runs) == sorted(ids)
    assert [info.on for info in hub.flows()] == ["workorder.urgent"]


def test_events_wait_where_no_more_may_be_under_way(hub: sg.Hub) -> None:
    leave = threading.Event()

    @hub.flow("one-by-one", on="part.used")
    def one_by_one(ctx: FlowContext) -> None:
        leave.wait(60)

    for _ in range(3):
        hub.events.emit("part.used")
    here, there = FlowScheduler(hub._flows), FlowScheduler(hub._flows)
    assert (here.look(), here.look(), there.look()) == (1, 0, 0)
    leave.set()
    here.close()
    assert looked(there) + looked(here) + looked(there) == 2
    assert [run.status for run in hub.runs(flow="one-by-one")] == ["completed"] * 3


def test_an_event_whose_run_was_interrupted_is_taken_up_and_not_begun_anew(hub: sg.Hub, clock: ManualClock) -> None:
    steps: list[object] = []

    @hub.flow("fragile", on="part.used")
    def fragile(ctx: FlowContext) -> None:
        assert ctx.event is not None
        ctx.step("once", steps.append, ctx.event.data["part"])

    id = hub.events.emit("part.used", {"part": 7})
    dead = hub._flows.begin("fragile", cause="event", event_id=id, lease=30)  # and its process dies
    assert dead is not None
    scheduler = FlowScheduler(hub._flows)
    assert looked(scheduler) == 0
    clock.advance(31)
    assert looked(scheduler) == 1
    assert looked(scheduler) == 0
    (run,) = hub.runs(flow="fragile")
    assert (run.id, run.status, steps) == (dead.id, "completed", [7])


def test_a_run_that_failed_was_begun_all_the_same(hub: sg.Hub) -> None:
    @hub.flow("fails", on="part.used")
    def fails(ctx: FlowContext) -> None:
        raise ValueError

    hub.events.emit("part.used")
    scheduler = FlowScheduler(hub._flows)
    assert (looked(scheduler), looked(scheduler)) == (1, 0)
    again = hub.run_flow("fails")  # by hand, it is taken up with its event
    assert (again.attempts, again.event_id is not None) == (2, True)


def test_what_a_flow_emits_is_there_once_however_often_it_is_begun(hub: sg.Hub) -> None:
    broken = True

    @hub.flow("source")
    def source(ctx: FlowContext) -> None:
        def work() -> None:
            for number in range(2):
                ctx.emit("batch.done", {"number": number})
            if broken:
                raise OSError("away")

        ctx.step("work", work, retries=1)
        ctx.emit("batch.done", {"number": 2})

    @hub.flow("sink", on="batch.done", concurrency=3)
    def sink(ctx: FlowContext) -> None: ...

    assert hub.run_flow("source").status == "failed"
    assert len(hub.events.list(type="batch.done")) == 2
    broken = False
    assert hub.run_flow("source").status == "completed"
    assert sorted(event.data["number"] for event in hub.events.list(type="batch.done")) == [0, 1, 2]
    scheduler = FlowScheduler(hub._flows)
    assert (looked(scheduler), looked(scheduler)) == (3, 0)


def test_wrong_events_are_named(quick: sg.Hub) -> None:
    @quick.flow("odd")
    def odd(ctx: FlowContext) -> None:
        ctx.emit("Not A Type", {})

    run = quick.run_flow("odd")
    assert run.error is not None
    assert run.error.code == "config.event"
