"""The API of the fictional AcmeCmms, which the example connector of the documentation reads and writes.

`python acme_api.py PORT` listens on 127.0.0.1 and prints READY with the URL; 0 chooses a free port. In a test:
`with AcmeApi(records=120) as api: api.url, api.key, api.orders, api.requests`. State is in memory and behind one lock.

GET /v2/me                      who the key belongs to
GET /v2/workorders              ?limit= (at most 500) &cursor= &since=
                                -> {"data": [...], "meta": {"next": "..." | null, "total": n}}
GET /v2/workorders/{wo}
PUT /v2/workorders/{wo}         creates or changes; a closed order (409) or a priority not from 1 to 5 (422) is refused
"""

from __future__ import annotations

import argparse
import base64
import binascii
import contextlib
import datetime
import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

ORDERS = "/v2/workorders"
MAX_LIMIT = 500
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)

Order = dict[str, object]


class RefusalError(Exception):
    """A reply that is not 2xx."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": {"code": code, "message": message}}


def _instant(minutes: int) -> str:
    return (START + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _make_orders(count: int) -> dict[str, Order]:
    # Three orders share each instant, so that a reader has to cope with ties of its cursor.
    return {
        f"WO-{i:05d}": {
            "wo": f"WO-{i:05d}",
            "title": f"Inspect pump {i} – Größe {i % 7}",
            "status": "CLOSED" if i % 10 == 9 else "OPEN",
            "priority": i % 5 + 1,
            "changed": _instant(i // 3),
        }
        for i in range(count)
    }


def _place(order: Mapping[str, object]) -> tuple[str, str]:
    return str(order["changed"]), str(order["wo"])


def _token(place: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def _place_of(token: str) -> tuple[str, str]:
    try:
        changed, wo = json.loads(base64.urlsafe_b64decode(token))
    except (binascii.Error, ValueError, TypeError) as error:
        raise RefusalError(400, "bad_cursor", "the cursor is not one of ours") from error
    return str(changed), str(wo)


class AcmeApi:
    """The server in a thread of its own; listens from construction to `close`."""

    def __init__(self, port: int = 0, records: int = 120, key: str = "acme-key") -> None:
        self.key = key
        self.orders = _make_orders(records)
        self.requests: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        self._replies: dict[str, tuple[int, object]] = {}
        self._clock = records

        api = self

        class Handler(_Handler):
            server_api = api

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="acme-api", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> AcmeApi:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def serve_forever(self) -> None:
        self._server.serve_forever()

    def page(self, query: Mapping[str, str]) -> object:
        try:
            limit = min(int(query.get("limit", "100")), MAX_LIMIT)
        except ValueError:
            limit = 0
        if limit < 1:
            raise RefusalError(400, "bad_limit", "limit is a whole number from 1")
        wanted = sorted((o for o in self.orders.values() if str(o["changed"]) >= query.get("since", "")), key=_place)
        rest = wanted
        if "cursor" in query:
            after = _place_of(query["cursor"])
            rest = [order for order in wanted if _place(order) > after]
        data = rest[:limit]
        more = len(rest) > limit
        return {"data": data, "meta": {"next": _token(_place(data[-1])) if more else None, "total": len(wanted)}}

    def put(self, wo: str, body: bytes, idempotency_key: str) -> tuple[int, object]:
        if idempotency_key in self._replies:
            return self._replies[idempotency_key]
        try:
            given = json.loads(body)
        except ValueError as error:
            raise RefusalError(400, "bad_json", f"the body is no JSON: {error}") from error
        if not isinstance(given, dict):
            raise RefusalError(422, "no_object", "the body is no JSON object")
        known = self.orders.get(wo)
        if known is not None and known["status"] == "CLOSED":
            raise RefusalError(409, "closed", f"{wo} is closed")
        priority = given.get("priority", 3)
        if not isinstance(priority, int) or not 1 <= priority <= 5:
            raise RefusalError(422, "priority", f"priority is from 1 to 5, got {priority!r}")
        self._clock += 3
        order = {**(known or {"status": "OPEN", "title": "", "priority": 3}), **given, "wo": wo}
        order["changed"] = _instant(self._clock // 3)
        self.orders[wo] = order
        reply = (200 if known is not None else 201, order)
        if idempotency_key:
            self._replies[idempotency_key] = reply
        return reply


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_api: AcmeApi

    def do_GET(self) -> None:
        self._answer(b"")

    def do_PUT(self) -> None:
        # Read first in any case: what is left unread would be taken for the next request.
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", "0"))))

    def _answer(self, body: bytes) -> None:
        try:
            with self.server_api.lock:
                status, reply = self._reply(body)
        except RefusalError as refusal:
            status, reply = refusal.status, refusal.body
        text = json.dumps(reply, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer realm="acme"')
        self.end_headers()
        self.wfile.write(text)

    def _reply(self, body: bytes) -> tuple[int, object]:
        api = self.server_api
        url = urlsplit(self.path)
        api.requests.append((self.command, self.path))
        if self.headers.get("Authorization") != f"Bearer {api.key}":
            raise RefusalError(401, "bad_key", "the API key is missing or wrong")
        if self.command == "GET" and url.path == "/v2/me":
            return 200, {"user": "integration", "site": "Plant 1"}
        if self.command == "GET" and url.path == ORDERS:
            return 200, api.page({name: values[-1] for name, values in parse_qs(url.query).items()})
        if url.path.startswith(ORDERS + "/"):
            wo = unquote(url.path[len(ORDERS) + 1 :])
            if self.command == "PUT":
                return api.put(wo, body, self.headers.get("Idempotency-Key", ""))
            if wo in api.orders:
                return 200, api.orders[wo]
        raise RefusalError(404, "not_found", f"there is no {url.path}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Tests read `requests` instead."""


def main() -> None:
    parser = argparse.ArgumentParser(description="The API of the fictional AcmeCmms on 127.0.0.1.")
    parser.add_argument("port", type=int, help="0 for a free one")
    parser.add_argument("--records", type=int, default=120)
    parser.add_argument("--key", default="acme-key")
    options = parser.parse_args()
    api = AcmeApi(options.port, options.records, options.key)
    print(f"READY {api.url}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        api.serve_forever()


if __name__ == "__main__":
    main()
