"""How a connection's entities are synced: what the user wrote about them, checked, and made plans of."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import ConfigError, NotFound
from switchgear.schedule import duration_seconds

if TYPE_CHECKING:
    from switchgear.entities import Entity

MODES = ("upsert", "append", "replace")
NAMINGS = ("exact", "snake_case")
OPTIONS = (
    "cursor",
    "mode",
    "key",
    "initial_window",
    "lookback",
    "page_size",
    "parallel",
    "columns",
    "table",
    "commit_rows",
    "commit_bytes",
    "commit_seconds",
)
COMMIT_ROWS, COMMIT_BYTES, COMMIT_SECONDS = 250_000, 64 << 20, 10.0
LOOKBACK_SECONDS = 60.0
LONGEST_SECONDS = 100 * 366 * 86_400.0


def check_entities(connection_id: str, entities: Mapping[str, Any]) -> None:
    """Refuses what can't be meant, before it is stored.

    Raises:
        ConfigError (`config.entities`): naming entity, option and the nearest right one.
    """
    for entity, options in entities.items():
        if not isinstance(options, Mapping):
            raise _bad(
                connection_id, entity, f"its options are {options!r}, no table", 'such as {"cursor": "ChangedAt"}'
            )
        for name, value in options.items():
            if name not in OPTIONS:
                near = difflib.get_close_matches(name, OPTIONS, n=1)
                suggestion = f", did you mean '{near[0]}'?" if near else ""
                raise _bad(
                    connection_id, entity, f"there is no option '{name}'{suggestion}", f"known: {', '.join(OPTIONS)}"
                )
            check_option(connection_id, entity, name, value)


def check_option(connection_id: str, entity: str, name: str, value: Any) -> None:
    """Refuses a value that an option can't have. Raises what check_entities() raises."""
    if name == "mode" and value not in MODES:
        near = difflib.get_close_matches(str(value), MODES, n=1)
        suggestion = f", did you mean '{near[0]}'?" if near else ""
        raise _bad(connection_id, entity, f"mode is {value!r}{suggestion}", f"one of {', '.join(MODES)}")
    if name in ("cursor", "table") and not (isinstance(value, str) and value):
        raise _bad(connection_id, entity, f"{name} is {value!r}", "a name")
    if name in ("key", "columns") and not (_is_names(value) or (name == "key" and isinstance(value, str) and value)):
        raise _bad(connection_id, entity, f"{name} is {value!r}", 'a list of names: ["Number"]')
    if name in ("page_size", "parallel", "commit_rows", "commit_bytes") and not _is_count(value):
        raise _bad(connection_id, entity, f"{name} is {value!r}", "a whole number above 0")
    if name in ("initial_window", "lookback", "commit_seconds"):
        _seconds(connection_id, entity, name, value)


def _is_names(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(v, str) for v in value)
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _bad(connection_id: str, entity: str, why: str, hint: str = "") -> ConfigError:
    return ConfigError(
        f"the sync of '{entity}' can't be set up: {why}",
        code="config.entities",
        hint=hint,
        connection_id=connection_id,
        entity=entity,
    )


