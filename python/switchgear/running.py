"""The process that does it all: syncs and flows that are due, and what is queued, until it is told to stop."""

from __future__ import annotations

import logging
import random
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import Conflict, Error, InternalError, StoreError
from switchgear.flows.scheduling import FlowScheduler
from switchgear.retention import DEFAULT, removing
from switchgear.schedule import parse_schedule

if TYPE_CHECKING:
    from switchgear.hub import Hub
    from switchgear.sending import Deliveries
    from switchgear.sync_runs import SyncRuns

UTC = timezone.utc
LONGEST_BACKOFF = timedelta(hours=1)
STANDS_STILL = 60.0  # seconds
CLOCK_STEP = timedelta(seconds=1)  # what clocks are set back by without anybody's noticing
_log = logging.getLogger("switchgear.scheduler")


def next_sync(due: _core.SyncDue, now: datetime) -> tuple[datetime | None, timedelta | None]:
    """When a connection is to be synced next, and the usual distance of two syncs.

    After runs that failed in a row it is put off: to 2, 4, 8 … minutes from now where the schedule says sooner, and to
    an hour at most, so that a source that is away is not asked every few seconds.
    """
    schedule = parse_schedule(due.schedule)
    at = schedule.next_after(now, due.timezone, jitter_key=due.connection_id)
    period = schedule.period(due.timezone)
    if at is not None and due.failures > 0:
        wait = min(timedelta(minutes=2 ** min(due.failures, 10)), LONGEST_BACKOFF)
        at = max(at, now + wait)
    return at, period


class Scheduler:
    """Finds what is due and has it synced, at most `concurrency` connections at once. One per process is enough."""

    def __init__(
        self,
        statuses: _core.SyncStatusStore,
        sync: Callable[[str], object],
        *,
        concurrency: int = 4,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pool: Executor | None = None,
        connections: Callable[[], Iterable[_core.StoredConnection]] = tuple,
    ) -> None:
        self._statuses = statuses
        self._sync = sync
        self._now = now
        self._pool = pool or ThreadPoolExecutor(concurrency, thread_name_prefix="switchgear-sync")
        self._free = threading.Semaphore(concurrency)
        self._connections = connections
        self._looked_at: datetime | None = None
        self._busy: set[str] = set()
        self._lock = threading.Lock()

    def look(self) -> int:
        """Begins what is due and not under way here; returns how many. The next time is put down before it begins, so
        that a connection that was due several times is synced once, and a crash of a run does not repeat it at once."""
        begun = 0
        self._heed_the_clock()
        for due in self._statuses.due():
            with self._lock:
                if due.connection_id in self._busy:
                    continue
            now = self._now()
            known = due.next_sync_at
            if known is not None and not self._free.acquire(blocking=False):
                break  # it stays due
            self._plan(due, now)
            if known is None:
                continue  # new: its first time was worked out
            with self._lock:
                self._busy.add(due.connection_id)
            self._pool.submit(self._run, due)
            begun += 1
        return begun

    def _heed_the_clock(self) -> None:
        """A clock that was moved back, now or before this process began, would hold syncs up until what it then said:
        times that no schedule gives are worked out anew."""
        now, before = self._now(), self._looked_at
        self._looked_at = now
        if before is not None and now > before - CLOCK_STEP:
            return
        waiting = {each.connection_id: each.next_sync_at for each in self._statuses.all()}
        for row in self._connections():
            at = waiting.get(row.id)
            if at is None or not row.schedule or row.state != "active":
                continue
            expected = parse_schedule(row.schedule).next_after(now, row.timezone, jitter_key=row.id)
            if expected is None or at <= max(expected, now + LONGEST_BACKOFF):
                continue
            _log.warning("the clock was moved back: %s was to be synced at %s, and is at %s", row.id, at, expected)
            period = parse_schedule(row.schedule).period(row.timezone)
            self._statuses.set_next(row.id, expected.timestamp(), None if period is None else period.total_seconds())

    def _plan(self, due: _core.SyncDue, now: datetime) -> None:
        at, period = next_sync(due, now)
        self._statuses.set_next(
            due.connection_id,
            None if at is None else at.timestamp(),
            None if period is None else period.total_seconds(),
        )

    def _run(self, due: _core.SyncDue) -> None:
        try:
            self._sync(due.connection_id)
        except Conflict as error:
            _log.info("%s is synced by another process at the moment: %s", due.connection_id, error)
        except StoreError:
            pass  # the sync itself has said so
        except Error as error:
            _log.error("the sync of %s could not run: %s", due.connection_id, error)
        except Exception:
            _log.exception("the sync of %s could not run", due.connection_id)
        finally:
            with self._lock:
                self._busy.discard(due.connection_id)
            self._free.release()

    def close(self) -> None:
        """Waits for what is under way."""
        self._pool.shutdown(wait=True)


@contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    """SIGTERM and Ctrl-C call `stop`; again: again. Only the main thread hears them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_forever(
    hub: Hub, syncs: SyncRuns, *, concurrency: int, poll: float, workers: int, deliveries: Deliveries | None = None
) -> None:
    """See Hub.run_forever()."""
    ending = threading.Event()
    troubles = hub._troubles
    scheduler = Scheduler(
        syncs.statuses,
        lambda id: syncs.run(id, None, cause="schedule"),
        concurrency=concurrency,
        connections=hub._connections.all,
    )
    beside = [threading.Thread(target=_handle, args=(hub, ending, poll), name="switchgear-inbox")]
    if workers:
        beside.append(threading.Thread(target=_write, args=(hub, workers, ending), name="switchgear-writer"))
    if deliveries is not None:
        beside.append(threading.Thread(target=_send, args=(deliveries, ending), name="switchgear-sender"))
    flows = FlowScheduler(hub._flows)
    hub._ends.append(ending)  # before anything is done, so that who sees it done can end this
    with _signals(hub.stop), removing(hub._remove_old):
        for thread in beside:
            thread.start()
        try:
            looked = time.monotonic()
            while not ending.is_set():
                try:
                    if time.monotonic() - looked > poll + STANDS_STILL:
                        troubles.met(f"scheduler/{looked}", _stood_still(time.monotonic() - looked))
                    looked = time.monotonic()
                    scheduler.look()
                    flows.look()
                    troubles.tell()
                    troubles.over("store")
                except StoreError as error:
                    _log.warning("the store could not be asked, which is tried again: %s", error)
                    troubles.met("store", error)
                ending.wait(poll * random.uniform(0.9, 1.1))  # noqa: S311 - processes that began together drift apart
        finally:
            ending.set()
            hub._ends.remove(ending)
            scheduler.close()
            flows.close()
            for thread in beside:
                thread.join()


def _stood_still(seconds: float) -> InternalError:
    return InternalError(
        f"the scheduler stood still for {seconds:.0f} s, in which nothing was begun that was due",
        code="internal.scheduler",
        hint="look for what held this process or its store up at that time: a debugger, swapping, a backup",
    )


def _send(deliveries: Deliveries, ending: threading.Event) -> None:
    while not ending.is_set():
        try:
            deliveries.send(until_idle=False, ending=ending)
            return  # told to stop
        except StoreError as error:
            _log.warning("webhooks could not be sent, which is tried again: %s", error)
            ending.wait(5.0)


def handle_inbox(hub: Hub) -> None:
    """Handles webhooks that come, and nothing else, until `hub.stop()`."""
    ending = threading.Event()
    hub._ends.append(ending)
    try:
        _handle(hub, ending, 0.2)
    finally:
        hub._ends.remove(ending)


def _handle(hub: Any, ending: threading.Event, poll: float) -> None:
    inbox = hub.inbox
    while not ending.is_set():
        try:
            while inbox.work() and not ending.is_set():
                pass
        except StoreError as error:
            _log.warning("webhooks that came could not be handled, which is tried again: %s", error)
        ending.wait(poll)


def _write(hub: Any, workers: int, ending: threading.Event) -> None:
    while not ending.is_set():
        try:
            worker = _core.QueueWorker(hub._store, concurrency=workers)
            hub._work(worker, DEFAULT, ending)
            return  # told to stop
        except StoreError as error:
            _log.warning("queued writes could not go on, which is tried again: %s", error)
            ending.wait(5.0)
