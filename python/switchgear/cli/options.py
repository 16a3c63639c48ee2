"""Options that several commands share, and the connection or hub that they name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from switchgear import history
from switchgear.cli.output import plain, say
from switchgear.connection import Connection
from switchgear.errors import Error
from switchgear.hub import Hub
from switchgear.project import Project

Conn = Annotated[
    str,
    typer.Argument(
        metavar="CONN", help="A connection of switchgear.toml or the store; with --connector, any name for it."
    ),
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
Store = Annotated[
    str | None,
    typer.Option(
        "--store", metavar="FILE|URL", help="The store; else that of the project file's [hub], else ./switchgear.db."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]

DEFAULT_STORE = "switchgear.db"
_opened: list[Connection] = []


def keep_histories() -> None:
    """Keeps what the command's connections met, for the commands to come."""
    while _opened:
        history.save(_opened.pop())


def open_connection(
    id: str, connector: str | None, settings: list[str] | None, file: Path | None, store: str | None = None
) -> tuple[Callable[[str], str | None], Connection]:
    """The connection that a command line names, of the project file or else of the store; and which field of an
    entity tells of changes, where it was set."""
    given = dict(key_value(text, "--set") for text in settings or ())
    project = Project.load(file)
    if connector is None and id not in project.connection_ids and has_store(store, project):
        return _stored(Hub(store or project.store or DEFAULT_STORE), id, given)
    connection = project.connection(id, given, connector)
    history.restore(connection)
    _opened.append(connection)
    return partial(project.cursor, id), connection


def _stored(hub: Hub, id: str, given: dict[str, str]) -> tuple[Callable[[str], str | None], Connection]:
    connection = hub.connection(id)
    if given:
        raise typer.BadParameter(f"'{id}' is a connection of the store, which is not set up here", param_hint="--set")
    entities = next(info.entities for info in hub.connections() if info.id == id)
    history.restore(connection)
    _opened.append(connection)
    return lambda entity: entities.get(entity, {}).get("cursor"), connection


def has_store(store: str | None, project: Project, *, must_exist: bool = False) -> bool:
    """Looking for a connection makes no store, unless it was named (and need not exist)."""
    named = store or project.store or DEFAULT_STORE
    return (store is not None and not must_exist) or "://" in named or Path(named).is_file()


def open_hub(store: str | None, project: Path | None, conn: str | None = None, refused: list[str] | None = None) -> Hub:
    """The hub that a command line means, with the project file's connections as they are now.

    What is wrong with one of them stops only the command that is about it. `refused` takes the ids of those.
    """
    settings = Project.load(project)
    hub = Hub(store or settings.store or DEFAULT_STORE)
    for id in settings.connection_ids:
        try:
            hub.apply(settings, [id])
        except Error as error:
            if id == conn:
                raise
            if refused is not None:
                refused.append(id)
            say(plain(f"connection '{id}' stays as it was in the store: {error}"))
    for id in settings.endpoint_ids:
        try:
            hub.apply_endpoints(settings, [id])
        except Error as error:
            say(plain(f"endpoint '{id}' stays as it was in the store: {error}"))
    return hub


def key_value(text: str, hint: str) -> tuple[str, str]:
    """`KEY=VALUE`, taken apart."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip("."):
        raise typer.BadParameter(f"{text!r} is no KEY=VALUE", param_hint=hint)
    return name, value
