"""Options that several commands share, and the connection that they name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from switchgear import history
from switchgear.connection import Connection
from switchgear.project import Project

Conn = Annotated[
    str, typer.Argument(metavar="CONN", help="A connection in switchgear.toml; with --connector, any name for it.")
]
Connector = Annotated[
    str | None,
    typer.Option("--connector", metavar="NAME", help="Connect without a project file, by this connector."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="A setting that wins over the project file: url=…, auth.user=…, timeout.total=… Secrets by reference: "
        "auth.password=env:NAME.",
    ),
]
ProjectFile = Annotated[
    Path | None,
    typer.Option("--project", metavar="FILE", help="The project file, instead of the nearest switchgear.toml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

_opened: list[Connection] = []


def keep_histories() -> None:
    """Keeps what the command's connections met, for the commands to come."""
    while _opened:
        history.save(_opened.pop())


def open_connection(
    id: str, connector: str | None, settings: list[str] | None, file: Path | None
) -> tuple[Project, Connection]:
    """The connection that a command line names, and the project that it comes from."""
    given: dict[str, str] = {}
    for text in settings or ():
        name, equals, value = text.partition("=")
        if not equals or not name.strip("."):
            raise typer.BadParameter(f"{text!r} is no KEY=VALUE", param_hint="--set")
        given[name] = value
    project = Project.load(file)
    connection = project.connection(id, given, connector)
    history.restore(connection)
    _opened.append(connection)
    return project, connection
