"""`switchgear write`: the records of a file to a source, with an outcome for each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from switchgear.cli.bars import Bar
from switchgear.cli.options import AsJson, Conn, Connector, ProjectFile, Settings, Store, open_connection
from switchgear.cli.output import plain, print_json, say
from switchgear.errors import ConfigError

if TYPE_CHECKING:
    from switchgear.write import WriteResult

SHOWN = 10


class Op(str, Enum):
    """What `--op` takes."""

    create = "create"
    update = "update"
    upsert = "upsert"
    delete = "delete"


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(write)


def write(
    conn: Conn,
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Where to write.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Records as .jsonl, .csv or .parquet.")],
    op: Annotated[Op, typer.Option("--op", help="create, update, upsert or delete.")] = Op.upsert,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, max=10_000, help="Records a request.")] = 100,
    delay: Annotated[float, typer.Option("--delay", min=0, help="Seconds between batches.")] = 0.0,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=64, help="Batches in flight at once.")] = 1,
    on_error: Annotated[str, typer.Option("--on-error", help='continue, stop, or a share such as "10%".')] = "continue",
    atomic: Annotated[bool, typer.Option("--atomic", help="All records of a batch or none.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Look at the records, send none.")] = False,
    connector: Connector = None,
    settings: Settings = None,
    project: ProjectFile = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Write the records of a file, and say of each that is not ok why. Ends with 1 if there is one.

    \b
    Examples:
      switchgear write plant WorkOrders orders.csv
      switchgear write plant WorkOrders closed.jsonl --op update --on-error 10%
      switchgear write plant WorkOrders orders.parquet --dry-run --json
    """
    records = records_of(file)
    _, connection = open_connection(conn, connector, settings, project, store)
    with Bar(f"{connection.id}/{entity}", None) as bar:
        result = connection.write(
            entity,
            records,
            op=op.value,
            batch_size=batch_size,
            delay=delay,
            parallel=parallel,
            on_error=on_error,
            atomic=atomic,
            dry_run=dry_run,
            progress=lambda now: bar.show(now.records, f"{now.failed:,} failed" if now.failed else ""),
        )
    _tell(result, as_json)
    if result.errors:
        raise typer.Exit(1)


def _tell(result: WriteResult, as_json: bool) -> None:
    counts = {name: getattr(result, name) for name in ("ok", "failed", "unknown", "skipped")}
    if as_json:
        names = ("index", "key", "state", "category", "code", "message", "hint", "record")
        print_json({**counts, "errors": [{name: getattr(each, name) for name in names} for each in result.errors]})
        return
    for outcome in result.errors[:SHOWN]:
        key = f" ({outcome.key})" if outcome.key else ""
        say(plain(f"record {outcome.index}{key} {outcome.state}: {outcome.code}: {outcome.message}"))
    if len(result.errors) > SHOWN:
        say(f"and {len(result.errors) - SHOWN:,} more; --json lists them all")
    typer.echo(", ".join(f"{number:,} {name}" for name, number in counts.items()))


def records_of(file: Path) -> Iterator[Any]:
    """The records of a file, by its ending. One that can't be read is refused before anything is sent."""
    readers: dict[str, Callable[[Path], Iterator[Any]]] = {".jsonl": _jsonl, ".csv": _csv, ".parquet": _parquet}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise ConfigError(
            f"'{file}' ends in '{file.suffix}'", code="config.file", hint="give a .jsonl, .csv or .parquet file"
        )
    try:
        with file.open("rb"):
            pass
    except OSError as error:
        raise ConfigError(f"'{file}' can't be read: {error.strerror}", code="config.file") from error
    return reader(file)


def _jsonl(file: Path) -> Iterator[Any]:
    """A line that is no JSON becomes a record that fails, and the others go on."""
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            if not line.strip():
                continue
            try:
                yield json.loads(line)
            except ValueError:
                yield line.rstrip("\n")


def _rows(query: str, file: Path) -> Iterator[dict[str, Any]]:
    import duckdb

    with duckdb.connect() as database:
        try:
            found = database.execute(query, [str(file)])
        except duckdb.Error as error:
            raise ConfigError(f"'{file}' can't be read: {error}", code="config.file") from error
        names = [column[0] for column in found.description or ()]
        while rows := found.fetchmany(1000):
            for row in rows:
                yield dict(zip(names, row, strict=True))


def _csv(file: Path) -> Iterator[dict[str, Any]]:
    """Numbers and booleans are recognised; dates and times stay the texts that they are."""
    return _rows(
        "SELECT * FROM read_csv(?, header = true, auto_type_candidates = ['BIGINT', 'DOUBLE', 'BOOLEAN', 'VARCHAR'])",
        file,
    )


def _parquet(file: Path) -> Iterator[dict[str, Any]]:
    return _rows("SELECT * FROM read_parquet(?)", file)
