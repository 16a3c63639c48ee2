"""Delta Lake tables: append, replace, upsert by key.

    folder/schema/table/                             the Delta table
    folder/_switchgear/schema/table/state.json       a copy of the state, or that of a replacement being built
    folder/_switchgear/schema/table/*.parquet.tmp    what is built aside

A checkpoint's rows are one commit of the table's log, which also counts the application transaction `switchgear` on and
holds the state. The copy follows; it is used where it belongs to the same transaction, and else the log is asked, so
that a crash between the two changes nothing. Each commit is made for exactly the version that was looked at: whoever
else committed meanwhile, such as `OPTIMIZE`, makes us look again, and another sync is a Conflict.

Columns that are new are added by the commit that needs them (upsert: by one before). A column that must widen is
written anew with the whole table, in one commit before. What Delta has no type for is stored as another one: uint64 as
decimal(38,0), time as text.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

from switchgear.destinations.base import Checkpoint, Destination, DestinationTable, Table, fenced
from switchgear.destinations.delta_log import APPLICATION, Kept, commit_of, logged, sync_commit
from switchgear.destinations.durable import (
    LOCK_SECONDS,
    code_and_hint,
    explained,
    folder_name,
    locked,
    make_folder,
    write,
)
from switchgear.destinations.keyed import (
    DELETED_AT,
    REMOVED,
    latest_by_key,
    new_versions,
    removed_keys,
    version_columns,
    with_removed,
)
from switchgear.destinations.stored_files import StoredFile, write_parquet
from switchgear.destinations.widening import Columns, fitted, in_memory, plain, united, widest
from switchgear.errors import DestinationError

TRIES = 10
_INSTANT = pa.timestamp("us", "UTC")


class DeltaDestination(Destination):
    """A folder of Delta tables. Transactional: a checkpoint's rows and its state are one commit.

    Args:
        folder: is made when it is needed.
        lock_seconds: how long a commit waits for another writer's.
    """

    deletes = True

    def __init__(self, folder: str | Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.folder = Path(folder)
        self.url = f"delta:///{self.folder}"
        self._lock_seconds = lock_seconds

    def open(self, table: Table) -> DeltaLakeTable:
        return DeltaLakeTable(self.folder, table, self._lock_seconds)

    def path(self, schema: str, name: str) -> Path:
        """Where a table is, for `deltalake.DeltaTable` and others."""
        return self.folder / folder_name(schema) / folder_name(name)


class DeltaLakeTable(DestinationTable):
    """A Delta table, and the state in its log."""

    def __init__(self, folder: Path, table: Table, lock_seconds: float) -> None:
        place = Path(folder_name(table.schema), folder_name(table.name))
        self._table = table
        self._data = folder / place
        self._own = folder / "_switchgear" / place
        self._lock_seconds = lock_seconds
        if table.mode == "upsert" and not table.key:
            raise self._error(
                "destination.unsupported", "mode 'upsert' needs a key", "name the entity's key, or append"
            )
        self.state()

    def state(self) -> str | None:
        with self._explained("reading its state"):
            return self._kept(self._load()).state

    def commit(self, checkpoint: Checkpoint) -> None:
        with self._explained("committing"):
            make_folder(self._own)
            with locked(self._own / "lock", self._table, self._lock_seconds):
                for attempt in range(1, TRIES + 1):
                    target = self._load()
                    kept = self._kept(target)
                    fenced(self._table, kept.state, checkpoint)
                    try:
                        self._write(target, kept, checkpoint)
                    except DeltaError as error:
                        overtaken = isinstance(error, CommitFailedError) or (
                            target is None and self._load() is not None
                        )
                        if overtaken and attempt < TRIES and not _os_error(error):
                            continue
                        raise
                    self._clean()
                    return

    # -- the modes

    def _write(self, target: DeltaTable | None, kept: Kept, checkpoint: Checkpoint) -> None:
        following = dataclasses.replace(kept, owner=self._owner, mode=self._table.mode, state=checkpoint.state)
        following = dataclasses.replace(following, token=secrets.token_hex(8))
        if self._table.mode != "replace":
            self._write_rows(target, dataclasses.replace(following, transaction=kept.transaction + 1), checkpoint)
            return
        aside = () if checkpoint.first else kept.aside
        if checkpoint.last:
            following = dataclasses.replace(following, transaction=kept.transaction + 1, aside=())
            self._replace(target, following, aside, checkpoint)
            return
        if any(len(batch.schema) for batch in checkpoint.batches):
            name = f"aside-{secrets.token_hex(8)}.parquet.tmp"
            rows = united(checkpoint.batches)
            write_parquet(self._own / name, rows.schema, [rows], name)
            aside = (*aside, name)
        self._keep(dataclasses.replace(following, aside=aside))

    def _write_rows(self, target: DeltaTable | None, following: Kept, checkpoint: Checkpoint) -> None:
        upsert = self._table.mode == "upsert"
        batches = in_memory(checkpoint.batches)
        schema = _storable(widest([*self._stored(target), *batches]), upsert and bool(batches))
        if target is None and not len(schema):  # nothing to make a table of yet
            self._keep(dataclasses.replace(following, transaction=following.transaction - 1))
            return
        target = self._widened(target, schema)
        if upsert and batches:
            with self._schema_errors():
                rows, partial = latest_by_key([source.batch for source in batches], schema, self._table)
        else:
            rows, partial = pa.Table.from_batches([fitted(source.batch, schema) for source in batches], schema), {}
            if checkpoint.may_repeat and target is not None and rows.num_rows:
                there, versions = _Stored(target, self._data), version_columns(self._table)
                parts = there.batches([name for name in versions if name in there.schema.names])
                wanted = pa.schema([schema.field(name) for name in versions])
                rows = new_versions(rows, (fitted(part, wanted) for part in parts), self._table)
        before = -1 if target is None else target.version()
        if target is None:
            write_deltalake(self._data, rows.select(schema.names), mode="error", commit_properties=commit_of(following))
        elif upsert:
            self._merge(target, rows, partial, schema, following, checkpoint)
        elif rows.num_rows:
            write_deltalake(target, rows, mode="append", schema_mode="merge", commit_properties=commit_of(following))
        self._committed(before, following)

    def _merge(
        self,
        target: DeltaTable,
        rows: Any,
        partial: dict[str, str],
        schema: Any,
        following: Kept,
        checkpoint: Checkpoint,
    ) -> None:
        """Changes rows by key, in the columns that came: of `partial`, only where the flag column says so.

        What is to be deleted is of the same commit: rows of their own among those that come, told by a further column.
        """
        gone = {_quoted(DELETED_AT): f"to_timestamp('{checkpoint.at.astimezone(timezone.utc).isoformat()}')"}
        unread = _not_among(checkpoint.live_run_ids) if checkpoint.live_run_ids is not None else None
        removed = removed_keys(in_memory(checkpoint.removed), rows, schema, self._table)
        if rows.num_rows == 0 and removed.num_rows == 0:
            if unread is not None:
                target.update(updates=gone, predicate=unread.format(""), commit_properties=commit_of(following))
            return
        came = [name for name in schema.names if name in rows.column_names]
        values = {name: f"source.{_quoted(name)}" for name in came}
        changes = {
            name: f"CASE WHEN source.{_quoted(partial[name])} THEN {value} ELSE target.{_quoted(name)} END"
            if name in partial
            else value
            for name, value in values.items()
            if name not in self._table.key
        }
        merger = target.merge(
            with_removed(rows, removed),
            " AND ".join(f"target.{_quoted(name)} = source.{_quoted(name)}" for name in self._table.key),
            source_alias="source",
            target_alias="target",
            commit_properties=commit_of(following),
        )
        stays = None
        if removed.num_rows:
            stays = f"NOT source.{_quoted(REMOVED)}"
            merger = merger.when_matched_delete(f"source.{_quoted(REMOVED)}")
        if rows.num_rows:
            merger = merger.when_matched_update({_quoted(name): change for name, change in changes.items()}, stays)
            merger = merger.when_not_matched_insert({_quoted(name): value for name, value in values.items()}, stays)
        if unread is not None:
            merger = merger.when_not_matched_by_source_update(gone, unread.format("target."))
        merger.execute()

    def _replace(
        self, target: DeltaTable | None, following: Kept, aside: tuple[str, ...], checkpoint: Checkpoint
    ) -> None:
        built = [StoredFile(self._own / name) for name in aside]
        batches = in_memory(checkpoint.batches)
        coming: list[Columns] = [*built, *batches]
        found = {name for source in coming for name in source.schema.names}
        # What is built anew has the columns that came, in types no narrower than they were.
        schema = widest([*self._stored(target), *coming])
        schema = _storable(pa.schema([field for field in schema if field.name in found or not found]), False)
        if not len(schema):  # an empty listing without columns, and nothing before it
            self._keep(dataclasses.replace(following, transaction=following.transaction - 1))
            return
        parts = (part for source in built for part in source.batches())
        stream = _stream(schema, (*parts, *(source.batch for source in batches)))
        before = -1 if target is None else target.version()
        _overwrite(target or self._data, stream, commit_of(following))
        self._committed(before, following)

    # -- the table

    def _load(self) -> DeltaTable | None:
        try:
            return DeltaTable(str(self._data))
        except TableNotFoundError:
            return None

    def _stored(self, target: DeltaTable | None) -> list[Columns]:
        return [] if target is None else [_Stored(target, self._data)]

    def _widened(self, target: DeltaTable | None, schema: Any) -> DeltaTable | None:
        """The table with columns as wide as those of `schema`, and the same rows. A merge needs new ones as well."""
        if target is None:
            return None
        stored = _Stored(target, self._data)
        wider = pa.schema([schema.field(name) for name in stored.schema.names])
        unchanged = CommitProperties(max_commit_retries=0)
        if not wider.equals(stored.schema, check_metadata=True):
            _overwrite(target, _stream(wider, stored.batches()), unchanged)
            sync_commit(self._data, target.version())
        new = [field for field in schema if field.name not in wider.names]
        if new and self._table.mode == "upsert":
            target.alter.add_columns(list(Schema.from_arrow(pa.schema(new)).fields), commit_properties=unchanged)
            sync_commit(self._data, target.version())
        return target

    def _committed(self, before: int, following: Kept) -> None:
        """Makes the commit durable, or one of nothing but the state where no row was changed; then copies the state."""
        # Made for the version that was looked at, ours is the next one, or there is none.
        version = before + 1
        if not sync_commit(self._data, version, following.token):
            target = DeltaTable(str(self._data), version=before)
            target.create_write_transaction([], "append", target.schema(), commit_properties=commit_of(following))
            sync_commit(self._data, version)
        with contextlib.suppress(OSError):  # it is committed, and the log has the state
            self._keep(following)

    # -- the state

    @property
    def _owner(self) -> str:
        return f"{self._table.connection_id}/{self._table.entity}"

    def _kept(self, target: DeltaTable | None) -> Kept:
        """The state of the last commit: by its copy if that is of the same transaction, else by the log."""
        kept = Kept.read(self._own / "state.json")
        transaction = 0 if target is None else target.transaction_version(APPLICATION)
        if transaction is None:
            raise self._error(
                "destination.schema", "it is a Delta table that switchgear did not make", "choose another"
            )
        if kept.transaction != transaction:
            kept = Kept(mode=self._table.mode) if target is None else self._logged(target, transaction)
        if kept.owner and kept.owner != self._owner:
            raise self._error(
                "destination.schema", f"the table is that of {kept.owner}", "give one of the two another destination"
            )
        if kept.owner and kept.mode != self._table.mode and kept.aside:
            kept = dataclasses.replace(kept, aside=())
        return kept

    def _logged(self, target: DeltaTable, transaction: int) -> Kept:
        kept = logged(target, transaction)
        if kept is not None:
            return dataclasses.replace(kept, mode=self._table.mode)
        raise self._error(
            "destination.lost",
            f"neither its log nor {self._own / 'state.json'} has the state of transaction {transaction} any more",
            "sync again with full=True, into another table or after removing this one",
        )

    def _keep(self, kept: Kept) -> None:
        write(self._own / "state.json", json.dumps(asdict(kept), ensure_ascii=False), f"-{kept.token}")

    def _clean(self) -> None:
        """Removes what was built aside and is needed no more, here or by a process that was killed."""
        aside = Kept.read(self._own / "state.json").aside
        for left in self._own.glob("*.tmp"):
            if left.name not in aside:
                left.unlink(missing_ok=True)

    # -- errors

    @contextlib.contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        with explained(self._table, self._data, doing):
            try:
                yield
            except DeltaError as error:
                code, hint = code_and_hint(_os_error(error))
                if isinstance(error, CommitFailedError) and not _os_error(error):
                    code, hint = "destination.locked", "others keep committing to it; sync again when they are done"
                raise self._error(code, f"{doing} failed: {str(error).splitlines()[0]}", hint) from error
            except pa.ArrowException as error:
                raise self._error("destination.schema", f"{doing} failed: {error}", "") from error

    @contextlib.contextmanager
    def _schema_errors(self) -> Iterator[None]:
        try:
            yield
        except ValueError as error:
            raise self._error("destination.schema", str(error), "a key must be there in every record") from error

    def _error(self, code: str, why: str, hint: str) -> DestinationError:
        table = self._table
        return DestinationError(
            f"table {table.schema}.{table.name} ({self._data}): {why}",
            code=code,
            hint=hint,
            retryable=code in ("destination.full", "destination.locked", "destination.lost"),
            connection_id=table.connection_id,
            entity=table.entity,
        )


class _Stored:
    """The columns of a Delta table."""

    def __init__(self, target: DeltaTable, path: Path) -> None:
        self.schema = pa.schema([plain(field) for field in pa.schema(target.schema().to_arrow())])

        # Read as plain files: deltalake's own file system can't be used while deltalake writes what comes of it.
        files = SubTreeFileSystem(str(path.absolute()), LocalFileSystem())
        self._dataset = target.to_pyarrow_dataset(filesystem=files)

    def chunks(self, name: str) -> Iterator[Any]:
        for batch in self._dataset.to_batches(columns=[name]):
            yield batch.column(0)

    def batches(self, columns: list[str] | None = None) -> Iterator[Any]:
        names = self.schema.names if columns is None else columns
        schema = pa.schema([self.schema.field(name) for name in names])
        for batch in self._dataset.to_batches(columns=names):
            # As the log has the columns: a file knows nothing of JSON text.
            yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


def _storable(schema: Any, upsert: bool) -> Any:
    """A schema in Delta's types; with the column of deletions, where rows may be marked."""
    fields = []
    for field in schema:
        if pa.types.is_uint64(field.type):
            field = pa.field(field.name, pa.decimal128(38, 0))
        elif pa.types.is_time(field.type):
            field = pa.field(field.name, pa.string())
        fields.append(field)
    if upsert and DELETED_AT not in schema.names:
        fields.append(pa.field(DELETED_AT, _INSTANT))
    return pa.schema(fields)


def _stream(schema: Any, parts: Iterable[Any]) -> Any:
    return pa.RecordBatchReader.from_batches(schema, (fitted(part, schema) for part in parts))


def _overwrite(target: DeltaTable | Path, stream: Any, commit: CommitProperties) -> None:
    write_deltalake(target, stream, mode="overwrite", schema_mode="overwrite", commit_properties=commit)


def _os_error(error: DeltaError) -> int:
    number = re.search(r"os error (\d+)", str(error))
    return int(number[1]) if number else 0


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _not_among(run_ids: tuple[str, ...]) -> str:
    """A condition on rows that none of these runs read, and that are not marked yet; `{}` stands for the alias."""
    live = ", ".join("'" + run.replace("'", "''").replace("{", "{{").replace("}", "}}") + "'" for run in run_ids)
    among = f"{{0}}_run_id NOT IN ({live}) OR {{0}}_run_id IS NULL" if run_ids else "TRUE"
    return f"{{0}}{DELETED_AT} IS NULL AND ({among})"
