"""`switchgear endpoints …` and `switchgear deliveries …`: where events are sent to, and how that goes."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from switchgear import _core
from switchgear.cli.options import AsJson, ProjectFile, Store, open_hub
from switchgear.cli.output import plain, print_json, print_table, say
from switchgear.endpoints import Endpoint
from switchgear.sending import Delivery

endpoints = typer.Typer(
    name="endpoints", no_args_is_help=True, rich_markup_mode=None, help="Say where events are sent to, and which."
)
deliveries = typer.Typer(
    name="deliveries",
    invoke_without_command=True,
    rich_markup_mode=None,
    help="List events on their way to endpoints, and send them again.",
)
EndpointId = Annotated[str, typer.Argument(metavar="ENDPOINT", help="Its id, as `endpoints list` shows it.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(endpoints)
    app.add_typer(deliveries)


@endpoints.command()
def add(
    url: Annotated[str, typer.Argument(metavar="URL", help="https://…; http:// only with --allow.")],
    id: Annotated[str | None, typer.Option("--id", metavar="NAME", help="Its name; else one is made.")] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            "--event",
            metavar="[CONN=]TYPE",
            help="sync.failed, connection.*, plant=sync.*; may be given again. None: all.",
        ),
    ] = None,
    secret: Annotated[
        str | None,
        typer.Option("--secret", metavar="REF", help="env:NAME, file:PATH or keyring:SERVICE/NAME; else one is made."),
    ] = None,
    filter: Annotated[
        str | None,
        typer.Option("--filter", metavar="JSON", help='Conditions on the data: {"error.category": ["offline"]}.'),
    ] = None,
    schedule: Annotated[
        str, typer.Option("--schedule", metavar="NAME|SECONDS", help="default, standard, or 30,60,600.")
    ] = "default",
    ordered: Annotated[
        bool, typer.Option("--ordered", help="One after the other; one that fails keeps back the rest.")
    ] = False,
    rate: Annotated[float | None, typer.Option("--rate", min=0.001, help="Deliveries per second at most.")] = None,
    allow: Annotated[
        list[str] | None,
        typer.Option("--allow", metavar="SUBNET", help="It may lie there though that is not public; may be repeated."),
    ] = None,
    ca_file: Annotated[Path | None, typer.Option("--ca-file", metavar="PEM", help="A CA of one's own.")] = None,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Send events there from now on. A secret that is made is printed, once.

    \b
    Examples:
      switchgear endpoints add https://ops.example/hook --event sync.failed --event "plant=connection.*"
      switchgear endpoints add http://10.1.2.3:8080/hook --allow 10.1.0.0/16 --secret env:OPS_KEY
    """
    made = open_hub(store, project).endpoints.add(
        url,
        id=id,
        secret=None if secret is None else _core.Secret.from_reference(secret),
        events=_events(event),
        filter=None if filter is None else _table(filter),
        schedule=_schedule(schedule),
        ordered=ordered,
        rate=rate,
        allowed_subnets=allow or [],
        ca_file=ca_file or "",
    )
    _tell(made, as_json)


