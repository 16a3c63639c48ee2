"""The queue: records that wait in the store to be written to their sources, and what became of each."""

from __future__ import annotations

import datetime
import itertools
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.diagnosis import iso
from switchgear.errors import ConfigError, DataError, Error, TimeoutError
from switchgear.request_values import at_least
from switchgear.write import CHUNK, Outcome, Outcomes, Rejected, dicts_of, json_texts, outcome_from

if TYPE_CHECKING:
    from switchgear.hub import Hub

OPS = ("create", "update", "upsert", "delete")
_MAX_BATCH_BYTES = 4 << 20
_PAGE = 1000


@dataclass(frozen=True)
class JobProgress:
    """Records of a job: how many there are, and how many met which fate. `pending`: not decided yet."""

    records: int
    ok: int
    failed: int
    unknown: int
    skipped: int
    pending: int

    @property
    def share(self) -> float:
        """Of the records, those that are decided: 0 to 1."""
        return 1.0 if self.records == 0 else (self.records - self.pending) / self.records


class JobResult:
    """What became of the records so far. `ok`, `failed`, `unknown`, `skipped` and `pending` add up to `records`."""

    def __init__(self, jobs: _core.JobStore, row: _core.JobRow) -> None:
        self._jobs = jobs
        self._id = row.id
        self.progress = _progress(row)
        self.ok, self.failed, self.unknown = row.ok, row.failed, row.unknown
        self.skipped, self.pending, self.records = row.skipped, row.pending, row.records

    def outcomes(self, state: str | None = None) -> Iterator[Outcome]:
        """Those that are not ok and have a reason of their own, by index, read from the store as they are asked for."""
        after = -1
        while True:
            page = self._jobs.outcomes(self._id, state=state, after=after, limit=_PAGE)
            yield from map(outcome_from, page)
            if len(page) < _PAGE:
                return
            after = page[-1].index

    @property
    def errors(self) -> Outcomes:
        """All of them as a list, also as `.to_pandas()`."""
        return Outcomes(self.outcomes())

    @property
    def rejected(self) -> Rejected:
        """The failed records with their reasons, for anything that takes an Arrow stream."""
        return Rejected(list(self.outcomes("failed")))

    def __repr__(self) -> str:
        return (
            f"<JobResult {self.ok:,} ok, {self.failed:,} failed, {self.unknown:,} unknown, {self.skipped:,} skipped, "
            f"{self.pending:,} pending>"
        )


