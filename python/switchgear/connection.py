"""Connections: a configured connector that can be checked, asked for its entities, and read."""

from __future__ import annotations

import datetime
import inspect
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from switchgear import _core
from switchgear.core_news import Listeners
from switchgear.diagnosis import ConnectionStatus, Diagnosis, Health, LoggedError, StatusChange
from switchgear.entities import Entities, Entity
from switchgear.errors import ConfigError
from switchgear.network import HasTransport
from switchgear.reader import Reader
from switchgear.registry import registry
from switchgear.request_values import Where, at_least, conditions_json, instant_text, json_value, order_json, raw
from switchgear.schema import SchemaArgument, schema_options
from switchgear.specification import Specification, guard_of

if TYPE_CHECKING:
    from switchgear._core import BreakerEvent
    from switchgear.async_reader import AsyncReader
    from switchgear.write import WriteProgress, WriteResult

P = ParamSpec("P")
T = TypeVar("T")


def _taking_arguments_of(other: Callable[P, Any]) -> Callable[[Callable[..., T]], Callable[P, T]]:
    """The function has the parameters of `other`, for type checkers and for help()."""

    def give(function: Callable[..., T]) -> Callable[P, T]:
        signature = inspect.signature(other).replace(return_annotation=function.__annotations__["return"])
        function.__signature__ = signature  # type: ignore[attr-defined]
        return function

    return give


