"""Parquet files in a folder, which any reader finds by `folder/schema/table/*.parquet`.

    folder/schema/table/part-00000007.parquet         append: a file for each checkpoint that has rows
    folder/schema/table/data.parquet                  replace: one file, which the next complete listing replaces
    folder/_switchgear/schema/table/manifest.json     the files, and the state of the last commit
    folder/_switchgear/schema/table/*.parquet.tmp     what is being written, or built aside
    folder/_switchgear/schema/table/next.json         the manifest that holds as soon as the file it names is there

A checkpoint is one file. It is written and synced aside under a name that no glob matches, then the next manifest is,
and then the file gets its name: that one rename is the commit, for glob readers and for the state alike. The manifest
follows. Whoever opens the table after a crash in between finishes it, as `next.json` names a file that is there, or
undoes it. So glob readers see whole checkpoints always, and readers by the manifest the same but for the moment between
two renames.

When columns widen or are added, the files that are there are first written anew, each replaced by one rename: the same
rows with the same values, the last file first, so that all files have the same columns before a row needs them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import timezone
from pathlib import Path
from typing import Any

import pyarrow as pa

from switchgear.destinations.base import Checkpoint, Destination, DestinationTable, Table, fenced
from switchgear.destinations.durable import (
    LOCK_SECONDS,
    explained,
    folder_name,
    locked,
    make_folder,
    move,
    remove,
    write,
)
from switchgear.destinations.keyed import new_versions, version_columns
from switchgear.destinations.stored_files import StoredFile, StoredFiles, write_parquet
from switchgear.destinations.widening import Columns, fitted, in_memory, united, widest
from switchgear.errors import DestinationError

FORMAT = 1


class ParquetDestination(Destination):
    """A folder of Parquet files. Transactional: a checkpoint's rows and its state come with one rename.

    Args:
        folder: is made when it is needed.
        lock_seconds: how long a commit waits for another writer's.
    """

    def __init__(self, folder: str | Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.folder = Path(folder)
        self.url = f"parquet:///{self.folder}"
        self._lock_seconds = lock_seconds

    def open(self, table: Table) -> ParquetTable:
        return ParquetTable(self.folder, table, self._lock_seconds)

    def files(self, schema: str, name: str) -> list[Path]:
        """The files of a table as its manifest has them, which is what a reader takes that wants no listing."""
        place = Path(folder_name(schema), folder_name(name))
        path = self.folder / "_switchgear" / place / "manifest.json"
        return [self.folder / place / file.name for file in Manifest.read(path).files]


@dataclass(frozen=True)
class File:
    """A file of the table."""

    name: str
    rows: int


@dataclass(frozen=True)
class Manifest:
    """What a table is after a commit."""

    format: int = FORMAT
    connection_id: str = ""
    entity: str = ""
    mode: str = ""
    sequence: int = 0
    state: str | None = None
    run_id: str = ""
    at: str = ""
    files: tuple[File, ...] = ()
    aside: tuple[str, ...] = ()
    appears: str = ""
    """Of `next.json`: the file that makes it hold, by its name ..."""
    file_id: str = ""
    """... and by what it bears in its footer."""

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The one in a file; an empty one if there is none."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["format"] > FORMAT:
                raise _unreadable(
                    path, f"it has format {found['format']}, this version knows {FORMAT}", "upgrade switchgear"
                )
            found["files"] = tuple(File(**file) for file in found["files"])
            found["aside"] = tuple(found["aside"])
            return cls(**found)
        except FileNotFoundError:
            return cls()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            hint = "restore it, or remove the table's folders and sync again with full=True"
            raise _unreadable(path, f"it is no manifest: {error}", hint) from error

    def text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))


class ParquetTable(DestinationTable):
    """A table as Parquet files: `append` and `replace`."""

    def __init__(self, folder: Path, table: Table, lock_seconds: float) -> None:
        if table.mode == "upsert":
            raise _error(
                table,
                "destination.unsupported",
                "Parquet files can't be changed by key: mode 'upsert' is not possible",
                'use "delta:///…" (pip install "switchgear[delta]"), a database, or append and take the latest by key',
            )
        self._table = table
        place = Path(folder_name(table.schema), folder_name(table.name))
        self._data = folder / place
        self._own = folder / "_switchgear" / place
        self._lock_seconds = lock_seconds
        with explained(table, self._data, "opening it"):
            if self._own.is_dir():
                with self._locked():
                    self._widen(self._recovered())
            elif any(self._data.glob("*.parquet")):
                raise _error(
                    table,
                    "destination.open",
                    f"{self._data} has Parquet files that are not switchgear's",
                    "choose another folder, or move them away",
                )

    def state(self) -> str | None:
        if not self._own.is_dir():
            return None
        with explained(self._table, self._own, "reading its state"), self._locked():
            return self._recovered().state

    def commit(self, checkpoint: Checkpoint) -> None:
        with explained(self._table, self._data, "committing"):
            make_folder(self._own)
            make_folder(self._data)
            with self._locked():
                manifest = self._recovered()
                fenced(self._table, manifest.state, checkpoint)
                following = dataclasses.replace(
                    manifest,
                    connection_id=self._table.connection_id,
                    entity=self._table.entity,
                    mode=self._table.mode,
                    sequence=manifest.sequence + 1,
                    state=checkpoint.state,
                    run_id=checkpoint.run_id,
                    at=checkpoint.at.astimezone(timezone.utc).isoformat(),
                )
                try:
                    if self._table.mode == "append":
                        self._append(manifest, following, checkpoint)
                    else:
                        self._replace(manifest, following, checkpoint)
                except pa.ArrowException as error:
                    raise _error(
                        self._table, "destination.schema", f"the rows can't be written as Parquet: {error}", ""
                    ) from error

    # -- the two modes

    def _append(self, manifest: Manifest, following: Manifest, checkpoint: Checkpoint) -> None:
        batches = in_memory(checkpoint.batches)
        present = StoredFiles(self._sources(manifest))
        schema = widest([present, *batches])
        rows = pa.Table.from_batches([fitted(source.batch, schema) for source in batches], schema)
        if rows.num_rows:
            self._widen(manifest, schema)
            if checkpoint.may_repeat and manifest.files:
                rows = new_versions(rows, present.batches(version_columns(self._table)), self._table)
        # Without rows there is nothing but the state, only the first file is written anyway: for who reads by glob.
        if rows.num_rows == 0 and (manifest.files or not len(schema)):
            write(self._own / "manifest.json", following.text())
            return
        name = f"part-{following.sequence:08d}.parquet"
        added = dataclasses.replace(following, files=(*manifest.files, File(name, rows.num_rows)))
        self._publish(name, schema, [rows], added)

    def _replace(self, manifest: Manifest, following: Manifest, checkpoint: Checkpoint) -> None:
        aside = () if checkpoint.first else manifest.aside
        batches = in_memory(checkpoint.batches)
        if not checkpoint.last:
            if any(source.schema for source in batches):
                name = f"aside-{following.sequence:08d}.parquet.tmp"
                table = united(checkpoint.batches)
                write_parquet(self._own / name, table.schema, [table], secrets.token_hex(8))
                aside = (*aside, name)
            write(self._own / "manifest.json", dataclasses.replace(following, aside=aside).text())
            return
        old = [StoredFile(self._data / file.name) for file in manifest.files]
        built = [StoredFile(self._own / name) for name in aside]
        coming: list[Columns] = [*built, *batches]
        found = {name for source in coming for name in source.schema.names}
        # What is built anew has the columns that came, in types no narrower than they were.
        schema = widest([*old, *coming])
        schema = pa.schema([field for field in schema if field.name in found or not found])
        replaced = dataclasses.replace(following, aside=())
        if not len(schema):  # an empty listing without columns, and nothing before it
            write(self._own / "manifest.json", replaced.text())
            return
        rows = sum(source.rows for source in built) + sum(source.batch.num_rows for source in batches)
        replaced = dataclasses.replace(replaced, files=(File("data.parquet", rows),))
        chunks = (chunk for source in built for chunk in source.batches())
        self._publish("data.parquet", schema, (*chunks, *(source.batch for source in batches)), replaced)

    # -- files

    def _publish(self, name: str, schema: Any, chunks: Iterable[Any], following: Manifest) -> None:
        """Writes a file aside and the manifest with it; the file's rename is the commit."""
        file_id = secrets.token_hex(8)
        staged = self._own / f"{name}.tmp"
        write_parquet(staged, schema, chunks, file_id)
        write(self._own / "next.json", dataclasses.replace(following, appears=name, file_id=file_id).text())
        move(staged, self._data / name)
        move(self._own / "next.json", self._own / "manifest.json")

    def _widen(self, manifest: Manifest, schema: Any = None) -> None:
        """Gives all files the columns of `schema`, or of the last file, where a crash stopped that half-way."""
        files = self._sources(manifest)
        schema = schema if schema is not None else StoredFiles(files).schema
        # The last file is written anew first: where the first one has these columns, all have.
        if all(source.schema.equals(schema, check_metadata=True) for source in (*files[-1:], *files[:1])):
            return
        for source in reversed(files):
            if not source.schema.equals(schema, check_metadata=True):
                staged = self._own / f"widened-{source.path.name}.tmp"
                write_parquet(staged, schema, source.batches(), source.file_id)
                move(staged, source.path)

    def _sources(self, manifest: Manifest) -> list[StoredFile]:
        return [StoredFile(self._data / file.name) for file in manifest.files]

    # -- what a crash has left

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with locked(self._own / "lock", self._table, self._lock_seconds):
            yield

    def _recovered(self) -> Manifest:
        """The manifest that holds, after a commit that was torn off has been finished or undone."""
        path, following = self._own / "manifest.json", self._own / "next.json"
        if following.exists():
            torn = Manifest.read(following)
            if self._bears(self._data / torn.appears, torn.file_id):
                move(following, path)
            else:
                remove(following)
        manifest = Manifest.read(path)
        self._check(manifest)
        for left in self._own.glob("*.tmp"):
            if left.name not in manifest.aside:
                left.unlink()
        return manifest

    def _bears(self, path: Path, file_id: str) -> bool:
        # A file that is there is whole, as it was synced before it got its name.
        return path.exists() and StoredFile(path).file_id == file_id

    def _check(self, manifest: Manifest) -> None:
        table = self._table
        if manifest.sequence and (manifest.connection_id, manifest.entity) != (table.connection_id, table.entity):
            owner = f"{manifest.connection_id}/{manifest.entity}"
            raise _error(
                table, "destination.schema", f"the table is that of {owner}", "give one of the two another destination"
            )
        if manifest.sequence and manifest.mode != table.mode:
            raise _error(
                table,
                "destination.unsupported",
                f"the table was written in mode '{manifest.mode}' and can't go on in mode '{table.mode}'",
                f"remove {self._data} and {self._own}, then sync again with full=True",
            )


def _unreadable(path: Path, why: str, hint: str) -> DestinationError:
    return DestinationError(f"{path} can't be used: {why}", code="destination.open", hint=hint)


def _error(table: Table, code: str, why: str, hint: str) -> DestinationError:
    where = f"table {table.schema}.{table.name}"
    return DestinationError(
        f"{where}: {why}", code=code, hint=hint, connection_id=table.connection_id, entity=table.entity
    )
