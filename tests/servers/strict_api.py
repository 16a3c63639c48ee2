"""APIs of vendors, played strictly: whatever is not exactly as the vendor's page documents it is refused, and noted.

`with StrictApi(MaintainX(records=250)) as api: api.url, api.refused, api.requests`. It stands for a page that was read,
not for the system: it shows that the description asks what is documented, and reads what is documented.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qsl, urlsplit

Json = dict[str, object]


class RefusedError(Exception):
    """A request that the page does not document."""

    def __init__(self, problem: str, status: int = 400) -> None:
        super().__init__(problem)
        self.status = status


class Vendor:
    """One API: `answer` gives the reply's body to a request, or raises RefusedError."""

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> object:
        raise NotImplementedError

    def error(self, problem: RefusedError) -> object:
        return {"message": str(problem)}


def whole(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = query.get(name, str(default))
    if not text.isdigit() or not low <= int(text) <= high:
        raise RefusedError(f"{name} is {text}, it has to be from {low} to {high}")
    return int(text)


def only(query: Mapping[str, str], *known: str) -> None:
    for name in query:
        if name not in known:
            raise RefusedError(f"unknown parameter {name}")


def demand(headers: Mapping[str, str], name: str, value: str) -> None:
    if headers.get(name.lower()) != value:
        raise RefusedError(f"the header {name} is missing or wrong", 401)


class MaintainX(Vendor):
    """Bearer keys; limit at most 100; an opaque cursor; lists called as their resource."""

    LISTS: Mapping[str, str] = {
        "/workorders": "workOrders",
        "/assets": "assets",
        "/locations": "locations",
        "/parts": "parts",
        "/users": "users",
    }

    def __init__(self, records: int) -> None:
        self.records = [{"id": n, "title": f"Pump {n} – ß", "cost": n * 10**14 + 1} for n in range(1, records + 1)]

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> object:
        demand(headers, "Authorization", "Bearer mx-key")
        if method != "GET" or body or path not in self.LISTS:
            raise RefusedError(f"{method} {path} is not documented", 404)
        if headers.get("x-organization-id") not in (None, "17"):
            raise RefusedError("x-organization-id is not one of yours")
        only(query, "limit", "cursor")
        limit = whole(query, "limit", 100, 1, 100)
        start = 0
        if "cursor" in query:
            if not query["cursor"].startswith("c+/=&"):
                raise RefusedError("the cursor is not one of ours")
            start = int(query["cursor"][5:])
        reply: Json = {self.LISTS[path]: self.records[start : start + limit], "nextCursor": None}
        if start + limit < len(self.records):
            reply["nextCursor"] = f"c+/=&{start + limit}"
        return reply


class UpKeep(Vendor):
    """A session token in a header; limit and offset; {success, results}; errors in a 200."""

    def __init__(self, records: int) -> None:
        self.records = [{"id": f"id{n}", "title": f"Order {n}", "createdAt": "2026-01-01"} for n in range(records)]
        self.closed = False

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> object:
        demand(headers, "Session-Token", "r:session")
        known = ("/work-orders", "/assets", "/locations", "/parts", "/meters", "/users")
        if method != "GET" or body or path not in known:
            raise RefusedError(f"{method} {path} is not documented", 404)
        only(query, "limit", "offset")
        if self.closed:
            return {"success": False, "message": "your plan has no API"}
        limit, offset = whole(query, "limit", 100, 1, 100), whole(query, "offset", 0, 0, 10**9)
        return {"success": True, "results": self.records[offset : offset + limit]}


class NetSuite(Vendor):
    """limit at most 1000, offset a multiple of it; lists of ids; SuiteQL by POST, `Prefer: transient`, in order."""

    def __init__(self, records: int) -> None:
        self.records = [{"id": str(n), "tranid": f"T{n}", "amount": f"{n}.10"} for n in range(1, records + 1)]

    def answer(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> object:
        demand(headers, "Authorization", "Bearer ns-token")
        root = "/record/v1/customer"
        if method == "GET" and path.startswith(root + "/"):
            only(query)
            return {"id": path.removeprefix(root + "/"), "companyName": f"Customer {path.removeprefix(root + '/')}"}
        rows: list[dict[str, str]] = self.records
        if method == "GET" and path == root:
            only(query, "limit", "offset", "q")
            rows = [{"id": row["id"]} for row in self.records[:25]]
        elif method == "POST" and path == "/query/v1/suiteql":
            only(query, "limit", "offset")
            demand(headers, "Prefer", "transient")
            given = json.loads(body)
            if list(given) != ["q"] or " ORDER BY id" not in given["q"]:
                raise RefusedError("the body has to be {q}, with an unambiguous order")
        else:
            raise RefusedError(f"{method} {path} is not documented", 404)
        limit, offset = whole(query, "limit", 1000, 1, 1000), whole(query, "offset", 0, 0, 10**9)
        if offset % limit != 0:
            raise RefusedError("offset has to be divisible by limit")
        items = rows[offset : offset + limit]
        return {
            "links": [],
            "count": len(items),
            "hasMore": offset + limit < len(rows),
            "items": [{"links": [], **item} for item in items],
            "offset": offset,
            "totalResults": len(rows),
        }

    def error(self, problem: RefusedError) -> object:
        detail = {"detail": str(problem), "o:errorCode": "INVALID_PARAMETER"}
        return {"title": "Bad Request", "status": problem.status, "o:errorDetails": [detail]}


class StrictApi:
    """The server in a thread of its own, from construction to `close`."""

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.requests: list[str] = []
        self.refused: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="strict-api", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> StrictApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _handler_of(api: StrictApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.requests.append(f"{self.command} {self.path}")
            status = 200
            try:
                query = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
                answer = api.vendor.answer(self.command, parts.path, query, headers, body)
            except RefusedError as problem:
                api.refused.append(f"{self.command} {self.path}: {problem}")
                answer, status = api.vendor.error(problem), problem.status
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = respond  # noqa: N815 - the names that http.server wants

        def log_message(self, text: str, *arguments: object) -> None:
            """The test looks at `requests`, not at a log."""

    return Handler
