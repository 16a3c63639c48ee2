"""A process that syncs with a rule, and dies at a named place around a commit."""

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


def syncing_with_rule(store: str, lease: float, when: str, place: str, nth: int) -> tuple[BaseProcess, Connection]:
    """Starts it: it says "ready", and dies when it passes the place the n-th time."""
    here, there = _processes.Pipe()
    process = _processes.Process(target=_sync, args=(store, lease, when, place, nth, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _sync(store: str, lease: float, when: str, place: str, nth: int, talk: Connection) -> None:
    passed: Counter[str] = Counter()

    def at(here: str) -> None:
        passed[here] += 1
        if here == place and passed[here] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    hub = sg.Hub(store)
    hub.rule("plant", "WorkOrders", when=when, event="workorder.urgent")
    talk.send("ready")
    hub._syncs.run("plant", None, lease=lease, passed=at)
