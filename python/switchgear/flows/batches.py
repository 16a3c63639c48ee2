"""Batches: records in portions, with a pause between them, and a place in the store that says which are over."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import DataError, Error
from switchgear.flows.execution import Execution
from switchgear.flows.halting import as_error
from switchgear.request_values import at_least, json_value
from switchgear.write import dicts_of

if TYPE_CHECKING:
    from switchgear.write import WriteResult

SHOWN = 3


class Batch(list[Any]):
    """Records that belong together; a list of them.

    Attributes:
        number: from 1; over a crash it goes on counting where it was.
        indices: the records' places in the input, from 0.
        again: an earlier process began this batch and died, so that some of it may have been sent. `ctx.write()` knows.
        key: of the batch, the same each time that it is sent: an idempotency key for what one sends oneself.
    """

    def __init__(self, records: list[Any], indices: list[int], number: int, again: bool, key: str) -> None:
        super().__init__(records)
        self.number = number
        self.indices = indices
        self.again = again
        self.key = key
        self._results: list[WriteResult] = []
        self._failed: dict[int, str] = {}

    def fail(self, index: int, error: Exception | str) -> None:
        """Says that a record failed, where it was not `ctx.write()` that sent it.

        Args:
            index: its place in this batch, from 0.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"the batch has records 0 to {len(self) - 1}, not {index}")
        said = error if isinstance(error, str) else str(as_error(error))
        self._failed[self.indices[index]] = said

    def _counts(self) -> dict[str, int]:
        names = ("ok", "failed", "unknown", "skipped")
        counts = {name: sum(getattr(result, name) for result in self._results) for name in names}
        counts["failed"] += len(self._failed)
        if not self._results:
            counts["ok"] = len(self) - len(self._failed)
        return counts

    def _problems(self) -> dict[int, str]:
        """What is not ok, by place in the input; a written list that is not this one's length has places of its own."""
        problems = dict(self._failed)
        for result in self._results:
            for outcome in result.errors:
                whole = result.records == len(self)
                index = self.indices[outcome.index] if whole else self.indices[0] + outcome.index
                key = f" ({outcome.key})" if outcome.key else ""
                problems.setdefault(index, f"record {index}{key} {outcome.state}: {outcome.code}: {outcome.message}")
        return problems


