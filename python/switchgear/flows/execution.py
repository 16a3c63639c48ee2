"""One execution of a flow in this process: its lease is renewed beside it, and how it ended is kept."""

from __future__ import annotations

import contextvars
import inspect
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from switchgear import _core
from switchgear.errors import Cancelled, Conflict, Error, InternalError, StoreError, TimeoutError
from switchgear.flows.halting import Overtaken, Stopped, Time, as_error, clean, error_text, too_late, traceback_of

if TYPE_CHECKING:
    from switchgear.flows.batches import Batch
    from switchgear.flows.definition import Flow
    from switchgear.hub import Hub

P = ParamSpec("P")
R = TypeVar("R")
TICK = 0.1
_SCOPE: contextvars.ContextVar[Scope | None] = contextvars.ContextVar("switchgear_flow", default=None)
LAST_SECONDS = 5.0
_log = logging.getLogger("switchgear.flows")


class FlowTooLate(TimeoutError):
    """The whole execution took too long: no step is tried again for that."""


@dataclass(eq=False)
class Scope:
    """Where a flow's code is: in a step, or, with the name "", outside of any.

    Attributes:
        owner: whose code it is.
        deadline: until when it may take, on the flow's clock.
        again: an earlier attempt may have sent what this one sends.
        batch: that is under way.
        loops, writes, emitted: how many there were, so that each has a number that is the same the next time.
    """

    owner: Execution
    name: str = ""
    deadline: float | None = None
    timeout: float = 0.0
    again: bool = False
    batch: Batch | None = None
    loops: int = 0
    writes: int = 0
    emitted: int = 0


