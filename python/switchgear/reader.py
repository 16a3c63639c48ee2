"""Reading: a Reader is a recipe that can be run any number of times; each pass asks the source afresh."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import Unsupported
from switchgear.progress import Progress, progress_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas
    import polars
    import pyarrow
    from typing_extensions import CapsuleType, Self

    from switchgear.connection import Connection


DEFAULTS = (("parallel", 1), ("ordered", True))


@dataclass(frozen=True)
class ReadStats:
    """What a pass has cost so far.

    Attributes:
        pages, records: taken by the caller.
        filtered: left out by those conditions of `where` that the source was not asked for.
        bytes: of JSON, decompressed.
        requests, retries: sent to the source, ahead of the caller included.
        waited_seconds: for rate limits and before retries.
        rescued: records with something in `_rescued`.
        total: what the source said there is in all, asked (`count=True`) or of its own accord. It may lie: where a
            whole pass differs from it, the log has a warning.
    """

    pages: int = 0
    records: int = 0
    filtered: int = 0
    bytes: int = 0
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    rescued: int = 0
    total: int | None = None

    def to_dict(self) -> dict[str, float | None]:
        """The counts by name."""
        return asdict(self)


@dataclass(frozen=True)
class ReadExplanation:
    """What a pass will take, as far as it can be told before anything is sent. None: the source has not said yet.

    Attributes:
        records, page_size, pages, requests: as many as are thought to come.
        partitions: into which the listing is divided at most.
        parallel: of them in flight at once.
        requests_per_second: the connection's limit.
        seconds_at_limit: what the requests take at least.
        notes: in words, also why something is not as it was asked for.
    """

    records: int | None
    page_size: int | None
    pages: int | None
    requests: int | None
    partitions: int | None
    parallel: int
    requests_per_second: float | None
    seconds_at_limit: float | None
    notes: list[str]

    def __str__(self) -> str:
        def shown(value: float | None, unit: str = "") -> str:
            return "not known yet" if value is None else f"{value:,}{unit}"

        lines = [
            f"records: {shown(self.records)}",
            f"pages: {shown(self.pages)} of {shown(self.page_size)}",
            f"requests: {shown(self.requests)}",
            f"partitions: {'none' if self.partitions is None else f'up to {self.partitions}'}, {self.parallel} at once",
        ]
        if self.seconds_at_limit is not None:
            lines.append(f"time at {self.requests_per_second:g} requests/s: {self.seconds_at_limit:,.1f} s")
        return "\n".join(lines + [f"note: {note}" for note in self.notes])


class Page:
    """Some records, as Arrow columns, and where to go on after them."""

    __slots__ = ("_page",)

    def __init__(self, page: _core.Page) -> None:
        self._page = page

    def __len__(self) -> int:
        return len(self._page.batch)

    @property
    def token(self) -> str:
        """Where to go on after this page: `connection.read(entity, token=page.token)`."""
        return self._page.token

    @property
    def total(self) -> int | None:
        """What the source says there is in all, where it was asked (`count=True`)."""
        return self._page.total

    @property
    def schema(self) -> list[_core.Field]:
        """The columns."""
        return self._page.batch.schema

    @property
    def nbytes(self) -> int:
        """Bytes of all columns."""
        return self._page.batch.nbytes

    def to_pylist(self) -> list[dict[str, Any]]:
        """A list with a dict for each record."""
        return self._page.batch.to_pylist()

    def to_arrow(self) -> pyarrow.RecordBatch:
        """A pyarrow.RecordBatch of the same memory."""
        return require("pyarrow", "arrow").record_batch(self._page.batch)

    def __arrow_c_array__(self, requested_schema: CapsuleType | None = None) -> tuple[CapsuleType, CapsuleType]:
        return self._page.batch.__arrow_c_array__(requested_schema)

    def __arrow_c_schema__(self) -> CapsuleType:
        return self._page.batch.__arrow_c_schema__()

    def __repr__(self) -> str:
        return f"<Page of {len(self)} records, {len(self.schema)} columns>"

    def _repr_html_(self) -> str:
        from switchgear.display import records_html

        return records_html(self.schema, self.to_pylist()[:20], len(self))


class Recipe:
    """What is to be read, and how far the latest pass has come: what Reader and AsyncReader have in common."""

    def __init__(self, connection: Connection, entity: str, options: dict[str, Any], progress: Any = None) -> None:
        self._connection = connection
        self.entity = entity
        self._options = options
        self._progress = progress
        self._token: str | None = options.get("token") or None
        self._stats = ReadStats()

    @property
    def token(self) -> str | None:
        """Where to go on after the last page taken, as text that can be stored; None before the first."""
        return self._token

    @property
    def stats(self) -> ReadStats:
        """What the latest pass has cost so far."""
        return self._stats

    def explain(self, records: int | None = None) -> ReadExplanation:
        """Requests, pages, partitions and time at the limit, before anything is sent.

        Args:
            records: how many there are thought to be; without it pages can be told only where there is a `limit`.
        """
        return ReadExplanation(**_core.explain_read(self._connection._core, self._request(), records))

    def _request(self) -> _core.ReadRequest:
        request = _core.ReadRequest()
        request.entity = self.entity
        for name, value in self._options.items():
            if name == "schema":
                request.set_schema(*value)
            else:
                setattr(request, name, value)
        return request

    def _take(self, core: _core.PageReader, token: str, progress: Progress) -> None:
        self._token = token
        self._note(core)
        progress.update(self._stats)

    def _note(self, core: _core.PageReader) -> None:
        self._stats = ReadStats(**core.stats())

    def __repr__(self) -> str:
        options = {name: value for name, value in self._options.items() if value not in ("", None, [], -1, False)}
        shown = "".join(
            f", {name}={value!r}"
            for name, value in options.items()
            if name not in ("prefetch", "max_bytes", "page_size") and (name, value) not in DEFAULTS
        )
        return f"<{type(self).__name__} {self._connection.id}/{self.entity}{shown}>"

    def _repr_html_(self) -> str:
        from switchgear.display import reader_html

        return reader_html(self)


class Reader(Recipe):
    """The records of an entity. Iterating yields pages; `to_pandas()` and the others read everything in one pass.

    Each pass is a fresh one, so any Arrow consumer can use the same reader again; `token` and `stats` tell about the
    latest. Not for several threads at once: give each its own, `connection.read(...)` is cheap.
    """

    def __init__(self, connection: Connection, entity: str, options: dict[str, Any], progress: Any = None) -> None:
        super().__init__(connection, entity, options, progress)
        self._core: _core.PageReader | None = None
        self._stream: _core.StreamOutcome | None = None

    # -- pages

    def __iter__(self) -> Iterator[Page]:
        return self._pages()

    def _pages(self, at_end: Callable[[_core.PageReader], None] | None = None) -> Iterator[Page]:
        self.close()
        self._stream = None
        core = self._core = self._open()
        with progress_for(self._progress, self) as progress:
            try:
                while (page := core.next()) is not None:
                    self._take(core, page.token, progress)
                    yield Page(page)
                self._take(core, core.token, progress)
                if at_end is not None:
                    at_end(core)
            finally:
                if self._core is core:  # else it was closed from outside
                    self._note(core)
                    self.close()

    def _open(self) -> _core.PageReader:
        return _core.read_entity(self._connection._core, self._request())

    @property
    def token(self) -> str | None:
        """Where to go on after the last page taken, as text that can be stored; None before the first."""
        return self._stream.token if self._stream is not None else self._token

    @property
    def stats(self) -> ReadStats:
        """What the latest pass has cost so far."""
        return ReadStats(**self._stream.stats()) if self._stream is not None else self._stats

    def close(self) -> None:
        """Ends a pass that is under way: the producer stops at once, its connection goes back to the pool."""
        if self._core is not None:
            self._core.close()
            self._core = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- everything

    @property
    def schema(self) -> list[_core.Field]:
        """The columns. Where the source declares none, its first page is read to infer them."""
        core = self._open()
        try:
            return core.schema
        finally:
            core.close()

    def __arrow_c_stream__(self, requested_schema: CapsuleType | None = None) -> CapsuleType:
        self.close()
        capsule, self._stream = self._open().stream()
        return capsule

    def __arrow_c_schema__(self) -> CapsuleType:
        core = self._open()
        try:
            return core.arrow_schema()
        finally:
            core.close()

    def to_pylist(self) -> list[dict[str, Any]]:
        """All records, a dict each."""
        return as_pylist(self._unified())

    def to_arrow(self) -> pyarrow.Table:
        """All records as a pyarrow.Table."""
        require("pyarrow", "arrow")
        return as_arrow(self._unified())

    def to_polars(self) -> polars.DataFrame:
        """All records as a polars.DataFrame."""
        require("polars", "polars")
        return as_polars(self._unified())

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """All records as a pandas.DataFrame; `options` go to pyarrow's Table.to_pandas."""
        require("pandas", "pandas")
        require("pyarrow", "arrow")
        return as_pandas(self._unified(), options)

    def _unified(self) -> _core.RecordBatches:
        """All pages, with the columns of the last one, which are the widest."""
        batches: list[_core.RecordBatch] = []
        unified: list[_core.RecordBatches] = []
        for page in self._pages(lambda core: unified.append(core.unify(batches))):
            batches.append(page._page.batch)
        return unified[0]


def as_pylist(batches: _core.RecordBatches) -> list[dict[str, Any]]:
    """A dict for each record."""
    return [record for batch in batches for record in batch.to_pylist()]


def as_arrow(batches: _core.RecordBatches) -> pyarrow.Table:
    """A pyarrow.Table of the same memory."""
    # Not pyarrow.table(): it imports pandas, only to see that this is no frame of it.
    table: pyarrow.Table = require("pyarrow", "arrow").RecordBatchReader.from_stream(batches).read_all()
    return table


def as_polars(batches: _core.RecordBatches) -> polars.DataFrame:
    """A polars.DataFrame."""
    frame: polars.DataFrame = require("polars", "polars").DataFrame(batches)
    return frame


def as_pandas(batches: _core.RecordBatches, options: dict[str, Any]) -> pandas.DataFrame:
    """A pandas.DataFrame, by way of pyarrow, whose `options` these are."""
    return as_arrow(batches).to_pandas(**options)


def require(module: str, extra: str) -> Any:
    """The module, or an error that says how to install it, before anything is read for it."""
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Unsupported(
            f"this needs the package {module}, which is not installed",
            code="unsupported.missing_package",
            hint=f'pip install "switchgear[{extra}]"',
        ) from error
