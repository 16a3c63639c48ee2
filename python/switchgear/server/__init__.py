"""The hub over HTTP: `switchgear.server.app(hub)` is an ASGI application, alone or mounted in one's own.

    app = switchgear.server.app(switchgear.Hub("plant.db"))      # uvicorn module:app
    Starlette(routes=[Mount("/switchgear", app=app)])

It starts nothing by itself: `switchgear serve` runs it together with the workers. It needs the extra `server`:
`pip install "switchgear[server]"`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from switchgear.reader import require

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from switchgear.hub import Hub

MAX_BODY_BYTES = 32 << 20


def app(hub: Hub, *, max_body_bytes: int = MAX_BODY_BYTES) -> Starlette:
    """An ASGI application for a hub, which it shares with whoever else uses it.

    Args:
        max_body_bytes: a larger body of a request is refused (`too_large.body`).

    Raises:
        Unsupported: the extra `server` is not installed.
    """
    require("starlette", "server")
    from switchgear.server.application import build

    return build(hub, max_body_bytes)
