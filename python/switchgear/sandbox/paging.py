"""Pages of a listing, apart from how a protocol writes them down.

A listing is a sequence of row numbers; a page is a piece of it, with the position where it goes on. Faults reshape a
page before it is written, so every paging style shows them in its own form.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .model import Entity
from .wire import Reply


@dataclass(frozen=True)
class Position:
    """Where a page begins. `tick` counts up without moving on: a fault's way of giving an empty page a fresh token.

    `since`: the listing's changes are tracked from there on, and `start` is a row, not a number of records: who removes
    records before it must not move the others to a page that was read.
    """

    start: int = 0
    size: int = 1000
    tick: int = 0
    since: int | None = None

    @property
    def number(self) -> int:
        """The number of the page, from 1."""
        return self.start // self.size + 1

    @property
    def token(self) -> str:
        """An opaque text, with characters that are reserved in URLs so that nobody gets away with not encoding them."""
        tracked = "" if self.since is None else f"@{self.since}"
        return f"{self.start}/{self.size}+{self.tick}={tracked}"

    @staticmethod
    def parse(token: str) -> Position | None:
        """The position that a token stands for; None for any other text."""
        found = re.fullmatch(r"(\d{1,15})/(\d{1,9})\+(\d{1,9})=(?:@(\d{1,9}))?", token, re.ASCII)
        if found is None or int(found[2]) == 0:
            return None
        return Position(int(found[1]), int(found[2]), int(found[3]), None if found[4] is None else int(found[4]))


@dataclass(frozen=True)
class Page:
    """A piece of a listing: its rows and their JSON texts, where it stands, where it goes on (None: nowhere)."""

    entity: Entity
    here: Position
    next: Position | None
    total: int
    rows: Sequence[int]
    texts: list[bytes] = field(repr=False)
    columns: frozenset[str] | None = None
    foreign_host: str | None = None


@dataclass(frozen=True)
class Resource:
    """What a protocol makes of a request. `reshaped` renders the same page anew after faults had their way with it."""

    reply: Reply
    entity: str | None = None
    page: int | None = None
    records: int = 0
    reshaped: Callable[[Callable[[Page], Page]], tuple[Reply, int]] | None = None


def page_resource(take: Callable[[], Page], write: Callable[[Page], Reply]) -> Resource:
    """The resource of a page. The page itself is not kept: it is taken again in the rare case that a fault wants it."""

    def reshaped(change: Callable[[Page], Page]) -> tuple[Reply, int]:
        changed = change(take())
        return write(changed), len(changed.texts)

    page = take()
    return Resource(write(page), page.entity.name, page.here.number, len(page.texts), reshaped)


def take_page(
    entity: Entity,
    rows: Sequence[int],
    here: Position,
    *,
    total: int | None = None,
    columns: frozenset[str] | None = None,
) -> Page:
    """The page of a listing that begins at a position."""
    begin = here.start if here.since is None else bisect_left(rows, here.start)
    end = begin + here.size
    piece = rows[begin:end]
    following = None
    if end < len(rows):
        following = Position(end if here.since is None else rows[end], here.size, since=here.since)
    texts = entity.texts(piece) if columns is None else [object_text(entity, row, columns) for row in piece]
    return Page(entity, here, following, len(rows) if total is None else total, piece, texts, columns)


def object_text(entity: Entity, row: int, columns: frozenset[str] | None = None) -> bytes:
    """One record as a JSON object, of all its fields or of some."""
    return join_members(entity.members(row, None if columns is None else sorted(columns)))


def join_members(members: dict[str, str]) -> bytes:
    return ("{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}").encode()
