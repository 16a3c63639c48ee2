"""Runs a sandbox on an event loop, from start to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .service import Service, Settings, error_reply
from .wire import Connection, HttpError, Reply


def _bad_http(status: int, message: str) -> Reply:
    return error_reply("/", HttpError(status, "bad_http", message))


async def serve(settings: Settings, host: str, port: int, ready: Callable[[int], None], stop: asyncio.Event) -> None:
    """Listens until `stop` is set; calls `ready` with the port in use. OSError when it cannot listen."""
    loop = asyncio.get_running_loop()
    service = Service(settings)
    open_connections: set[Connection] = set()

    class Tracked(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            open_connections.add(self)

        def connection_lost(self, exc: Exception | None) -> None:
            open_connections.discard(self)
            super().connection_lost(exc)

    server = await loop.create_server(lambda: Tracked(service, _bad_http), host, port, backlog=1024)
    try:
        ready(server.sockets[0].getsockname()[1])
        await stop.wait()
    finally:
        server.close()
        for connection in list(open_connections):
            if connection.transport is not None:
                connection.transport.abort()
        await asyncio.sleep(0)
