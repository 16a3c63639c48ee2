"""`switchgear serve`: the application on a port, and the hub's work beside it, until a signal ends them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from switchgear.errors import ConfigError
from switchgear.server.application import build

if TYPE_CHECKING:
    from switchgear.hub import Hub
    from switchgear.server.threads import Threads

LAST_SECONDS = 2.0
_log = logging.getLogger("switchgear.server")


class _Server(uvicorn.Server):
    """Tells when it listens, and lets the work know as soon as it is to end."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None], ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening
        self._ending = ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending()
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """Raises ConfigError naming the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With its protocol: only then asyncio turns Nagle's algorithm off, which would hold each reply back for 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
        sock.listen(2048)
    except (OSError, OverflowError) as error:
        sock.close()
        raise ConfigError(
            f"can't listen on {host}:{port}: {error}", code="config.listen", hint="choose another --host or --port"
        ) from error
    return sock


def serve(
    hub: Hub,
    sock: socket.socket,
    *,
    max_body_bytes: int,
    work: Callable[[], None] | None,
    grace: int,
    listening: Callable[[], None],
) -> bool:
    """Returns after SIGTERM or Ctrl-C. False: the work failed.

    Args:
        work: `hub.run_forever()`, say, in a thread beside it, which `hub.stop()` ends; None: other processes work.
        grace: seconds that requests, batches and syncs under way have to end.
    """
    application = build(hub, max_body_bytes)
    config = uvicorn.Config(
        application,
        log_config=None,
        access_log=False,  # the application has a line of its own, with the request's id
        proxy_headers=False,  # the peer is who it is: see access.py
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=grace,
    )
    failures: list[Exception] = []
    ended_by = [time.monotonic() + 1e9]

    def ending() -> None:
        ended_by[0] = time.monotonic() + grace
        hub.stop()

    def run() -> None:
        try:
            (work or _no_work)()
        except Exception as error:
            _log.exception("the work of the server failed")
            failures.append(error)
            server.should_exit = True

    server = _Server(config, listening, ending)
    working = threading.Thread(target=run, name="switchgear-work", daemon=True)
    working.start()
    before = {number: signal.signal(number, _heard) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[sock])  # raises the signal anew when it has ended, which is heard by then
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not _ended(hub, working, application.state.services.threads, ended_by[0]):
        _leave(1 if failures else 0)
    return not failures


def _no_work() -> None:
    """Other processes do it."""


def _ended(hub: Hub, working: threading.Thread, threads: Threads, until: float) -> bool:
    """Waits for what is under way, and ends it when its time is over. False: it does not end."""
    left = 0
    for _ in range(2):
        working.join(max(0.0, until - time.monotonic()))
        left = threads.wait(max(0.0, until - time.monotonic()))
        if not left and not working.is_alive():
            return True
        hub.stop()  # now, and not when it is done
        until = time.monotonic() + LAST_SECONDS
    _log.warning(
        "given up, after the time that it had: %d requests to sources, and the work that hangs with them", left
    )
    return False


def _heard(number: int, frame: FrameType | None) -> None:
    """uvicorn has done what is to be done."""


def _leave(code: int) -> None:
    """Python would wait for the threads."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