class Job:
    """A queued write. What it says of itself is asked from the store each time.

    queued, in_progress, paused, completed, failed, partial, cancelled: docs/jobs.md has them as a diagram.
    """

    def __init__(self, jobs: _core.JobStore, row: _core.JobRow) -> None:
        self._jobs = jobs
        self.id = row.id
        self.connection_id = row.connection_id
        self.entity = row.entity
        self.op = row.op
        self.created_at: datetime.datetime = row.created_at

    @property
    def status(self) -> str:
        """The state's word."""
        return self._row().state

    @property
    def progress(self) -> JobProgress:
        """Counts, as they are now."""
        return _progress(self._row())

    @property
    def result(self) -> JobResult:
        """What became of the records, as it is now."""
        return JobResult(self._jobs, self._row())

    @property
    def error(self) -> Error | None:
        """Why the last batch that failed as a whole did, or was given back: "the source is away", say."""
        row = self._row()
        if not row.error_code:
            return None
        return Error(row.error, row.error_code.partition(".")[0], row.error_code, connection_id=self.connection_id)

    def wait(self, timeout: float | None = None, *, progress: Callable[[JobProgress], object] | None = None) -> Job:
        """Returns when workers have ended the job. It does not work itself: `hub.work()` does.

        Raises:
            TimeoutError: after `timeout` seconds; the job goes on.
        """
        latest = None if timeout is None else time.monotonic() + timeout
        while True:
            row = self._row()
            if progress is not None:
                progress(_progress(row))
            if row.is_final:
                return self
            if latest is not None and time.monotonic() >= latest:
                raise TimeoutError(
                    f"job {self.id} is {row.state} after {timeout:g} s, with {row.pending:,} records to go",
                    code="timeout.job",
                    hint="wait on, or see whether a worker runs: hub.work(), switchgear queue work",
                    connection_id=self.connection_id,
                    entity=self.entity,
                )
            time.sleep(0.1 if latest is None else min(0.1, max(0.0, latest - time.monotonic())))

    def pause(self) -> Job:
        """No further batch is begun. Raises Conflict for a job that has ended."""
        self._jobs.pause(self.id)
        return self

    def resume(self) -> Job:
        """Goes on after `pause()`."""
        self._jobs.resume(self.id)
        return self

    def cancel(self) -> Job:
        """What has not begun is skipped."""
        self._jobs.cancel(self.id)
        return self

    def retry(self, *, only_retryable: bool = False, unknown: bool = False) -> Job:
        """Puts the failed records into the queue again, and no other.

        Args:
            only_retryable: leave those for which another try is not worth it.
            unknown: also those whose fate is unknown. A creation goes out only where the source says that it is not
                there yet.

        Raises:
            Conflict: for a job that has not ended, or of which nothing has failed.
        """
        self._jobs.retry(self.id, only_retryable=only_retryable, unknown=unknown)
        return self

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        row = self._row()
        return {
            "id": row.id,
            "connection_id": row.connection_id,
            "entity": row.entity,
            "op": row.op,
            "status": row.state,
            "priority": row.priority,
            "not_before": iso(row.not_before),
            **asdict(_progress(row)),
            "created_at": iso(row.created_at),
            "started_at": iso(row.started_at),
            "finished_at": iso(row.finished_at),
            "error": {"code": row.error_code, "message": row.error} if row.error_code else None,
        }

    def _row(self) -> _core.JobRow:
        return self._jobs.get(self.id)

    def __repr__(self) -> str:
        row = self._row()
        return (
            f"<Job {self.id} {self.connection_id}/{self.entity}: {row.state}, {row.pending:,} of {row.records:,} to go>"
        )

    def _repr_html_(self) -> str:
        from switchgear.display import jobs_html

        return jobs_html([self])


