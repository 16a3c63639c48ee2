"""$metadata: the model of the sandbox as CSDL XML (OData 4.0)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import quoteattr

from .model import Entity, Field, Type

NAMESPACE = "Maintenance"
CONTAINER = "EntityContainer"
VERSION = (("OData-Version", "4.0"),)
CONTENT_TYPE = "application/json;odata.metadata=minimal;charset=utf-8"


def metadata_document(entities: Iterable[Entity]) -> str:
    """The whole document: complex types first, then entity types, then the container with its sets."""
    known = list(entities)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        '<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">',
        "<edmx:DataServices>",
        f'<Schema Namespace="{NAMESPACE}" xmlns="http://docs.oasis-open.org/odata/ns/edm">',
    ]
    for name, members in _complex_types(known).items():
        lines.append(f"<ComplexType Name={quoteattr(name.rpartition('.')[2])}>")
        lines += map(_property, members)
        lines.append("</ComplexType>")
    for entity in known:
        lines.append(f"<EntityType Name={quoteattr(entity_type(entity))}>")
        lines.append("<Key>" + "".join(f"<PropertyRef Name={quoteattr(k)}/>" for k in entity.keys) + "</Key>")
        lines += map(_property, entity.fields)
        lines.append("</EntityType>")
    lines.append(f'<EntityContainer Name="{CONTAINER}">')
    for entity in known:
        lines.append(f'<EntitySet Name={quoteattr(entity.name)} EntityType="{NAMESPACE}.{entity_type(entity)}"/>')
    lines += ["</EntityContainer>", "</Schema>", "</edmx:DataServices>", "</edmx:Edmx>"]
    return "\n".join(lines)


def entity_type(entity: Entity) -> str:
    """The singular that names the type of a set: WorkOrders holds WorkOrder."""
    return entity.name.removesuffix("s")


def _property(field: Field) -> str:
    facets = "".join(f" {name}={quoteattr(value)}" for name, value in (field.type.item or field.type).facets)
    nullable = "" if field.nullable else ' Nullable="false"'
    return f"<Property Name={quoteattr(field.name)} Type={quoteattr(field.type.name)}{nullable}{facets}/>"


def _complex_types(entities: Iterable[Entity]) -> dict[str, tuple[Field, ...]]:
    found: dict[str, tuple[Field, ...]] = {}
    for entity in entities:
        for field in entity.fields:
            for inner in _nested(field.type):
                found.setdefault(inner.name, inner.members)
    return found


def _nested(kind: Type) -> Iterator[Type]:
    if kind.item is not None:
        yield from _nested(kind.item)
    for member in kind.members:
        yield from _nested(member.type)
    if kind.members:
        yield kind
