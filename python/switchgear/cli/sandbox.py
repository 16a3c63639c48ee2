"""`switchgear sandbox`: a local fake maintenance system."""

from __future__ import annotations

import typer

from switchgear.sandbox import command


def add_to(app: typer.Typer) -> None:
    """Adds the command. Its options, help and examples are the sandbox's own."""
    app.command(
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        add_help_option=False,
        short_help="Serve a fake maintenance system (OData V4, REST) with faults on request.",
    )(sandbox)


def sandbox(context: typer.Context) -> None:
    """Serve a fake maintenance system until Ctrl-C; `switchgear sandbox --help` lists options and faults."""
    raise typer.Exit(command.main(context.args, program="switchgear sandbox"))