class Queue:
    """The jobs of a hub: `hub.queue`."""

    def __init__(self, hub: Hub, jobs: _core.JobStore) -> None:
        self._hub = hub
        self._jobs = jobs

    def submit(
        self,
        connection_id: str,
        entity: str,
        records: Any,
        *,
        op: str = "upsert",
        key: Sequence[str] | str | None = None,
        batch_size: int = 100,
        delay: float = 0.0,
        on_error: str = "continue",
        atomic: bool = False,
        ordered: bool = False,
        priority: int = 0,
        not_before: datetime.datetime | None = None,
        max_attempts: int = 5,
        max_record_bytes: int = 16 << 20,
    ) -> Job:
        """Puts records into the store, to be written by workers; nothing is sent to the source here.

        Any number of records takes the same memory. It is all or nothing: after an error nothing is queued.

        Args:
            connection_id: a connection of the hub.
            entity, records, op, batch_size, on_error, atomic, max_record_bytes: as in `Connection.write()`.
            key: the fields that make up the key, for outcomes to name; a record without one is refused. The worker asks
                the source for the key's fields in any case.
            delay: seconds after each batch, during which it counts as under way: with `limit(connection_id, 1)` the
                source has that rest between any two batches, whoever sends them.
            ordered: one batch after the other, in the order given, also after those of earlier ordered jobs for this
                entity. Without it batches may overtake each other.
            priority: the higher the sooner, among all jobs.
            not_before: an instant with a time zone.
            max_attempts: of a batch, before what is left of it has failed. What is not the batch's fault, such as a
                source that is away, does not count.

        Raises:
            NotFound: there is no such connection. ConfigError: an argument that can't be.
            DataError: a record that is no JSON object, has no key, or is too large, naming it; or the iterator raised.
        """
        self._hub._row(connection_id)
        submission = self._jobs.submit(
            connection_id=connection_id,
            entity=entity,
            op=_one_of("op", op, OPS),
            options_json=json.dumps(_options(delay, on_error, atomic, max_record_bytes)),
            priority=priority,
            not_before=None if not_before is None else _instant(not_before),
            max_attempts=at_least("max_attempts", max_attempts, 1),
            batch_size=_batch_size(batch_size),
            max_batch_bytes=_MAX_BATCH_BYTES,
            key=[key] if isinstance(key, str) else list(key or ()),
            max_record_bytes=at_least("max_record_bytes", max_record_bytes, 1),
            order_key=entity if ordered else "",
        )
        source = _guarded(dicts_of(records))
        while chunk := list(itertools.islice(source, CHUNK)):
            texts, problem = json_texts(chunk)
            if problem is not None:
                at, detail, message, hint = problem
                raise DataError(f"record {submission.records + at}: {message}", code=f"data.{detail}", hint=hint)
            submission.add(texts)
        return Job(self._jobs, submission.finish())

    def job(self, id: str) -> Job:
        """The job with this id. Raises NotFound."""
        return Job(self._jobs, self._jobs.get(id))

    def jobs(
        self, connection_id: str | None = None, *, status: str | None = None, after: str = "", limit: int = 100
    ) -> list[Job]:
        """Jobs, the newest first; `after` the last id of the page before."""
        rows = self._jobs.page(connection_id=connection_id or "", state=status, after=after, limit=limit)
        return [Job(self._jobs, row) for row in rows]

    def limit(self, connection_id: str, at_once: int | None) -> None:
        """How many batches of a connection may be under way at once, in all processes together. None: any number."""
        self._hub._row(connection_id)
        self._jobs.limit_connection(connection_id, 0 if at_once is None else at_least("at_once", at_once, 1))

    def purge(self, before: datetime.datetime | datetime.timedelta) -> int:
        """Removes jobs that ended before an instant, or longer ago than that. Returns how many."""
        if isinstance(before, datetime.timedelta):
            before = datetime.datetime.now(datetime.timezone.utc) - before
        return self._jobs.purge(_instant(before))

    def __repr__(self) -> str:
        return f"<Queue of {self._hub!r}>"

    def _repr_html_(self) -> str:
        from switchgear.display import jobs_html

        return jobs_html(self.jobs(limit=20))


def _progress(row: _core.JobRow) -> JobProgress:
    return JobProgress(row.records, row.ok, row.failed, row.unknown, row.skipped, row.pending)


def _options(delay: float, on_error: str, atomic: bool, max_record_bytes: int) -> dict[str, Any]:
    """What the worker is told; core/src/queue/job_options.cpp reads it."""
    if not 0 <= float(delay) <= 86_400:
        raise ConfigError(f"delay is {delay!r}; it must be from 0 to 86400 seconds", hint="correct delay")
    _core.check_on_error(on_error)
    return {
        "delay_ms": round(delay * 1000),
        "on_error": on_error,
        "atomic": bool(atomic),
        "max_record_bytes": max_record_bytes,
    }


def _batch_size(given: int) -> int:
    if at_least("batch_size", given, 1) > 10_000:
        raise ConfigError(f"batch_size is {given}; it must be from 1 to 10000", hint="100 suits most sources")
    return given


def _one_of(name: str, given: str, known: Sequence[str]) -> str:
    if given in known:
        return given
    raise ConfigError(f"{name} is {given!r}; it must be one of {', '.join(known)}", hint=f"correct {name}")


def _instant(moment: datetime.datetime) -> float:
    if moment.tzinfo is None:
        raise ConfigError(
            f"{moment.isoformat()} has no time zone, so it is no instant",
            code="config.instant",
            hint="datetime.datetime.now(datetime.timezone.utc)",
        )
    return moment.timestamp()


def _guarded(source: Iterator[Any]) -> Iterator[Any]:
    """The caller's own iterator may raise anything."""
    try:
        yield from source
    except ConfigError:
        raise
    except Exception as error:
        raise DataError(
            f"the records' iterator raised {type(error).__name__}: {error}",
            code="data.source",
            hint="nothing was queued; mend it and submit again",
        ) from error
