"""Each call has a permit of its own, however calls overlap: threads, tasks, generators, stacks."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

import switchgear as sg
from switchgear.testing import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def breaker(clock: ManualClock) -> sg.CircuitBreaker:
    """Slow calls tell which permit a result came with."""
    return sg.CircuitBreaker(slow_call=10, min_calls=100, clock=clock)


def counts(breaker: sg.CircuitBreaker) -> tuple[int, int, int]:
    metrics = breaker.metrics
    return metrics.calls, metrics.failures, metrics.slow_calls


def test_with_counts_and_passes_on(breaker: sg.CircuitBreaker) -> None:
    with breaker as entered:
        assert entered is breaker
    with pytest.raises(ValueError, match="mine"), breaker:
        raise ValueError("mine")
    assert counts(breaker) == (2, 1, 0)


def test_with_raises_when_open_and_does_not_run(breaker: sg.CircuitBreaker) -> None:
    breaker.force_open()
    with pytest.raises(sg.CircuitOpenError, match="forced_open"), breaker:
        pytest.fail("it ran")
    assert breaker.metrics.refused == 1


def test_nested_blocks(breaker: sg.CircuitBreaker, clock: ManualClock) -> None:
    with breaker:
        clock.advance(11)
        with breaker, pytest.raises(ValueError, match="inner"), breaker:
            raise ValueError("inner")
    assert counts(breaker) == (3, 1, 1), "only the outermost took longer than ten seconds"


def test_tasks_on_one_thread_do_not_swap_permits(breaker: sg.CircuitBreaker, clock: ManualClock) -> None:
    async def first(entered: asyncio.Event, leave: asyncio.Event) -> None:
        with breaker:
            entered.set()
            await leave.wait()

    async def main() -> None:
        entered, leave = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(first(entered, leave))
        await entered.wait()
        clock.advance(11)
        async with breaker:  # enters later, and leaves later than the first
            leave.set()
            await task
            assert counts(breaker) == (1, 0, 1), "the first to enter is the slow one"
        assert counts(breaker) == (2, 0, 1)

    asyncio.run(main())


def test_tasks_that_share_a_context_do_not_swap_permits(breaker: sg.CircuitBreaker, clock: ManualClock) -> None:
    """Steps of two coroutines in one context, as asyncio runs those with an explicit `context=`."""

    class Pause:
        def __await__(self) -> Generator[None, None, None]:
            yield

    async def work() -> None:
        with breaker:
            await Pause()

    slow, quick = work(), work()
    slow.send(None)
    clock.advance(11)
    quick.send(None)
    for coroutine, expected in ((slow, (1, 0, 1)), (quick, (2, 0, 1))):
        with pytest.raises(StopIteration):
            coroutine.send(None)
        assert counts(breaker) == expected


def test_generators_do_not_swap_permits(breaker: sg.CircuitBreaker, clock: ManualClock) -> None:
    def work() -> Iterator[None]:
        with breaker:
            yield

    slow = work()
    next(slow)
    clock.advance(11)
    quick = work()
    next(quick)
    assert next(slow, "end") == "end"
    assert counts(breaker) == (1, 0, 1)
    assert next(quick, "end") == "end"
    assert counts(breaker) == (2, 0, 1)


def test_a_generator_that_is_dropped_counts_nothing(clock: ManualClock) -> None:
    breaker = sg.CircuitBreaker(half_open_calls=1, min_calls=1, clock=clock)
    breaker.acquire().failure()
    clock.advance(30)

    def work() -> Generator[None, None, None]:
        with breaker:
            yield

    generator = work()
    next(generator)
    with pytest.raises(sg.CircuitOpenError):
        breaker.acquire()
    generator.close()
    assert breaker.metrics.calls == 0
    breaker.acquire().success()
    assert breaker.state == "closed"


def test_a_cancelled_task_counts_nothing_and_gives_its_permit_back(clock: ManualClock) -> None:
    breaker = sg.CircuitBreaker(half_open_calls=1, min_calls=1, clock=clock)
    breaker.acquire().failure()
    clock.advance(30)

    async def main() -> None:
        entered = asyncio.Event()

        async def work() -> None:
            async with breaker:
                entered.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert (breaker.state, breaker.metrics.calls) == ("half_open", 0)
    breaker.acquire().success()
    assert breaker.state == "closed"


def test_stacks_call_the_methods_as_functions(breaker: sg.CircuitBreaker) -> None:
    def enter_and_fail(stack: ExitStack) -> None:
        assert stack.enter_context(breaker) is breaker
        stack.enter_context(breaker)
        raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"), ExitStack() as stack:
        enter_and_fail(stack)
    assert counts(breaker) == (2, 2, 0)

    async def main() -> None:
        async with AsyncExitStack() as stack:
            assert await stack.enter_async_context(breaker) is breaker
            stack.enter_context(breaker)

    asyncio.run(main())
    assert counts(breaker) == (4, 2, 0)


def test_stacks_of_two_tasks_do_not_swap_permits(breaker: sg.CircuitBreaker, clock: ManualClock) -> None:
    async def first(entered: asyncio.Event, leave: asyncio.Event) -> None:
        with ExitStack() as stack:
            stack.enter_context(breaker)
            entered.set()
            await leave.wait()

    async def main() -> None:
        entered, leave = asyncio.Event(), asyncio.Event()
        task = asyncio.create_task(first(entered, leave))
        await entered.wait()
        clock.advance(11)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(breaker)
            leave.set()
            await task
            assert counts(breaker) == (1, 0, 1)

    asyncio.run(main())
    assert counts(breaker) == (2, 0, 1)


def test_the_methods_by_hand(breaker: sg.CircuitBreaker) -> None:
    assert hasattr(breaker, "__enter__")
    assert hasattr(breaker, "__exit__")
    breaker.__enter__()
    with breaker:
        pass
    assert counts(breaker) == (1, 0, 0)
    leave = breaker.__exit__
    with breaker:
        pass
    leave(None, None, None)
    assert counts(breaker) == (3, 0, 0)
    with pytest.raises(RuntimeError, match="without its __enter__"):
        breaker.__exit__(None, None, None)
    with pytest.raises(TypeError):
        breaker.__exit__(None)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        type(breaker).__enter__(object())  # type: ignore[type-var]


def test_looking_at_the_methods_takes_no_permit(clock: ManualClock) -> None:
    breaker = sg.CircuitBreaker(min_calls=1, clock=clock)
    breaker.acquire().failure()
    clock.advance(30)
    for name in dir(breaker):
        getattr(breaker, name)
    assert breaker.state == "open"
    assert breaker.metrics.refused == 0


def test_two_breakers_in_one_with(breaker: sg.CircuitBreaker) -> None:
    other = sg.CircuitBreaker(min_calls=100)
    with pytest.raises(ValueError, match="both"), breaker, other, breaker:
        raise ValueError("both")
    assert counts(breaker) == (2, 2, 0)
    assert counts(other) == (1, 1, 0)


def test_permits_end_in_any_order_and_once(breaker: sg.CircuitBreaker, clock: ManualClock) -> None:
    slow, quick = breaker.acquire(), breaker.acquire()
    quick.success(0)
    clock.advance(11)
    slow.failure(ValueError())
    slow.success()
    quick.failure()
    assert counts(breaker) == (2, 1, 1)
    assert "ended" in repr(slow)


def test_a_permit_outlives_every_other_reference(clock: ManualClock) -> None:
    permit = sg.CircuitBreaker(clock=clock).acquire()
    gc.collect()
    assert not permit.stale
    permit.failure()
    assert permit.stale


def test_a_breaker_with_a_listener_about_itself_is_collected() -> None:
    def used_and_dropped() -> weakref.ref[sg.CircuitBreaker]:
        breaker = sg.CircuitBreaker(open_for=lambda n: n, classify=lambda error: None)
        breaker.on_event(lambda event: breaker.metrics)
        with breaker:
            pass
        return weakref.ref(breaker)

    gone = used_and_dropped()
    gc.collect()
    assert gone() is None


def test_with_leaks_nothing(breaker: sg.CircuitBreaker) -> None:
    import sys

    def enter_often() -> None:
        for _ in range(1000):
            with breaker:
                pass

    async def enter_async() -> None:
        for _ in range(1000):
            async with breaker:
                pass

    enter_often()
    asyncio.run(enter_async())
    references, blocks = sys.getrefcount(breaker), sys.getallocatedblocks()
    enter_often()
    asyncio.run(enter_async())
    assert sys.getrefcount(breaker) == references
    assert abs(sys.getallocatedblocks() - blocks) < 500


def test_threads_keep_exact_counts() -> None:
    breaker = sg.CircuitBreaker(window=1_000_000, min_calls=1_000_000)
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait(60)
        for call in range(2000):
            try:
                with breaker:
                    if call % 4 == number % 4:
                        raise ConnectionError
            except ConnectionError:
                pass

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = breaker.metrics
    assert (metrics.calls, metrics.failures) == (16_000, 4_000)
    assert (metrics.total_calls, metrics.total_failures) == (16_000, 4_000)


# -- call() and the decorator


def test_call_passes_arguments_and_results(breaker: sg.CircuitBreaker) -> None:
    def work(a: int, *, b: int) -> tuple[int, int]:
        return a, b

    assert breaker.call(work, 1, b=2) == (1, 2)
    with pytest.raises(ZeroDivisionError):
        breaker.call(divmod, 1, 0)
    assert counts(breaker) == (2, 1, 0)


def test_call_of_an_async_function_lasts_until_it_is_awaited(breaker: sg.CircuitBreaker) -> None:
    async def fails() -> int:
        await asyncio.sleep(0)
        raise ValueError("late")

    async def main() -> None:
        pending = breaker.call(fails)
        assert counts(breaker) == (0, 0, 0)
        with pytest.raises(ValueError, match="late"):
            await pending

    asyncio.run(main())
    assert counts(breaker) == (1, 1, 0)


def test_an_awaited_call_may_be_refused_when_its_turn_comes(breaker: sg.CircuitBreaker) -> None:
    async def never() -> None:
        pytest.fail("it ran")

    async def main() -> None:
        pending = breaker.call(never)
        breaker.force_open()
        with pytest.raises(sg.CircuitOpenError):
            await pending

    asyncio.run(main())
    assert counts(breaker) == (0, 0, 0)


def test_classify_does_not_hear_of_what_is_only_awaited_later() -> None:
    heard: list[BaseException] = []

    def classify(error: BaseException) -> None:
        heard.append(error)

    async def works() -> int:
        return 7

    assert asyncio.run(sg.CircuitBreaker(classify=classify).call(works)) == 7
    assert not heard


def test_the_decorator_takes_every_kind_of_function(breaker: sg.CircuitBreaker) -> None:
    @breaker
    def plain(value: int) -> int:
        """Doubles."""
        return 2 * value

    @breaker
    async def coroutine(value: int) -> int:
        await asyncio.sleep(0)
        return 2 * value

    @breaker
    def generator() -> Iterator[int]:
        yield 1
        assert counts(breaker)[0] == 1, "it is not over yet"
        yield 2

    @breaker
    async def async_generator() -> AsyncIterator[int]:
        yield 1
        raise ValueError("late")

    async def main() -> None:
        assert await coroutine(4) == 8
        with pytest.raises(ValueError, match="late"):
            [item async for item in async_generator()]

    assert plain(3) == 6
    assert (plain.__name__, plain.__doc__) == ("plain", "Doubles.")
    assert list(generator()) == [1, 2]
    asyncio.run(main())
    assert counts(breaker) == (4, 1, 0)


def test_a_decorated_method(breaker: sg.CircuitBreaker) -> None:
    class Erp:
        @breaker
        def ask(self, what: str) -> str:
            return what.upper()

    assert Erp().ask("x") == "X"
    assert counts(breaker) == (1, 0, 0)


# -- what counts as what


@pytest.mark.parametrize(
    ("error", "failures", "calls"),
    [
        (sg.OfflineError("x", code="offline.connect"), 1, 1),
        (sg.TimeoutError("x"), 1, 1),
        (sg.ServerError("x"), 1, 1),
        (sg.ServerError("x", category="unavailable"), 1, 1),
        (ValueError("x"), 1, 1),
        (sg.NotFound("x"), 0, 0),
        (sg.BadRequest("x"), 0, 0),
        (sg.Conflict("x"), 0, 0),
        (sg.PermissionDenied("x"), 0, 0),
        (sg.RateLimited("x"), 0, 0),
        (sg.Cancelled("x"), 0, 0),
        (KeyboardInterrupt(), 0, 0),
        (SystemExit(), 0, 0),
    ],
    ids=repr,
)
def test_what_an_exception_counts_as(error: BaseException, failures: int, calls: int) -> None:
    breaker = sg.CircuitBreaker()
    with pytest.raises(type(error)), breaker:
        raise error
    breaker.acquire().failure(error)
    metrics = breaker.metrics
    assert (metrics.failures, metrics.calls) == (2 * failures, 2 * calls)


def test_classify_decides_or_leaves_it() -> None:
    said: dict[type[BaseException], str] = {KeyError: "neutral", ValueError: "success"}
    breaker = sg.CircuitBreaker(classify=lambda error: said.get(type(error)))
    for error in (KeyError(), ValueError(), TypeError(), sg.NotFound("x")):
        with pytest.raises(type(error)), breaker:
            raise error
    assert counts(breaker) == (2, 1, 0)


def test_classify_with_another_word_is_told() -> None:
    breaker = sg.CircuitBreaker(classify=lambda error: "bad")
    with pytest.raises(sg.ConfigError, match="'bad'"), breaker:
        raise ValueError
    assert counts(breaker) == (0, 0, 0)


def test_retry_after_lengthens_the_wait(clock: ManualClock) -> None:
    breaker = sg.CircuitBreaker(min_calls=1, open_for=5, clock=clock)
    with pytest.raises(sg.ServerError), breaker:
        raise sg.ServerError("maintenance", category="unavailable", retry_after=120)
    assert breaker.metrics.retry_after == 120
    breaker.reset()
    with pytest.raises(sg.ServerError), breaker:
        raise sg.ServerError("short", retry_after=1)
    assert breaker.metrics.retry_after == 5


@pytest.mark.parametrize("wait", [float("nan"), float("inf"), -1, 1e300, "soon", True])
def test_a_hostile_retry_after_changes_nothing(clock: ManualClock, wait: Any) -> None:
    breaker = sg.CircuitBreaker(min_calls=1, open_for=5, clock=clock)
    with pytest.raises(sg.ServerError), breaker:
        raise sg.ServerError("x", retry_after=wait)
    assert breaker.metrics.retry_after == 5


def test_open_for_as_a_function(clock: ManualClock) -> None:
    asked: list[int] = []

    def open_for(n: int) -> float:
        asked.append(n)
        assert erp.state == "open", "it may look at the breaker"
        return 2.0 * n

    erp = sg.CircuitBreaker(min_calls=1, open_for=open_for, half_open_calls=1, clock=clock)
    erp.acquire().failure()
    for wait in (2, 4, 6):
        assert erp.metrics.retry_after == wait
        clock.advance(wait)
        erp.acquire().failure()
    assert asked == [1, 2, 3, 4]


@pytest.mark.parametrize("wait", [float("nan"), "soon", None])
def test_an_open_for_that_makes_no_sense_is_logged(
    clock: ManualClock, wait: Any, caplog: pytest.LogCaptureFixture
) -> None:
    breaker = sg.CircuitBreaker(name="erp", min_calls=1, open_for=lambda n: wait, clock=clock)
    breaker.acquire().failure()
    assert breaker.metrics.retry_after == 30
    assert "erp" in caplog.text


# -- events


def test_events_in_order_with_their_rates(clock: ManualClock) -> None:
    breaker = sg.CircuitBreaker(name="erp", min_calls=2, half_open_calls=1, clock=clock)
    events: list[Any] = []
    breaker.on_event(events.append)
    breaker.acquire().success()
    breaker.acquire().failure()
    with pytest.raises(sg.CircuitOpenError):
        breaker.acquire()
    clock.advance(30)
    breaker.acquire().success()
    assert [(event.kind, event.from_state, event.to_state, event.rate) for event in events] == [
        ("failure_rate_exceeded", "closed", "closed", 0.5),
        ("state_changed", "closed", "open", 0.0),
        ("call_refused", "open", "open", 0.0),
        ("state_changed", "open", "half_open", 0.0),
        ("state_changed", "half_open", "closed", 0.0),
    ]
    assert {event.breaker for event in events} == {"erp"}
    assert events[-1].at - events[0].at == 30


def test_a_listener_that_raises_is_logged_and_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    breaker = sg.CircuitBreaker(name="erp", min_calls=1)
    heard: list[str] = []

    def broken(event: object) -> None:
        raise LookupError("the listener is broken")

    breaker.on_event(broken)
    breaker.on_event(lambda event: heard.append(event.kind))
    with pytest.raises(ValueError, match="mine"), breaker:
        raise ValueError("mine")
    assert breaker.state == "open"
    assert heard == ["failure_rate_exceeded", "state_changed"]
    assert "the listener is broken" in caplog.text


def test_reading_fires_nothing(clock: ManualClock) -> None:
    breaker = sg.CircuitBreaker(min_calls=1, clock=clock)
    breaker.acquire().failure()
    events: list[object] = []
    breaker.on_event(events.append)
    clock.advance(31)
    assert (str(breaker.state), breaker.metrics.retry_after) == ("open", 0)
    assert "open" in repr(breaker)
    assert "open" in breaker._repr_html_()
    assert not events


def test_html_escapes_the_name() -> None:
    html = sg.CircuitBreaker(name="<b>erp</b>")._repr_html_()
    assert "&lt;b&gt;erp&lt;/b&gt;" in html
    assert "<td>0 (0%)</td>" in html
