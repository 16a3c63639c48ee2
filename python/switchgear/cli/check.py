"""`switchgear check`: is the source there, and if not, what stands in the way."""

from __future__ import annotations

from typing import Any

import typer

from switchgear.cli.options import AsJson, Conn, Connector, ProjectFile, Settings, open_connection
from switchgear.cli.output import plain, print_json, print_table
from switchgear.connection import Health


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(check)


def check(
    conn: Conn,
    connector: Connector = None,
    settings: Settings = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Check a connection stage by stage; ends with code 1 when it is not online.

    \b
    Examples:
      switchgear check plant
      switchgear check plant --json
      switchgear check demo --connector odata --set url=http://127.0.0.1:8765/odata/v4/maintenance
    """
    _, connection = open_connection(conn, connector, settings, project)
    health = connection.check()
    if as_json:
        print_json({"connection_id": connection.id, **to_dict(health)})
    else:
        show(connection.id, health)
    if not health.online:
        raise typer.Exit(1)


def show(id: str, health: Health) -> None:
    """The stages, the verdict, and what to do."""
    rows = [
        (step.state, step.name, f"{step.latency_ms:.1f}" if step.latency_ms else "", step.detail)
        for step in health.steps
    ]
    print_table(("", "stage", "ms", ""), rows, right=("ms",))
    if health.online:
        typer.echo(f"{id} is online ({health.latency_ms:.0f} ms)")
        return
    typer.echo(f"{id} is not online: {plain(f'{health.error.code}: {health.cause}' if health.error else health.cause)}")
    if health.next_step:
        typer.echo(f"next: {plain(health.next_step)}")


def to_dict(health: Health) -> dict[str, Any]:
    """What a check found, as `--json` shows it."""
    return {
        "online": health.online,
        "latency_ms": round(health.latency_ms, 3),
        "steps": [
            {"name": step.name, "state": step.state, "latency_ms": round(step.latency_ms, 3), "detail": step.detail}
            for step in health.steps
        ],
        "cause": health.cause or None,
        "next_step": health.next_step or None,
        "error": health.error.to_dict() if health.error else None,
    }
