"""`switchgear connectors` and `switchgear plugin inspect`: what is there. Neither runs code of a connector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from switchgear import _core
from switchgear.cli.options import AsJson
from switchgear.cli.output import print_json, print_table
from switchgear.registry import registry

plugin = typer.Typer(name="plugin", no_args_is_help=True, rich_markup_mode=None, help="Look into connector libraries.")


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(connectors)
    app.add_typer(plugin)


def connectors(as_json: AsJson = False) -> None:
    """List the connectors that are installed, and the files that can't be used as such.

    \b
    Examples:
      switchgear connectors
      SWITCHGEAR_PLUGIN_PATH=./build switchgear connectors --json
    """
    found = registry().found()
    if as_json:
        print_json([describe(item) for item in found])
        return
    rows = []
    for item in found:
        manifest = item.manifest
        state = f"hidden by {item.shadowed_by}" if item.shadowed_by else str(item.problem or "")
        if manifest is None:
            rows.append(("-", "", state, item.path, item.origin))
            continue
        rows.append((manifest.name, manifest.version, state or manifest.doc, item.path, item.origin))
    print_table(("connector", "version", "", "file", "found by"), rows)


def describe(found: _core.FoundConnector) -> dict[str, Any]:
    """A connector file as `--json` shows it."""
    manifest = found.manifest
    return {
        "name": manifest.name if manifest else None,
        "version": manifest.version if manifest else None,
        "doc": manifest.doc if manifest else None,
        "path": found.path,
        "origin": found.origin,
        "shadowed_by": found.shadowed_by or None,
        "problem": found.problem.to_dict() if found.problem else None,
    }


@plugin.command()
def inspect(
    file: Annotated[Path, typer.Argument(metavar="FILE.so", help="A connector library.")], as_json: AsJson = False
) -> None:
    """Show what a connector library says about itself. None of its code is run.

    \b
    Examples:
      switchgear plugin inspect ./acme_cmms.so
      switchgear plugin inspect ./acme_cmms.so --json
    """
    manifest = _core.inspect_connector(str(file))
    digest = _core.file_sha256(str(file))
    if as_json:
        print_json({"path": str(file), "sha256": digest, "manifest": json.loads(manifest.to_json())})
        return
    typer.echo(f"{manifest.name} {manifest.version}{f': {manifest.doc}' if manifest.doc else ''}")
    typer.echo(f"sha256 {digest}")
    if manifest.config or manifest.secrets:
        rows = [
            (key.name, key.type, "required" if key.required else key.default_value, key.doc) for key in manifest.config
        ]
        print_table(
            ("setting", "type", "default", ""), [*rows, *((name, "secret", "", "") for name in manifest.secrets)]
        )
    if manifest.entities:
        print_table(
            ("entity", "key", "cursor", "writes"),
            [(e.name, ", ".join(e.key), e.cursor, ", ".join(e.ops)) for e in manifest.entities],
        )
