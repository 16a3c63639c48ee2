"""Writing: records of any kind become JSON texts, the core sends them in batches, and each has an outcome."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import ConfigError, DataError, Error
from switchgear.reader import require
from switchgear.request_values import at_least, json_value

if TYPE_CHECKING:
    import pandas
    from typing_extensions import CapsuleType

    from switchgear.connection import Connection

# Records that are handed to the core at once.
CHUNK = 500


@dataclass(frozen=True)
class Outcome:
    """What became of a record that is not ok.

    Attributes:
        index: its place in the input, from 0.
        key: as text; a JSON array where several fields make it up; empty if it has none.
        state: failed, unknown or skipped.
        category, code, message, hint: as of any `Error`; the message is the source's own where it said something.
        record: as it was sent, in JSON's types.
        retryable: sending it again may well succeed.
    """

    index: int
    key: str
    state: str
    category: str
    code: str
    message: str
    hint: str
    record: Any
    retryable: bool
    error: Error


@dataclass(frozen=True)
class WriteProgress:
    """Counts so far. `batches` counts those that were sent, those sent again too."""

    ok: int
    failed: int
    unknown: int
    skipped: int
    batches: int

    @property
    def records(self) -> int:
        """Records whose fate is decided."""
        return self.ok + self.failed + self.unknown + self.skipped


class WriteResult:
    """What became of the records. `ok`, `failed`, `unknown` and `skipped` add up to those given.

    Attributes:
        errors: an Outcome for each record that is not ok, in the input's order.
    """

    def __init__(
        self,
        connection: Connection,
        entity: str,
        options: dict[str, Any],
        counts: WriteProgress,
        written: list[_core.WrittenRecord],
    ) -> None:
        self._connection = connection
        self._entity = entity
        self._options = options
        self._written = sorted(written, key=lambda record: record.index)
        self.ok = counts.ok
        self.failed = counts.failed
        self.unknown = counts.unknown
        self.skipped = counts.skipped
        self.batches = counts.batches
        self.errors = Outcomes(outcome_from(record) for record in self._written)

    @property
    def records(self) -> int:
        """All that were given."""
        return self.ok + self.failed + self.unknown + self.skipped

    @property
    def rejected(self) -> Rejected:
        """The failed records with their reasons, for anything that takes an Arrow stream."""
        return Rejected([outcome for outcome in self.errors if outcome.state == "failed"])

    def raise_for_error(self) -> WriteResult:
        """The same result, if all is ok; else raises the first record's error."""
        if self.errors:
            raise self.errors[0].error
        return self

    def retry(self) -> WriteResult:
        """Sends again what failed and is worth another try, what was skipped, and what is unknown.

        An unknown creation goes out only where the source tells that it is not there yet.
        """
        again = [
            (record.json, outcome.state == "unknown")
            for record, outcome in zip(self._written, self.errors, strict=True)
            if outcome.state != "failed" or outcome.retryable
        ]
        writer = _writer(self._connection, self._entity, self._options)
        for maybe_sent, group in itertools.groupby(again, key=lambda each: each[1]):
            writer.add([text for text, _ in group], maybe_sent)
        return _finished(self._connection, self._entity, self._options, writer, None)

    def __repr__(self) -> str:
        return (
            f"<WriteResult {self._connection.id}/{self._entity}: {self.ok:,} ok, {self.failed:,} failed, "
            f"{self.unknown:,} unknown, {self.skipped:,} skipped>"
        )

    def _repr_html_(self) -> str:
        from switchgear.display import write_html

        return write_html(self)


class Outcomes(list[Outcome]):
    """A list of Outcome that can become a table."""

    def to_pandas(self) -> pandas.DataFrame:
        """A pandas.DataFrame with a row for each."""
        frame: pandas.DataFrame = require("pandas", "pandas").DataFrame(_rows(self), columns=_COLUMNS)
        return frame


