"""A process that syncs once, and may die at a named place."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import switchgear as sg

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["switchgear"])


def syncing(store: str, lease: float, place: str = "", nth: int = 1) -> tuple[BaseProcess, Connection]:
    """Starts it: it says "ready", syncs the connection `plant`, and says status and error.

    Args:
        place, nth: where it dies: "before_commit", "after_commit" or "after_progress", when it passes there the n-th
            time; "": it does not.
    """
    here, there = _processes.Pipe()
    process = _processes.Process(target=_sync, args=(store, lease, place, nth, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _sync(store: str, lease: float, place: str, nth: int, talk: Connection) -> None:
    passed: Counter[str] = Counter()

    def at(here: str) -> None:
        passed[here] += 1
        if here == place and passed[here] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    hub = sg.Hub(store)
    talk.send("ready")
    try:
        run = hub._syncs.run("plant", None, lease=lease, passed=at if place else None)
    except sg.Conflict as error:  # the leases of one that died before have not run out
        talk.send(("locked", str(error)))
    else:
        talk.send((run.status, str(run.error or "")))
