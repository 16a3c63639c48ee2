"""`switchgear demo`: a whole read, from a maintenance system of its own to a table and a plot."""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from switchgear.cli import check
from switchgear.cli.options import AsJson
from switchgear.cli.output import print_json, print_table, say
from switchgear.connecting import connect
from switchgear.connection import Connection
from switchgear.errors import ServerError
from switchgear.progress import describe
from switchgear.sandbox import Sandbox

if TYPE_CHECKING:
    import duckdb

    from switchgear.reader import Reader

BAR = 40


@dataclass
class Answer:
    """What the demo found out."""

    seconds: float
    records: int
    sample: list[tuple[Any, ...]]
    by_month: list[tuple[str, int]]
    by_status: list[tuple[str, int, float]]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(demo)


def demo(
    records: Annotated[int, typer.Option("--records", min=1, help="Work orders to read.")] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Start a local maintenance system, check it, read its work orders, and show them.

    \b
    Examples:
      switchgear demo
      switchgear demo --records 1000000 --json
    """
    say(f"starting a maintenance system with {records:,} work orders …")
    with Sandbox(records=records, process=True, warm=True) as box:
        plant = connect("odata", id="demo", url=box.odata_url)
        health = plant.check()
        if not as_json:
            check.show(plant.id, health)
        if not health.online:
            raise health.error or ServerError("the sandbox does not answer")
        answer = _ask(plant, records)
    if as_json:
        print_json(
            {
                "records": answer.records,
                "seconds": round(answer.seconds, 3),
                "records_per_second": round(answer.records / answer.seconds),
                "by_month": dict(answer.by_month),
                "by_status": {status: count for status, count, _ in answer.by_status},
            }
        )
    else:
        _show(answer)


def _ask(plant: Connection, records: int) -> Answer:
    """Reads everything into DuckDB through the Arrow stream, and asks DuckDB."""
    import duckdb

    with duckdb.connect() as database:
        seconds = _load(database, plant.read("WorkOrders"), records)
        ask = database.execute
        counted = ask("SELECT count(*) FROM work_orders").fetchone()
        return Answer(
            seconds=seconds,
            records=counted[0] if counted else 0,
            sample=ask(
                f"SELECT ID, Title, Status, Priority, EstimatedCost, {_changed('%Y-%m-%d %H:%M')} "  # noqa: S608
                "FROM work_orders ORDER BY ID LIMIT 8"
            ).fetchall(),
            by_month=ask(
                f"SELECT {_changed('%Y-%m')} AS month, count(*) FROM work_orders GROUP BY month ORDER BY month"  # noqa: S608
            ).fetchall(),
            by_status=ask(
                "SELECT Status, count(*), sum(EstimatedCost)::DOUBLE FROM work_orders "
                "GROUP BY Status ORDER BY count(*) DESC, Status"
            ).fetchall(),
        )


def _changed(shown: str) -> str:
    return f"strftime(ChangedAt AT TIME ZONE 'UTC', '{shown}')"


def _load(database: duckdb.DuckDBPyConnection, reader: Reader, records: int) -> float:
    """Loads the listing into a table, with a bar where somebody looks. Returns the seconds it took."""
    database.register("listing", reader)
    failures: list[BaseException] = []

    def load() -> None:
        try:
            database.execute("CREATE TABLE work_orders AS SELECT * FROM listing")
        except BaseException as error:
            failures.append(error)

    worker = threading.Thread(target=load, name="demo-load", daemon=True)
    began = time.monotonic()
    worker.start()
    _watch(worker, reader, records, began)
    seconds = time.monotonic() - began
    if reader._stream is not None:
        reader._stream.raise_for_error()
    if failures:
        raise failures[0]
    say(describe(reader.stats, seconds))
    return seconds


def _watch(worker: threading.Thread, reader: Reader, records: int, began: float) -> None:
    if not sys.stderr.isatty():
        worker.join()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("demo/WorkOrders", total=records, text="")
        while worker.is_alive():
            worker.join(0.05)
            stats = reader.stats
            bar.update(task, completed=stats.records, text=describe(stats, time.monotonic() - began))


def _show(answer: Answer) -> None:
    typer.echo()
    print_table(
        ("ID", "Title", "Status", "Priority", "EstimatedCost", "ChangedAt"),
        answer.sample,
        right=("ID", "EstimatedCost"),
    )
    typer.echo("\nwork orders by status")
    _bars([(status, count, f"estimated {cost:,.0f}") for status, count, cost in answer.by_status])
    typer.echo("\nwork orders changed by month")
    _bars([(month, count, "") for month, count in answer.by_month])
    rate = answer.records / answer.seconds
    typer.echo(
        f"\n{answer.records:,} records in {answer.seconds:.2f} s: {rate:,.0f} records/s, from HTTP to a DuckDB table"
    )
    typer.echo("your turn: switchgear sandbox; switchgear read demo WorkOrders --connector odata --set url=URL/odata/…")


def _bars(rows: list[tuple[str, int, str]]) -> None:
    most = max((count for _, count, _ in rows), default=0) or 1
    width = max((len(label) for label, _, _ in rows), default=0)
    for label, count, note in rows:
        bar = "█" * max(1, round(BAR * count / most))
        typer.echo(f"  {label:{width}}  {bar:{BAR}}  {count:>9,}  {note}".rstrip())
