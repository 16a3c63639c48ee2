"""`switchgear entities`: what a source has."""

from __future__ import annotations

from typing import Any

import typer

from switchgear.cli.options import AsJson, Conn, Connector, ProjectFile, Settings, Store, open_connection
from switchgear.cli.output import print_json, print_table


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(entities)


def entities(
    conn: Conn,
    connector: Connector = None,
    settings: Settings = None,
    project: ProjectFile = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """List the entities of a source: their keys, columns, and what can be written.

    \b
    Examples:
      switchgear entities plant
      switchgear entities plant --json
    """
    _, connection = open_connection(conn, connector, settings, project, store)
    found = connection.entities()
    if as_json:
        print_json(
            [
                {
                    "name": entity.name,
                    "key": list(entity.key),
                    "cursor": entity.cursor or None,
                    "ops": list(entity.ops),
                    "fields": [field_dict(field) for field in entity.fields],
                }
                for entity in found
            ]
        )
        return
    print_table(
        ("entity", "key", "cursor", "writes", "columns"),
        [
            (e.name, ", ".join(e.key), e.cursor, ", ".join(e.ops), ", ".join(f"{f.name}: {f.type}" for f in e.fields))
            for e in found
        ],
    )


def field_dict(field: Any) -> dict[str, Any]:
    """A column as `--json` shows it: only what its type has."""
    described: dict[str, Any] = {"name": field.name, "type": field.type, "nullable": field.nullable}
    if field.type == "decimal":
        described |= {"precision": field.precision, "scale": field.scale}
    if field.type == "timestamp":
        described["utc"] = field.utc
    if field.children:
        described["children"] = [field_dict(child) for child in field.children]
    return described
