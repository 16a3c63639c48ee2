"""What a hub does with flows: defines them, and runs them."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from switchgear.flows.definition import define

if TYPE_CHECKING:
    from switchgear.flows.hub_flows import FlowInfo, HubFlows
    from switchgear.flows.runs import FlowRun

F = TypeVar("F", bound=Callable[..., Any])


class FlowMethods:
    """The part of a `Hub` that is about flows. Threads may share it."""

    _flows: HubFlows

    def flow(
        self,
        name: str,
        *,
        schedule: str | datetime.timedelta = "",
        timezone: str = "UTC",
        on: str | None = None,
        concurrency: int = 1,
        retries: int = 0,
        timeout: float | datetime.timedelta | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> Callable[[F], F]:
        """Defines a flow: `@hub.flow("close-stale", schedule="0 6 * * *")` above `def close_stale(ctx)`, async or not.

        `run_flow()` runs it, and `run_forever()` does when it is due. Each execution is a run, which goes on behind its
        finished steps when it is taken up again: see `FlowContext`. The function stays as it is.

        Args:
            schedule: cron's five fields, or an interval, as connections have it; "": by hand.
            timezone: of the schedule.
            on: the type of the events each of which begins it once: "workorder.urgent".
            concurrency: executions that may be under way at once, in all processes of the store.
            retries: attempts after the first of each step that does not say otherwise.
            timeout: that an execution may take each time that it is begun or taken up.
            params: its parameters and what they are when not given; None: any may be given.

        Raises:
            ConfigError: for what can't be meant, naming it. Conflict (`conflict.flow`): there is one of this name.
        """

        def defined(function: F) -> F:
            self._flows.add(
                define(
                    function,
                    name,
                    schedule=schedule,
                    timezone=timezone,
                    on=on,
                    concurrency=concurrency,
                    retries=retries,
                    timeout=timeout,
                    params=params,
                )
            )
            return function

        return defined

    def flows(self) -> list[FlowInfo]:
        """The flows that processes of this store have defined, by name, with their last runs."""
        return self._flows.infos()

    def run_flow(
        self,
        name: str,
        params: Mapping[str, Any] | None = None,
        *,
        resume: bool | str = True,
        lease: float = 60.0,
    ) -> FlowRun:
        """Runs a flow in this thread, and returns what became of it.

        Args:
            params: its parameters.
            resume: goes on with its last execution where that failed, was interrupted or cancelled, and had the same
                parameters (or `params` is None). False: begins anew. A run's id: goes on with that one.
            lease: seconds after which another process may take over from a dead one; renewed while it goes on.

        Returns:
            The run. What the flow raised is in it: `run.raise_for_error()`.

        Raises:
            NotFound: there is no such flow, or run. ConfigError: it has no such parameter.
            Conflict: as many executions as may are under way (`conflict.flow_busy`), the run has come to its end
                (`conflict.flow_ended`), or another process has taken it up (`conflict.lease_lost`).
        """
        return self._flows.run(name, params, resume=resume, lease=lease)