class Rejected:
    """Failed records as an Arrow stream: their own columns, then `_index`, `_code`, `_message` and `_hint`."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        self._outcomes = outcomes

    def __len__(self) -> int:
        return len(self._outcomes)

    def to_pylist(self) -> list[dict[str, Any]]:
        """A dict for each."""
        return [
            {
                **(outcome.record if isinstance(outcome.record, dict) else {"_record": outcome.record}),
                "_index": outcome.index,
                "_code": outcome.code,
                "_message": outcome.message,
                "_hint": outcome.hint,
            }
            for outcome in self._outcomes
        ]

    def __arrow_c_stream__(self, requested_schema: CapsuleType | None = None) -> CapsuleType:
        capsule: CapsuleType = (
            require("pyarrow", "arrow").Table.from_pylist(self.to_pylist()).__arrow_c_stream__(requested_schema)
        )
        return capsule


_COLUMNS = ["index", "key", "state", "category", "code", "message", "hint", "record"]


def _rows(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    return [{name: getattr(outcome, name) for name in _COLUMNS} for outcome in outcomes]


def outcome_from(record: _core.WrittenRecord | _core.JobOutcome) -> Outcome:
    """As users see it."""
    error: Error = record.error or Error("nothing is known of it", "internal")
    try:
        value = json.loads(record.json)
    except ValueError:
        value = record.json
    return Outcome(
        record.index,
        record.key,
        record.state,
        error.category,
        error.code,
        error.message,
        error.hint,
        value,
        error.retryable,
        error,
    )


# -- records


def dicts_of(records: Any) -> Iterator[Any]:
    """The records one after another, whatever holds them."""
    if hasattr(records, "__arrow_c_stream__"):
        for batch in require("pyarrow", "arrow").RecordBatchReader.from_stream(records):
            yield from batch.to_pylist()
    elif isinstance(records, Mapping):
        raise ConfigError("records is one dict, not a list of them", code="config.records", hint="give [record]")
    elif isinstance(records, str | bytes) or not isinstance(records, Iterable):
        raise ConfigError(
            f"records is a {type(records).__name__}",
            code="config.records",
            hint="give dicts, an iterator of them, pandas, polars, or anything with an Arrow stream",
        )
    else:
        for item in records:
            if hasattr(item, "__arrow_c_stream__"):
                yield from dicts_of(item)
            else:
                yield item


def _encoder() -> Callable[[Any], str]:
    return json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=json_value, check_circular=True
    ).encode


def _problem(record: Any, error: Exception) -> tuple[str, str, str]:
    """Detail, message and hint for a record that JSON has no text for."""
    if not isinstance(record, Mapping):
        return "json", f"the record is a {type(record).__name__}, not a dict", "give a dict with the entity's fields"
    for name, value in record.items():
        if isinstance(value, float) and not math.isfinite(value):
            return (
                "nan",
                f"the field '{name}' is {value}, which JSON does not have",
                "give None where there is no value",
            )
    message = error.message if isinstance(error, Error) else str(error)
    return "value", f"the record can't be put into JSON: {message}", "give texts, numbers, booleans, dates or None"


def _readable(record: Any) -> str:
    return json.dumps(record, default=repr, ensure_ascii=False)


def json_texts(records: list[Any]) -> tuple[list[str], tuple[int, str, str, str] | None]:
    """The records as JSON, or those before the first that has none, with its place, and detail, message and hint."""
    encode = _encoder()
    texts: list[str] = []
    for at, record in enumerate(records):
        try:
            if not isinstance(record, Mapping):
                raise TypeError
            texts.append(encode(_sent(record)))
        except (ValueError, TypeError, Error, RecursionError) as error:
            return texts, (at, *_problem(record, error))
    return texts, None


def _sent(record: Mapping[str, Any]) -> dict[str, Any]:
    """As a dict; without the empty column that every record has which was read, as the source has no such field."""
    given = record if isinstance(record, dict) else dict(record)
    if "_rescued" not in given or given["_rescued"] is not None:
        return given
    return {name: value for name, value in given.items() if name != "_rescued"}


def _add(writer: _core.BatchWriter, chunk: list[Any], encode: Callable[[Any], str], maybe_sent: bool) -> bool:
    texts: list[str] = []
    goes_on = True
    for record in chunk:
        try:
            if not isinstance(record, Mapping):
                raise TypeError
            texts.append(encode(_sent(record)))
        except (ValueError, TypeError, Error, RecursionError) as error:
            if texts:
                writer.add(texts, maybe_sent)
                texts = []
            goes_on = writer.add_failed(_readable(record), "data", *_problem(record, error))
    return writer.add(texts, maybe_sent) if texts else goes_on


def _writer(connection: Connection, entity: str, options: dict[str, Any], job_id: str = "") -> _core.BatchWriter:
    return _core.BatchWriter(connection=connection._core, entity=entity, job_id=job_id, **options)


def _progress(counts: _core.WriteCounts) -> WriteProgress:
    return WriteProgress(counts.ok, counts.failed, counts.unknown, counts.skipped, counts.batches)


def _finished(
    connection: Connection,
    entity: str,
    options: dict[str, Any],
    writer: _core.BatchWriter,
    progress: Callable[[WriteProgress], object] | None,
) -> WriteResult:
    counts = _progress(writer.finish())
    if progress is not None:
        progress(counts)
    return WriteResult(connection, entity, options, counts, writer.take())


def write_options(
    *,
    op: str = "upsert",
    batch_size: int = 100,
    delay: float = 0.0,
    parallel: int = 1,
    on_error: str = "continue",
    atomic: bool = False,
    dry_run: bool = False,
    max_record_bytes: int = 16 << 20,
) -> dict[str, Any]:
    """The options of `Connection.write`, as the core takes them."""
    return {
        "op": op,
        "batch_size": at_least("batch_size", batch_size, 1),
        "delay": float(delay),
        "parallel": at_least("parallel", parallel, 1),
        "on_error": on_error,
        "atomic": bool(atomic),
        "dry_run": bool(dry_run),
        "max_record_bytes": at_least("max_record_bytes", max_record_bytes, 1),
    }


def write_records(
    connection: Connection,
    entity: str,
    records: Any,
    options: dict[str, Any],
    progress: Callable[[WriteProgress], object] | None,
    *,
    job_id: str = "",
    maybe_sent: bool = False,
) -> WriteResult:
    """What `Connection.write` does.

    Args:
        options: as `write_options()` gives them.
        job_id: makes the idempotency keys, with each record's place and key; "": they are random.
        maybe_sent: an earlier attempt may have written these records.
    """
    writer = _writer(connection, entity, options, job_id)
    encode = _encoder()
    source = dicts_of(records)
    size = min(CHUNK, options["batch_size"])
    chunk: list[Any] = []
    raised: Exception | None = None
    given = 0
    while raised is None:
        try:
            for record in itertools.islice(source, size):
                chunk.append(record)
        except ConfigError:
            raise
        except Exception as error:  # the caller's own iterator
            raised = error
        given += len(chunk)
        if not chunk:
            break
        _add(writer, chunk, encode, maybe_sent)
        chunk = []
        if progress is not None:
            progress(_progress(writer.counts()))
    result = _finished(connection, entity, options, writer, progress)
    if raised is None:
        return result
    failure = DataError(
        f"the records' iterator raised {type(raised).__name__} after {given} records: {raised}",
        code="data.source",
        hint=f"what came before was written ({result!r}); `result` of this error has the outcomes",
    )
    failure.result = result  # type: ignore[attr-defined]
    raise failure from raised
