"""What `switchgear doctor` says of the store, and of the syncs of its connections."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from switchgear.cli.options import DEFAULT_STORE, has_store
from switchgear.cli.output import print_table
from switchgear.destination_probe import probe
from switchgear.errors import Error
from switchgear.hub import Hub
from switchgear.project import Project


def examine_hub(store: str | None, project: Path | None) -> tuple[dict[str, Any] | None, list[str]]:
    """The section of the report, None where there is no store, and what is wrong. A store is not made by looking."""
    try:
        settings = Project.load(project)
    except Error:
        return None, []  # which the doctor tells of by itself
    problems = _file_problems(settings)
    if not has_store(store, settings, must_exist=True):
        return None, [*problems, f"store: there is none at {store}"] if store else problems
    named = store or settings.store or DEFAULT_STORE
    try:
        hub = Hub(named)
        described = hub._store.describe()
    except Error as error:
        kind = "postgresql" if named.startswith("postgres") else "sqlite"
        broken = {"url": None, "kind": kind, "reachable": False, "error": error.to_dict()}
        return {"store": broken}, [*problems, str(error)]
    found: dict[str, Any] = {
        "url": hub._store.display,
        "kind": hub._store.kind,
        "reachable": True,
        "schema_version": described.schema_version,
        "bytes": described.bytes,
    }
    connections, wrong = _connections(hub)
    section = {"store": found, "retention": hub.retention().to_dict(), "connections": connections}
    return section, problems + wrong


def _connections(hub: Hub) -> tuple[list[dict[str, Any]], list[str]]:
    shown, problems = [], []
    statuses = {each.connection_id: each.to_dict() for each in hub.sync_status()}
    for info in hub.connections():
        said: dict[str, Any] = {
            "id": info.id,
            "connector": info.connector,
            "state": info.state,
            "owner": info.owner,
            "schedule": info.schedule or None,
            "timezone": info.timezone,
            "next_sync_at": statuses[info.id]["next_sync_at"],
            "status": statuses[info.id]["status"],
            "destination": None,
        }
        if info.destination:
            found = probe(info.destination, info.id)
            said["destination"] = found.to_dict()
            if found.problem is not None and info.state == "active":
                problems.append(f"the destination of '{info.id}': {found.problem}")
        shown.append(said)
    return shown, problems


def _file_problems(settings: Project) -> list[str]:
    problems = []
    for id in settings.connection_ids:
        try:
            settings.syncs(id)
        except Error as error:
            problems.append(str(error))
    return problems


def show_hub(section: dict[str, Any] | None) -> None:
    """The section for people to read."""
    if section is None:
        typer.echo("\nno store: nothing is synced or queued here")
        return
    store = section["store"]
    typer.echo("\nstore")
    reachable = "yes" if store["reachable"] else "no"
    rows = [("store", store["url"] or "-"), ("kind", store["kind"]), ("reachable", reachable)]
    if store["reachable"]:
        rows += [("tables' version", store["schema_version"]), ("size", f"{store['bytes'] / 1e6:,.1f} MB")]
        kept = (f"{name} {_days(age)}" for name, age in section["retention"].items())
        rows.append(("kept", ", ".join(kept)))
    print_table(("", ""), rows)
    if section.get("connections"):
        typer.echo("\nconnections of the store")
        header = ("connection", "state", "schedule", "next sync", "destination", "writable", "driver")
        print_table(header, [_row(each) for each in section["connections"]])


def _days(seconds: float | None) -> str:
    return "for ever" if seconds is None else f"{seconds / 86_400:g} days"


def _row(said: dict[str, Any]) -> tuple[Any, ...]:
    schedule = f"{said['schedule']} ({said['timezone']})" if said["schedule"] else "by hand"
    found = said["destination"] or {}
    writable = {True: "yes", False: "no", None: "?" if found else ""}[found.get("writable")]
    driver = found.get("driver") or ("missing" if found and found.get("problem") else "")
    return said["id"], said["state"], schedule, said["next_sync_at"], found.get("display"), writable, driver
