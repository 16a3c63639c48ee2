"""Readers in processes of their own, which report each page they took and are killed in the middle of it.

A reader's process is forked from a server process that has imported switchgear and nothing more, so that hundreds of
them cost little. It sends each page with its token through a pipe that holds hardly more than one; a page that has come
through whole is what the killed process has made durable, one that was torn off is not.
"""

from __future__ import annotations

import contextlib
import fcntl
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import Any

import switchgear as sg

PIPE_BYTES = 4096
PATIENCE_SECONDS = 120.0

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["switchgear"])


@dataclass(frozen=True)
class Job:
    """What a process reads: `connect(connector, **settings).read(entity, token=token, **options)`."""

    connector: str
    settings: dict[str, Any]
    entity: str
    options: dict[str, Any]
    token: str | None = None


@dataclass(frozen=True)
class Taken:
    """A page that a process reported."""

    token: str
    records: list[dict[str, Any]]


@dataclass
class Story:
    """What one or several processes after each other have read of a listing.

    pages     in the order of their reports
    token     where to go on
    ended     whether the listing came to its end
    failures  what ended a process early, apart from being killed
    kills     how many were killed
    """

    pages: list[Taken] = field(default_factory=list)
    token: str | None = None
    ended: bool = False
    failures: list[str] = field(default_factory=list)
    kills: int = 0

    @property
    def records(self) -> list[dict[str, Any]]:
        """Of all pages, without the `_rescued` that is empty in each."""
        found = [dict(record) for page in self.pages for record in page.records]
        assert [record for record in found if record.pop("_rescued", None) is not None] == []
        return found


def go_on(job: Job, story: Story, *, kill_after: int | None, seen: Callable[[Taken], object] = lambda _: None) -> None:
    """Reads on from the story's token, to the end or until the process has reported so many pages and is killed.

    `seen` is called after each page, before the process can go on by much.
    """
    with _reading(replace(job, token=story.token)) as (process, reports):
        killed = False
        count = 0
        while True:
            if not killed and kill_after is not None and count >= kill_after:
                process.kill()
                killed = True
                story.kills += 1
            if not reports.poll(PATIENCE_SECONDS):
                raise TimeoutError(f"no page and no end within {PATIENCE_SECONDS:g} s: {job}")
            try:
                report = reports.recv()
            except (EOFError, OSError):  # what was torn off in the middle is lost with the process
                break
            if isinstance(report, Taken):
                story.pages.append(report)
                story.token = report.token
                count += 1
                if not killed:
                    seen(report)
            else:
                ending, text = report
                story.ended = ending == "end"
                if ending == "failure":
                    story.failures.append(text)
                break
        process.join(PATIENCE_SECONDS)
    if not killed:
        assert process.exitcode == 0, f"the reading process ended with {process.exitcode}: {job}"


@contextlib.contextmanager
def _reading(job: Job) -> Iterator[tuple[Any, Connection]]:
    reports, out = _processes.Pipe(duplex=False)
    fcntl.fcntl(out.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    process = _processes.Process(target=_read, args=(job, out), daemon=True)
    with reports:
        process.start()
        out.close()  # else the end of the process would not be the end of the pipe
        try:
            yield process, reports
        finally:
            if process.is_alive():
                process.kill()
            process.join()


def _read(job: Job, out: Connection) -> None:
    connection = sg.connect(job.connector, **job.settings)
    reader = connection.read(job.entity, token=job.token, **job.options)
    try:
        for page in reader:
            out.send(Taken(page.token, page.to_pylist()))
    except sg.Error as error:
        out.send(("failure", f"{type(error).__name__}: {error}"))
    else:
        out.send(("end", ""))
