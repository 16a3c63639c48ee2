"""What flows do, on a clock that moves when told to, in stores of both kinds."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

import switchgear as sg
from switchgear.flows.scheduling import FlowScheduler
from switchgear.testing import ManualClock


def texts(run: sg.Run) -> list[str]:
    return [message.text for message in run.messages]


def code_of(run: sg.FlowRun) -> str:
    assert run.error is not None
    return run.error.code


# -- runs


def test_an_execution_is_a_run_among_the_others(hub: sg.Hub) -> None:
    @hub.flow("greet", params={"name": "world", "times": 1})
    def greet(ctx: sg.FlowContext) -> None:
        ctx.log(f"hello {ctx.params['name']}", "warning")
        assert ctx.event is None
        assert ctx.flow == "greet"

    run = hub.run_flow("greet", {"name": "plant"})
    assert (run.status, run.cause, run.error, run.flow, run.attempts) == ("completed", "manual", None, "greet", 1)
    assert run.params == {"name": "plant", "times": 1}
    assert run.finished_at is not None
    assert [(m.level, m.text) for m in run.messages if "hello" in m.text] == [("warning", "hello plant")]
    assert hub.run(run.id) == run
    assert hub.runs() == [run] == hub.runs(flow="greet")
    assert hub.runs(flow="other") == []
    assert "flow greet: completed" in run._repr_html_()
    (info,) = hub.flows()
    assert (info.name, info.on, info.next_at, info.last, info.here) == ("greet", None, None, run, True)
    assert greet.__name__ == "greet"


def test_what_a_flow_raises_is_in_its_run_with_its_place(hub: sg.Hub) -> None:
    @hub.flow("broken")
    def broken(ctx: sg.FlowContext) -> None:
        ctx.step("divide", lambda: 1 / 0)

    run = hub.run_flow("broken")
    assert (run.status, code_of(run)) == ("failed", "plugin.flow")
    assert run.error is not None
    assert "ZeroDivisionError: division by zero" in run.error.message
    assert "test_flows.py:" in run.error.message
    (traceback,) = [text for text in texts(run) if text.startswith("Traceback")]
    assert "in broken" in traceback
    assert "switchgear/flows" not in traceback
    with pytest.raises(sg.PluginError):
        run.raise_for_error()


def test_a_finished_step_is_not_done_again_and_gives_what_was_kept(hub: sg.Hub) -> None:
    done: list[str] = []
    broken = True

    @hub.flow("three")
    def three(ctx: sg.FlowContext) -> None:
        def first() -> tuple[int, datetime.date]:
            done.append("first")
            return 7, datetime.date(2026, 1, 31)

        assert ctx.step("first", first) == [7, "2026-01-31"]  # as JSON has it, the first time too

        @ctx.step("second")
        def second(number: int) -> None:
            done.append(f"second {number}")
            if broken:
                raise ValueError("not today")

        second(3)
        done.append("end")

    failed = hub.run_flow("three")
    assert (failed.status, done) == ("failed", ["first", "second 3"])
    broken = False
    run = hub.run_flow("three")
    assert (run.id, run.status, run.attempts) == (failed.id, "completed", 2)
    assert done == ["first", "second 3", "second 3", "end"]
    assert [(step.name, step.status, step.attempts) for step in run.steps] == [
        ("first", "completed", 1),
        ("second", "completed", 2),
    ]
    assert hub.run_flow("three").id != run.id, "what has come to its end begins anew"


def test_only_the_same_execution_is_taken_up(hub: sg.Hub, clock: ManualClock) -> None:
    @hub.flow("picky")
    def picky(ctx: sg.FlowContext) -> None:
        clock.advance(1)
        raise ValueError(ctx.params["site"])

    first = hub.run_flow("picky", {"site": "A"})
    assert hub.run_flow("picky", {"site": "B"}).id != first.id, "other parameters are another execution"
    second = hub.run_flow("picky", {"site": "A"}, resume=False)
    assert hub.run_flow("picky").id == second.id
    assert hub.run_flow("picky", resume=first.id).id == first.id
    assert hub.run(first.id).error is not None
    with pytest.raises(sg.NotFound, match="no run 'nosuch'"):
        hub.run_flow("picky", resume="nosuch")

    @hub.flow("fine")
    def fine(ctx: sg.FlowContext) -> None: ...

    with pytest.raises(sg.Conflict) as ended:
        hub.run_flow("fine", resume=hub.run_flow("fine").id)
    assert ended.value.code == "conflict.flow_ended"


# -- retries and timeouts


def test_a_step_is_tried_again_with_growing_waits(hub: sg.Hub, clock: ManualClock) -> None:
    tries: list[float] = []

    @hub.flow("flaky", retries=1)
    def flaky(ctx: sg.FlowContext) -> None:
        @ctx.step("lucky", retries=3, wait=2.0)
        def lucky() -> str:
            tries.append(clock.now())
            if len(tries) < 4:
                raise sg.OfflineError("no answer", code="offline.connect")
            return "at last"

        assert lucky() == "at last"

        @ctx.step("unlucky")
        def unlucky() -> None:
            raise sg.RateLimited("slowly", retry_after=30)

        unlucky()

    run = hub.run_flow("flaky")
    assert [round(b - a) for a, b in itertools.pairwise(tries)] == [2, 4, 8]
    assert [(step.name, step.status, step.attempts) for step in run.steps] == [
        ("lucky", "completed", 4),
        ("unlucky", "failed", 2),
    ]
    assert code_of(run) == "rate_limit"
    assert clock.slept == pytest.approx(2 + 4 + 8 + 30, abs=0.1)
    assert sum("tried again in" in text for text in texts(run)) == 4


def test_a_step_that_takes_too_long_is_stopped_and_tried_again(hub: sg.Hub, clock: ManualClock) -> None:
    begun = 0

    @hub.flow("slow")
    def slow(ctx: sg.FlowContext) -> None:
        def late() -> None:
            nonlocal begun
            begun += 1
            clock.advance(11)  # and never looks at ctx

        with pytest.raises(sg.TimeoutError, match="step 'late' took longer than its timeout of 10 s"):
            ctx.step("late", late, timeout=10, retries=1)

        def waiting() -> None:
            ctx.sleep_until(datetime.datetime.fromtimestamp(clock.wall + 3600, datetime.timezone.utc))

        ctx.step("waiting", waiting, timeout=datetime.timedelta(seconds=5))

    run = hub.run_flow("slow")
    assert begun == 2
    assert code_of(run) == "timeout.flow"
    assert run.error is not None
    assert "step 'waiting'" in run.error.message
    assert clock.slept < 8, "it was stopped when its time was over, not when it woke"


def test_a_flow_has_a_timeout_too_that_no_step_gets_over(hub: sg.Hub, clock: ManualClock) -> None:
    tries = 0

    @hub.flow("long", timeout=60)
    def long(ctx: sg.FlowContext) -> None:
        def work() -> None:
            nonlocal tries
            tries += 1
            clock.advance(61)
            ctx.log("never")

        ctx.step("work", work, retries=5)

    run = hub.run_flow("long")
    assert tries == 1
    assert code_of(run) == "timeout.flow"
    assert run.error is not None
    assert "flow 'long'" in run.error.message


def test_sleep_until_waits_on_the_clock(quick: sg.Hub, clock: ManualClock) -> None:
    @quick.flow("sleepy")
    def sleepy(ctx: sg.FlowContext) -> None:
        ctx.sleep_until(datetime.datetime.fromtimestamp(clock.wall + 600, datetime.timezone.utc))
        ctx.sleep_until("2020-01-01T00:00:00Z")  # long ago
        with pytest.raises(sg.ConfigError, match="no instant"):
            ctx.sleep_until("tomorrow")

    assert quick.run_flow("sleepy").raise_for_error().status == "completed"
    assert clock.slept == pytest.approx(600, abs=0.1)


# -- async


def test_a_flow_may_be_async(hub: sg.Hub) -> None:
    order: list[str] = []

    @hub.flow("async")
    async def flow(ctx: sg.FlowContext) -> None:
        async def half(name: str) -> str:
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")
            return name

        both = await asyncio.gather(ctx.step("a", half, "a"), ctx.step("b", half, "b"))
        assert list(both) == ["a", "b"]
        assert await ctx.step("lambda", lambda: half("c")) == "c"
        seen = [list(batch) async for batch in ctx.batches(range(5), size=2)]
        assert seen == [[0, 1], [2, 3], [4]]
        tries = 0

        @ctx.step("again", retries=1)
        async def again() -> int:
            nonlocal tries
            tries += 1
            if tries == 1:
                raise OSError("once")
            return tries

        assert await again() == 2

    run = hub.run_flow("async").raise_for_error()
    assert order[:2] == ["a begins", "b begins"], "tasks of one flow take turns"
    assert {step.name for step in run.steps} == {"a", "b", "lambda", "again"}


def test_an_async_step_is_cancelled_where_it_waits(tmp_path: Any) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    cancelled: list[bool] = []

    @hub.flow("hangs")
    async def hangs(ctx: sg.FlowContext) -> None:
        async def work() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.append(True)
                raise

        await ctx.step("work", work, timeout=0.05)

    run = hub.run_flow("hangs")
    assert (code_of(run), cancelled) == ("timeout.flow", [True])


def test_a_loop_that_runs_already_is_left_alone_as_in_a_notebook(quick: sg.Hub) -> None:
    @quick.flow("inner")
    async def inner(ctx: sg.FlowContext) -> None:
        await ctx.step("work", lambda: asyncio.sleep(0))

    async def cell() -> str:
        return quick.run_flow("inner").status

    assert asyncio.run(cell()) == "completed"


# -- stopping


def test_a_flow_that_is_told_to_stop_is_taken_up_by_whoever_comes_next(store: str) -> None:
    hub = sg.Hub(store)
    begun = threading.Event()
    rounds: list[int] = []

    def define(hub: sg.Hub) -> None:
        @hub.flow("patient")
        def patient(ctx: sg.FlowContext) -> None:
            ctx.step("first", lambda: rounds.append(1))
            if not begun.is_set():
                begun.set()
                ctx.sleep_until("2099-01-01T00:00:00Z")

    define(hub)
    thread = threading.Thread(target=hub.run_flow, args=("patient",))
    thread.start()
    assert begun.wait(60)
    hub.stop()
    thread.join(60)
    (run,) = hub.runs(flow="patient")
    assert run.error is not None
    assert (run.status, run.error.code) == ("failed", "failed.interrupted")

    other = sg.Hub(store)
    define(other)
    scheduler = FlowScheduler(other._flows)
    assert scheduler.look() == 1
    scheduler.close()
    assert scheduler.look() == 0, "once"
    assert (other.run(run.id).status, rounds) == ("completed", [1])


def test_ctrl_c_cancels_it_and_goes_through(hub: sg.Hub) -> None:
    interrupted = True

    @hub.flow("by-hand")
    def by_hand(ctx: sg.FlowContext) -> None:
        if interrupted:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.run_flow("by-hand")
    (run,) = hub.runs(flow="by-hand")
    assert run.status == "cancelled"
    interrupted = False
    assert hub.run_flow("by-hand").id == run.id


def test_one_that_was_overtaken_keeps_nothing_more(store: str) -> None:
    hub = sg.Hub(store)
    later = sg.Hub(store, clock=ManualClock(wall=time.time() + 86_400))

    @hub.flow("overtaken")
    def overtaken(ctx: sg.FlowContext) -> None:
        assert later.run(ctx.run_id).status == "failed"  # its lease is over there
        ctx.log("still here")

    with pytest.raises(sg.Conflict) as lost:
        hub.run_flow("overtaken")
    assert lost.value.code == "conflict.lease_lost"
    (run,) = hub.runs(flow="overtaken")
    assert run.error is not None
    assert run.error.code == "failed.interrupted"
    assert "still here" not in texts(run)


# -- concurrency


def test_no_more_are_under_way_than_may(hub: sg.Hub) -> None:
    inside = threading.Barrier(3)
    leave = threading.Event()

    @hub.flow("two", concurrency=2)
    def two(ctx: sg.FlowContext) -> None:
        inside.wait(60)
        leave.wait(60)

    threads = [threading.Thread(target=hub.run_flow, args=("two", {"n": n})) for n in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(60)
    with pytest.raises(sg.Conflict, match="its concurrency is 2") as busy:
        hub.run_flow("two", {"n": 3})
    assert busy.value.code == "conflict.flow_busy"
    leave.set()
    for thread in threads:
        thread.join(60)
    assert [run.status for run in hub.runs(flow="two")] == ["completed"] * 2


# -- schedules


def test_a_schedule_begins_it_once_for_each_time_and_once_after_a_pause(hub: sg.Hub, clock: ManualClock) -> None:
    begun: list[float] = []

    @hub.flow("every-hour", schedule="0 * * * *", timezone="Europe/Berlin")
    def every_hour(ctx: sg.FlowContext) -> None:
        begun.append(clock.wall)

    @hub.flow("by-hand")
    def by_hand(ctx: sg.FlowContext) -> None:
        raise AssertionError

    one, two = FlowScheduler(hub._flows), FlowScheduler(hub._flows)
    (first,) = [info.next_at for info in hub.flows() if info.name == "every-hour"]
    assert first is not None
    assert one.look() == 0
    clock.advance(first.timestamp() - clock.wall)
    assert (one.look(), two.look()) == (1, 0), "one of two schedulers, once"
    one.close()
    assert one.look() == 0
    clock.advance(5 * 3600)
    assert one.look() == 1
    one.close()
    assert one.look() == 0, "five times were missed, and one is made up for"
    runs = hub.runs(flow="every-hour")
    assert [run.cause for run in runs] == ["schedule", "schedule"]
    assert len(begun) == 2
    (later,) = [info.next_at for info in hub.flows() if info.name == "every-hour"]
    assert later == first + datetime.timedelta(hours=6)


def test_a_time_at_which_it_is_still_under_way_is_left_out(hub: sg.Hub, clock: ManualClock) -> None:
    leave = threading.Event()

    @hub.flow("long", schedule="10m")
    def long(ctx: sg.FlowContext) -> None:
        leave.wait(60)

    scheduler = FlowScheduler(hub._flows, lease=86_400)
    clock.advance(601)
    assert scheduler.look() == 1
    clock.advance(600)
    assert (scheduler.look(), scheduler.look()) == (0, 0)
    leave.set()
    scheduler.close()
    assert len(hub.runs(flow="long")) == 1


def test_another_schedule_takes_the_old_ones_place(hub: sg.Hub) -> None:
    def define(hub: sg.Hub, schedule: str) -> datetime.datetime | None:
        @hub.flow("moved", schedule=schedule)
        def moved(ctx: sg.FlowContext) -> None: ...

        return hub.flows()[0].next_at

    first = define(hub, "1h")
    other = sg.Hub(hub._store.display, clock=hub._flows.time.clock) if "://" not in hub._store.display else None
    if other is not None:
        assert define(other, "1h") == first, "the same schedule goes on"
        assert define(sg.Hub(hub._store.display, clock=hub._flows.time.clock), "2h") != first


# -- what can't be meant


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "has blank"}, "no name"),
        ({"name": ""}, "no name"),
        ({"schedule": "61 * * * *"}, "its minute is '61'"),
        ({"schedule": "every day"}, "it has 2 fields"),
        ({"schedule": "1h", "timezone": "Europe/Berln"}, "no time zone 'Europe/Berln'"),
        ({"on": "WorkOrder"}, "no type of an event"),
        ({"concurrency": 0}, "concurrency is 0"),
        ({"concurrency": True}, "concurrency is True"),
        ({"retries": -1}, "retries is -1"),
        ({"timeout": 0}, "timeout is 0"),
        ({"params": {"when": datetime.date(2026, 1, 1)}}, "can't be put into JSON"),
    ],
)
def test_a_definition_that_can_not_be_meant_names_what(quick: sg.Hub, options: dict[str, Any], said: str) -> None:
    name = options.pop("name", "stale")
    with pytest.raises(sg.ConfigError, match=said) as refused:
        quick.flow(name, **options)(lambda ctx: None)
    assert "flow '" in refused.value.message
    assert quick.flows() == []


def test_functions_that_are_none(quick: sg.Hub) -> None:
    wrong: list[tuple[Any, str]] = [
        (lambda: None, "does not take ctx alone"),
        (lambda ctx, more: None, "does not take ctx alone"),
        ("close", "can't be called"),
        (lambda ctx: (yield), "is a generator"),
    ]
    for function, said in wrong:
        with pytest.raises(sg.ConfigError, match=said):
            quick.flow("wrong")(function)


def test_a_name_is_given_once(quick: sg.Hub) -> None:
    quick.flow("stale")(lambda ctx: None)
    with pytest.raises(sg.Conflict, match=r"already, defined at .*test_flows.py:\d+; this one is at") as twice:
        quick.flow("stale")(lambda ctx: None)
    assert twice.value.code == "conflict.flow"


def test_an_unknown_flow_or_parameter_is_named_with_the_nearest(quick: sg.Hub) -> None:
    quick.flow("close-stale", params={"site": None})(lambda ctx: None)
    with pytest.raises(sg.NotFound, match="did you mean 'close-stale'") as unknown:
        quick.run_flow("close-stle")
    assert unknown.value.code == "not_found.flow"
    with pytest.raises(sg.ConfigError, match=r"no parameter 'sit'.*did you mean 'site'"):
        quick.run_flow("close-stale", {"sit": 1})
    with pytest.raises(sg.ConfigError, match="can't be put into JSON"):
        quick.run_flow("close-stale", {"site": object()})
    elsewhere = sg.Hub(quick._store.display)
    with pytest.raises(sg.NotFound, match="which this process has not loaded"):
        elsewhere.run_flow("close-stale")
    assert quick.runs() == []


@pytest.mark.parametrize(
    ("work", "code", "said"),
    [
        (
            lambda ctx: ctx.step("odd", lambda: {1, object()}),
            "data.step_result",
            "what step 'odd' returned can't be kept",
        ),
        (
            lambda ctx: ctx.step("odd", lambda: float("nan")),
            "data.step_result",
            "what step 'odd' returned can't be kept",
        ),
        (lambda ctx: ctx.step("odd", lambda: {("a", "b"): 1}), "data.step_result", "what step 'odd' returned"),
        (lambda ctx: ctx.step("big", lambda: "x" * (17 << 20)), "data.step_result", "16,777,216 at most"),
        (lambda ctx: [ctx.step("same", int) for _ in range(2)], "config.step", "step 'same' is used twice"),
        (lambda ctx: ctx.step("outer", lambda: ctx.step("inner", int)), "config.step", "inside of step 'outer'"),
        (lambda ctx: ctx.step(""), "config.step", "a step's name is ''"),
        (lambda ctx: ctx.step("x", int, retries=-1), "config.step", "retries of step 'x' is -1"),
        (lambda ctx: ctx.step("x", int, timeout=0), "config.flow", "timeout of step 'x' is 0"),
        (lambda ctx: ctx.log("x", "loud"), "config.level", "'loud' is no level"),
        (lambda ctx: list(ctx.batches([1], on_error="often")), "config.on_error", "on_error is 'often'"),
        (lambda ctx: list(ctx.batches([1], size=0)), "config.size", "size=0"),
        (lambda ctx: list(ctx.batches({"a": 1})), "config.records", "one dict"),
        (lambda ctx: ctx.read("nosuch", "WorkOrders"), "not_found.connection", "nosuch"),
    ],
)
def test_bad_input_of_a_flows_code_is_named(
    quick: sg.Hub, work: Callable[[sg.FlowContext], Any], code: str, said: str
) -> None:
    quick.flow("odd", retries=3)(work)
    run = quick.run_flow("odd")
    assert run.error is not None
    assert (run.status, run.error.code) == ("failed", code)
    assert said in run.error.message
    assert all(step.attempts == 1 for step in run.steps), "what can't get better is not tried again"


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_messages_have_a_limit_and_take_any_text(hub: sg.Hub) -> None:
    @hub.flow("chatty")
    def chatty(ctx: sg.FlowContext) -> None:
        ctx.log("zero \0 and lone \ud800")
        ctx.log("x" * 100_000)
        for number in range(1010):
            ctx.log(number)

    run = hub.run_flow("chatty").raise_for_error()
    said = texts(run)
    assert "zero \ufffd and lone ?" in said
    assert max(map(len, said)) <= 4000
    assert len(said) == 1002
    assert said[-2:] == ["there were more messages, which are left out", "ended: completed"]
