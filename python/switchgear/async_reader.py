"""Reading in asyncio: pages are fetched by threads of the core, and the event loop is told when one is there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.event_loop import Watch, closed, off_loop, result_of
from switchgear.progress import progress_for
from switchgear.reader import Page, Recipe, as_arrow, as_pandas, as_polars, as_pylist, require

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    import pandas
    import polars
    import pyarrow
    from typing_extensions import Self

    from switchgear.connection import Connection


class AsyncReader(Recipe):
    """The records of an entity, for asyncio: `async for` yields pages; `await reader.to_pandas()` and the others read
    everything in one pass.

    Each pass is a fresh one; `token` and `stats` tell about the latest. A pass belongs to the event loop that it was
    begun in: any other loop or thread is refused (`unsupported.other_loop`). A cancelled task ends the request in
    flight. Who leaves an `async for` early may leave the rest to the loop, or use `async with`, which ends it there.
    """

    def __init__(self, connection: Connection, entity: str, options: dict[str, Any], progress: Any = None) -> None:
        super().__init__(connection, entity, options, progress)
        self._pass: _Pass | None = None

    # -- pages

    def __aiter__(self) -> AsyncIterator[Page]:
        return self._pages()

    async def _pages(self, at_end: Callable[[_core.PageReader], None] | None = None) -> AsyncGenerator[Page, None]:
        await self.aclose()
        current = self._pass = _Pass()
        with progress_for(self._progress, self) as progress:
            try:
                await current.open(self._connection._core, self._request())
                while (page := await current.next()) is not None:
                    self._take(current.core, page.token, progress)
                    yield Page(page)
                self._take(current.core, current.core.token, progress)
                if at_end is not None:
                    at_end(current.core)
            finally:
                if self._pass is current:  # else it was closed from outside
                    self._pass = None
                    if current.is_open:
                        self._note(current.core)
                await current.close()

    async def aclose(self) -> None:
        """Ends a pass that is under way: the request in flight ends at once, whoever waits for a page is told."""
        current = self._pass
        if current is None:
            return
        if not current.watch.loop.is_closed():  # then nobody is in it, and all that is left is to give it back
            current.watch.check_loop()
        self._pass = None
        if current.is_open:
            self._note(current.core)
        await current.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    # -- everything

    async def to_pylist(self) -> list[dict[str, Any]]:
        """All records, a dict each."""
        return await asyncio.to_thread(as_pylist, await self._unified())

    async def to_arrow(self) -> pyarrow.Table:
        """All records as a pyarrow.Table."""
        require("pyarrow", "arrow")
        return await asyncio.to_thread(as_arrow, await self._unified())

    async def to_polars(self) -> polars.DataFrame:
        """All records as a polars.DataFrame."""
        require("polars", "polars")
        return await asyncio.to_thread(as_polars, await self._unified())

    async def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """All records as a pandas.DataFrame; `options` go to pyarrow's Table.to_pandas."""
        require("pandas", "pandas")
        require("pyarrow", "arrow")
        return await asyncio.to_thread(as_pandas, await self._unified(), options)

    async def _unified(self) -> _core.RecordBatches:
        batches: list[_core.RecordBatch] = []
        unified: list[_core.RecordBatches] = []
        async for page in self._pages(lambda core: unified.append(core.unify(batches))):
            batches.append(page._page.batch)
        return unified[0]


class _Pass:
    """One pass, in the loop that it was begun in."""

    def __init__(self) -> None:
        self.watch = Watch()
        self._core: _core.PageReader | None = None

    @property
    def is_open(self) -> bool:
        return self._core is not None

    @property
    def core(self) -> _core.PageReader:
        if self._core is None:
            raise closed()
        return self._core

    async def open(self, connection: _core.Connection, request: _core.ReadRequest) -> None:
        self._core = await result_of(_core.start_read(connection, request), self.watch)

    async def next(self) -> _core.Page | None:
        """The next page; None at the end."""
        self.watch.check_loop()
        # Readers whose pages are all there take turns. Not after a page was taken: a task cancelled here would lose it.
        await asyncio.sleep(0)
        while True:
            core = self.core
            state, page = core.next_now()
            if state in ("page", "end"):
                return page
            if state == "pending":
                await self.watch.readable(core.ready_fd())
            else:
                await asyncio.sleep(0)

    async def close(self) -> None:
        core, self._core = self._core, None
        self.watch.end()
        if core is not None:
            core.stop()
            await off_loop(core.close)
