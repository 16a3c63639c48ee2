"""The hub's flows: defined here, begun here, and seen in the store by every process."""

from __future__ import annotations

import difflib
import json
import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.diagnosis import iso
from switchgear.errors import ConfigError, Conflict, NotFound
from switchgear.flows.context import FlowContext
from switchgear.flows.definition import Flow
from switchgear.flows.execution import Execution
from switchgear.flows.halting import Time
from switchgear.flows.runs import FlowRun

if TYPE_CHECKING:
    from switchgear.hub import Hub

RESUMED = ("failed", "cancelled")


@dataclass(frozen=True)
class FlowInfo:
    """A flow as the store knows it.

    Attributes:
        on: the type of the events that begin it; None: none does.
        source: where it is defined, `file:line`; "": no process has defined it, it was only run.
        next_at: when it is due.
        here: whether this process has defined it, and can run it.
        last: its last run.
    """

    name: str
    schedule: str
    timezone: str
    on: str | None
    source: str
    next_at: datetime | None
    here: bool
    last: FlowRun | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        last = None
        if self.last is not None:
            last = {name: self.last.to_dict()[name] for name in ("id", "status", "started_at", "finished_at", "error")}
        return {
            "name": self.name,
            "schedule": self.schedule,
            "timezone": self.timezone,
            "on": self.on,
            "source": self.source,
            "next_at": None if self.next_at is None else iso(self.next_at),
            "last_run": last,
        }

    def __repr__(self) -> str:
        when = " and ".join(filter(None, (self.schedule, self.on and f"on {self.on}"))) or "by hand"
        return f"<FlowInfo {self.name}, {when}: {'never run' if self.last is None else self.last.status}>"

    def _repr_html_(self) -> str:
        from switchgear.display import flow_html

        return flow_html(self)