@dataclass(eq=False)
class Execution:
    """Made by `Flows.begin()`; `run()` runs it, once, in the calling thread."""

    hub: Hub
    flow: Flow
    core: _core.FlowExecution
    time: Time
    lease: float

    def __post_init__(self) -> None:
        self.id = self.core.run.id
        self.lost = False
        self.stopping = threading.Event()
        self._ended = threading.Event()
        self._deadline = None if self.flow.timeout is None else self.time.now() + self.flow.timeout
        self._outside = Scope(self, again=self.core.run.token > 1)

    def stop(self) -> None:
        """It ends at what it does next with its context, or, where it is async, waits for next."""
        self.stopping.set()

    # -- what the context uses

    def scope(self) -> Scope:
        """Where its code is, in this task; a thread that knows of no task is outside of any step."""
        here = _SCOPE.get()
        return here if here is not None and here.owner is self else self._outside

    @contextmanager
    def inside(self, scope: Scope) -> Iterator[None]:
        """Its code is there, in this task, as long as it lasts."""
        token = _SCOPE.set(scope)
        try:
            yield
        finally:
            _SCOPE.reset(token)

    def check(self) -> None:
        """Raises where the flow may not go on."""
        if self.lost:
            raise Overtaken(self.id)
        if self.stopping.is_set():
            raise Stopped
        now = self.time.now()
        if self._deadline is not None and now > self._deadline and self.flow.timeout is not None:
            late = too_late(f"flow '{self.flow.name}'", self.flow.timeout)
            raise FlowTooLate(late.message, code=late.code, hint=late.hint)
        scope = self.scope()
        if scope.deadline is not None and now > scope.deadline:
            raise too_late(f"step '{scope.name}'", scope.timeout)

    def keep(self, write: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A write into the store, by which it is noticed that the execution is another's."""
        try:
            return write(*args, **kwargs)
        except Conflict as error:
            if error.code != "conflict.lease_lost":
                raise
            self.lost = True
            raise Overtaken(self.id) from error

    def say(self, level: str, text: str, **detail: Any) -> None:
        """A message of the run, which is in the program's log too."""
        step = self.scope().name
        _log.log(getattr(logging, level.upper()), "%s%s: %s", self.flow.name, f"/{step}" if step else "", text)
        self.keep(self.core.add_message, level, clean(step), clean(text), json.dumps(detail, default=repr))

    def sleep_until(self, moment: float) -> None:
        """Waits on the flow's clock, and ends early where the flow may not go on."""
        self.check()
        while (left := moment - self.time.now()) > 0:
            left = min([left, *(until - self.time.now() + 0.001 for until in self._deadlines())])
            if self.time.clock is None:
                self.stopping.wait(min(left, 1.0))  # in pieces, because the lease may be lost
            else:
                _core.sleep(self.time.clock, max(left, 0.001))
                self._renew_now()  # the thread that does it goes by real time
            self.check()

    async def asleep_until(self, moment: float) -> None:
        """As `sleep_until()`, for asyncio."""
        import asyncio

        self.check()
        while (left := moment - self.time.now()) > 0:
            if self.time.clock is None:
                await asyncio.sleep(min(left, TICK))
            else:
                self.sleep_until(moment)
                await asyncio.sleep(0)
            self.check()

    async def within(self, work: Awaitable[R]) -> R:
        """What it returns; it is cancelled where the flow, or the step that it is in, may not go on."""
        import asyncio

        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=TICK))[0]:
                self.check()
        except BaseException:
            task.cancel()
            await asyncio.wait({task}, timeout=LAST_SECONDS)
            raise
        return task.result()

    def _deadlines(self) -> list[float]:
        return [until for until in (self._deadline, self.scope().deadline) if until is not None]

    # -- running

    def run(self, function: Callable[[], Any]) -> None:
        """Runs it to its end. What the flow's code raises is kept, and not raised.

        Raises:
            Conflict (`conflict.lease_lost`): another process has it. StoreError: its end can't be kept.
            KeyboardInterrupt: after it was kept as cancelled.
        """
        with self._renewing():
            try:
                result = function()
                if inspect.isawaitable(result):
                    _in_a_loop(self.within, result)
                self.check()
            except BaseException as error:
                self._failed(error)
            else:
                self._renew_now()
                counts = self.hub._flows.row(self.id).counts
                whole = counts.failed + counts.unknown + counts.skipped == 0
                self.keep(self.core.finished, "completed" if whole else "partial", "", interrupted=False)

    def _failed(self, error: BaseException) -> None:
        import asyncio

        if self.lost:
            raise Overtaken(self.id) from error
        if self.stopping.is_set() and isinstance(error, (Stopped, asyncio.CancelledError)):
            self.keep(self.core.finished, "failed", _interrupted(self.core.run.holder), interrupted=True)
        elif isinstance(error, Exception):
            told = as_error(error)
            if not isinstance(error, Error):
                self.keep(self.core.add_message, "error", "", clean(traceback_of(error)), "{}")
            self.keep(self.core.finished, "failed", error_text(told), interrupted=False)
            _log.error("flow %s, run %s: %s", self.flow.name, self.id, told)
        else:
            said = Cancelled(f"ended by {type(error).__name__}", code="cancelled.interrupted")
            self.keep(self.core.finished, "cancelled", error_text(said), interrupted=False)
            if not isinstance(error, asyncio.CancelledError):
                raise error

    def _renew_now(self) -> None:
        if not self.core.renew():
            self.lost = True
            raise Overtaken(self.id)

    @contextmanager
    def _renewing(self) -> Iterator[None]:
        thread = threading.Thread(target=self._renew, name=f"switchgear-flow-{self.flow.name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _renew(self) -> None:
        while not self._ended.wait(self.lease / 3):
            try:
                self.lost = self.lost or not self.core.renew()
            except StoreError as error:
                _log.warning("the lease of run %s could not be renewed, which is tried again: %s", self.id, error)
            if self.lost:
                return


def _interrupted(holder: str) -> str:
    said = InternalError(
        f"the process that ran it ({holder}) was told to stop",
        code="failed.interrupted",
        hint="steps that were finished stay so; run the flow again, and it goes on behind them",
    )
    return error_text(said)


def _in_a_loop(drive: Callable[[Awaitable[Any]], Awaitable[Any]], work: Awaitable[Any]) -> None:
    """In a loop of its own; in another thread where this one has a loop that runs, such as a notebook's."""

    import asyncio

    async def main() -> None:
        await drive(work)

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(main())
        return
    with ThreadPoolExecutor(1, thread_name_prefix="switchgear-flow") as pool:
        pool.submit(contextvars.copy_context().run, asyncio.run, main()).result()
