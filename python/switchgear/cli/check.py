"""`switchgear check`: is the source there, and if not, what stands in the way."""

from __future__ import annotations

from typing import Annotated

import typer

from switchgear.cli.options import AsJson, Conn, Connector, ProjectFile, Settings, Store, open_connection
from switchgear.cli.output import plain, print_json, print_table
from switchgear.diagnosis import Health

Entities = Annotated[
    str | None,
    typer.Option(
        "--entities", metavar="NAMES", help="Read one record of these (A,B), or of `none`; else of the first 20."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def check(
    conn: Conn,
    entities: Entities = None,
    connector: Connector = None,
    settings: Settings = None,
    project: ProjectFile = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Check a connection stage by stage, and whether its entities may be read.

    Ends with code 1 when something stands in the way, be it of a single entity.

    \b
    Examples:
      switchgear check plant
      switchgear check plant --entities WorkOrders,Assets
      switchgear check plant --json
      switchgear check demo --connector odata --set url=http://127.0.0.1:8765/odata/v4/maintenance
    """
    _, connection = open_connection(conn, connector, settings, project, store)
    health = connection.check(entity_names(entities))
    if as_json:
        print_json({"connection_id": connection.id, **health.to_dict()})
    else:
        show(connection.id, health)
    if health.error is not None:
        raise typer.Exit(1)


def entity_names(text: str | None) -> list[str] | None:
    """What `--entities` says, as `check()` takes it."""
    if text is None:
        return None
    return [] if text == "none" else [name.strip() for name in text.split(",") if name.strip()]


def show(id: str, health: Health) -> None:
    """The stages, the entities, the verdict, and what to do."""
    show_stages(health)
    if health.error is None:
        typer.echo(f"{id} is online ({health.latency_ms:.0f} ms)")
        return
    verdict = "online, but" if health.online else "not online:"
    where = f" ({health.error.entity})" if health.error.entity else ""
    typer.echo(f"{id} is {verdict} {plain(f'{health.error.code}: {health.cause}{where}')}")
    if health.next_step:
        typer.echo(f"next: {plain(health.next_step)}")


def show_stages(health: Health) -> None:
    """The staged table, with the milliseconds of each."""
    rows = [(step.state, step.name, _ms(step.latency_ms), step.detail) for step in health.steps]
    rows += [
        (each.state, f"  {each.entity}", _ms(each.latency_ms), each.error.code if each.error else "")
        for each in health.entities
    ]
    print_table(("", "stage", "ms", ""), rows, right=("ms",))


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.1f}" if milliseconds else ""
