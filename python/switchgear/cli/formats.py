"""The formats of `switchgear read`, written page by page: memory does not grow with the listing.

No format changes a value: decimals and JSON keep every digit (as text in JSON), null and empty text stay apart in CSV.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from rich.cells import cell_len, set_cell_size

from switchgear.cli.output import plain
from switchgear.errors import DestinationError

if TYPE_CHECKING:
    from switchgear.reader import Page, Reader


class Format(Protocol):
    """Writes pages. A page is out, flushed, when `write` returns."""

    def write(self, page: Page) -> None: ...


class JsonLines:
    """A JSON object on each line."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def write(self, page: Page) -> None:
        """Writes the records of a page."""
        write = _ENCODER.encode
        self._out.write("".join(f"{write(record)}\n" for record in page.to_pylist()))
        self._out.flush()


class Csv:
    """CSV (RFC 4180) with a header. Null is nothing, empty text is `""`, nested values are JSON."""

    def __init__(self, out: TextIO, *, header: bool = True) -> None:
        self._out = out
        self._header = header

    def write(self, page: Page) -> None:
        """Writes the records of a page, before the first one the names of the columns."""
        lines = []
        if self._header:
            lines.append(",".join(_csv_text(field.name) for field in page.schema))
            self._header = False
        lines += [",".join(map(_csv_cell, record.values())) for record in page.to_pylist()]
        self._out.write("".join(f"{line}\r\n" for line in lines))
        self._out.flush()


class Table:
    """Columns for the eye. The first page decides their widths; on a terminal, what does not fit is cut or left out."""

    WIDEST = 40

    def __init__(self, out: TextIO, width: int | None) -> None:
        self._out = out
        self._width = width
        self._columns: dict[str, int] = {}

    def write(self, page: Page) -> None:
        """Writes the records of a page, before the first one the names of the columns."""
        rows = [{name: _cell(value) for name, value in record.items()} for record in page.to_pylist()]
        lines = []
        if not self._columns:
            self._columns, left_out = self._fit([field.name for field in page.schema], rows)
            lines += [self._line({name: name for name in self._columns}), self._rule()]
            if left_out:
                lines.insert(0, f"({len(left_out)} more: {', '.join(left_out)}; --columns chooses)")
        lines += map(self._line, rows)
        self._out.write("".join(f"{line.rstrip()}\n" for line in lines))
        self._out.flush()

    def _fit(self, names: Sequence[str], rows: list[dict[str, str]]) -> tuple[dict[str, int], list[str]]:
        columns: dict[str, int] = {}
        used = 0
        for name in names:
            width = min(self.WIDEST, max(cell_len(plain(name)), *(cell_len(row[name]) for row in rows), 1))
            if self._width is not None and columns and used + width > self._width:
                break
            columns[name] = width
            used += width + 2
        return columns, [plain(name) for name in names if name not in columns]

    def _line(self, row: dict[str, str]) -> str:
        return "  ".join(_fitted(plain(row[name]), width) for name, width in self._columns.items())

    def _rule(self) -> str:
        return "  ".join("─" * width for width in self._columns.values())


def write_parquet(reader: Reader, path: Path) -> int:
    """Writes all records to a Parquet file, which appears when it is whole. Returns how many they were.

    DuckDB reads the Arrow stream and writes row group by row group.
    """
    import duckdb

    part = path.with_name(f"{path.name}.part")
    try:
        with duckdb.connect() as database:
            database.register("records", reader)
            target = str(part).replace("'", "''")
            counted = database.execute(f"COPY (SELECT * FROM records) TO '{target}' (FORMAT parquet)").fetchone()  # noqa: S608
        part.replace(path)
    except RuntimeError as error:
        if "interrupted" in str(error):  # DuckDB hears Ctrl-C itself, and says it in its own way
            raise KeyboardInterrupt from error
        raise
    except duckdb.Error as error:
        outcome = reader._stream
        if outcome is not None:
            outcome.raise_for_error()
        raise DestinationError(f"{path}: {error}", code="destination.parquet") from error
    finally:
        part.unlink(missing_ok=True)
    return int(counted[0]) if counted else 0


def _json_value(value: object) -> object:
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"no JSON for {type(value).__name__}")


_ENCODER = json.JSONEncoder(default=_json_value, ensure_ascii=False, check_circular=False, separators=(",", ":"))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (dict, list, bool)):
        return _ENCODER.encode(value)
    return str(_json_value(value)) if not isinstance(value, (int, float)) else repr(value)


def _csv_cell(value: Any) -> str:
    return "" if value is None else _csv_text(_text(value))


def _csv_text(text: str) -> str:
    if text == "" or any(mark in text for mark in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def _cell(value: Any) -> str:
    return "" if value is None else plain(_text(value))


def _fitted(text: str, width: int) -> str:
    return set_cell_size(text, width) if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


FORMATS: dict[str, Callable[[TextIO], Format]] = {
    "table": lambda out: Table(out, _terminal_width() if out is sys.stdout and out.isatty() else None),
    "jsonl": JsonLines,
    "csv": Csv,
}


def _terminal_width() -> int:
    import shutil

    return shutil.get_terminal_size().columns
