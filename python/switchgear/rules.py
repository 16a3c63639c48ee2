"""Rules: which records that a sync brings are events, judged inside the sync, once for each version of a record."""

from __future__ import annotations

import base64
import difflib
import hashlib
import inspect
import json
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import ConfigError, Conflict, Error
from switchgear.flows.definition import EVENT_TYPE, source_of
from switchgear.reader import require
from switchgear.request_values import json_value

if TYPE_CHECKING:
    import pyarrow

    from switchgear.connection import Connection

When = str | Callable[[Any], Any]
OWN_COLUMNS = ("_synced_at", "_run_id")
LARGEST_RECORD = 16_000  # bytes: an event's body has 20,000 at most
_PLACE = "_place_in_checkpoint"


@dataclass(frozen=True)
class Rule:
    """A rule as it was defined.

    Attributes:
        name: of which there is one for an entity.
        connection_id, entity: whose records are judged.
        when: a condition in DuckDB's SQL; or a function of a record (a dict), or of a `pyarrow.RecordBatch`.
        event: the type of the event that a record makes which fulfils it.
        source: where it is defined, `file:line`, if it is a function.
    """

    name: str
    connection_id: str
    entity: str
    when: When
    event: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        when = self.when if isinstance(self.when, str) else self.source
        return {
            "name": self.name,
            "connection_id": self.connection_id,
            "entity": self.entity,
            "when": when,
            "event": self.event,
        }


def define(connection_id: str, entity: str, when: When, event: str, name: str | None) -> Rule:
    """See `Hub.rule()`."""
    where = f"the rule on {connection_id}/{entity}"
    if not isinstance(event, str) or not EVENT_TYPE.fullmatch(event):
        raise _bad(where, f"event is {event!r}, no type of an event", "lower-case words with dots: 'workorder.urgent'")
    if isinstance(when, str) and when.strip():
        _columns_of(where, when)
    elif not callable(when):
        raise _bad(where, f"when is {when!r}", 'a condition such as "Priority = 1", or a function of a record')
    source = "" if isinstance(when, str) else source_of(when)
    return Rule(name or event, connection_id, entity, when, event, source)


class Rules:
    """The rules of a hub. Threads may share it."""

    def __init__(self) -> None:
        self._rules: dict[tuple[str, str, str], Rule] = {}
        self._lock = threading.Lock()

    def add(self, rule: Rule) -> None:
        """Raises Conflict (`conflict.rule`): there is another one of this name for the entity."""
        key = (rule.connection_id, rule.entity, rule.name)
        with self._lock:
            known = self._rules.get(key)
            if known is not None and known.when != rule.when and not (known.source and known.source == rule.source):
                raise Conflict(
                    f"there is a rule '{rule.name}' on {rule.connection_id}/{rule.entity} already",
                    code="conflict.rule",
                    hint="give one of them a name of its own: name=…",
                    connection_id=rule.connection_id,
                    entity=rule.entity,
                )
            self._rules[key] = rule

    def all(self) -> list[Rule]:
        """In the order in which they were defined."""
        with self._lock:
            return list(self._rules.values())

    def judge_of(self, plant: Connection, settings: Mapping[str, Any]) -> Judge | None:
        """What judges the records of a connection's sync; None where it has no rule."""
        mine = [rule for rule in self.all() if rule.connection_id == plant.id]
        return Judge(plant, settings, mine) if mine else None


