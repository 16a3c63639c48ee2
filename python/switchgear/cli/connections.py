"""`switchgear add`, and what takes a connection of the store out of use and back: `pause`, `disconnect` …"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from switchgear.auth import Secret
from switchgear.cli.options import AsJson, ProjectFile, Store, key_value, open_hub
from switchgear.cli.output import plain, print_json
from switchgear.hub import Hub
from switchgear.project import Project
from switchgear.project_auth import auth_of
from switchgear.toml_file import Layer, Place, SecretReference

Conn = Annotated[str, typer.Argument(metavar="CONN", help="A connection of the project file or the store.")]
Credentials = Annotated[
    str | None,
    typer.Option(
        "--auth", metavar="TYPE,KEY=VALUE,…", help="Credentials, secrets by reference: basic,user=u,password=env:PW"
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (add, pause, resume, disconnect, reconnect):
        app.command()(command)


def add(
    id: Annotated[str, typer.Argument(metavar="ID", help="Its name, from now on.")],
    connector: Annotated[str, typer.Argument(metavar="CONNECTOR", help="As `switchgear connectors` shows it.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="The connector's own settings, and those of the project file: url=…, timeout.total=60, "
            "rate_limit=100/s. Secrets by reference: api_key=env:NAME.",
        ),
    ] = None,
    auth: Credentials = None,
    schedule: Annotated[
        str | None, typer.Option("--schedule", metavar="CRON|INTERVAL", help='"*/15 * * * *", or "15m".')
    ] = None,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="Of the schedule.")] = None,
    destination: Annotated[
        str | None, typer.Option("--destination", metavar="URL", help="Where syncs land: duckdb:///plant.duckdb")
    ] = None,
    entity: Annotated[
        list[str] | None,
        typer.Option(
            "--entity",
            metavar="NAME[,KEY=VALUE]…",
            help="Sync this one, and others only where they are named, too: WorkOrders,cursor=ChangedAt",
        ),
    ] = None,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Put a connection into the store. Nothing is sent.

    \b
    Examples:
      switchgear add plant odata url=https://host/odata/v4/maintenance --auth basic,user=alice,password=env:PLANT_PW
      switchgear add plant odata url=https://host/odata --destination duckdb:///plant.duckdb --schedule 15m
      switchgear add plant odata url=https://host/odata --entity WorkOrders,cursor=ChangedAt --entity Assets --json
    """
    given: list[tuple[tuple[str, ...], Any, str]] = []
    for text in settings or ():
        name, value = key_value(text, "KEY=VALUE")
        given.append((tuple(name.split(".")), value, f"{name}=…"))
    given += [(("auth", *names), value, "--auth") for names, value in _credentials(auth)]
    for option, said in (("schedule", schedule), ("timezone", timezone), ("destination", destination)):
        given += [] if said is None else [((option,), said, f"--{option}")]
    for text in entity or ():
        given += [(names, option, f"--entity {names[1]}") for names, option in _entity(text)]
    wanted = Project.of(id, [*given, (("connector",), connector, "CONNECTOR")])
    hub = open_hub(store, project)
    hub._keep(wanted.connection(id), wanted.syncs(id))
    _tell(hub, id, "added", as_json, f"nothing was sent yet: switchgear check {id}")


def pause(conn: Conn, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Send nothing through a connection any more, until `resume`. Its jobs wait.

    \b
    Examples:
      switchgear pause plant
      switchgear pause plant --json
    """
    hub = open_hub(store, project, conn)
    hub.pause(conn)
    _tell(hub, conn, "paused", as_json, f"nothing is sent until: switchgear resume {conn}")


def resume(conn: Conn, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Let a connection send again.

    \b
    Example:
      switchgear resume plant
    """
    hub = open_hub(store, project, conn)
    hub.resume(conn)
    _tell(hub, conn, "resumed", as_json, "it is active")


def disconnect(conn: Conn, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Take a connection out of use: its credentials are forgotten, its history stays.

    \b
    Example:
      switchgear disconnect plant
    """
    hub = open_hub(store, project, conn)
    hub.disconnect(conn)
    kept = "its credentials are forgotten, its runs and errors stay"
    _tell(hub, conn, "disconnected", as_json, f"{kept}; switchgear reconnect {conn} takes it back")


def reconnect(
    conn: Conn,
    secrets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=REFERENCE]...", help="The connector's own secrets: api_key=env:NAME"),
    ] = None,
    auth: Credentials = None,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a connection into use again. One of the project file has its credentials there; others need them anew.

    \b
    Examples:
      switchgear reconnect plant
      switchgear reconnect plant --auth basic,user=alice,password=env:PLANT_PW
      switchgear reconnect acme api_key=env:ACME_KEY
    """
    hub = open_hub(store, project, conn)
    own = dict(key_value(text, "KEY=REFERENCE") for text in secrets or ())
    hub.reconnect(
        conn,
        auth=auth_of(_credentials(auth), "--auth") if auth else None,
        secrets={name: _secret(name, value) for name, value in own.items()},
    )
    _tell(hub, conn, "reconnected", as_json, "it is active")


def _credentials(text: str | None) -> Iterator[tuple[tuple[str, ...], str]]:
    """`basic,user=alice` as `(("type",), "basic"), (("user",), "alice")`."""
    kind, *rest = text.split(",") if text else [""]
    if kind:
        yield ("type",), kind
    for part in rest:
        name, value = key_value(part, "--auth")
        yield tuple(name.split(".")), value


def _entity(text: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """`WorkOrders,cursor=ChangedAt`: first that it is there, then its options. Names that come twice are a list."""
    entity, *rest = text.split(",")
    yield ("entities", entity), {}
    options: dict[str, Any] = {}
    for part in rest:
        name, value = key_value(part, "--entity")
        if name in ("key", "columns"):
            options.setdefault(name, []).append(value)
        else:
            options[name] = value
    for name, value in options.items():
        yield ("entities", entity, name), value


def _secret(name: str, value: str) -> Secret:
    layer = Layer({name: value}, {(name,): Place(f"{name}=…", Path.cwd())})
    return Secret.from_reference(SecretReference().check(layer, (name,), value))


def _tell(hub: Hub, id: str, done: str, as_json: bool, more: str) -> None:
    info = next(info for info in hub.connections() if info.id == id)
    if as_json:
        return print_json(info.to_dict())
    return typer.echo(plain(f"{done} '{id}' ({info.connector}) in {hub._store.display}; {more}"))