def _seconds(connection_id: str, entity: str, name: str, value: Any) -> float:
    seconds: float | None = None
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = duration_seconds(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    if seconds is None or not 0 <= seconds <= LONGEST_SECONDS:
        raise _bad(connection_id, entity, f"{name} is {value!r}", 'such as "90d", "15m", or a number of seconds')
    return seconds


def schedule_text(schedule: Any, connection_id: str) -> str:
    """A schedule as it is stored. Raises ConfigError (`config.schedule`) for what is neither text nor timedelta."""
    if isinstance(schedule, str):
        return schedule
    if isinstance(schedule, timedelta):
        return json_duration(schedule)
    raise ConfigError(
        f"the schedule of connection '{connection_id}' is {schedule!r}",
        code="config.schedule",
        hint='an interval: "15m", timedelta(minutes=15); or cron: "*/15 * * * *"',
        connection_id=connection_id,
    )


def json_duration(value: object) -> str:
    """For json.dumps(default=…): a timedelta as "900s"."""
    if not isinstance(value, timedelta):
        raise TypeError(f"{value!r} can't be stored")
    seconds = value.total_seconds()
    return f"{int(seconds) if seconds.is_integer() else seconds}s"


def check_naming(naming: Any, connection_id: str) -> None:
    """Raises ConfigError (`config.naming`) for what is no way to name tables and columns."""
    if naming not in NAMINGS:
        near = difflib.get_close_matches(str(naming), NAMINGS, n=1)
        raise ConfigError(
            f"the naming of connection '{connection_id}' is {naming!r}",
            code="config.naming",
            hint=f"did you mean '{near[0]}'?" if near else f"one of {', '.join(NAMINGS)}",
            connection_id=connection_id,
        )


def plans(
    connection_id: str,
    known: Mapping[str, Entity],
    settings: Mapping[str, Any],
    entities: Sequence[str] | None,
) -> list[_core.EntityPlan]:
    """A plan for each entity that is to be synced.

    Args:
        known: what the source has, by name.
        settings: by entity, as `hub.add(entities=…)` took them; empty: all entities, each by its own cursor and key.
        entities: these only; None: all of them.

    Raises:
        NotFound: for an entity that the connection has not.
    """
    made = []
    for name in entities if entities is not None else list(settings or known):
        entity = known.get(name)
        if entity is None:
            near = difflib.get_close_matches(name, list(known), n=1)
            suggestion = f", did you mean '{near[0]}'?" if near else ""
            raise NotFound(
                f"'{connection_id}' has no entity '{name}'{suggestion}",
                code="not_found.entity",
                hint=f"it has {', '.join(list(known)[:20])}",
                connection_id=connection_id,
                entity=name,
            )
        made.append(_plan(connection_id, name, bool(entity.key), settings.get(name, {})))
    return made


def table_names(
    connection_id: str, entities: Iterable[str], settings: Mapping[str, Any], naming: str, *, any_case: bool
) -> dict[str, str]:
    """Where each entity lands.

    Args:
        any_case: the destination takes `Orders` and `orders` for one table.

    Raises:
        ConfigError (`config.naming`): two entities would land in one table.
    """
    tables: dict[str, str] = {}
    taken: dict[str, str] = {}
    for name in entities:
        table = settings.get(name, {}).get("table") or (_core.snake_case(name) if naming == "snake_case" else name)
        tables[name] = table
        other = taken.setdefault(table.casefold() if any_case else table, name)
        if other != name:
            raise ConfigError(
                f"'{other}' and '{name}' of '{connection_id}' would both land in the table '{table}'",
                code="config.naming",
                hint='give one of them another: {"table": "…"}, or leave it out',
                connection_id=connection_id,
                entity=name,
            )
    return tables


def _plan(connection_id: str, name: str, has_key: bool, options: Mapping[str, Any]) -> _core.EntityPlan:
    read = _core.ReadRequest()
    for option in ("page_size", "parallel", "columns"):
        if option in options:
            setattr(read, option, options[option])
    mode = options.get("mode") or ("upsert" if has_key or options.get("key") else "replace")
    return _core.EntityPlan(entity=name, mode=mode, read=read, **plan_values(connection_id, name, options))


def plan_values(connection_id: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """An entity's options in the units of the core, with a default where nothing was said."""
    key = options.get("key", [])
    window = options.get("initial_window")
    return {
        "cursor": options.get("cursor", ""),
        "key": [key] if isinstance(key, str) else list(key),
        "initial_window": None if window is None else _seconds(connection_id, name, "initial_window", window),
        "lookback": _seconds(connection_id, name, "lookback", options.get("lookback", LOOKBACK_SECONDS)),
        "commit_rows": options.get("commit_rows", COMMIT_ROWS),
        "commit_bytes": options.get("commit_bytes", COMMIT_BYTES),
        "commit_seconds": _seconds(
            connection_id, name, "commit_seconds", options.get("commit_seconds", COMMIT_SECONDS)
        ),
    }
