"""`switchgear token …`: who may use the HTTP interface."""

from __future__ import annotations

import datetime
from enum import Enum
from typing import Annotated

import typer

from switchgear.cli.options import AsJson, ProjectFile, Store, open_hub
from switchgear.cli.output import plain, print_json, print_table, say
from switchgear.server import tokens

token = typer.Typer(
    name="token", no_args_is_help=True, rich_markup_mode=None, help="Say who may use the HTTP interface."
)


class Scope(str, Enum):
    """What a token allows."""

    read = "read"
    operate = "operate"


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(token)


@token.command()
def create(
    name: Annotated[str, typer.Option("--name", help="For people to read: who has it.")] = "",
    scope: Annotated[Scope, typer.Option("--scope", help="read: status and data; operate: also to act.")] = Scope.read,
    connection: Annotated[
        list[str] | None, typer.Option("--connection", metavar="CONN", help="For this one only; may be given again.")
    ] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, max=36_500, help="It is refused after them.")] = None,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once: the store has only a hash of it.

    As soon as there is one, `switchgear serve` asks everybody for one, this machine too.

    \b
    Examples:
      switchgear token create --name "night shift" --scope operate
      switchgear token create --name dashboard --connection plant --days 90 --json
    """
    made, text = tokens.create(
        open_hub(store, project),
        name=name,
        scope=scope.value,
        connections=connection or None,
        lifetime=None if days is None else datetime.timedelta(days=days),
    )
    if as_json:
        print_json({**tokens.to_dict(made), "token": text})
        return
    typer.echo(text)
    say(f"token {made.id}, scope {made.scope}; keep it now, it is shown only this once")


@token.command(name="list")
def list_tokens(store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """List all tokens, the newest first, without their texts.

    \b
    Examples:
      switchgear token list
      switchgear token list --json
    """
    found = [tokens.to_dict(each) for each in tokens.listed(open_hub(store, project))]
    if as_json:
        print_json(found)
        return
    rows = [
        (
            each["id"],
            each["name"],
            each["scope"],
            ", ".join(each["connections"]) if each["connections"] is not None else "all",
            each["state"],
            each["created_at"],
            each["expires_at"],
            each["last_used_at"],
        )
        for each in found
    ]
    print_table(("token", "name", "scope", "connections", "state", "created", "expires", "last used"), rows)


@token.command()
def revoke(
    id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, as `token list` shows it.")],
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Refuse a token from now on, in all servers.

    \b
    Examples:
      switchgear token revoke 3f9a0c77b1d2
    """
    revoked = tokens.to_dict(tokens.revoke(open_hub(store, project), id))
    if as_json:
        print_json(revoked)
    else:
        typer.echo(plain(f"{revoked['id']} {revoked['name']}".rstrip()) + f": revoked at {revoked['revoked_at']}")
