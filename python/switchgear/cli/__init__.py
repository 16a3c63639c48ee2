"""The command line: `switchgear …`."""

from __future__ import annotations

from typing import Annotated

import typer

import switchgear

app = typer.Typer(name="switchgear", no_args_is_help=True, help="Read, write and sync industrial source systems.")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"switchgear {switchgear.__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


@app.callback()
def root(version: Version = False) -> None:
    pass


def main() -> int:
    """Runs the command line on sys.argv; leaves by SystemExit with 0 (ok), 1 (failed) or 2 (wrong usage)."""
    app()
    return 0