class Judge:
    """Judges the records of one run. Called from any of its threads.

    Args:
        settings: of the connection's entities, as `hub.add(entities=…)` took them.
    """

    def __init__(self, plant: Connection, settings: Mapping[str, Any], rules: Sequence[Rule]) -> None:
        self._plant = plant
        self._settings = settings
        self._rules = rules
        self._lock = threading.Lock()
        self._database: Any = None

    def __call__(self, entity: str, batches: list[_core.RecordBatch]) -> list[tuple[str, str, str]]:
        """Type, data and id of each event that these records make."""
        rules = [rule for rule in self._rules if rule.entity == entity]
        if not rules or not batches:
            return []
        table = _table_of(batches)
        return [event for rule in rules for event in self._events(rule, table)]

    def _events(self, rule: Rule, table: pyarrow.Table) -> Iterator[tuple[str, str, str]]:
        places = self._by_sql(rule, rule.when, table) if isinstance(rule.when, str) else _by_function(rule, table)
        if not places:
            return
        known = self._plant.entities()[rule.entity]
        options = self._settings.get(rule.entity, {})
        key = options.get("key") or list(known.key)
        key = [key] if isinstance(key, str) else list(key)
        cursor = options.get("cursor") or known.cursor
        for record in table.take(places).to_pylist():
            yield rule.event, *_told(rule, record, key, cursor)

    def _by_sql(self, rule: Rule, when: str, table: pyarrow.Table) -> list[int]:
        duckdb = require("duckdb", "duckdb")
        pyarrow = require("pyarrow", "arrow")
        have = {name.lower() for name in table.column_names}
        for name in sorted(_columns_of(_named(rule), when)):
            if name.lower() not in have:
                self._check_column(rule, name, table.column_names)
                table = table.append_column(name, pyarrow.nulls(len(table)))
        judged = table.append_column(_PLACE, pyarrow.array(range(len(table))))
        with self._lock:
            if self._database is None:
                self._database = _database()
            try:
                self._database.register("records", judged)
                found = self._database.execute(f"select {_PLACE} from records where ({when}\n)").fetchall()  # noqa: S608
            except duckdb.Error as error:
                raise _bad(_named(rule), f"DuckDB can't judge {when!r}: {error}") from error
            finally:
                self._database.unregister("records")
        return sorted(place for (place,) in found)

    def _check_column(self, rule: Rule, name: str, names: list[str]) -> None:
        """A column that no record has yet is null in all of them, unless the source says that there is none."""
        fields = list(self._plant.entities()[rule.entity].fields)
        declared = [str(getattr(field, "name", field)) for field in fields]
        if declared and name.lower() not in {each.lower() for each in declared}:
            near = difflib.get_close_matches(name, [*declared, *names], n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"it has {', '.join(declared[:20])}"
            raise _bad(_named(rule), f"'{rule.entity}' has no field '{name}'", hint)


def _named(rule: Rule) -> str:
    return f"the rule '{rule.name}' on {rule.connection_id}/{rule.entity}"


def _bad(where: str, why: str, hint: str = "") -> ConfigError:
    return ConfigError(f"{where} can't be used: {why}", code="config.rule", hint=hint)


def _database() -> Any:
    return require("duckdb", "duckdb").connect(config={"threads": "1", "enable_external_access": "false"})


def _columns_of(where: str, when: str) -> set[str]:
    """The columns that a condition names. Raises ConfigError (`config.rule`) unless it is one condition."""
    database = _database()
    try:
        statement = f"select 1 from records where ({when}\n)"  # noqa: S608 - it is only read
        (text,) = database.execute("select json_serialize_sql(?)", [statement]).fetchone()
    finally:
        database.close()
    told = json.loads(text)
    if told.get("error"):
        hint = "a condition in DuckDB's SQL: \"Priority = 1 AND Status = 'OPEN'\""
        raise _bad(where, f"when is {when!r}: {told.get('error_message', 'no condition')}", hint)
    columns: set[str] = set()
    _find_columns(told["statements"][0], columns)
    return columns


def _find_columns(node: Any, columns: set[str]) -> None:
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF" and node.get("column_names"):
            columns.add(node["column_names"][-1 if node["column_names"][0].lower() == "records" else 0])
        for value in node.values():
            _find_columns(value, columns)
    elif isinstance(node, list):
        for value in node:
            _find_columns(value, columns)


def _table_of(batches: list[_core.RecordBatch]) -> pyarrow.Table:
    """All of a checkpoint, with the columns of the records alone."""
    pyarrow = require("pyarrow", "arrow")
    tables = [pyarrow.Table.from_batches([pyarrow.record_batch(batch)]) for batch in batches]
    table = pyarrow.concat_tables(tables, promote_options="permissive")
    return table.drop_columns([name for name in OWN_COLUMNS if name in table.column_names])


def _by_function(rule: Rule, table: pyarrow.Table) -> list[int]:
    """The places of the records for which a function says yes."""
    when: Any = rule.when
    try:
        if not _takes_batches(when):
            return [place for place, record in enumerate(table.to_pylist()) if when(record)]
        places, start = [], 0
        for batch in table.combine_chunks().to_batches():
            said = when(batch)
            said = said.to_pylist() if hasattr(said, "to_pylist") else list(said)
            if len(said) != len(batch):
                raise ValueError(f"it gave {len(said)} answers for {len(batch)} records")
            places += [start + place for place, yes in enumerate(said) if yes]
            start += len(batch)
        return places
    except Exception as error:
        raise _bad(_named(rule), f"its function raised {type(error).__name__}: {error} ({rule.source})") from error


def _takes_batches(when: Callable[..., Any]) -> bool:
    """Whether its parameter is said to be a `pyarrow.RecordBatch`."""
    try:
        parameters = list(inspect.signature(when).parameters.values())
    except (TypeError, ValueError):
        return False
    return bool(parameters) and "RecordBatch" in str(parameters[0].annotation)


def _told(rule: Rule, record: dict[str, Any], key: list[str], cursor: str | None) -> tuple[str, str]:
    """Data and id of the event that a record makes. The id is that of the record's version, whoever reads it."""
    record = {name: _json_of(value) for name, value in record.items() if name != "_rescued" or value is not None}
    text = json.dumps(record, sort_keys=True)
    keys = {name: record.get(name) for name in key}
    version = record.get(cursor) if cursor else None
    if version is None:
        version = hashlib.sha256(text.encode()).hexdigest()
    what = [rule.name, rule.connection_id, rule.entity, keys or text, version]
    data: dict[str, Any] = {"entity": rule.entity, "rule": rule.name, "key": keys, "record": record}
    if len(text.encode()) > LARGEST_RECORD:
        shown = {name: record[name] for name in (*key, *([cursor] if cursor else [])) if name in record}
        data |= {"record": shown, "truncated": True}
    id = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]
    return json.dumps(data), f"rule_{id}"


def _json_of(value: Any) -> Any:
    """As JSON has it; what it has not, it does not say."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _json_of(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_json_of(each) for each in value]
    if value is None or isinstance(value, str | int):
        return value
    try:
        return json_value(value)
    except Error:
        return str(value)
