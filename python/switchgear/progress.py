"""How far a pass has come: a bar on a terminal, a line in a notebook, silence where nobody looks."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from switchgear.reader import ReadStats, Recipe


class Progress(Protocol):
    """Told after each page."""

    def update(self, stats: ReadStats) -> None: ...
    def __enter__(self) -> Progress: ...
    def __exit__(self, *_: object) -> None: ...


class Silent:
    """Nobody looks."""

    def update(self, stats: ReadStats) -> None:
        """Nothing to do."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(self, *_: object) -> None:
        return None


class Callback(Silent):
    """The caller's own function, given the stats after each page."""

    def __init__(self, function: Any) -> None:
        self._function = function

    def update(self, stats: ReadStats) -> None:
        self._function(stats)


def describe(stats: ReadStats, seconds: float) -> str:
    """One line: "12,000 records, 12 pages, 4.1 MB, 480,000 records/s"."""
    rate = stats.records / seconds if seconds > 0 else 0.0
    text = f"{stats.records:,} records, {stats.pages:,} pages, {stats.bytes / 1e6:,.1f} MB, {rate:,.0f} records/s"
    if stats.retries:
        text += f", {stats.retries} retries"
    if stats.waited_seconds >= 1:
        text += f", waited {stats.waited_seconds:.0f} s"
    if stats.rescued:
        text += f", {stats.rescued:,} with rescued values"
    return text


class Terminal:
    """A bar that is shown once a pass takes longer than a moment, and leaves one line behind."""

    DELAY = 0.5

    def __init__(self, title: str, total: int | None) -> None:
        self._title = title
        self._total = total
        self._began = time.monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._stats: ReadStats | None = None

    def __enter__(self) -> Terminal:
        return self

    def update(self, stats: ReadStats) -> None:
        """Redraws at most ten times a second (rich's own limit)."""
        self._stats = stats
        if self._bar is None:
            if time.monotonic() - self._began < self.DELAY:
                return
            self._start()
        self._bar.update(self._task, completed=stats.records, text=describe(stats, time.monotonic() - self._began))

    def _start(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        bar = BarColumn() if self._total else SpinnerColumn()
        self._bar = Progress(
            TextColumn("{task.description}"), bar, TextColumn("{task.fields[text]}"), console=Console(stderr=True)
        )
        self._bar.start()
        self._task = self._bar.add_task(self._title, total=self._total, text="")

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class Notebook:
    """One line of HTML that is rewritten."""

    INTERVAL = 0.2

    def __init__(self, title: str) -> None:
        self._title = title
        self._began = time.monotonic()
        self._shown = 0.0
        self._handle: Any = None
        self._stats: ReadStats | None = None

    def __enter__(self) -> Notebook:
        return self

    def update(self, stats: ReadStats) -> None:
        """Rewrites the line at most five times a second."""
        self._stats = stats
        if time.monotonic() - self._shown >= self.INTERVAL:
            self._show()

    def _show(self) -> None:
        from html import escape

        from IPython.display import HTML, display

        if self._stats is None:
            return
        self._shown = time.monotonic()
        html = HTML(f"<code>{escape(self._title)}</code> {escape(describe(self._stats, self._shown - self._began))}")
        if self._handle is None:
            self._handle = display(html, display_id=True)
        else:
            self._handle.update(html)

    def __exit__(self, *_: object) -> None:
        self._show()


def in_notebook() -> bool:
    """Whether this runs in a Jupyter kernel, which shows HTML."""
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    shell = get_ipython()
    return shell is not None and shell.has_trait("kernel")


def progress_for(wanted: Any, reader: Recipe) -> Progress:
    """The progress for a pass: what the caller asked for, or what fits the place."""
    if callable(wanted):
        return Callback(wanted)
    if wanted is False:
        return Silent()
    title = f"{reader._connection.id}/{reader.entity}"
    if in_notebook():
        return Notebook(title)
    if wanted or sys.stderr.isatty():
        limit = reader._options.get("limit", -1)
        return Terminal(title, limit if limit > 0 else None)
    return Silent()
