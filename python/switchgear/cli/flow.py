"""`switchgear flow …`: which flows there are, running one, and what its runs did."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from switchgear.cli.options import AsJson, ProjectFile, Store, open_hub
from switchgear.cli.output import plain, print_json, print_table, say
from switchgear.errors import NotFound
from switchgear.flows.files import load_flows
from switchgear.flows.runs import FlowRun
from switchgear.hub import Hub
from switchgear.project import Project

flow = typer.Typer(
    name="flow", no_args_is_help=True, rich_markup_mode=None, help="Run flows, and see what their runs did."
)


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(flow)


def hub_with_flows(store: str | None, project: Path | None) -> Hub:
    """The hub that a command line means, with the flows of the project's files."""
    hub = open_hub(store, project)
    load_flows(hub, Project.load(project))
    return hub


@flow.command(name="list")
def list_flows(store: Store = None, project: ProjectFile = None, as_json: AsJson = False) -> None:
    """List the flows of the project's files, and those that other processes have defined.

    \b
    Examples:
      switchgear flow list
      switchgear flow list --json
    """
    found = [info.to_dict() for info in hub_with_flows(store, project).flows()]
    if as_json:
        print_json(found)
        return
    rows = []
    for info in found:
        last = info["last_run"] or {}
        begins = info["schedule"] or (f"on {info['on']}" if info["on"] else "by hand")
        rows.append((info["name"], begins, info["next_at"], last.get("status"), last.get("started_at"), info["source"]))
    print_table(("flow", "begins", "next", "last run", "at", "defined at"), rows)


@flow.command()
def run(
    name: Annotated[str, typer.Argument(metavar="FLOW", help="A flow, as `flow list` shows it.")],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="KEY=VALUE", help="A parameter, as JSON or text; may be given again."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Begin anew, even if the last run failed in the middle.")] = False,
    resume: Annotated[
        str | None, typer.Option("--resume", metavar="RUN", help="Go on with this run, not with the last.")
    ] = None,
    lease: Annotated[
        float, typer.Option("--lease", min=0.1, help="Seconds after which others take over from a dead process.")
    ] = 60.0,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Run a flow, and wait for its end. 1 unless it completed.

    If its last run failed in the middle, it goes on there: behind the steps and batches that were finished.

    \b
    Examples:
      switchgear flow run close-stale
      switchgear flow run close-stale --param site=Köln --param limit=100
      switchgear flow run close-stale --new --json
    """
    if new and resume:
        raise typer.BadParameter("--new begins anew, and --resume does not: give one of them", param_hint="--resume")
    hub = hub_with_flows(store, project)
    params = dict(_param(text) for text in param) if param else None
    done = hub.run_flow(name, params, resume=resume or not new, lease=lease)
    if as_json:
        print_json({**done.to_dict(), "messages": [message.to_dict() for message in done.messages]})
    else:
        show_flow_run(done)
    if done.status != "completed":
        if done.error is not None:
            say(plain(f"{name}: {done.error}"))
        raise typer.Exit(1)


@flow.command()
def show(
    name: Annotated[str, typer.Argument(metavar="FLOW|RUN", help="A flow, for its runs; or one run's id.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="So many runs at most.")] = 20,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a flow and its runs, or one run with its steps and messages.

    \b
    Examples:
      switchgear flow show close-stale
      switchgear flow show 01a21b38c03075649b915e2aab377fd1 --json
    """
    hub = hub_with_flows(store, project)
    info = next((each for each in hub.flows() if each.name == name), None)
    if info is None:
        try:
            found = hub.run(name)
        except NotFound:
            hub._flows.get(name)  # raises, with the nearest name
            raise
        if as_json:
            print_json({**found.to_dict(), "messages": [message.to_dict() for message in found.messages]})
        elif isinstance(found, FlowRun):
            show_flow_run(found)
        return
    runs = [each.to_dict() for each in hub.runs(flow=name, limit=limit)]
    if as_json:
        print_json({**info.to_dict(), "runs": runs})
        return
    names = ("id", "status", "cause", "started_at", "finished_at")
    rows = [(*map(each.get, names), _said(each["error"])) for each in runs]
    print_table((*names, "error"), rows)


def show_flow_run(run: FlowRun) -> None:
    """Its state, its steps, and what it had to say."""
    counts = ", ".join(f"{number:,} {name}" for name, number in run.counts.items() if number)
    typer.echo(plain(f"{run.id} flow {run.flow}: {run.status}{f', records: {counts}' if counts else ''}"))
    names = ("name", "status", "attempts", "started_at", "finished_at")
    steps = [step.to_dict() for step in run.steps]
    if steps:
        print_table(("step", *names[1:], "error"), [(*map(step.get, names), _said(step["error"])) for step in steps])
    for message in run.messages:
        said = message.to_dict()
        typer.echo(plain(f"{said['at']} {said['level']} {said['entity'] or '-'}: {said['text']}"))


def _param(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"{text!r} is no KEY=VALUE", param_hint="--param")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _said(error: dict[str, Any] | None) -> str:
    return "" if error is None else f"{error['code']}: {error['message']}"
