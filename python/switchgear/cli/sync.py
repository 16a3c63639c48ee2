"""`switchgear sync`, and what there is to see of syncs: `status`, `runs`, `run`, `errors`."""

from __future__ import annotations

import contextlib
import datetime
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from switchgear.cli.flow import show_flow_run
from switchgear.cli.options import AsJson, ProjectFile, Store, open_hub
from switchgear.cli.output import plain, print_json, print_table, say
from switchgear.errors import Error
from switchgear.flows.files import load_flows
from switchgear.flows.runs import FlowRun
from switchgear.project import Project
from switchgear.schedule import duration_seconds

if TYPE_CHECKING:
    from switchgear.syncs import Run, RunEntity

Conns = Annotated[list[str] | None, typer.Argument(metavar="[CONN]...", help="These connections; else all.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many at most.")]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (sync, status, runs, errors):
        app.command()(command)
    app.command(name="run")(show_run)


def sync(
    conns: Conns = None,
    entity: Annotated[list[str] | None, typer.Option("--entity", metavar="NAME", help="These entities only.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything again, and mark what is gone.")] = False,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring what is new into each connection's destination. 1 unless all of it completed.

    A connection whose settings in the project file can't be used is left alone. Ctrl-C commits what was read; the next
    sync goes on there.

    \b
    Examples:
      switchgear sync
      switchgear sync plant --entity WorkOrders
      switchgear sync plant --full --json
    """
    settings, refused = Project.load(project), list[str]()
    hub = open_hub(store, project, refused=refused)
    load_flows(hub, settings)  # for their rules
    ids = conns or [info.id for info in hub.connections() if info.destination and info.state == "active"]
    if not ids and not refused:
        say('no connection has a destination to sync into; switchgear.toml: destination = "duckdb:///plant.duckdb"')
        raise typer.Exit(1)
    done, failed = [], bool(refused if conns is None else set(refused) & set(conns))
    for id in ids:
        if id in refused:
            continue
        try:
            run = hub.sync(id, entity, full=full, progress=_tell(id) if sys.stderr.isatty() else None)
        except Error as error:
            say(plain(str(settings.entity_error(error))))
            failed = True
            continue
        except KeyboardInterrupt:
            stopped = hub.runs(id, 1)
            if stopped and stopped[0].error is not None:
                say(plain(f"{id}: {stopped[0].error}; {stopped[0].records_written:,} records were written"))
            raise
        done.append(run)
        failed = failed or run.status != "completed"
        if run.error is not None:
            say(plain(f"{id}: {settings.entity_error(run.error)}"))
    _show_runs(done, as_json, entities=True)
    if failed:
        raise typer.Exit(1)


def _tell(id: str) -> Any:
    def tell(entity: RunEntity) -> None:
        say(plain(f"{id}/{entity.entity}: {entity.status}, {entity.records_written:,} records written"))

    return tell


def status(conns: Conns = None, store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """Show how syncs stand: the same as GET /sync-status.

    \b
    Examples:
      switchgear status
      switchgear status plant --json
    """
    hub = open_hub(store, project, conns[0] if conns else None)
    found = [hub.sync_status(id) for id in conns] if conns else hub.sync_status()
    if as_json:
        return print_json([each.to_dict() for each in found])
    header = ("connection", "status", "freshness", "last success", "next sync", "error")
    rows = [
        (s["connection_id"], s["status"], s["freshness"], s["last_success_at"], s["next_sync_at"], _said(s["error"]))
        for s in (each.to_dict() for each in found)
    ]
    return print_table(header, rows)


def runs(
    conn: Annotated[str | None, typer.Argument(metavar="[CONN]", help="Runs of this connection only.")] = None,
    limit: Limit = 20,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """List runs, the latest first.

    \b
    Examples:
      switchgear runs
      switchgear runs plant --limit 5 --json
    """
    _show_runs(open_hub(store, project, conn).runs(conn, limit), as_json)


def show_run(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's id, as `runs` shows it.")],
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a run: what became of each entity, and what it had to say.

    \b
    Example:
      switchgear run 01a21b38c03075649b915e2aab377fd1
    """
    found = open_hub(store, project).run(run)
    if as_json:
        return print_json({**found.to_dict(), "messages": [message.to_dict() for message in found.messages]})
    if isinstance(found, FlowRun):
        return show_flow_run(found)
    _show_runs([found], as_json=False, entities=True)
    for message in found.messages:
        said = message.to_dict()
        typer.echo(plain(f"{said['at']} {said['level']} {said['entity'] or '-'}: {said['text']}"))
    return None


def errors(
    conn: Annotated[str | None, typer.Argument(metavar="[CONN]", help="Errors of this connection only.")] = None,
    entity: Annotated[str | None, typer.Option("--entity", metavar="NAME", help="Of this entity only.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGO|WHEN", help="Only what was met since: 1h, 7d, 2026-01-31, …T06:00:00Z."),
    ] = None,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """List what syncs have met, once for each entity and code, the latest first.

    \b
    Examples:
      switchgear errors --since 1h
      switchgear errors plant --entity WorkOrders --json
    """
    moment = None if since is None else _since(since)
    found = [each.to_dict() for each in open_hub(store, project, conn).errors(conn, entity, moment)]
    if as_json:
        return print_json(found)
    header = ("connection", "entity", "code", "count", "last", "message")
    names = ("connection_id", "entity", "code", "count", "last_at", "message")
    return print_table(header, [tuple(map(each.get, names)) for each in found], right=("count",))


def _since(text: str) -> datetime.datetime:
    """An instant from "1h" (ago), a day, or an instant; without a time zone it is UTC, in which times are shown."""
    with contextlib.suppress(ValueError, OverflowError):
        if (ago := duration_seconds(text)) is not None:
            return datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=ago)
        moment = datetime.datetime.fromisoformat(f"{text[:-1]}+00:00" if text.endswith("Z") else text)
        return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    raise typer.BadParameter(f"{text!r} is no time: 1h, 7d, 2026-01-31, 2026-01-31T06:00:00Z", param_hint="--since")


def _whose(run: dict[str, Any]) -> str:
    return run["connection_id"] or f"flow {run['flow']}"


def _said(error: dict[str, Any] | None) -> str:
    return "" if error is None else f"{error['code']}: {error['message']}"


def _show_runs(found: list[Run], as_json: bool, *, entities: bool = False) -> None:
    shown = [run.to_dict() for run in found]
    if as_json:
        return print_json(shown)
    if not entities:
        names = ("status", "cause", "started_at", "finished_at", "records_written")
        rows = [(run["id"], _whose(run), *map(run.get, names), _said(run["error"])) for run in shown]
        return print_table(("id", "connection_id", *names, "error"), rows, right=("records_written",))
    columns = ("entity", "status", "records_read", "records_written", "watermark")
    rows = [
        (run["connection_id"], *map(each.get, columns), _said(each["error"]))
        for run in shown
        for each in run["entities"]
    ]
    return print_table(("connection", *columns, "error"), rows, right=("records_read", "records_written"))
