"""What columns a reader makes: types of one's own, and what becomes of values that do not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from switchgear import _core
from switchgear.errors import ConfigError


@dataclass(frozen=True)
class Schema:
    """Types of columns together with a mode, where `read(schema=…)` needs both.

    Attributes:
        types: column -> type, in place of the declared or inferred one: `{"Cost": "decimal(12,3)", "At": "epoch_ms"}`.
            A `?` behind the type says that the column may be missing from the first records.
        mode: "evolve", "frozen" or "strict"; None: evolve where columns are inferred, frozen where they are declared.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    mode: str | None = None


SchemaArgument = str | Mapping[str, str] | Schema | None


def schema_options(schema: SchemaArgument, nested: str | None) -> dict[str, Any]:
    """The arguments of the core for `read(schema=, nested=)`; what is wrong with them is raised here."""
    if isinstance(schema, str):
        schema = Schema(mode=schema)
    elif isinstance(schema, Mapping):
        schema = Schema(schema)
    elif schema is not None and not isinstance(schema, Schema):
        raise ConfigError(
            f"schema={schema!r} is no schema",
            code="config.schema",
            hint='"evolve", "frozen", "strict", {"Cost": "decimal(12,3)"}, or sg.Schema({…}, mode=…)',
        )
    types = dict(schema.types) if schema else {}
    mode = schema.mode if schema else None
    _core.check_schema_options(list(types.items()), mode or "", nested or "")
    return {"schema": (list(types.items()), mode or "", nested or "")} if types or mode or nested else {}
