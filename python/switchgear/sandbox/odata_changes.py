"""Delta links: what has changed in a listing since it was read, and what is gone.

A link's $deltatoken is a place in the entity's log. The changes since then are one entry for each record, as it is now;
those up to where the log ended when the first page was asked for are paged, the next link leads on from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from .model import Entity, Value, encode_value
from .paging import Position, object_text
from .query import QueryError
from .wire import HttpError


@dataclass(frozen=True)
class Changes:
    """A page of them: rows that are there (True) or are gone, with the options of the link that goes on."""

    rows: Sequence[tuple[int, bool]]
    following: Mapping[str, str]


def are_wished_for(prefer: str, options: Mapping[str, str]) -> bool:
    """Not of a listing that is cut off or sorted: there a record would come or go because others did."""
    found = re.search(r"(?:^|[,;\s])(?:odata\.)?track-changes(?:$|[,;\s])", prefer, re.IGNORECASE)
    return found is not None and not {"$top", "$skip", "$orderby", "$deltatoken"} & options.keys()


def changes_of(entity: Entity, options: Mapping[str, str], listed: Sequence[int], here: Position) -> Changes:
    """The page at a delta link. HttpError 410 for one whose place is not known any more."""
    token = options["$deltatoken"]
    found = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", token, re.ASCII)
    if found is None:
        raise QueryError(f"the $deltatoken {token!r} is not one that this service gave out")
    since, until = int(found[1]), len(entity.log) if found[2] is None else int(found[2])
    if not since <= until <= len(entity.log):
        raise HttpError(410, "DeltaLinkExpired", f"The changes of {entity.name} since {since} are not known any more.")
    changed = list(dict.fromkeys(entity.key(row) for row in entity.log[since:until]))
    former = {entity.key(row): row for row in entity.log[since:until]}
    among = set(listed) if "$filter" in options else None
    rows: list[tuple[int, bool]] = []
    for key in changed[here.start : here.start + here.size]:
        row = entity.row_of(key)
        rows.append((former[key], False) if row is None else (row, among is None or row in among))
    end = here.start + here.size
    if end < len(changed):
        return Changes(rows, {"$deltatoken": f"{since}-{until}", "$skiptoken": Position(end, here.size).token})
    return Changes(rows, {"$deltatoken": str(until)})


def entries(entity: Entity, page: Changes, columns: frozenset[str] | None, context: str) -> list[bytes]:
    """Records as in any listing; those that are gone, or no longer in it, as OData 4.0 has them."""
    texts: list[bytes] = []
    for row, there in page.rows:
        if there:
            texts.append(object_text(entity, row, columns))
            continue
        reason = "deleted" if entity.row_of(entity.key(row)) is None else "changed"
        gone = {"@odata.context": f"{context}/$deletedEntity", "id": id_of(entity, row), "reason": reason}
        texts.append(json.dumps(gone).encode())
    return texts


def id_of(entity: Entity, row: int) -> str:
    """Set(17), Set('text'), Set(A='x',B=1): encoded, as in any URL."""
    values = [_literal(entity, name, value) for name, value in zip(entity.keys, entity.key(row), strict=True)]
    if len(values) == 1:
        return f"{entity.name}({values[0]})"
    return f"{entity.name}({','.join(f'{name}={value}' for name, value in zip(entity.keys, values, strict=True))})"


def _literal(entity: Entity, name: str, value: Value) -> str:
    if isinstance(value, str):
        return quote("'" + value.replace("'", "''") + "'", safe="'")
    return quote(encode_value(entity.by_name[name], value).strip('"'), safe=":")


def link_of(entity: Entity, options: Mapping[str, str]) -> str:
    """A listing with these options, relative to the service root."""
    return f"{entity.name}?" + "&".join(f"{quote(n, safe='$')}={quote(v, safe='')}" for n, v in options.items())
