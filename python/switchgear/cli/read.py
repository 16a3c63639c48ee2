"""`switchgear read`: the records of an entity, page by page."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer

from switchgear.cli import formats
from switchgear.cli.interrupt import Interrupts
from switchgear.cli.options import Conn, Connector, ProjectFile, Settings, Store, open_connection
from switchgear.cli.output import say
from switchgear.errors import DestinationError, Error
from switchgear.request_values import raw

if TYPE_CHECKING:
    from switchgear.reader import Reader


class FormatName(str, Enum):
    """What `--format` takes."""

    table = "table"
    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(read)


def read(
    conn: Conn,
    entity: Annotated[
        str, typer.Argument(metavar="ENTITY", help="What to read; `switchgear entities CONN` lists them.")
    ],
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=0, help="At most so many records.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="WHEN", help="Only what changed at or after: 2026-01-31, 2026-01-31T06:00:00Z."
        ),
    ] = None,
    cursor: Annotated[
        str | None, typer.Option("--cursor", metavar="FIELD", help="The field that --since is about.")
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--columns", "-c", metavar="A,B", help="Only these columns.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option("--where", metavar="CONDITION", help="FIELD = VALUE; also != < <= > >= in. All must hold."),
    ] = None,
    where_raw: Annotated[
        str | None, typer.Option("--where-raw", metavar="TEXT", help="A filter in the source's own language.")
    ] = None,
    order: Annotated[list[str] | None, typer.Option("--order", metavar="FIELD[:desc]", help="In this order.")] = None,
    page_size: Annotated[int | None, typer.Option("--page-size", min=1, help="Records a page, as a wish.")] = None,
    token: Annotated[
        str | None, typer.Option("--token", metavar="TOKEN", help="Go on where an earlier read was stopped.")
    ] = None,
    format_name: Annotated[
        FormatName | None, typer.Option("--format", "-f", help="table (default), jsonl, csv or parquet.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file; its ending chooses the format."),
    ] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to the file (jsonl, csv).")] = False,
    connector: Connector = None,
    settings: Settings = None,
    project: ProjectFile = None,
    store: Store = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format jsonl.")] = False,
) -> None:
    """Read the records of an entity, page by page.

    Ctrl-C ends with code 130 and says by which --token the same listing goes on.

    \b
    Examples:
      switchgear read plant WorkOrders --limit 20
      switchgear read plant WorkOrders --since 2026-01-01 --columns ID,Title,Status -o orders.csv
      switchgear read plant WorkOrders --where "Status = 'OPEN'" --where "Priority in 1,2" --format jsonl
      switchgear read plant Assets -o assets.parquet
      switchgear read demo Parts --connector odata --set url=http://127.0.0.1:8765/odata/v4/maintenance
    """
    chosen = _format(format_name, output, as_json)
    _check_output(chosen, output, append)
    cursor_of, connection = open_connection(conn, connector, settings, project, store)
    reader = connection.read(
        entity,
        columns=_split(columns),
        where=raw(where_raw) if where_raw else [condition(text) for text in where or ()] or None,
        order=[_order(field) for field in _split(order) or ()] or None,
        modified_after=since,
        cursor=cursor or cursor_of(entity),
        page_size=page_size,
        limit=limit,
        token=token,
        # A table's header is out before its second page comes.
        schema=None if chosen == "jsonl" else "frozen",
        progress=None if sys.stderr.isatty() and (output or not sys.stdout.isatty()) else False,
    )
    if chosen == "parquet" and output:
        _write_parquet(reader, output)
    else:
        _write_pages(reader, chosen, output, append, limit)


def condition(text: str) -> tuple[str, str, Any]:
    """A condition as it is typed: `Status = 'OPEN'`, `Priority in 1,2`. Quoted values are texts, others as in JSON."""
    found = re.fullmatch(r"\s*([\w./]+)\s*(<=|>=|!=|=|<|>|\sin\s)\s*(.*?)\s*", text, re.DOTALL)
    if not found:
        raise typer.BadParameter(f"{text!r} is no condition; \"Status = 'OPEN'\" is one", param_hint="--where")
    name, operator, given = found[1], found[2].strip(), found[3]
    if operator != "in":
        return name, operator, _value(given)
    items = re.findall(r"""\s*("[^"]*"|'[^']*'|[^,]+)\s*(?:,|$)""", given.strip("[]()"))
    return name, operator, [_value(item.strip()) for item in items]


def _value(text: str) -> Any:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        return text[1:-1].replace(text[0] * 2, text[0])
    try:
        return json.loads(text)
    except ValueError:
        return text


def _format(given: FormatName | None, output: Path | None, as_json: bool) -> str:
    if as_json:
        return "jsonl"
    if given is not None:
        return given.value
    endings = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
    return endings.get(output.suffix.lower(), "table") if output else "table"


def _check_output(chosen: str, output: Path | None, append: bool) -> None:
    if chosen == "parquet" and output is None:
        raise typer.BadParameter("Parquet goes into a file: -o FILE", param_hint="--format")
    if append and (output is None or chosen not in ("jsonl", "csv")):
        raise typer.BadParameter("only a file of jsonl or csv can be added to: -o FILE", param_hint="--append")


def _split(values: list[str] | None) -> list[str] | None:
    names = [name.strip() for value in values or () for name in value.split(",") if name.strip()]
    return names or None


def _order(text: str) -> tuple[str, str]:
    field, _, direction = text.partition(":")
    return field, direction or "asc"


def _write_pages(reader: Reader, chosen: str, output: Path | None, append: bool, limit: int | None) -> None:
    written, token = 0, None
    with Interrupts() as interrupts, _opened(output, append) as out:
        has_header = append and output is not None and output.stat().st_size > 0
        writer = formats.Csv(out, header=False) if chosen == "csv" and has_header else formats.FORMATS[chosen](out)
        try:
            for page in reader:
                with interrupts.whole():
                    writer.write(page)
                    written, token = written + len(page), page.token
        except KeyboardInterrupt:
            say(f"cancelled: interrupted after {written:,} records; {_resume(token, written, limit, output)}")
            raise typer.Exit(130) from None
        except Error:
            if token is not None:
                say(f"{written:,} records were written before this failed; {_resume(token, written, limit, output)}")
            raise
        finally:
            reader.close()
    if output is not None:
        say(f"{written:,} records in {output}")


def _resume(token: str | None, written: int, limit: int | None, output: Path | None) -> str:
    if token is None:
        return "there is nothing to go on from, run it again"
    rest = f" --limit {limit - written}" if limit is not None else ""
    return f"go on with --token '{token}'{rest}{' --append' if output else ''}"


def _write_parquet(reader: Reader, output: Path) -> None:
    try:
        records = formats.write_parquet(reader, output)
    except KeyboardInterrupt:
        say(f"cancelled: interrupted, {output} was not written; run it again, or read jsonl or csv, which can go on")
        raise typer.Exit(130) from None
    say(f"{records:,} records in {output}")


@contextlib.contextmanager
def _opened(output: Path | None, append: bool) -> Iterator[TextIO]:
    if output is None:
        yield sys.stdout
        return
    try:
        file = output.open("a" if append else "w", encoding="utf-8", newline="")
    except OSError as error:
        raise DestinationError(f"{output}: {error.strerror}", code="destination.file") from error
    with file:
        yield file
