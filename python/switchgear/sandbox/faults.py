"""What can go wrong on purpose: one `Fault` says what, where and how often; `Faults` decides which strike a request.

Faults are of three sorts, by when they act: instead of the reply (429, 401, 5xx, login page), on the page before it is
written (repeated, empty or foreign continuation, odd records), and on the bytes or the time of the reply (broken JSON,
invalid UTF-8, cut connection, latency).
"""

from __future__ import annotations

import difflib
import json
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from email.utils import formatdate
from types import MappingProxyType

from .model import Entity
from .paging import Page, join_members

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "latency": "wait `ms` before the reply",
        "rate_limit": "429 for each request, each `every`-th, or those above `per_second`; `retry_after` seconds",
        "expire_token": "401 after `after` requests, until POST /token",
        "error": "`status` (default 503) instead of the reply",
        "login_page": "an HTML login page with status 200",
        "error_in_200": 'an error with status 200: {"data": [], "items": [], "problem": {…}}',
        "cut": "the connection closes (or with `reset` breaks) after `fraction` of the body",
        "broken_json": "the body stops in the middle of its JSON, with a Content-Length that agrees",
        "invalid_utf8": "a byte that is no UTF-8 in the middle of the body",
        "repeat_next": "the continuation leads to this page again",
        "empty_page": "no records, and a fresh continuation to the same place; without `times` it never ends",
        "foreign_next": "the continuation leads to another host (`host`)",
        "wrong_total": "the total that a reply states is too high by 7",
        "wrong_types": "one field of each `record_every`-th record has a value of another type",
        "extra_fields": "each `record_every`-th record has fields that no schema names",
        "missing_fields": "each `record_every`-th record lacks a field outside its key",
    }
)
INSTEAD = frozenset({"rate_limit", "expire_token", "error", "login_page", "error_in_200"})
RESHAPING = frozenset(
    {"repeat_next", "empty_page", "foreign_next", "wrong_total", "wrong_types", "extra_fields", "missing_fields"}
)

LOGIN_PAGE = b"""<!DOCTYPE html>
<html><head><title>Sign in</title></head>
<body><form action="/login" method="post"><h1>Your session has expired</h1>
<input name="user"><input name="password" type="password"><button>Sign in</button></form></body></html>
"""
ERROR_IN_200 = b'{"data":[],"items":[],"next_cursor":null,"problem":{"id":"BUSY","text":"The service is busy."}}'


@dataclass(frozen=True)
class Fault:
    """One fault. The filters (`entity`, `page`, `every`, `after`) all have to agree; `times` bounds the strikes.

    kind          one of KINDS
    entity        only requests for this entity
    page          only this page of a listing, from 1
    times         strike so many times, then never again; None: no bound
    every         only each n-th of the requests that pass the other filters
    after         let so many such requests pass first (for expire_token: since the last POST /token)
    ms            latency in milliseconds
    status        HTTP status of an error
    retry_after   seconds in Retry-After of rate_limit and error; None leaves the header out (per_second computes it)
    http_date     Retry-After as an HTTP date
    per_second    requests a second that are let through
    fraction      how much of the body is sent before a cut
    reset         cut by a TCP reset rather than an orderly close
    host          scheme and host of a foreign continuation
    record_every  each n-th record of a page is odd
    """

    kind: str
    entity: str | None = None
    page: int | None = None
    times: int | None = None
    every: int = 1
    after: int = 0
    ms: float = 100.0
    status: int = 503
    retry_after: float | None = None
    http_date: bool = False
    per_second: float | None = None
    fraction: float = 0.5
    reset: bool = False
    host: str = "http://elsewhere.invalid"
    record_every: int = 10

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(_unknown("fault", self.kind, KINDS))
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise ValueError(f"{self.kind}: {name} is {value}; it must be between {low} and {high}")
        if not self.host.startswith(("http://", "https://")):
            raise ValueError(f"{self.kind}: host is {self.host!r}; it must begin with http:// or https://")

    @staticmethod
    def of(given: Fault | Mapping[str, object]) -> Fault:
        """A fault from its JSON form. ValueError names what is wrong and the nearest right name."""
        if isinstance(given, Fault):
            return given
        values: dict[str, object] = dict(given)
        if not isinstance(values.get("kind"), str):
            raise ValueError(f'a fault needs a "kind": one of {", ".join(KINDS)}')
        for name, value in values.items():
            accepted = _ACCEPTED.get(name)
            if accepted is None:
                raise ValueError(_unknown(f"option of {values['kind']}", name, _ACCEPTED))
            if not isinstance(value, accepted) or (isinstance(value, bool) and bool not in accepted):
                raise ValueError(f"{values['kind']}: {name} is {value!r}; expected {accepted[0].__name__}")
        return Fault(**values)  # type: ignore[arg-type]

    @staticmethod
    def parse(text: str) -> Fault:
        """A fault from the command line: `rate_limit:every=10,retry_after=2,entity=WorkOrders`."""
        kind, _, rest = text.partition(":")
        values: dict[str, object] = {"kind": kind}
        for item in filter(None, rest.split(",")):
            name, given, value = item.partition("=")
            values[name] = _from_text(name, value) if given else True
        return Fault.of(values)

    def to_dict(self) -> dict[str, object]:
        """The JSON form, without what has its default."""
        defaults = {f.name: f.default for f in fields(self)}
        return {name: value for name, value in asdict(self).items() if name == "kind" or value != defaults[name]}


