"""The server behind the connections: routing, authentication, the cache of rendered pages, faults and statistics."""

from __future__ import annotations

import base64
import hmac
import json
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from . import odata, odata_writes, rest
from .faults import ERROR_IN_200, INSTEAD, LOGIN_PAGE, RESHAPING, Fault, Faults, Strike, reshape
from .odata import ODataService
from .odata_writes import ODataWrites
from .paging import Page, Resource
from .query import Views
from .records import Dataset
from .rest import RestService
from .rest_writes import BULK, RestWrites
from .wire import Answer, Handler, HttpError, Reply, Request


@dataclass(frozen=True)
class Settings:
    """How a sandbox is set up; all of it can be written as JSON (`to_json`), for a sandbox in another process."""

    records: int = 100_000
    seed: int = 1
    page_size: int = 1000
    max_page_size: int = 10_000
    absolute_links: bool = False
    public_url: str | None = None
    user: str | None = None
    password: str | None = None
    token: str | None = None
    cache_bytes: int = 256 << 20
    warm: bool = False
    faults: Sequence[Fault | Mapping[str, object]] = ()

    def __post_init__(self) -> None:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password go together: give both or neither")
        if self.user is not None and self.token is not None:
            raise ValueError("give either user and password, or token, not both")
        if not 1 <= self.page_size <= self.max_page_size:
            raise ValueError(
                f"page_size is {self.page_size}; it must be between 1 and max_page_size ({self.max_page_size})"
            )

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "faults": [Fault.of(item).to_dict() for item in self.faults]})

    @staticmethod
    def from_json(text: str) -> Settings:
        return Settings(**json.loads(text))


