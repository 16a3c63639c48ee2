"""What is answered: values as JSON, and every error in one form.

{"error": {"code": "rate_limit", "category": "rate_limit", "message": "…", "hint": "…", "request_id": "…", …}}
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from switchgear.errors import Error, InternalError
from switchgear.server.values import json_default

# By category. What the source did to us is 502 to 504: its 401 must not look like a refusal of the caller's own token.
STATUS = {
    "offline": 502,
    "timeout": 504,
    "auth_expired": 502,
    "auth_invalid": 502,
    "permission": 502,
    "rate_limit": 429,
    "csrf": 502,
    "bad_request": 400,
    "not_found": 404,
    "gone": 410,
    "conflict": 409,
    "too_large": 413,
    "server": 502,
    "unavailable": 503,
    "protocol": 502,
    "config": 422,
    "cancelled": 503,
    "plugin": 500,
    "circuit_open": 503,
    "data": 422,
    "destination": 502,
    "store": 503,
    "signature": 400,
    "unsupported": 422,
    "internal": 500,
}
# Somebody has paused it: to ask again soon, as 503 would say, is of no use.
STATUS_OF_CODE = {
    "circuit_open.paused": 409,
    "circuit_open.disconnected": 409,
    "store.corrupt": 500,
    "store.newer_version": 500,
}


class Refused(Exception):
    """What the interface itself refuses, with a status of its own."""

    def __init__(self, status: int, error: Error, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(str(error))
        self.status = status
        self.error = error
        self.headers = dict(headers or {})


def refused(status: int, code: str, message: str, hint: str = "", **headers: str) -> Refused:
    """`headers` with underscores: WWW_Authenticate="Bearer"."""
    error = Error(message, code.partition(".")[0], code, hint)
    return Refused(status, error, {name.replace("_", "-"): value for name, value in headers.items()})


def bad_request(message: str, hint: str = "", detail: str = "") -> Refused:
    """A request that can't be meant."""
    return refused(400, f"bad_request.{detail}" if detail else "bad_request", message, hint)


def json_text(value: Any) -> str:
    """JSON in which no value has lost anything: decimals are texts, bytes base64, instants RFC 3339."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=json_default)


def json_reply(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A value as JSON."""
    return text_reply(json_text(value), status, headers)


def text_reply(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A text that is JSON already."""
    return Response(text.encode("utf-8", "replace"), status, dict(headers or {}), media_type="application/json")


def error_reply(error: Exception, request_id: str) -> Response:
    """The error body, with the status of its category. Of what is no error of ours nothing but its name is told."""
    if isinstance(error, Refused):
        return _reply(error.error, error.status, request_id, error.headers)
    if not isinstance(error, Error):
        error = InternalError(
            f"the server failed at this request ({type(error).__name__})",
            hint="this is a fault of switchgear: report it with the server's log of this request_id",
        )
    status = STATUS_OF_CODE.get(error.code) or STATUS.get(error.category, 500)
    return _reply(error, status, request_id, {})


def _reply(error: Error, status: int, request_id: str, headers: Mapping[str, str]) -> Response:
    body = error.to_dict()
    source_request_id = body.pop("request_id")
    body |= {
        "request_id": request_id,
        "source_request_id": source_request_id,
        "source_http_status": body["http_status"],
    }
    del body["http_status"]
    headers = dict(headers)
    if error.retry_after is not None and status in (429, 503):
        headers.setdefault("Retry-After", str(max(0, math.ceil(error.retry_after))))
    return json_reply({"error": body}, status, headers)
