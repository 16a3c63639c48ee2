"""What a flow's function is given: the hub's connections, steps, batches, events, messages and time."""

from __future__ import annotations

import datetime
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, overload

from switchgear.errors import ConfigError
from switchgear.events import StoredEvent
from switchgear.flows.batches import Batches
from switchgear.flows.execution import Execution
from switchgear.flows.steps import Step
from switchgear.request_values import instant_text
from switchgear.write import write_options, write_records

if TYPE_CHECKING:
    from switchgear.async_reader import AsyncReader
    from switchgear.connection import Connection
    from switchgear.flows.definition import Seconds
    from switchgear.reader import Reader
    from switchgear.syncs import Run
    from switchgear.write import WriteResult

LEVELS = ("info", "warning", "error")


class FlowContext:
    """Given to a flow's function. What it does may be stopped between two of its calls, and between two `await`s.

    Attributes:
        run_id: the execution's; the same when it is taken up again.
        flow: the flow's name.
        params: what it was begun with.
        event: what began it; None: a schedule, or somebody by hand.
    """

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._used: set[str] = set()
        row = execution.core.run
        self.run_id = row.id
        self.flow = row.flow
        self.params: Mapping[str, Any] = MappingProxyType(json.loads(row.params_json))
        self.event = event_from(json.loads(row.event_json)) if row.event_json else None

    # -- connections

    def connection(self, id: str) -> Connection:
        """A connection of the hub. Raises NotFound."""
        self._execution.check()
        return self._execution.hub.connection(id)

    def read(self, connection: str, entity: str, **options: Any) -> Reader:
        """As `Connection.read()`, without a bar."""
        return self.connection(connection).read(entity, **{"progress": False, **options})

    def aread(self, connection: str, entity: str, **options: Any) -> AsyncReader:
        """As `Connection.aread()`, without a bar."""
        return self.connection(connection).aread(entity, **{"progress": False, **options})

    def write(self, connection: str, entity: str, records: Any, **options: Any) -> WriteResult:
        """As `Connection.write()`: what the source refuses is in the result.

        Within a loop over `batches()` the outcomes count for the batch. What an earlier attempt may have sent is sent
        again only where that can't double it; else it is `unknown`.
        """
        plant = self.connection(connection)
        scope = self._execution.scope()
        batch = scope.batch
        if batch is None:
            number, scope.writes = scope.writes, scope.writes + 1
            key = f"{self.run_id}.{scope.name}.w{number}"
        else:
            key = f"{batch.key}.{len(batch._results)}"
        again = scope.again if batch is None else batch.again
        result = write_records(plant, entity, records, write_options(**options), None, job_id=key, maybe_sent=again)
        if batch is not None:
            batch._results.append(result)
        elif result.errors:
            first = result.errors[0]
            self._execution.say(
                "warning",
                f"{connection}/{entity}: {result.ok:,} ok, {result.failed:,} failed, {result.unknown:,} unknown, "
                f"{result.skipped:,} skipped; first: record {first.index} {first.state}: {first.code}: {first.message}",
            )
        return result

    async def awrite(self, connection: str, entity: str, records: Any, **options: Any) -> WriteResult:
        """As `write()`, for asyncio: in a thread, so that other tasks go on."""
        import asyncio

        return await asyncio.to_thread(functools.partial(self.write, connection, entity, records, **options))

    def sync(self, connection: str, entities: list[str] | None = None, *, full: bool = False) -> Run:
        """As `hub.sync()`, with "flow" as its cause."""
        self._execution.check()
        return self._execution.hub._syncs.run(connection, entities, full=full, cause="flow")

    # -- steps and batches

    @overload
    def step(
        self,
        name: str,
        work: None = None,
        *,
        retries: int | None = ...,
        timeout: Seconds | None = ...,
        wait: float = ...,
    ) -> Step: ...
    @overload
    def step(
        self,
        name: str,
        work: Callable[..., Any],
        *args: Any,
        retries: int | None = ...,
        timeout: Seconds | None = ...,
        wait: float = ...,
        **kwargs: Any,
    ) -> Any: ...
    def step(
        self,
        name: str,
        work: Callable[..., Any] | None = None,
        *args: Any,
        retries: int | None = None,
        timeout: Seconds | None = None,
        wait: float = 1.0,
        **kwargs: Any,
    ) -> Any:
        """Does something once in this execution: `rows = ctx.step("find", find)`, or as a decorator.

        What it returns is kept, as JSON, before anything else begins. When the execution is taken up again, a step that
        was finished is not done again, and what it returned is what was kept. Of an async function, what is returned
        has to be awaited.

        Args:
            name: of which there is one in the flow.
            work, args, kwargs: the function, and what it is given. None: a decorator, `@ctx.step("find", retries=3)`.
            retries: attempts after the first, where it raises; None: the flow's.
            timeout: seconds of one attempt. A plain function is stopped at the next call of `ctx`, an async one where
                it waits.
            wait: seconds before the second attempt, doubled for each further one, at most 60.

        Raises:
            ConfigError (`config.step`): for a name that was used, and a step inside a step.
            DataError (`data.step_result`): JSON has nothing for what it returned.
        """
        step = Step(self._execution, self._used, name, retries, timeout, wait)
        return step if work is None else step(work)(*args, **kwargs)

    def batches(self, records: Any, size: int = 50, delay: float = 0.5, on_error: str = "continue") -> Batches:
        """The records in batches: `for batch in ctx.batches(records): ctx.write("plant", "WorkOrders", batch)`.

        A batch is over when the loop's body is through, and that is kept: an execution that is taken up again goes on
        with the next one. The records must be the same then: let an earlier step return them.

        Args:
            records: dicts, or an iterator of them; anything with an Arrow stream: pandas, polars, a Reader.
            size: records a batch.
            delay: seconds between the end of a batch and the next one.
            on_error: "continue"; "stop" at the first batch with failures; or "10%", at the first after which more than
                that have failed. Then DataError (`data.records_failed`) is raised, and when the execution is taken up
                again, it begins with the records that failed.
        """
        return Batches(self._execution, records, size, delay, on_error)

    # -- events, messages, time

    def emit(self, type: str, data: Mapping[str, Any], *, connection_id: str | None = None) -> str:
        """Records an event, once, however often this place of the flow is reached. Returns its id."""
        execution = self._execution
        execution.check()
        scope = execution.scope()
        place = f"{self.run_id}/{scope.name}/{scope.emitted}/{type}"
        scope.emitted += 1
        id = "flow_" + hashlib.sha256(place.encode()).hexdigest()[:32]
        return execution.hub.events.emit(type, dict(data), connection_id=connection_id, id=id)

    def log(self, message: object, level: str = "info") -> None:
        """A message of the run: `hub.run(id).messages`, and the log `switchgear.flows`.

        Args:
            level: info, warning or error.
        """
        self._execution.check()
        if level not in LEVELS:
            raise ConfigError(f"'{level}' is no level of a message", code="config.level", hint=", ".join(LEVELS))
        self._execution.say(level, str(message))

    def sleep_until(self, when: datetime.datetime | str) -> None:
        """Waits. An execution that is taken up meanwhile waits for the same instant.

        Args:
            when: an instant with a time zone, or its text: "2026-11-27T22:00:00Z".
        """
        self._execution.sleep_until(self._moment(when))

    async def asleep_until(self, when: datetime.datetime | str) -> None:
        """As `sleep_until()`, for asyncio."""
        await self._execution.asleep_until(self._moment(when))

    def _moment(self, when: datetime.datetime | str) -> float:
        try:
            text = instant_text(when)
            instant = instant_from(text)
        except (AttributeError, TypeError, ValueError):
            instant = None
        if instant is None or instant.tzinfo is None:
            raise ConfigError(
                f"{when!r} is no instant with a time zone", code="config.instant", hint="'2026-11-27T22:00:00Z'"
            )
        time = self._execution.time
        return time.now() + (instant - time.wall()).total_seconds()


def event_from(told: Mapping[str, Any]) -> StoredEvent:
    """The event that `StoredEvent.to_dict()` tells of."""
    moments = {name: instant_from(told[name]) for name in ("occurred_at", "recorded_at")}
    return StoredEvent(**{**told, **moments})


def instant_from(text: str) -> datetime.datetime:
    """Of ISO 8601 in UTC."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
