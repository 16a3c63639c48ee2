"""`switchgear serve`: the application on a port, and the workers beside it, until a signal ends them."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from switchgear.errors import ConfigError
from switchgear.server.application import build

if TYPE_CHECKING:
    from switchgear.hub import Hub

_log = logging.getLogger("switchgear.server")


class _Server(uvicorn.Server):
    """Tells when it listens, and lets the workers begin no further batch as soon as it is to end."""

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


class Work:
    """The hub's workers in a thread of their own."""

    def __init__(self, hub: Hub, concurrency: int, grace: int, failed: Callable[[], None]) -> None:
        self._hub = hub
        self._concurrency = concurrency
        self._grace = grace
        self._failed = failed
        self._thread = threading.Thread(target=self._run, name="switchgear-work", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No further batch."""
        self._hub.stop()

    def join(self) -> bool:
        """Waits for what is under way, and ends it when it takes too long. False: it does not end."""
        self._thread.join(self._grace)
        if self._thread.is_alive():
            self._hub.stop()
            self._thread.join(self._grace)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._hub.work(self._concurrency)
        except Exception:
            _log.exception("the workers ended")
            self._failed()


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
    concurrency: int,
    grace: int,
    listening: Callable[[], None],
) -> bool:
    """Returns after SIGTERM or Ctrl-C. False: the workers failed.

    Args:
        concurrency: of the workers; 0: none work here.
        grace: seconds that requests and batches under way have to end.
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
    good = True

    def failed() -> None:
        nonlocal good
        good = False
        server.should_exit = True

    work = Work(hub, concurrency, grace, failed) if concurrency else None
    server = _Server(config, listening, work.stop if work else lambda: None)
    if work:
        work.start()
    before = {number: signal.signal(number, _heard) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        server.run(sockets=[sock])  # raises the signal anew when it has ended, which is heard by then
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    threads = application.state.services.threads
    ended = work.join() if work else True
    if threads.at_sources or not ended:
        _log.warning("%d requests to sources were given up; what they wrote is not known", threads.at_sources)
        _leave(0 if good else 1)
    return good


def _heard(number: int, frame: FrameType | None) -> None:
    """uvicorn has done what is to be done."""


def _leave(code: int) -> None:
    """Python would wait for the threads."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
