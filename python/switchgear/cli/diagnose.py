"""`switchgear diagnose`: what is hit, why, since when, and what to do; and a bundle of it for support."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Annotated, Any

import typer

from switchgear.cli.check import Entities, entity_names, show_stages
from switchgear.cli.doctor import versions
from switchgear.cli.options import AsJson, Conn, Connector, ProjectFile, Settings, Store, open_connection
from switchgear.cli.output import plain, print_json, say
from switchgear.connection import Connection
from switchgear.diagnosis import Diagnosis, logged_dict, status_dict
from switchgear.errors import DestinationError


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(diagnose)


Bundle = Annotated[
    Path | None,
    typer.Option("--bundle", metavar="FILE.zip", help="Pack what support needs, without secrets."),
]


def diagnose(
    conn: Conn,
    entities: Entities = None,
    bundle: Bundle = None,
    connector: Connector = None,
    settings: Settings = None,
    project: ProjectFile = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Say why a connection is not well: everything, one entity or one operation, since when, and what to do.

    Checks the source, reads one record of each entity, and looks at what earlier commands met. Ends with code 1 when
    something is wrong.

    \b
    Examples:
      switchgear diagnose plant
      switchgear diagnose plant --json
      switchgear diagnose plant --bundle plant.zip
    """
    _, connection = open_connection(conn, connector, settings, project, store)
    diagnosis = connection.diagnose(probe=True, entities=entity_names(entities))
    if bundle is not None:
        pack(connection, diagnosis, bundle)
        say(f"written to {plain(str(bundle))}")
    if as_json:
        print_json(diagnosis.to_dict())
    else:
        show(diagnosis)
    if diagnosis.scope != "none":
        raise typer.Exit(1)


def show(diagnosis: Diagnosis) -> None:
    """The verdict, what speaks for it, and what to do, for people."""
    if diagnosis.probe is not None:
        show_stages(diagnosis.probe)
    hit = {"connection": "everything", "entity": "some entities", "operation": "one operation", "none": "nothing"}
    typer.echo(f"{plain(diagnosis.connection_id)}: {plain(diagnosis.cause)}")
    if diagnosis.scope != "none":
        typer.echo(f"hit: {hit[diagnosis.scope]} ({plain(diagnosis.code)}){_names(diagnosis)}")
    if diagnosis.evidence:
        typer.echo("\nevidence")
        for line in diagnosis.evidence:
            typer.echo(f"  {plain(line)}")
    if diagnosis.next_steps:
        typer.echo("\nnext")
        for number, line in enumerate(diagnosis.next_steps, 1):
            typer.echo(f"  {number}. {plain(line)}")


def _names(diagnosis: Diagnosis) -> str:
    names = list(dict.fromkeys(logged.entity for logged in diagnosis.affected if logged.entity))
    return f": {plain(', '.join(names))}" if names and diagnosis.scope != "connection" else ""


def pack(connection: Connection, diagnosis: Diagnosis, path: Path) -> None:
    """A zip of JSON files. Raises DestinationError where it can't be written."""
    specification = connection._specification
    operations = [
        {"entity": entity or None, "operation": operation, "last_success": seconds}
        for entity, operation, seconds in connection._core.successes()
    ]
    parts: dict[str, Any] = {
        "connection": {
            "id": connection.id,
            "connector": connection.connector,
            "config": dict(specification.config),
            "auth": repr(specification.auth),
            "tls": repr(specification.tls),
            "timeout": repr(specification.timeout),
        },
        "diagnosis": diagnosis.to_dict(),
        "operations": {"successes": operations, "status": status_dict(diagnosis.status)},
        "probe": diagnosis.probe.to_dict() if diagnosis.probe else None,
        "errors": [logged_dict(logged) for logged in connection.errors()],
        "versions": versions(),
    }
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, content in parts.items():
                text = json.dumps(content, indent=2, ensure_ascii=False, default=str)
                bundle.writestr(f"{name}.json", connection._redactor.redact(text))
    except OSError as problem:
        raise DestinationError(
            f"{path}: {problem.strerror or problem}",
            code="destination.file",
            hint="name a file in a folder that there is",
        ) from problem