class PageCache:
    """Resources by request, the least recently used dropped when their bodies exceed a number of bytes."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.held_bytes = 0
        self._known: OrderedDict[tuple[str, ...], Resource] = OrderedDict()

    def get(self, key: tuple[str, ...]) -> Resource | None:
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
        return found

    def put(self, key: tuple[str, ...], resource: Resource) -> None:
        self._known[key] = resource
        self.held_bytes += _cost(resource)
        while self.held_bytes > self.max_bytes and self._known:
            self.held_bytes -= _cost(self._known.popitem(last=False)[1])

    def clear(self) -> None:
        self._known.clear()
        self.held_bytes = 0


def _cost(resource: Resource) -> int:
    return len(resource.reply.wire) + 2000


class Service(Handler):
    """Answers requests. Used by one event loop; nothing here is locked."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.data = Dataset(settings.records, settings.seed)
        self.faults = Faults(settings.faults)
        self.cache = PageCache(settings.cache_bytes)
        self.token = settings.token
        self.tokens_issued = 0
        if settings.warm:
            for entity in self.data.entities.values():
                entity.render_all()
        self.views = views = Views()
        sizes = {"page_size": settings.page_size, "max_page_size": settings.max_page_size}
        self.odata = ODataService(self.data.entities, views, absolute_links=settings.absolute_links, **sizes)
        self.writes = ODataWrites(self.data.entities, self.data.next_moment)
        self.rest = RestService(self.data.entities, views, **sizes)
        self.rest_writes = RestWrites(self.data.entities, self.writes)
        self.counts: Counter[str] = Counter()
        self.by_status: Counter[int] = Counter()
        self.by_entity: Counter[str] = Counter()
        self.peak_waiting = 0

    # What connections tell.

    def opened(self) -> None:
        self.counts["connections"] += 1
        self.counts["open_connections"] += 1

    def closed(self) -> None:
        self.counts["open_connections"] -= 1

    def sent(self, byte_count: int) -> None:
        self.counts["bytes"] += byte_count

    def waiting(self, change: int) -> None:
        self.counts["waiting"] += change
        self.peak_waiting = max(self.peak_waiting, self.counts["waiting"])

    def stats(self) -> dict[str, object]:
        """Counts since the start. Requests to the control paths (/, /_stats …) are not among them."""
        names = ("requests", "records", "pages", "connections", "open_connections", "bytes")
        return {
            **{name: self.counts[name] for name in names},
            "tokens": self.tokens_issued,
            "peak_delayed": self.peak_waiting,
            "status": {str(status): count for status, count in sorted(self.by_status.items())},
            "entities": dict(self.by_entity),
            "faults": self.faults.report(),
        }

    # Answers.

    def answer(self, request: Request) -> Answer:
        """The answer to any request; what goes wrong inside becomes a 500 that says what."""
        try:
            control = self.control(request)
            if control is not None:
                return Answer(control)
            answer, records = self.data_answer(request)
        except HttpError as problem:
            answer, records = Answer(error_reply(request.path, problem)), 0
        except Exception as error:  # a defect of the sandbox must not look like a hung server
            defect = HttpError(500, "SandboxDefect", f"{type(error).__name__}: {error}")
            answer, records = Answer(error_reply(request.path, defect)), 0
        self.counts["requests"] += 1
        self.counts["records"] += records
        self.by_status[answer.reply.status] += 1
        return answer

    def data_answer(self, request: Request) -> tuple[Answer, int]:
        self.authenticate(request)
        if request.method in odata_writes.METHODS and request.path.startswith(odata.ROOT + "/"):
            path = request.segments()[3:]
            return self.write_answer(request, path, lambda: self.writes.respond(request, path)), 0
        if self.rest_writes.concerns(request):
            path = request.segments()[2:] if request.segments()[1:2] == [BULK] else request.segments()[1:]
            return self.write_answer(request, path, lambda: self.rest_writes.respond(request)), 0
        resource, problem = self.look_up(request)
        if not self.faults:
            struck: list[Strike] = []
        else:
            struck = self.faults.strike(resource.entity if resource else None, resource.page if resource else None)
        reply, records = self.reply_to(request, resource, problem, struck)
        if resource is not None and resource.entity is not None and reply.status == 200:
            self.by_entity[resource.entity] += records
            self.counts["pages"] += resource.page is not None
        return spoil(reply, [strike.fault for strike in struck]), records

    def write_answer(self, request: Request, path: Sequence[str], write: Callable[[], Reply]) -> Answer:
        """A fault that comes instead of the reply leaves everything as it was; one on its way back does not."""
        struck = self.faults.strike(path[0].partition("(")[0] if path else None, None) if self.faults else []
        for strike in struck:
            if strike.fault.kind in INSTEAD:
                return spoil(self.instead(request, strike), [each.fault for each in struck])
        reply = write()
        self.cache.clear()
        self.views.clear()
        return spoil(reply, [strike.fault for strike in struck])

    def look_up(self, request: Request) -> tuple[Resource | None, HttpError | None]:
        base = self.settings.public_url or f"http://{request.headers.get('host', 'localhost')}"
        key = (request.method, request.target, request.headers.get("prefer", ""), base, request.body.decode("latin-1"))
        found = self.cache.get(key)
        if found is not None:
            return found, None
        try:
            found = self.resource(request, base)
        except HttpError as problem:
            return None, problem
        self.cache.put(key, found)
        return found, None

    def resource(self, request: Request, base: str) -> Resource:
        segments = request.segments()
        if "/" + "/".join(segments[:3]) == odata.ROOT:
            allow_methods(request, "GET", "HEAD", *odata_writes.METHODS)
            return self.odata.respond(request, base)
        if segments[:1] == ["rest"]:
            allow_methods(request, "GET", "HEAD", "POST")
            return self.rest.respond(request, base)
        raise HttpError(404, "not_found", f"Nothing at {request.path}; see / for what there is.")

    def reply_to(
        self, request: Request, resource: Resource | None, problem: HttpError | None, struck: list[Strike]
    ) -> tuple[Reply, int]:
        for strike in struck:
            if strike.fault.kind in INSTEAD:
                return self.instead(request, strike), 0
        if resource is None:
            raise problem or AssertionError("neither a resource nor a problem")
        changes = [strike.fault for strike in struck if strike.fault.kind in RESHAPING]
        if changes and resource.reshaped is not None:

            def change(page: Page) -> Page:
                for fault in changes:
                    page = reshape(page, fault)
                return page

            return resource.reshaped(change)
        return resource.reply, resource.records

    def instead(self, request: Request, strike: Strike) -> Reply:
        fault = strike.fault
        if fault.kind == "login_page":
            return Reply(200, LOGIN_PAGE, "text/html; charset=utf-8")
        if strike.fault.kind == "error_in_200":
            return Reply(200, ERROR_IN_200)
        headers = (("Retry-After", strike.retry_after),) if strike.retry_after is not None else ()
        if fault.kind == "rate_limit":
            problem = HttpError(429, "TooManyRequests", "Too many requests; wait and send it again.", headers)
        elif fault.kind == "expire_token":
            problem = unauthorized("The access token has expired; get another by POST /token.", "Bearer")
        else:
            problem = HttpError(fault.status, f"Http{fault.status}", "The service cannot answer at present.", headers)
        return error_reply(request.path, problem)

    def authenticate(self, request: Request) -> None:
        """HttpError 401 when the credentials are not those of the settings."""
        settings, given = self.settings, request.headers.get("authorization", "")
        if settings.user is not None:
            pair = base64.b64encode(f"{settings.user}:{settings.password}".encode()).decode()
            if not _same_credentials(given, "basic", pair):
                raise unauthorized("Wrong or missing user name and password.", 'Basic realm="sandbox"')
        elif self.token is not None and not _same_credentials(given, "bearer", self.token):
            raise unauthorized("Wrong, missing or expired access token.", "Bearer")

    # Control.

    def control(self, request: Request) -> Reply | None:
        """The reply of a control path; None when the request is for data. These know neither faults nor credentials."""
        path = request.path
        if path == "/":
            allow_methods(request, "GET", "HEAD")
            return json_reply({"odata": odata.ROOT, "rest": rest.ROOT, "entities": list(self.data.entities)})
        if path == "/_stats":
            allow_methods(request, "GET")
            return json_reply(self.stats())
        if path == "/_faults":
            allow_methods(request, "GET", "POST", "DELETE")
            return self.control_faults(request)
        if path in ("/_grow", "/_change", "/_remove"):
            allow_methods(request, "POST")
            return self.control_records(request)
        if path == "/token":
            allow_methods(request, "POST")
            return self.issue_token()
        return None

    def control_faults(self, request: Request) -> Reply:
        if request.method == "DELETE":
            self.faults.replace(())
        elif request.method == "POST":
            try:
                given = json.loads(request.body or b"[]")
                listed = given.get("faults") if isinstance(given, dict) else given
                if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
                    raise ValueError('send a list of faults, or {"faults": [...]}')
                self.faults.replace(listed)
            except (ValueError, RecursionError) as error:
                raise HttpError(400, "bad_fault", str(error)) from None
        return json_reply({"faults": self.faults.report()})

    def control_records(self, request: Request) -> Reply:
        """`n` records of `entity` are added, changed or removed; every page from now on shows it."""
        given = {"n": "1", "entity": "WorkOrders", **request.query}
        if given["entity"] not in self.data.entities:
            raise HttpError(
                404, "not_found", f"No entity {given['entity']!r}; there are {', '.join(self.data.entities)}."
            )
        number = given["n"]
        if not (number.isascii() and number.isdigit()) or len(number) > 6:
            raise HttpError(400, "bad_request", f"n is {number!r}; it must be a whole number below a million.")
        rows = self.data.act(request.path.removeprefix("/_"), given["entity"], int(number))
        self.cache.clear()
        self.views.clear()
        return json_reply({"rows": rows, "changes": self.data.changes})

    def issue_token(self) -> Reply:
        """A new token; where the settings ask for one, the old token is no longer taken."""
        self.tokens_issued += 1
        issued = f"sandbox-token-{self.tokens_issued}"
        if self.token is not None:
            self.token = issued
        self.faults.token_issued()
        return json_reply({"access_token": issued, "token_type": "Bearer", "expires_in": 3600})


