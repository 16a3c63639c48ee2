"""How the tests talk to a sandbox, by the standard library's client, and compare what it sends with the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from http.client import HTTPConnection
from typing import Any

from switchgear.sandbox import Sandbox
from switchgear.sandbox.odata import ROOT


@dataclass(frozen=True)
class Got:
    """A reply; `json` keeps every digit of decimals."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body, parse_float=Decimal)


@dataclass
class Client:
    """Asks one sandbox, over one connection that is opened again when the sandbox closed it."""

    box: Sandbox
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.connection = HTTPConnection("127.0.0.1", self.box.port, timeout=20)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def ask(self, target: str, method: str = "GET", body: str | None = None, **headers: str) -> Got:
        """`target` is a path, a whole URL of this sandbox, or a link relative to the OData service."""
        if target.startswith("http"):
            assert target.startswith(self.box.url)
            target = target.removeprefix(self.box.url)
        elif not target.startswith("/"):
            target = f"{ROOT}/{target}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            self.connection.request(method, target, body, {**self.headers, **named})
            response = self.connection.getresponse()
            return Got(response.status, {n.lower(): v for n, v in response.getheaders()}, response.read())
        except Exception:
            self.connection.close()
            raise

    def odata_pages(self, link: str, **headers: str) -> Iterator[Any]:
        """The pages of a listing, its next links followed."""
        following: str | None = link
        while following is not None:
            got = self.ask(following, **headers)
            assert got.status == 200, got.body
            page = got.json
            yield page
            following = page.get("@odata.nextLink")

    def odata_records(self, link: str, **headers: str) -> list[Any]:
        return [record for page in self.odata_pages(link, **headers) for record in page["value"]]


def as_json(value: Any, sent: Any) -> Any:
    """A value of the truth in the form in which `sent` arrived, so that the two can be compared."""
    if isinstance(value, dict):
        return {name: as_json(v, sent[name]) for name, v in value.items()}
    if isinstance(value, list):
        return [as_json(v, s) for v, s in zip(value, sent, strict=True)]
    if isinstance(value, datetime):
        return value if datetime.fromisoformat(sent.replace("Z", "+00:00")) == value else None
    if isinstance(value, Decimal):
        return str(value) if isinstance(sent, str) else value
    if isinstance(value, float):
        return Decimal(repr(value))
    return value.isoformat() if isinstance(value, date) else value


def same(sent: list[Any], truth: list[Any]) -> None:
    """Asserts that records came whole: as many, in this order, every value equal."""
    assert len(sent) == len(truth)
    for got, record in zip(sent, truth, strict=True):
        assert list(got) == list(record)
        for name, value in record.items():
            expected = as_json(value, got[name])
            assert (isinstance(value, datetime) and expected == value) or got[name] == expected, (name, got, record)