@endpoints.command(name="list")
def list_endpoints(store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """List all endpoints.

    \b
    Examples:
      switchgear endpoints list
      switchgear endpoints list --json
    """
    found = [each.to_dict() for each in open_hub(store, project).endpoints.list()]
    if as_json:
        print_json(found)
        return
    rows = [(e["id"], e["url"], _wanted(e["events"]), e["state"], e["reason"], e["owner"]) for e in found]
    print_table(("endpoint", "url", "events", "state", "reason", "owner"), rows)


@endpoints.command()
def remove(id: EndpointId, store: Store = None, project: ProjectFile = None) -> None:
    """Send nothing there any more, and forget what is on its way.

    \b
    Examples:
      switchgear endpoints remove ops
    """
    open_hub(store, project).endpoints.remove(id)
    typer.echo(plain(f"{id}: removed"))


@endpoints.command()
def enable(id: EndpointId, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Send there again, after it was disabled or asked for a pause.

    \b
    Examples:
      switchgear endpoints enable ops
    """
    _tell(open_hub(store, project).endpoints.enable(id), as_json)


@endpoints.command()
def disable(id: EndpointId, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Send nothing there until it is enabled again.

    \b
    Examples:
      switchgear endpoints disable ops
    """
    _tell(open_hub(store, project).endpoints.disable(id), as_json)


@endpoints.command()
def rotate(
    id: EndpointId,
    secret: Annotated[
        str | None, typer.Option("--secret", metavar="REF", help="A reference to the new one; else one is made.")
    ] = None,
    keep: Annotated[float, typer.Option("--keep", metavar="HOURS", min=0, help="So long the old one signs, too.")] = 24,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Sign with another secret, and for a while with the old one, too.

    \b
    Examples:
      switchgear endpoints rotate ops
      switchgear endpoints rotate ops --secret env:OPS_KEY_2 --keep 48
    """
    reference = None if secret is None else _core.Secret.from_reference(secret)
    changed = open_hub(store, project).endpoints.rotate(id, reference, keep=datetime.timedelta(hours=keep))
    _tell(changed, as_json)


@endpoints.command(name="test")
def send_samples(
    id: EndpointId,
    type: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Of this type only; may be given again.")
    ] = None,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Send a sample of each type that the endpoint is set for; exit code 1 where one did not arrive.

    \b
    Examples:
      switchgear endpoints test ops
      switchgear endpoints test ops --type sync.failed --json
    """
    sent = open_hub(store, project).endpoints.test(id, type)
    _show(sent, as_json)
    if any(each.state != "delivered" for each in sent):
        raise typer.Exit(1)


@deliveries.callback()
def root(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="pending, sending, retry, delivered or dead.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="ENDPOINT", help="To this one only.")] = None,
    limit: Limit = 50,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    if context.invoked_subcommand is None:
        list_deliveries(state, endpoint, limit, store, project, as_json)


@deliveries.command(name="list")
def list_deliveries(
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="pending, sending, retry, delivered or dead.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option("--endpoint", metavar="ENDPOINT", help="To this one only.")] = None,
    limit: Limit = 50,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """List deliveries, the newest first.

    \b
    Examples:
      switchgear deliveries
      switchgear deliveries list --state dead --endpoint ops --json
    """
    wanted: Any = state
    _show(open_hub(store, project).deliveries(state=wanted, endpoint=endpoint, limit=limit), as_json)


@deliveries.command()
def redeliver(
    ids: Annotated[list[int], typer.Argument(metavar="DELIVERY…", help="Their numbers, as `deliveries` shows them.")],
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Send deliveries again, the same events under the same ids: now, and by whoever sends webhooks later.

    \b
    Examples:
      switchgear deliveries redeliver 4711
    """
    hub = open_hub(store, project)
    for id in ids:
        hub.redeliver(id)
    hub.send_webhooks()
    sent = [hub._deliveries.get(id) for id in ids]
    _show(sent, as_json)
    if any(each.state != "delivered" for each in sent):
        raise typer.Exit(1)


def _tell(endpoint: Endpoint, as_json: bool) -> None:
    if as_json:
        said = endpoint.to_dict()
        print_json(said if endpoint.secret is None else {**said, "secret": endpoint.secret})
        return
    typer.echo(plain(f"{endpoint.id}: {endpoint.state}, {endpoint.url}"))
    if endpoint.secret is not None:
        typer.echo(endpoint.secret)
        say("the secret that signs; keep it now, it is shown only this once")


def _show(found: list[Delivery] | Any, as_json: bool) -> None:
    rows = [each.to_dict() for each in found]
    if as_json:
        print_json(rows)
        return
    names = ("id", "type", "connection_id", "endpoint_id", "state", "attempts", "status", "due_at")
    header = ("delivery", "type", "connection", "endpoint", "state", "attempts", "status", "next attempt", "error")
    said = [(*(row[name] for name in names), (row["error"] or {}).get("message")) for row in rows]
    print_table(header, said, right=("delivery", "attempts", "status"))


def _events(given: list[str] | None) -> dict[str, list[str]]:
    events: dict[str, list[str]] = {}
    for text in given or ["*"]:
        connection, equals, type = text.rpartition("=")
        events.setdefault(connection if equals else "*", []).append(type)
    return events


def _table(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise typer.BadParameter(f"{text!r} is no JSON object", param_hint="--filter")
    return value


def _schedule(text: str) -> Any:
    if text in ("default", "standard"):
        return text
    try:
        return [float(seconds) for seconds in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no schedule", param_hint="--schedule") from None


def _wanted(events: dict[str, list[str]]) -> str:
    return "; ".join(f"{connection}: {', '.join(types)}" for connection, types in events.items())
