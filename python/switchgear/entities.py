"""What a source has: its resource types, their columns and keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import overload

from switchgear import _core


@dataclass(frozen=True)
class Entity:
    """A resource type of the source.

    Attributes:
        fields: its columns; empty where the source declares none and they are inferred when read.
        key: the fields that identify a record.
        cursor: the field by which changes can be asked for; empty: none.
        ops: what can be written: create, update, upsert, delete.
    """

    name: str
    fields: tuple[_core.Field, ...] = ()
    key: tuple[str, ...] = ()
    cursor: str = ""
    ops: tuple[str, ...] = ()

    @property
    def writable(self) -> bool:
        """Whether anything can be written."""
        return bool(self.ops)


class Entities(Sequence[Entity]):
    """The entities of a connection, by place or by name."""

    def __init__(self, entities: Iterable[Entity], connection_id: str) -> None:
        self._entities = tuple(entities)
        self._connection_id = connection_id

    @overload
    def __getitem__(self, which: int | str) -> Entity: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[Entity]: ...
    def __getitem__(self, which: int | str | slice) -> Entity | Sequence[Entity]:
        if isinstance(which, int | slice):
            return self._entities[which]
        for entity in self._entities:
            if entity.name == which:
                return entity
        from difflib import get_close_matches

        near = get_close_matches(which, self.names, n=1)
        suggestion = f", did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"{self._connection_id!r} has no entity {which!r}{suggestion}")

    def __len__(self) -> int:
        return len(self._entities)

    def __contains__(self, which: object) -> bool:
        return which in self._entities or which in self.names

    @property
    def names(self) -> list[str]:
        """Their names, in the source's order."""
        return [entity.name for entity in self._entities]

    def __repr__(self) -> str:
        return f"<Entities of {self._connection_id}: {', '.join(self.names)}>"

    def _repr_html_(self) -> str:
        from switchgear.display import entities_html

        return entities_html(self)
