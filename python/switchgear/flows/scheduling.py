"""What begins flows by itself: their schedules, events, and executions whose process died."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from switchgear.errors import Conflict, Error, StoreError

if TYPE_CHECKING:
    from switchgear.flows.definition import Flow
    from switchgear.flows.execution import Execution
    from switchgear.flows.hub_flows import HubFlows

# A flow that kills its process each time is not taken up for ever; by hand it still is.
MOST_TAKEN_UP = 10
_log = logging.getLogger("switchgear.scheduler")


class FlowScheduler:
    """Begins what is due, each execution on a thread of its own. One per process is enough; used from one thread."""

    def __init__(self, flows: HubFlows, *, lease: float = 60.0) -> None:
        self._flows = flows
        self._lease = lease
        self._threads: list[tuple[str, threading.Thread]] = []

    def look(self) -> int:
        """Begins what is due; returns how many."""
        self._threads = [(name, thread) for name, thread in self._threads if thread.is_alive()]
        flows = self._flows.defined()
        if not flows:
            return 0
        return self._take_up(flows) + self._by_schedule(flows) + self._by_events(flows)

    def _take_up(self, flows: dict[str, Flow]) -> int:
        begun = 0
        for row in self._flows.store.interrupted():
            if row.flow in flows and row.token < MOST_TAKEN_UP and self._is_free(flows[row.flow]):
                begun += self._begin(row.flow, resume=row.id)
        return begun

    def _by_schedule(self, flows: dict[str, Flow]) -> int:
        begun = 0
        now = self._flows.time.wall()
        for plan in self._flows.store.plans():
            flow = flows.get(plan.name)
            if flow is None or plan.next_at is None or plan.next_at > now:
                continue
            if (flow.schedule, flow.timezone) != (plan.schedule, plan.timezone):
                continue  # another process has defined it otherwise since
            after = flow.due.next_after(now, flow.timezone)
            begun += self._begin(flow.name, cause="schedule", due=plan.next_at, next_due=after)
        return begun

    def _by_events(self, flows: dict[str, Flow]) -> int:
        begun = 0
        for flow in flows.values():
            free = self._free(flow)
            if flow.on is None or free < 1:
                continue  # the events wait
            for id in self._flows.store.pending_events(flow.name, free):
                begun += self._begin(flow.name, cause="event", event_id=id)
        return begun

    def _is_free(self, flow: Flow) -> bool:
        return self._free(flow) > 0

    def _free(self, flow: Flow) -> int:
        """How many more of it may be under way here."""
        return flow.concurrency - sum(name == flow.name and thread.is_alive() for name, thread in self._threads)

    def _begin(self, name: str, **how: object) -> int:
        try:
            execution = self._flows.begin(name, lease=self._lease, **how)  # type: ignore[arg-type]
        except Conflict as error:
            _log.info("flow %s is not begun: %s", name, error)
            return 0
        except StoreError:
            raise
        except Error as error:
            _log.error("flow %s can't be begun: %s", name, error)
            return 0
        if execution is None:
            return 0
        thread = threading.Thread(target=self._run, args=(execution,), name=f"switchgear-flow-{name}-run")
        self._threads.append((name, thread))
        thread.start()
        return 1

    def _run(self, execution: Execution) -> None:
        try:
            self._flows.run_execution(execution)
        except Error as error:
            _log.error("run %s of flow %s can't be told to its end: %s", execution.id, execution.flow.name, error)
        except BaseException:  # a flow's own SystemExit, too: it ends the run, not the process
            _log.exception("run %s of flow %s", execution.id, execution.flow.name)

    def close(self) -> None:
        """Waits for what is under way."""
        for _, thread in self._threads:
            thread.join()
