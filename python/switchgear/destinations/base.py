"""What a destination is: the place where a sync's rows land, together with how far the sync has come.

The engine opens a table for each entity, asks it for the state that its last commit kept, and commits one checkpoint
after the other. Rows and state are committed together or not at all, so that whoever reads the state after a crash
knows which rows are there. A destination that can't promise this says `transactional = False`: rows may come again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from switchgear.errors import Conflict

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    import pyarrow
    from typing_extensions import Self

    from switchgear import _core

Mode = Literal["append", "replace", "upsert"]


@dataclass(frozen=True)
class Table:
    """Where an entity lands: `schema.name`.

    Attributes:
        connection_id, entity: whose rows they are.
        schema, name: of the table. They may hold any character; a destination writes them as its kind can.
        key: the columns by which `upsert` knows a row again; may be empty in the other modes.
        mode: `append` adds rows, `replace` makes the table anew by each complete listing, `upsert` changes rows by key.
        cursor: the column by which the sync is incremental, if it is.
    """

    connection_id: str
    entity: str
    schema: str
    name: str
    key: tuple[str, ...]
    mode: Mode
    cursor: str | None


@dataclass(frozen=True)
class Checkpoint:
    """What is committed together.

    Attributes:
        batches: the rows, in order, each batch with Arrow columns of its own: the table's columns are the union of all
            that ever came, they widen, and one that no longer comes keeps its old values. `_synced_at` (timestamp[us,
            UTC]), `_run_id` (text) and `_rescued` are columns like others. A key may come more than once: the later row
            wins (upsert). May be empty.
        state: opaque text of up to some 100 kB, to be kept in the same transaction as the rows.
        previous: what `state()` must still be; else another writer was here.
        first: the listing begins (replace: what was built aside before is forgotten).
        last: the listing is complete (replace: what was built aside becomes the table, in one step).
        run_id, at: the run that commits, and when.
        live_run_ids: only with `last` and mode upsert, after a full read: rows whose `_run_id` is not among these were
            not read again, and get `_deleted_at = at`. None: nothing is marked.
        may_repeat: mode append with a key and a cursor, where the sync goes on after a crash or reads everything again:
            rows may be in the table already, with the same key and the same value of the cursor, and those are to be
            left out. Within a checkpoint no version comes twice.
        removed: only in mode upsert, and to destinations that say `deletes = True`: batches with the columns of the
            table's key, of records that the source has removed. Their rows are deleted before `batches` are written.
    """

    batches: list[_core.RecordBatch]
    state: str
    previous: str | None
    first: bool
    last: bool
    run_id: str
    at: datetime
    live_run_ids: tuple[str, ...] | None
    may_repeat: bool = False
    removed: list[_core.RecordBatch] = field(default_factory=list)

    def to_arrow(self) -> pyarrow.Table:
        """All rows as a pyarrow.Table with the union of the batches' columns, each wide enough for all its values.

        Raises:
            Unsupported (`unsupported.missing_package`): pyarrow is not installed.
        """
        from switchgear.reader import require

        require("pyarrow", "arrow")
        from switchgear.destinations.widening import united

        return united(self.batches)


class DestinationTable(ABC):
    """One open table. For one thread at a time; commits of several writers are told apart by `Checkpoint.previous`."""

    @abstractmethod
    def state(self) -> str | None:
        """The text that the last commit kept with the data; None before the first."""

    @abstractmethod
    def commit(self, checkpoint: Checkpoint) -> None:
        """Takes rows and state, all or nothing, and durably: when it returns, a crash changes nothing any more.

        Raises:
            Conflict (`conflict.lease_lost`): the state is not `checkpoint.previous` (see `fenced`).
            DestinationError: `destination.full`, `.locked`, `.readonly`, `.schema`, `.unsupported`, `.open` or `.lost`.
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to do
        """Gives back what it holds. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class Destination(ABC):
    """Where tables are.

    Attributes:
        url: as it was given, without secrets.
        transactional: whether rows and state are committed together. If not, rows come at least once: those of a commit
            that was torn off come again.
        deletes: whether rows of `Checkpoint.removed` are taken out. If not, they stay, and the run says so.
    """

    url: str
    transactional: bool = True
    deletes: bool = False

    @abstractmethod
    def open(self, table: Table) -> DestinationTable:
        """The table, made when something is first committed.

        Raises:
            DestinationError: it can't be used, or not in this mode (`destination.unsupported`).
        """

    def close(self) -> None:  # noqa: B027 - most have nothing to do
        """Gives back what it holds. May be called again."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def fenced(table: Table, found: str | None, checkpoint: Checkpoint) -> None:
    """Refuses a checkpoint that does not follow on what the table holds.

    Raises:
        Conflict (`conflict.lease_lost`): `found`, the state of the last commit, is not `checkpoint.previous`.
    """
    if found == checkpoint.previous:
        return
    raise Conflict(
        f"table {table.schema}.{table.name} was written by somebody else since run {checkpoint.run_id} looked at it; "
        "nothing of this checkpoint was written",
        code="conflict.lease_lost",
        hint="another run of the entity is under way or took over; this one ends, the next goes on from there",
        retryable=True,
        connection_id=table.connection_id,
        entity=table.entity,
    )
