"""A process that syncs two connections and sends webhooks until it dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import switchgear as sg

KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="  # PostgreSQL has no file beside it
LEASE = 1.0
TIMEOUT = 0.4

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["switchgear"])


def sending(store: str, place: str = "", nth: int = 1) -> tuple[BaseProcess, Connection]:
    """Starts it: it says "ready", then syncs `plant` and `away` in turn.

    Args:
        place, nth: where it dies: when it passes the place of a sync the n-th time; "": it goes on until it is killed.
    """
    here, there = _processes.Pipe()
    process = _processes.Process(target=_work, args=(store, place, nth, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _work(store: str, place: str, nth: int, talk: Connection) -> None:
    passed: Counter[str] = Counter()

    def at(here: str) -> None:
        passed[here] += 1
        if here == place and passed[here] == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    hub = sg.Hub(store, key=sg.Secret(KEY))
    send = threading.Thread(
        target=lambda: hub.send_webhooks(until_idle=False, lease=LEASE, timeout=TIMEOUT), daemon=True
    )
    send.start()
    talk.send("ready")
    while True:
        for id in ("plant", "away"):
            with contextlib.suppress(sg.Conflict):  # the leases of one that died before have not run out
                hub._syncs.run(id, None, lease=LEASE, passed=at)
