"""Parquet files as columns that are read part by part, and as what such parts are written into."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from switchgear.destinations.widening import fitted, plain

ROWS_IN_GROUP = 1 << 17
_ID = b"switchgear:file"


def write_parquet(path: Path, schema: Any, parts: Iterable[Any], file_id: str) -> None:
    """Writes batches and tables, fitted to `schema`, into one synced file; what fails leaves none.

    Args:
        file_id: by which the file is known again, whatever its name.
    """
    try:
        with path.open("wb") as file:
            described = schema.with_metadata({_ID: file_id.encode()})
            with pq.ParquetWriter(file, described, compression="zstd") as writer:
                for part in parts:
                    fit = fitted(part, schema)
                    table = fit if isinstance(fit, pa.Table) else pa.Table.from_batches([fit])
                    writer.write_table(table.replace_schema_metadata(described.metadata), ROWS_IN_GROUP)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


class StoredFile:
    """The columns of a Parquet file, whose footer is read when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def _metadata(self) -> Any:
        return pq.read_metadata(self.path)

    @cached_property
    def schema(self) -> Any:
        return pa.schema([plain(field) for field in self._metadata.schema.to_arrow_schema()])

    @property
    def rows(self) -> int:
        return int(self._metadata.num_rows)

    @property
    def file_id(self) -> str:
        return ((self._metadata.metadata or {}).get(_ID) or b"").decode()

    def chunks(self, name: str) -> Iterator[Any]:
        with pq.ParquetFile(self.path) as file:
            for batch in file.iter_batches(columns=[name], batch_size=ROWS_IN_GROUP):
                yield batch.column(0)

    def batches(self, columns: list[str] | None = None) -> Iterator[Any]:
        with pq.ParquetFile(self.path) as file:
            yield from file.iter_batches(columns=columns, batch_size=ROWS_IN_GROUP)


class StoredFiles:
    """The columns of a table of several files, which all have those of the last."""

    def __init__(self, files: list[StoredFile]) -> None:
        self._files = files
        self.schema = files[-1].schema if files else pa.schema([])

    def chunks(self, name: str) -> Iterator[Any]:
        for file in self._files:
            yield from file.chunks(name)

    def batches(self, columns: list[str] | None = None) -> Iterator[Any]:
        for file in self._files:
            yield from file.batches(columns)