class Connection:
    """A configured connector. Made by `connect()`; may be used from any thread; nothing is sent before it is asked
    something.
    """

    def __init__(
        self, specification: Specification, transport: HasTransport | None = None, clock: _core.Clock | None = None
    ) -> None:
        self._specification = specification
        self._transport = transport
        self._clock = clock
        plugin = registry().load(specification.connector, specification.sha256)
        redactor = self._redactor = _core.Redactor()
        tls: dict[str, Any] = asdict(specification.tls)
        if specification.auth is not None:
            tls = specification.auth._tls(tls, redactor)
        options = _core.TransportOptions(
            **asdict(specification.timeout),
            tls=_core.TlsOptions(**tls),
            proxy=specification.proxy,
            max_reply_bytes=specification.max_reply_bytes,
        )
        live = transport._transport(options, redactor) if transport is not None else _core.Transport(options)
        connection_id = specification.id or plugin.manifest.name
        auth = None
        if specification.auth is not None:
            auth = specification.auth._authenticator(redactor, live, connection_id)
        self._core = _core.Connection(
            plugin=plugin,
            id=connection_id,
            config_json=json.dumps(specification.config, default=json_value),
            secrets=dict(specification.secrets),
            auth=auth,
            redactor=redactor,
            transport=live,
            guard=guard_of(specification),
            clock=clock,
        )
        self._listeners = Listeners(self._core)

    @property
    def id(self) -> str:
        """Its name in logs, errors and tables."""
        return self._core.id

    @property
    def connector(self) -> str:
        """The connector's name."""
        return self._core.manifest.name

    def explain(self) -> str:
        """What each request passes on its way, in order and with all parameters; for people."""
        return self._core.explain()

    def check(self, entities: Sequence[str] | None = None) -> Health:
        """Asks the source whether it is there, takes the credentials, and lets its entities be read.

        One record of each entity is read. What is wrong with the source is in the result: `online`, `cause`,
        `next_step`, `error`; `steps`, one for each stage with its milliseconds; `entities`, what became of each.

        Args:
            entities: look at these; None: the first 20; []: none.

        Raises:
            NotFound: for an entity that there is not.
        """
        return self._core.check(None if entities is None else list(entities))

    async def acheck(self, entities: Sequence[str] | None = None) -> Health:
        """As `check()`, for asyncio: only this task waits, and cancelling it ends the requests in flight."""
        from switchgear.event_loop import result_of

        health: Health = await result_of(self._core.start_check(None if entities is None else list(entities)))
        return health

    def status(self) -> ConnectionStatus:
        """How the connection is, and since when, from what its calls and checks met. Sends nothing.

        `state` is unknown, online, degraded (some entity fails), offline, auth_required, paused or disconnected.
        """
        return self._core.status()

    def on_status(self, listener: Callable[[StatusChange], object]) -> Callable[[StatusChange], object]:
        """Calls `listener` with each transition from one state to another: `from_state`, `to_state`, `at`, `error`.

        In order, on a thread that waits for this or any other connection, soon after it happened; it may call anything
        here. What it raises is logged. Returns the listener, so that it can be used as a decorator.
        """
        self._listeners.on_status(listener)
        return listener

    def on_event(self, listener: Callable[[BreakerEvent], object]) -> Callable[[BreakerEvent], object]:
        """Calls `listener` with each event of the connection's breakers, also of those still to be made; otherwise as
        `on_status()`.
        """
        self._listeners.on_event(listener)
        return listener

    def diagnose(self, *, probe: bool | None = None, entities: Sequence[str] | None = None) -> Diagnosis:
        """Why the connection is not well.

        The result has what is hit (`scope`, `affected`), the likely `cause`, `evidence`, and `next_steps`.

        Args:
            probe: check the source for it; None: only where the recent errors say too little.
            entities: what a check looks at, as in `check()`.
        """
        return self._core.diagnose(probe, None if entities is None else list(entities))

    def errors(self) -> list[LoggedError]:
        """What the calls met lately, one for each entity, operation and code, the latest first.

        Kept in memory, at most 200; what another attempt got over is there too (`recovered`).
        """
        return self._core.errors()

    def pause(self) -> None:
        """Sends nothing more until `resume()`: calls raise CircuitOpenError (`circuit_open.paused`)."""
        self._core.pause()

    def resume(self) -> None:
        """Lets calls through again after `pause()`."""
        self._core.resume()

    def entities(self, refresh: bool = False) -> Entities:
        """What the source has. Asked once; `refresh=True` asks again. Raises `Error` when the source can't be asked."""
        return self._entities(self._core.entities(refresh))

    async def aentities(self, refresh: bool = False) -> Entities:
        """As `entities()`, for asyncio: only this task waits, and cancelling it ends the request in flight."""
        from switchgear.event_loop import result_of

        return self._entities(await result_of(self._core.start_entities(refresh)))

    def _entities(self, found: Iterable[_core.EntityInfo]) -> Entities:
        return Entities(
            (Entity(info.name, tuple(info.fields), tuple(info.key), info.cursor, tuple(info.ops)) for info in found),
            self.id,
        )

    def read(
        self,
        entity: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where = None,
        order: Sequence[tuple[str, str] | str] | None = None,
        modified_after: str | datetime.date | None = None,
        cursor: str | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        token: str | None = None,
        parallel: int = 1,
        ordered: bool = True,
        prefetch: int = 2,
        max_bytes: int = 64 << 20,
        count: bool = False,
        schema: SchemaArgument = None,
        nested: str | None = None,
        progress: Any = None,
    ) -> Reader:
        """The records of an entity, page by page or all at once. Nothing is sent before the reader is used.

        Args:
            entity: its name; an unknown one raises NotFound with the nearest, when the reader is used.
            columns: these only, in this order. None: all.
            where: conditions that must all hold, `[("Status", "=", "OPEN"), ("Priority", "in", [1, 2])]`, with =, !=,
                <, <=, >, >=, in. What the source can't be asked for is applied to the columns that come, as
                `explain()` says; a null is equal to nothing but null. Or `sg.raw("…")`, the source's own language:
                Unsupported where the connector can't pass it on.
            order: `["ChangedAt", ("Priority", "desc")]`.
            modified_after: only records whose cursor field is at or after this instant (a date counts from its
                midnight, UTC).
            cursor: the field that `modified_after` is about, where the source does not say.
            page_size: records a page, a wish: sources have limits of their own.
            limit: at most so many records. The page in whose middle it ends comes again for who goes on from `token`.
            token: go on where `reader.token` or `page.token` points to.
            parallel: parts of the listing to be read side by side, where the connector can divide it. A wish: where it
                can't be met it is read one page at a time, and a warning in the log says why (so does
                `reader.explain()`); nor are there ever more requests in flight than the connection's limits allow.
            ordered: of parallel parts: in the listing's order. False: as they arrive, which is faster for what does
                not fit into `max_bytes`.
            prefetch: pages fetched ahead while others are worked on, where one is read at a time. 0: a page is asked
                for when it is wanted.
            max_bytes: what pages may occupy until they are columns. A single page that takes more is
                `config.page_too_large`. All readers of the process share `switchgear.memory_budget()` besides.
            count: ask the source for the total (`page.total`).
            schema: types of one's own, `{"Cost": "decimal(12,3)", "ChangedAt": "epoch_ms"}`, and what becomes of values
                that do not fit their columns: "evolve" (pages get wider columns and new ones; the default where columns
                are inferred), "frozen" (they go to `_rescued`; the default where columns are declared, and what an
                Arrow stream always is), "strict" (DataError). `sg.Schema(types, mode)` for both.
            nested: objects and arrays as "json" text, as "struct" (structures and lists), or "flatten": members as
                columns, `Location_Site`. None: structures where they are declared, JSON where they are inferred.
            progress: None: a bar on a terminal or in a notebook; False: none; or a function that is given the
                ReadStats after each page.
        """
        options: dict[str, Any] = {
            "columns": list(columns or ()),
            "filter": "" if where is None or isinstance(where, raw) else conditions_json(where),
            "raw_filter": where.text if isinstance(where, raw) else "",
            "order": order_json(order),
            "modified_after": "" if modified_after is None else instant_text(modified_after),
            "cursor": cursor or "",
            "page_size": at_least("page_size", page_size, 1) or 0,
            "limit": -1 if limit is None else at_least("limit", limit, 0),
            "token": token or "",
            "parallel": at_least("parallel", parallel, 1),
            "ordered": bool(ordered),
            "prefetch": at_least("prefetch", prefetch, 0),
            "max_bytes": at_least("max_bytes", max_bytes, 1),
            "count": count,
            **schema_options(schema, nested),
        }
        return Reader(self, entity, options, progress)

    @_taking_arguments_of(read)
    def aread(self, *args: Any, **kwargs: Any) -> AsyncReader:
        """As `read()`, with the same arguments, for asyncio: `async for page in plant.aread("WorkOrders")`,
        `await plant.aread("WorkOrders").to_pandas()`. Only the task waits, and cancelling it ends the request in
        flight.
        """
        from switchgear.async_reader import AsyncReader

        recipe = self.read(*args, **kwargs)
        return AsyncReader(self, recipe.entity, recipe._options, recipe._progress)

    def write(
        self,
        entity: str,
        records: Any,
        *,
        op: str = "upsert",
        batch_size: int = 100,
        delay: float = 0.0,
        parallel: int = 1,
        on_error: str = "continue",
        atomic: bool = False,
        dry_run: bool = False,
        max_record_bytes: int = 16 << 20,
        progress: Callable[[WriteProgress], object] | None = None,
    ) -> WriteResult:
        """Writes records in batches and tells of each what became of it. What the source refuses is in the result.

        A reply that was lost after sending is looked into: changes and deletions are sent again, creations only where
        the source can be asked for the keys and has none; else the record is `unknown`.

        Args:
            entity: its name.
            records: dicts, or an iterator of them; anything with an Arrow stream: pandas, polars, pyarrow, a Reader.
            op: "create", "update", "upsert" or "delete" (which needs only the key).
            batch_size: records a request, 1 to 10,000. A record whose key is in the batch already begins the next one.
            delay: seconds between the end of a batch and the next one.
            parallel: batches in flight at once; never two with the same key.
            on_error: "continue"; "stop" after the first failure; or "10%", once more than that has failed. What is not
                sent then is skipped.
            atomic: all records of a batch or none, where the source can.
            dry_run: look at the records, send none of them.
            max_record_bytes: a record whose JSON is larger fails.
            progress: a function that is given the WriteProgress now and then.

        Raises:
            NotFound: there is no such entity. Unsupported: it does not take `op`.
            DataError: the iterator of the records raised; its `result` tells what was written before.
        """
        from switchgear.write import write_options, write_records

        options = write_options(
            op=op,
            batch_size=batch_size,
            delay=delay,
            parallel=parallel,
            on_error=on_error,
            atomic=atomic,
            dry_run=dry_run,
            max_record_bytes=max_record_bytes,
        )
        return write_records(self, entity, records, options, progress)

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self._specification.config.items())
        return f"<Connection {self.id} ({self.connector}{settings})>"

    def _repr_html_(self) -> str:
        from switchgear.display import connection_html

        return connection_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._transport is not None or self._clock is not None:
            raise ConfigError(
                f"connection '{self.id}' has a transport or clock of its own and can't be pickled",
                code="config.pickle",
                hint="connect() again on the other side",
            )
        return Connection, (self._specification,)
