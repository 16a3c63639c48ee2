"""Writing to the terminal: answers on stdout, everything else on stderr. Nothing from a source reaches it unescaped."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def plain(text: str) -> str:
    """Text on one line, without the control characters by which a source could move the cursor or hide what it says."""
    return _CONTROL.sub(lambda found: {"\n": " ", "\t": " "}.get(found[0], ascii(found[0])[1:-1]), text)


def say(text: str) -> None:
    """A line on stderr."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """The answer of a command as JSON."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(header: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[str] = ()) -> None:
    """A small table. On a terminal it fits its width, in a file no cell is cut. `right`: columns of numbers."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name in header:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else plain(str(value))) for value in row))
    Console(width=None if sys.stdout.isatty() else 1000, highlight=False).print(table)