def spoil(reply: Reply, faults: Sequence[Fault]) -> Answer:
    """The answer that carries a reply, after the faults on its bytes and its time."""
    delay, cut_at, reset = 0.0, None, False
    for fault in faults:
        middle = len(reply.body) // 2
        if fault.kind == "latency":
            delay += fault.ms / 1000
        elif fault.kind == "broken_json":
            reply = Reply(reply.status, reply.body[:middle], reply.content_type, reply.headers)
        elif fault.kind == "invalid_utf8":
            reply = Reply(reply.status, _with_bad_byte(reply.body), reply.content_type, reply.headers)
        elif fault.kind == "cut":
            cut_at, reset = int(len(reply.body) * fault.fraction), fault.reset
    return Answer(reply, delay, cut_at, reset)


def _with_bad_byte(body: bytes) -> bytes:
    """A lone continuation byte inside a text value, so that only the UTF-8 is wrong and not the JSON."""
    at = body.find(b'":"', len(body) // 2)
    at = at if at >= 0 else body.rfind(b'":"')
    return body[: at + 3] + b"\xff\xc0\x80" + body[at + 3 :]


def _same_credentials(header: str, scheme: str, secret: str) -> bool:
    given_scheme, _, given = header.partition(" ")
    return given_scheme.lower() == scheme and hmac.compare_digest(given.strip().encode("latin-1"), secret.encode())


def unauthorized(message: str, challenge: str) -> HttpError:
    return HttpError(401, "Unauthorized", message, (("WWW-Authenticate", challenge),))


def allow_methods(request: Request, *methods: str) -> None:
    if request.method not in methods:
        allow = ", ".join(methods)
        raise HttpError(
            405, "MethodNotAllowed", f"{request.method} is not possible here; use {allow}.", (("Allow", allow),)
        )


def json_reply(value: object) -> Reply:
    return Reply(200, json.dumps(value, ensure_ascii=False).encode())


def error_reply(path: str, problem: HttpError) -> Reply:
    """An error in the form of the protocol that the path belongs to."""
    return odata.error_reply(problem) if path.startswith("/odata/") else rest.error_reply(problem)