_NONE = type(None)
_INT, _FLOAT, _BOOL = (int,), (float, int), (bool,)
_ACCEPTED: Mapping[str, tuple[type, ...]] = {
    "kind": (str,),
    "entity": (str, _NONE),
    "page": (int, _NONE),
    "times": (int, _NONE),
    "every": _INT,
    "after": _INT,
    "ms": _FLOAT,
    "status": _INT,
    "retry_after": (float, int, _NONE),
    "http_date": _BOOL,
    "per_second": (float, int, _NONE),
    "fraction": _FLOAT,
    "reset": _BOOL,
    "host": (str,),
    "record_every": _INT,
}
_RANGES = (
    ("page", 1, 10**9),
    ("times", 0, 10**9),
    ("every", 1, 10**9),
    ("after", 0, 10**9),
    ("ms", 0, 600_000),
    ("status", 400, 599),
    ("retry_after", 0, 10**9),
    ("per_second", 0.001, 10**9),
    ("fraction", 0, 0.999),
    ("record_every", 1, 10**9),
)


def _from_text(name: str, text: str) -> object:
    accepted = _ACCEPTED.get(name, (str,))
    if accepted[0] is str:
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"unknown {what} {name!r}" + (f"; did you mean {near[0]!r}?" if near else f"; known: {', '.join(names)}")


class _Active:
    """A fault with its counters."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.seen = 0
        self.struck = 0
        self.passed: deque[float] = deque()

    def strikes(self, entity: str | None, page: int | None, now: float) -> bool:
        fault = self.fault
        if fault.entity not in (None, entity) or fault.page not in (None, page):
            return False
        if fault.times is not None and self.struck >= fault.times:
            return False
        self.seen += 1
        if self.seen <= fault.after or (self.seen - fault.after) % fault.every != 0:
            return False
        if fault.per_second is not None and self._within_rate(fault.per_second, now):
            return False
        self.struck += 1
        return True

    def _within_rate(self, per_second: float, now: float) -> bool:
        while self.passed and self.passed[0] <= now - max(1.0, 1.0 / per_second):
            self.passed.popleft()
        if len(self.passed) >= max(1.0, per_second):
            return False
        self.passed.append(now)
        return True

    def retry_after(self, now: float) -> float | None:
        if self.fault.retry_after is not None or self.fault.per_second is None:
            return self.fault.retry_after
        return max(0.0, self.passed[0] + max(1.0, 1.0 / self.fault.per_second) - now)


@dataclass(frozen=True)
class Strike:
    """A fault that befalls one request, with its Retry-After header if it has one."""

    fault: Fault
    retry_after: str | None = None


class Faults:
    """The faults in force. `now` is a monotonic clock in seconds, `wall` the time of day."""

    def __init__(
        self,
        given: Iterable[Fault | Mapping[str, object]] = (),
        *,
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._now = now
        self._wall = wall
        self.replace(given)

    def __bool__(self) -> bool:
        return bool(self._active)

    def replace(self, given: Iterable[Fault | Mapping[str, object]]) -> None:
        """Puts these faults in force instead of the present ones, with fresh counters. ValueError changes nothing."""
        self._active = [_Active(Fault.of(item)) for item in given]

    def strike(self, entity: str | None, page: int | None) -> list[Strike]:
        """The faults that befall a request, which is thereby counted."""
        now = self._now()
        struck = [active for active in self._active if active.strikes(entity, page, now)]
        return [Strike(active.fault, self._header(active, now)) for active in struck]

    def token_issued(self) -> None:
        for active in self._active:
            if active.fault.kind == "expire_token":
                active.seen = 0

    def report(self) -> list[dict[str, object]]:
        """The faults in force with what they saw and did."""
        return [{**active.fault.to_dict(), "seen": active.seen, "struck": active.struck} for active in self._active]

    def _header(self, active: _Active, now: float) -> str | None:
        seconds = active.retry_after(now)
        if seconds is None:
            return None
        if active.fault.http_date:
            return formatdate(self._wall() + seconds, usegmt=True)
        return str(math.ceil(seconds))


def reshape(page: Page, fault: Fault) -> Page:
    """The page as a fault of the RESHAPING kinds leaves it."""
    if fault.kind == "repeat_next":
        return replace(page, next=page.here)
    if fault.kind == "empty_page":
        return replace(page, rows=(), texts=[], next=replace(page.here, tick=page.here.tick + 1))
    if fault.kind == "foreign_next":
        return replace(page, foreign_host=fault.host)
    if fault.kind == "wrong_total":
        return replace(page, total=page.total + 7)
    change = {"wrong_types": _wrong_type, "extra_fields": _extra_fields, "missing_fields": _missing_field}[fault.kind]
    texts = list(page.texts)
    for at in range(fault.record_every - 1, len(texts), fault.record_every):
        members = page.entity.members(page.rows[at], None if page.columns is None else sorted(page.columns))
        texts[at] = join_members(change(page.entity, members, at // fault.record_every))
    return replace(page, texts=texts)


_WRONG = {
    "number": '"n/a"',
    "text": "12345",
    "bool": '"yes"',
    "date": "20260131",
    "timestamp": '"31/01/2026 25:00"',
    "complex": '"none"',
    "collection": '{"0":"x"}',
}


def _outside_key(entity: Entity, members: dict[str, str], turn: int) -> str | None:
    names = [name for name in members if name not in entity.keys]
    return names[turn % len(names)] if names else None


def _wrong_type(entity: Entity, members: dict[str, str], turn: int) -> dict[str, str]:
    name = _outside_key(entity, members, turn)
    return members if name is None else {**members, name: _WRONG[entity.by_name[name].type.kind]}


def _extra_fields(_: Entity, members: dict[str, str], turn: int) -> dict[str, str]:
    return {**members, "X_Plant": f'"plant {turn}"', "X_Meta": f'{{"revision":{turn},"labels":[null,"ä"]}}'}


def _missing_field(entity: Entity, members: dict[str, str], turn: int) -> dict[str, str]:
    name = _outside_key(entity, members, turn)
    return {other: text for other, text in members.items() if other != name}