class HubFlows:
    """What `hub.flow()` and its kin do. Threads may share it."""

    def __init__(self, hub: Hub, store: _core.Store, clock: _core.Clock | None) -> None:
        # The hub has this, and goes as soon as nobody has it.
        self._hub: Hub = weakref.proxy(hub)
        self._core_store = store
        self.store = _core.FlowStore(store)
        self.time = Time(clock)
        self._flows: dict[str, Flow] = {}
        self._under_way: set[Execution] = set()
        self._lock = threading.Lock()

    # -- what there is

    def add(self, flow: Flow) -> None:
        """Takes a flow in, and tells the store of it.

        Raises:
            Conflict (`conflict.flow`): there is one of this name.
        """
        with self._lock:
            known = self._flows.get(flow.name)
            if known is not None and not _is_the_same_anew(known, flow):
                raise Conflict(
                    f"there is a flow '{flow.name}' already, defined at {known.source}; this one is at {flow.source}",
                    code="conflict.flow",
                    hint="give one of them another name",
                )
            self._flows[flow.name] = flow
        at = flow.due.next_after(self.time.wall(), flow.timezone)
        self.store.plan(
            name=flow.name,
            event_type=flow.on or "",
            schedule=flow.schedule,
            timezone=flow.timezone,
            source=flow.source,
            next=None if at is None else at.timestamp(),
        )

    def defined(self) -> dict[str, Flow]:
        """Those of this process, by name."""
        with self._lock:
            return dict(self._flows)

    def get(self, name: str) -> Flow:
        """Raises NotFound (`not_found.flow`), with the nearest name, or with where it is defined."""
        flows = self.defined()
        if name in flows:
            return flows[name]
        elsewhere = next((plan for plan in self.store.plans() if plan.name == name and plan.source), None)
        near = difflib.get_close_matches(str(name), flows, n=1)
        if elsewhere is not None:
            message = f"flow '{name}' is defined at {elsewhere.source}, which this process has not loaded"
            hint = 'switchgear.toml names the files: [hub] flows = ["flows.py"]'
        else:
            message = f"there is no flow '{name}'"
            hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(flows)) or 'none'}"
        raise NotFound(message, code="not_found.flow", hint=hint)

    def infos(self) -> list[FlowInfo]:
        """See Hub.flows()."""
        here = self.defined()
        found = []
        for plan in self.store.plans():
            last = self.runs(plan.name, 1)
            found.append(
                FlowInfo(
                    name=plan.name,
                    schedule=plan.schedule,
                    timezone=plan.timezone,
                    on=plan.event_type or None,
                    source=plan.source,
                    next_at=plan.next_at,
                    here=plan.name in here,
                    last=last[0] if last else None,
                )
            )
        return found

    def runs(self, flow: str, limit: int) -> list[FlowRun]:
        """The latest first; "": of all flows."""
        return [FlowRun(row, self.store) for row in self.store.latest(flow, limit)]

    def row(self, run_id: str) -> _core.FlowRunRow:
        """As it is now. Raises NotFound."""
        return self.store.get(run_id)

    def run_of(self, run_id: str) -> FlowRun:
        """As it is now. Raises NotFound."""
        return FlowRun(self.row(run_id), self.store)

    # -- running

    def begin(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        *,
        cause: str = "manual",
        resume: bool | str = False,
        lease: float = 60.0,
        event_id: str = "",
        due: datetime | None = None,
        next_due: datetime | None = None,
    ) -> Execution | None:
        """An execution that is begun, or taken up, in the store, and is to be run by `run_execution()` at once.

        None: another process was first, for this event or this time.
        """
        flow = self.get(name)
        if lease <= 0:
            raise ConfigError(f"lease is {lease!r}; it must be more than 0 seconds", code="config.lease")
        taken_up = self._to_resume(flow, params, resume)
        values = flow.params_from(params) if taken_up is None else {}
        start = _core.FlowStart(
            flow=name,
            cause=cause,
            params_json=json.dumps(values, sort_keys=True),
            event_id=event_id,
            event_json=json.dumps(self._hub.events.get(event_id).to_dict()) if event_id else "",
            holder=f"{socket.gethostname()}:{os.getpid()}",
            lease=lease,
            concurrency=flow.concurrency,
            due=None if due is None else due.timestamp(),
            next=None if next_due is None else next_due.timestamp(),
        )
        if taken_up is None:
            core = _core.FlowExecution.begin(self._core_store, start)
        else:
            core = _core.FlowExecution.resume(self._core_store, taken_up, start)
        return None if core is None else Execution(self._hub, flow, core, self.time, lease)

    def _to_resume(self, flow: Flow, params: Mapping[str, Any] | None, resume: bool | str) -> str | None:
        """The id of the run that is to be taken up."""
        if isinstance(resume, str):
            return resume
        latest = self.store.latest(flow.name, 1) if resume else []
        if not latest or latest[0].status not in RESUMED:
            return None
        if params is not None and flow.params_from(params) != json.loads(latest[0].params_json):
            return None
        return str(latest[0].id)

    def run_execution(self, execution: Execution) -> FlowRun:
        """Runs what `begin()` gave, in this thread."""
        with self._under_way_here(execution):
            execution.run(lambda: execution.flow.function(FlowContext(execution)))
        return self.run_of(execution.id)

    @contextmanager
    def _under_way_here(self, execution: Execution) -> Iterator[None]:
        with self._lock:
            self._under_way.add(execution)
        try:
            yield
        finally:
            with self._lock:
                self._under_way.discard(execution)

    def run(
        self,
        name: str,
        params: Mapping[str, Any] | None,
        *,
        cause: str = "manual",
        resume: bool | str = True,
        lease: float = 60.0,
        begun: Callable[[str], object] | None = None,
    ) -> FlowRun:
        """See Hub.run_flow(); `begun` is told the run's id as soon as there is one."""
        execution = self.begin(name, params, cause=cause, resume=resume, lease=lease)
        if execution is None:
            raise RuntimeError("an execution without event and time is always begun")
        if begun is not None:
            begun(execution.id)
        return self.run_execution(execution)

    def stop(self) -> None:
        """Ends every execution here; it is taken up again by whoever runs flows next."""
        with self._lock:
            for execution in self._under_way:
                execution.stop()


def _is_the_same_anew(known: Flow, flow: Flow) -> bool:
    """A cell of a notebook that was run again, or a file that was loaded again."""
    if known.source == flow.source:
        return True
    before, now = known.function, flow.function
    interactive = not Path(flow.source.rpartition(":")[0]).exists()
    names = [(getattr(each, "__module__", ""), getattr(each, "__qualname__", "")) for each in (before, now)]
    return interactive and names[0] == names[1] and bool(names[0][1])
