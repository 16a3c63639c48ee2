"""`switchgear doctor`: what this installation consists of, and which setting comes from where."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import typer

import switchgear
from switchgear import _core
from switchgear.cli.connectors import describe
from switchgear.cli.doctor_hub import examine_hub, show_hub
from switchgear.cli.options import AsJson, ProjectFile, Store
from switchgear.cli.output import plain, print_json, print_table
from switchgear.errors import Error
from switchgear.project import Project, find, user_file
from switchgear.registry import registry

PACKAGES = ("typer", "rich", "duckdb", "pyarrow", "pandas", "polars", "keyring", "certifi", "starlette", "uvicorn")


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(doctor)


def doctor(project: ProjectFile = None, store: Store = None, as_json: AsJson = False) -> None:
    """Show versions, where connectors are looked for, each setting with the file and line it comes from, and the store.

    Of the store's connections: when they are synced next, and whether their destinations can be written to. Nothing is
    written. Ends with code 1 when something found can't be used.

    \b
    Examples:
      switchgear doctor
      switchgear doctor --json
    """
    report = examine(project, store)
    if as_json:
        print_json(report)
    else:
        _show(report)
    if report["problems"]:
        raise typer.Exit(1)


def examine(file: Path | None, store: str | None = None) -> dict[str, Any]:
    """All that a doctor looks at. Secrets stand there as references."""
    places = registry()
    found = places.found()
    problems = [str(item.problem) for item in found if item.problem]
    if not any(item.problem is None for item in found):
        problems.append("plugin: no connector was found; reinstall switchgear, or set SWITCHGEAR_PLUGIN_PATH")
    settings: list[dict[str, Any]] = []
    try:
        settings = [{"name": s.name, "value": s.value, "place": s.place} for s in Project.load(file).settings()]
    except Error as error:
        problems.append(str(error))
    named = file or os.environ.get("SWITCHGEAR_PROJECT") or find()
    ca_file = _core.find_ca_file()
    if not ca_file:
        problems.append("config: no CA certificates were found; install the system's, or certifi")
    hub, wrong = examine_hub(store, file)
    problems += wrong
    return {
        "versions": versions(),
        "interpreter": sys.executable,
        "module": _core.__file__,
        "ca_file": ca_file or None,
        "project_file": str(named) if named else None,
        "user_file": str(user_file()) if user_file().is_file() else None,
        "plugin_places": [{"path": place.path, "origin": place.origin} for place in places.places],
        "connectors": [describe(item) for item in found],
        "settings": settings,
        "hub": hub,
        "problems": problems,
    }


def versions() -> dict[str, str | None]:
    """Of switchgear, Python, and the packages that matter; None: not installed."""
    return {
        "switchgear": switchgear.__version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _show(report: dict[str, Any]) -> None:
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items() if version)
    missing = ", ".join(name for name, version in report["versions"].items() if version is None)
    rows = [
        ("versions", versions),
        ("not installed", missing or "-"),
        ("module", report["module"]),
        ("CA certificates", report["ca_file"] or "none found"),
        ("project file", report["project_file"] or "none found"),
        ("user's file", report["user_file"] or "none"),
    ]
    print_table(("", ""), rows)
    typer.echo("\nconnectors are looked for in")
    print_table(("place", "named by"), [(place["path"], place["origin"]) for place in report["plugin_places"]])
    typer.echo("\nconnectors found")
    print_table(("connector", "version", "file"), [(c["name"], c["version"], c["path"]) for c in report["connectors"]])
    if report["settings"]:
        typer.echo("\nsettings in force")
        print_table(("setting", "value", "from"), [(s["name"], s["value"], s["place"]) for s in report["settings"]])
    show_hub(report["hub"])
    for problem in report["problems"]:
        typer.echo(f"\nproblem: {plain(problem)}")
