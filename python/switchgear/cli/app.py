"""The commands, put together, and how they end: 0 ok, 1 failed, 2 wrong usage, 130 interrupted.

An error is one line on stderr; SWITCHGEAR_DEBUG=1 shows the traceback too.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Annotated

import typer

import switchgear
from switchgear.cli import (
    check,
    connections,
    connectors,
    demo,
    diagnose,
    doctor,
    endpoints,
    entities,
    flow,
    queue,
    read,
    sandbox,
    serve,
    sync,
    token,
    webhook,
    write,
)
from switchgear.cli.options import keep_histories
from switchgear.cli.output import plain, say
from switchgear.errors import Error

app = typer.Typer(
    name="switchgear",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Read, write and sync industrial source systems.",
)
REPORT = "this is a fault of switchgear: set SWITCHGEAR_DEBUG=1 for a traceback to report"
for module in (
    read,
    write,
    sync,
    connections,
    queue,
    flow,
    serve,
    token,
    check,
    diagnose,
    entities,
    connectors,
    webhook,
    endpoints,
    sandbox,
    demo,
    doctor,
):
    module.add_to(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"switchgear {switchgear.__version__}")
        raise typer.Exit


Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")]


@app.callback()
def root(version: Version = False) -> None:
    pass


def main() -> int:
    """Runs the command line on sys.argv; leaves by SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that knows no "█" shows "?", and the command goes on
    try:
        app(prog_name="switchgear")
    except Exception as error:
        if os.environ.get("SWITCHGEAR_DEBUG") == "1":
            raise
        say(plain(str(error) if isinstance(error, Error) else f"internal: {type(error).__name__}: {error}; {REPORT}"))
        sys.exit(1)
    finally:
        keep_histories()
        _flush()
    return 0


def _flush() -> None:
    """Writes what is left; where nobody reads any more, Python must not complain of it while it ends."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
