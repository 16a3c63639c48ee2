"""A process that runs a flow of three steps over 1,000 records, and may die in the second at a named place."""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

import switchgear as sg
from switchgear.flows import FlowContext

RECORDS, SIZE = 1000, 50
FIRST = 5_000_000

_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["switchgear"])


def define(hub: sg.Hub, place: str = "", nth: int = 0, at: Any = None) -> None:
    """The flow `fill`: makes records, creates them at the source in batches, and counts them there.

    Args:
        place, nth: it kills its process before or after the n-th batch is sent ("before", "after"), or between the
            batches ("between").
        at: called with each batch's number.
    """

    def die(here: str, number: int) -> None:
        if here == place and number == nth:
            os.kill(os.getpid(), signal.SIGKILL)

    @hub.flow("fill")
    def fill(ctx: FlowContext) -> None:
        made = ctx.step(
            "make", lambda: [{"ID": FIRST + i, "Title": f"made {i}", "Priority": 3} for i in range(RECORDS)]
        )

        @ctx.step("create")
        def create() -> int:
            sent = 0
            for batch in ctx.batches(made, size=SIZE, delay=0):
                first = batch.indices[0] // SIZE + 1
                die("before", first)
                sent += ctx.write("plant", "WorkOrders", batch, op="create").ok
                if at is not None:
                    at(first)
                die("after", first)
            return sent

        sent = create()

        @ctx.step("count")
        def count() -> int:
            where = [("ID", ">=", FIRST)]
            return sum(len(page) for page in ctx.read("plant", "WorkOrders", columns=["ID"], where=where))

        found = count()
        ctx.log(f"{sent} were sent by this process, {found} are there")


def filling(store: str, lease: float, place: str = "", nth: int = 0) -> tuple[BaseProcess, Connection]:
    """Starts it: it tells each batch's number, then the run's status and error."""
    here, there = _processes.Pipe()
    process = _processes.Process(target=_fill, args=(store, lease, place, nth, there), daemon=True)
    process.start()
    there.close()
    return process, here


def _fill(store: str, lease: float, place: str, nth: int, talk: Connection) -> None:
    hub = sg.Hub(store)
    define(hub, place, nth, talk.send)
    run = hub.run_flow("fill", lease=lease)
    talk.send((run.status, str(run.error or "")))
