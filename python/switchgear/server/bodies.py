"""Bodies of requests: read up to a size, parsed, and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from switchgear.server.replies import bad_request, refused
from switchgear.server.schemas import Schema, check
from switchgear.server.values import parse_json

if TYPE_CHECKING:
    from starlette.requests import Request


READ_AWAY = 4
"""A body up to so many times too large is read and dropped: who is still sending would see a reset, and no answer."""


async def read_body(request: Request, max_bytes: int) -> bytes:
    """All of it. Raises 413 for a larger one, and closes the connection then."""
    length = request.headers.get("content-length", "0")
    announced = int(length) if length.isdigit() and len(length) < 20 else 0
    waits = "expect" in request.headers  # for our leave to send it
    if announced > max_bytes and (waits or announced > max_bytes * READ_AWAY):
        raise _too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > max_bytes * READ_AWAY:
            break
        if size <= max_bytes:
            parts.append(part)
    if size > max_bytes:
        raise _too_large(max_bytes)
    return b"".join(parts)


def parse_body(request: Request, body: bytes, schema: Schema | None) -> dict[str, Any]:
    """The object in it; nothing is as good as an empty one. Raises 400, or 415 for what does not say it is JSON."""
    if not body:
        value: Any = {}
    elif schema is None:
        raise bad_request("this takes no body", "send none", "body")
    else:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
            message = f"the body is {kind[:60] or 'of no type'}; it must be application/json, not compressed"
            raise refused(415, "bad_request.content_type", message, "send Content-Type: application/json")
        try:
            value = parse_json(body)
        except ValueError as error:
            raise bad_request(f"the body is no JSON: {error}", "", "json") from None
    if schema is not None:
        check(value, schema, "the body")
    return dict(value)


def _too_large(max_bytes: int) -> Exception:
    message = f"the body is larger than {max_bytes:,} bytes"
    return refused(413, "too_large.body", message, "send fewer records at once", Connection="close")