class Batches:
    """What `ctx.batches()` gives: `for batch in …` or `async for batch in …`, once.

    When the loop's body is through, the batch is over, in the store too: an execution that is taken up again goes on
    with the next one. One whose body was under way comes again, with `again` set.
    """

    def __init__(self, execution: Execution, records: Any, size: int, delay: float, on_error: str) -> None:
        _core.check_on_error(on_error)
        self._execution = execution
        self._records = records
        self._size = at_least("size", size, 1)
        self._delay = max(0.0, float(_core.seconds(delay, "delay")))
        self._on_error = on_error
        self._failed = self._decided = self._number = 0

    def __iter__(self) -> Iterator[Batch]:
        batch = self._open()
        while batch is not None:
            self._begin(batch)
            try:
                yield batch
            finally:
                self._scope.batch = None
            batch = self._over(batch)
            if batch is not None and self._delay:
                self._execution.sleep_until(self._execution.time.now() + self._delay)

    async def __aiter__(self) -> AsyncIterator[Batch]:
        batch = self._open()
        while batch is not None:
            self._begin(batch)
            try:
                yield batch
            finally:
                self._scope.batch = None
            batch = self._over(batch)
            if batch is not None and self._delay:
                await self._execution.asleep_until(self._execution.time.now() + self._delay)

    # -- one after the other

    def _open(self) -> Batch | None:
        execution = self._execution
        execution.check()
        scope = self._scope = execution.scope()
        self._loop, scope.loops = scope.loops, scope.loops + 1
        self._place = execution.core.batches(scope.name, self._loop) or _core.FlowBatches()
        self._digest = ""
        self._source = iter(dicts_of(self._records))
        left = self._go_to_place()
        again = self._place.in_flight
        if left:
            counts = self._place.counts
            counts.failed = max(0, counts.failed - len(left))
            return self._make([record for _, record in left], [index for index, _ in left], again > 0)
        return self._next(again or None)

    def _go_to_place(self) -> list[tuple[int, Any]]:
        """Passes by what is over, and gives those of it that are to be sent again."""
        place = self._place
        if not place.position and not place.in_flight and not place.left_json:
            return []
        wanted = set(json.loads(place.left_json)) if place.left_json else set()
        left = []
        seen = 0
        for index, record in enumerate(itertools.islice(self._source, place.position)):
            self._add_to_digest(record)
            seen += 1
            if index in wanted:
                left.append((index, record))
        if seen < place.position or self._digest != place.digest:
            raise DataError(
                f"the records of ctx.batches() are not those of the time before: of them {place.position:,} are over, "
                f"and {'these are other ones' if seen == place.position else f'now there are {seen:,} in all'}",
                code="data.other_records",
                hint="let a step return the records, so that they stay the same; or run the flow anew (resume=False)",
            )
        self._execution.say(
            "info",
            f"goes on behind {place.position - len(left):,} records that are over"
            + (f"; a batch of {place.in_flight} was under way and comes again" if place.in_flight else ""),
        )
        return left

    def _next(self, size: int | None = None) -> Batch | None:
        start = self._place.position
        records = list(itertools.islice(self._source, size or self._size))
        if not records:
            self._tell_end()
            return None
        return self._make(records, list(range(start, start + len(records))), size is not None)

    def _make(self, records: list[Any], indices: list[int], again: bool) -> Batch:
        self._number += 1
        key = f"{self._execution.id}.{self._scope.name}.{self._loop}.{indices[0]}"
        return Batch(records, indices, self._number, again, key)

    def _begin(self, batch: Batch) -> None:
        execution, place = self._execution, self._place
        execution.check()
        place.in_flight = len(batch)
        execution.keep(execution.core.keep_batches, self._scope.name, self._loop, place)
        self._scope.batch = batch

    def _over(self, batch: Batch) -> Batch | None:
        """Keeps it, and gives the next; raises where so many failed that the loop is to end."""
        place = self._place
        counts, problems = batch._counts(), batch._problems()
        for name, number in counts.items():
            setattr(place.counts, name, getattr(place.counts, name) + number)
        if not place.left_json:
            for record in batch:
                self._add_to_digest(record)
            place.position += len(batch)
            place.digest = self._digest
        self._failed += counts["failed"]
        self._decided += sum(counts.values())
        ended = self._is_too_much()
        place.left_json = json.dumps(sorted(index for index in problems if index in batch.indices)) if ended else ""
        place.in_flight = 0
        execution = self._execution
        execution.keep(execution.core.keep_batches, self._scope.name, self._loop, place)
        if problems:
            self._tell_problems(batch, problems)
        if ended:
            raise self._too_much(problems)
        return self._next()

    def _is_too_much(self) -> bool:
        if self._on_error == "continue":
            return False
        share = 0.0 if self._on_error == "stop" else float(self._on_error[:-1]) / 100
        return self._failed > share * self._decided

    def _too_much(self, problems: dict[int, str]) -> DataError:
        first = next(iter(problems.values()), "")
        return DataError(
            f"{self._failed:,} of {self._decided:,} records failed, which on_error={self._on_error!r} does not allow: "
            f"{first}",
            code="data.records_failed",
            hint="run the flow again: it begins with those that failed, and goes on with the rest",
        )

    def _add_to_digest(self, record: Any) -> None:
        text = json.dumps(record, default=_any_value, sort_keys=True)
        self._digest = hashlib.sha256((self._digest + text).encode()).hexdigest()

    def _tell_problems(self, batch: Batch, problems: dict[int, str]) -> None:
        shown = "; ".join(itertools.islice(problems.values(), SHOWN))
        more = f"; and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
        self._execution.say(
            "warning",
            f"batch {batch.number}, records {batch.indices[0]}-{batch.indices[-1]}: {len(problems)} of {len(batch)} "
            f"are not ok: {shown}{more}",
            records=sorted(problems)[:1000],
        )

    def _tell_end(self) -> None:
        counts = self._place.counts
        told = ", ".join(
            f"{getattr(counts, name):,} {name}"
            for name in ("ok", "failed", "unknown", "skipped")
            if getattr(counts, name) or name == "ok"
        )
        self._execution.say("info", f"{self._place.position:,} records in batches of {self._size}: {told}")


def _any_value(value: object) -> Any:
    try:
        return json_value(value)
    except Error:
        return type(value).__name__
