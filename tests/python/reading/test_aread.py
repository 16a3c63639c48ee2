"""Reading in asyncio: the same records and errors as in step, no loop held up, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import logging
import os
import socket
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.cap import Cap
from servers.nginx import USER, Nginx
from support.maintenance import SERVICE, database, first_difference
from support.plants import ENTITIES, plant_of, run_python, without_rescued
from switchgear.sandbox import Fault, Sandbox
from switchgear.testing import FaultProxy

GONE_WITHIN = 0.1
ROUNDS = 5
HANGS = Fault("latency", ms=60_000, entity="WorkOrders", page=3)


class Silence:
    """A source that takes requests and never answers. Knows when it was asked, and when the client had left."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.left = threading.Event()
        self.left_at = 0.0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}/odata"

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, contextlib.suppress(ConnectionResetError):
                    while client.recv(65536):
                        self.asked.set()
                if self.asked.is_set():  # else a probe that only connected
                    self.left_at = time.monotonic()
                    self.left.set()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def silence() -> Iterator[Silence]:
    server = Silence()
    yield server
    server.stop()


async def until(holds: Callable[[], bool]) -> None:
    """Looks again until it holds; pytest's timeout ends what never does."""
    while not await asyncio.to_thread(holds):
        await asyncio.sleep(0.001)


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def event_descriptors() -> int:
    """Those of readers and calls; sockets are kept open between reads."""
    found = 0
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - as a Path each would be opened
        with contextlib.suppress(FileNotFoundError):
            found += "eventfd" in os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
    return found


async def pages_of(reader: sg.AsyncReader) -> list[sg.Page]:
    return [page async for page in reader]


# -- the same as read()


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_entity_is_what_it_is(box: Sandbox, plant: sg.Connection, entity: str) -> None:
    records = asyncio.run(plant.aread(entity).to_pylist())
    assert without_rescued(records) == list(box.truth(entity))


def test_every_value_of_a_real_system_is_that_of_its_database(cap: Cap, nginx_tls: Nginx) -> None:
    tls = sg.Tls(ca_file=str(nginx_tls.ca))
    plant = sg.connect("odata", url=f"{nginx_tls.url}/protected{SERVICE}", auth=sg.BasicAuth(*USER), tls=tls)
    reader = plant.aread("WorkOrders")
    assert first_difference(asyncio.run(reader.to_pylist()), database(cap, "WorkOrders")) is None
    assert (reader.stats.records, reader.stats.retries) == (20_000, 0)


def test_each_argument_of_read_is_taken(plant: sg.Connection) -> None:
    given = inspect.signature(plant.read).parameters
    assert list(inspect.signature(plant.aread).parameters.values()) == list(given.values())
    options: dict[str, Any] = {
        "columns": ["ID", "Status"],
        "where": [("Status", "=", "OPEN")],
        "order": [("ID", "desc")],
        "modified_after": "2024-01-01",
        "page_size": 50,
        "limit": 120,
        "count": True,
    }
    assert asyncio.run(plant.aread("WorkOrders", **options).to_pylist()) == (
        plant.read("WorkOrders", **options).to_pylist()
    )
    with pytest.raises(TypeError, match="colums"):
        plant.aread("WorkOrders", colums=["ID"])  # type: ignore[call-arg]
    with pytest.raises(sg.ConfigError, match="limit=-1"):
        plant.aread("WorkOrders", limit=-1)


def test_everything_goes_where_it_is_wanted(plant: sg.Connection) -> None:
    async def main() -> None:
        reader = plant.aread("WorkOrders", schema={"Priority": "float64"})
        expected = plant.read("WorkOrders", schema={"Priority": "float64"})
        assert (await reader.to_arrow()).equals(expected.to_arrow())
        assert (await reader.to_polars()).equals(expected.to_polars())
        assert (await reader.to_pandas()).equals(expected.to_pandas())
        assert await reader.to_pylist() == expected.to_pylist()

    asyncio.run(main())


def test_it_goes_on_after_the_last_page_taken(box: Sandbox, plant: sg.Connection) -> None:
    async def main() -> list[dict[str, Any]]:
        reader = plant.aread("WorkOrders")
        taken: list[dict[str, Any]] = []
        async for page in reader:
            taken += page.to_pylist()
            if reader.stats.pages == 7:
                assert reader.token == page.token
                break
        return taken + await plant.aread("WorkOrders", token=reader.token).to_pylist()

    assert without_rescued(asyncio.run(main())) == list(box.truth("WorkOrders"))


def test_progress_is_told_after_each_page(plant: sg.Connection) -> None:
    told: list[sg.ReadStats] = []
    reader = plant.aread("WorkOrders", progress=told.append)
    asyncio.run(reader.to_pylist())
    assert [stats.pages for stats in told] == [*range(1, 26), 25]
    assert told[-1] == reader.stats
    assert repr(reader) == "<AsyncReader plant/WorkOrders>"
    assert "2,500" in reader._repr_html_() or "2500" in reader._repr_html_()


def test_the_cores_log_lines_come_through(plant: sg.Connection, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "switchgear"):
        asyncio.run(plant.aread("WorkOrders", parallel=4).to_pylist())
    assert "can't divide a listing" in caplog.text


FAULTS = [
    Fault("login_page"),
    Fault("error", status=403),
    Fault("error", status=500),
    Fault("rate_limit", retry_after=0),
    Fault("cut"),
    Fault("broken_json"),
    Fault("repeat_next"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.to_dict().values())))
def test_what_goes_wrong_is_raised_as_in_step(own_box: Sandbox, fault: Fault) -> None:
    own_box.set_faults(Fault.of({**fault.to_dict(), "entity": "WorkOrders", "page": 4}))

    async def main() -> tuple[sg.Error, int]:
        reader = plant_of(own_box, retry=None, breaker=None).aread("WorkOrders")
        with pytest.raises(sg.Error) as caught:
            await reader.to_pylist()
        return caught.value, reader.stats.pages

    reader = plant_of(own_box, retry=None, breaker=None).read("WorkOrders")
    with pytest.raises(sg.Error) as expected:
        reader.to_pylist()
    error, taken = asyncio.run(main())
    assert (type(error), error.code, error.hint) == (type(expected.value), expected.value.code, expected.value.hint)
    assert (error.connection_id, error.entity, taken) == ("plant", "WorkOrders", reader.stats.pages)


def test_an_unknown_entity_is_told_with_the_nearest(plant: sg.Connection) -> None:
    with pytest.raises(sg.NotFound, match="did you mean 'WorkOrders'"):
        asyncio.run(plant.aread("WorkOrder").to_pylist())


# -- cancelling


def test_cancelling_ends_the_request_for_a_page(own_box: Sandbox) -> None:
    own_box.set_faults(HANGS)

    async def main() -> list[float]:
        took = []
        for _ in range(ROUNDS):
            plant = plant_of(own_box)
            struck = own_box.stats()["faults"][0]["struck"]
            task = asyncio.create_task(plant.aread("WorkOrders").to_pylist())
            await until(lambda struck=struck: own_box.stats()["faults"][0]["struck"] > struck)  # type: ignore[misc]
            began = time.monotonic()
            await cancelled(task)
            # The one who asks has a connection, too.
            await until(lambda: own_box.stats()["open_connections"] == 1)
            took.append(time.monotonic() - began)
            del plant
        return took

    took = asyncio.run(main())
    assert statistics.median(took) < GONE_WITHIN, took


def test_a_real_server_sees_the_client_leave(cap: Cap, tmp_path: Path) -> None:
    """nginx lists a request whose client left (499) with the time that it took, and CAP is behind a line that hangs."""
    with FaultProxy("127.0.0.1", cap.port) as line, Nginx(tmp_path, f"http://{line.address}") as nginx:
        plant = sg.connect("odata", url=f"{nginx.plain_url}/protected{SERVICE}", auth=sg.BasicAuth(*USER), retry=None)

        async def main() -> list[float]:
            took = []
            await plant.aentities()
            line.set(latency=60)
            for turn in range(ROUNDS):
                before = line.stats.bytes_up
                task = asyncio.create_task(plant.aread("WorkOrders").to_pylist())
                await until(lambda before=before: line.stats.bytes_up > before)  # type: ignore[misc]
                began = time.monotonic()
                await cancelled(task)
                await until(
                    lambda turn=turn: sum(r["status"] == 499 for r in nginx.requests()) > turn  # type: ignore[misc]
                )
                took.append(time.monotonic() - began)
            return took

        took = asyncio.run(main())
    assert statistics.median(took) < GONE_WITHIN, took


ASK: dict[str, Callable[[sg.Connection], Awaitable[Any]]] = {
    "aread": lambda plant: plant.aread("WorkOrders").to_pylist(),
    "aentities": lambda plant: plant.aentities(),
    "acheck": lambda plant: plant.acheck(),
}


@pytest.mark.parametrize("ask", ASK)
def test_cancelling_ends_a_question(silence: Silence, ask: str) -> None:
    async def main() -> list[float]:
        took = []
        for _ in range(ROUNDS):
            silence.asked.clear()
            silence.left.clear()
            plant = sg.connect("odata", url=silence.url)
            task = asyncio.ensure_future(ASK[ask](plant))
            await until(silence.asked.is_set)
            began = time.monotonic()
            await cancelled(task)
            await until(silence.left.is_set)
            took.append(silence.left_at - began)
        return took

    took = asyncio.run(main())
    assert statistics.median(took) < GONE_WITHIN, took


def test_a_timeout_is_a_cancelled_task(own_box: Sandbox) -> None:
    own_box.set_faults(HANGS)

    async def main() -> int:
        reader = plant_of(own_box).aread("WorkOrders")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.to_pylist(), 0.5)
        return reader.stats.pages

    assert asyncio.run(main()) <= 2


INTERRUPTED = """
import asyncio, os, signal, sys, threading, time
import switchgear as sg
plant = sg.connect("odata", url=sys.argv[1], page_size=0)
pressed = []

async def main():
    asyncio.get_running_loop().call_later(0.4, press)
    async for page in plant.aread("WorkOrders"):
        pass

def press():
    pressed.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)

try:
    asyncio.run(main())
    print("went on to the end")
except KeyboardInterrupt:
    print("heard", time.monotonic() - pressed[0])
print(len(plant.read("Vendors").to_pylist()))
"""


def test_ctrl_c_is_heard_while_the_source_hangs(own_box: Sandbox) -> None:
    own_box.set_faults(HANGS)
    out = run_python(INTERRUPTED, own_box.odata_url, timeout=30).split()
    assert out[0] == "heard", out
    assert float(out[1]) < 0.5
    assert out[2] == "10", "the connection goes on"


# -- leaving early


async def leave_by_break(reader: sg.AsyncReader) -> None:
    async for _ in reader:
        break


async def leave_by_with(reader: sg.AsyncReader) -> None:
    async with reader:
        async for _ in reader:
            break
    assert reader._pass is None


async def leave_by_aclose(reader: sg.AsyncReader) -> None:
    pages = aiter(reader)
    await anext(pages)
    await reader.aclose()
    await reader.aclose()
    with pytest.raises(sg.Unsupported, match="this reader is closed"):
        await anext(pages)


async def leave_by_error(reader: sg.AsyncReader) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async for page in reader:
            raise ZeroDivisionError(len(page))


LEAVE = [leave_by_break, leave_by_with, leave_by_aclose, leave_by_error]


@pytest.mark.parametrize("leave", LEAVE, ids=lambda leave: leave.__name__)
def test_who_leaves_early_leaves_nothing_behind(
    own_box: Sandbox, leave: Callable[[sg.AsyncReader], Coroutine[Any, Any, None]]
) -> None:
    """The request that hangs is over, and so are the reader's descriptor and its bytes."""
    own_box.set_faults(HANGS)

    async def main() -> None:
        plant = plant_of(own_box)
        await plant.aentities()
        await until(lambda: own_box.stats()["open_connections"] == 2)
        budget, descriptors = sg.memory_budget().in_use, event_descriptors()
        reader = plant.aread("WorkOrders")
        await leave(reader)
        await until(lambda: reader._pass is None and sg.memory_budget().in_use <= budget)
        await until(lambda: own_box.stats()["open_connections"] <= 2)
        await until(lambda: event_descriptors() <= descriptors)
        assert reader.stats.pages == 1

    asyncio.run(main())
    assert own_box.stats()["requests"] <= 1 + 3, "the producer stopped"


def test_aclose_wakes_who_waits(own_box: Sandbox) -> None:
    own_box.set_faults(HANGS)

    async def main() -> None:
        reader = plant_of(own_box).aread("WorkOrders")
        task = asyncio.create_task(reader.to_pylist())
        await until(lambda: own_box.stats()["faults"][0]["struck"] == 1 and reader.stats.pages == 2)
        await reader.aclose()
        with pytest.raises(sg.Unsupported, match="this reader is closed") as caught:
            await task
        assert caught.value.code == "unsupported.closed"

    asyncio.run(main())


def test_aclose_wakes_who_waits_for_the_beginning(silence: Silence) -> None:
    async def main() -> None:
        reader = sg.connect("odata", url=silence.url).aread("WorkOrders")
        task = asyncio.create_task(reader.to_pylist())
        await until(silence.asked.is_set)
        await reader.aclose()
        with pytest.raises(sg.Unsupported, match="this reader is closed"):
            await task

    asyncio.run(main())
    assert silence.left.wait(10)


def test_a_second_pass_ends_the_first(plant: sg.Connection) -> None:
    async def main() -> None:
        reader = plant.aread("WorkOrders")
        first, second = aiter(reader), aiter(reader)
        await anext(first)
        assert len(await anext(second)) == 100
        with pytest.raises(sg.Unsupported, match="this reader is closed"):
            await anext(first)
        assert sum([len(page) async for page in second]) == 2_400

    asyncio.run(main())


def test_a_loop_that_ends_without_tidying_up_leaves_nothing_running(own_box: Sandbox) -> None:
    own_box.set_faults(HANGS)
    before = event_descriptors()
    loop = asyncio.new_event_loop()
    reader = plant_of(own_box).aread("WorkOrders")
    pages = aiter(reader)
    loop.run_until_complete(anext(pages))
    loop.close()
    del reader, pages
    gc.collect()
    while event_descriptors() > before or own_box.stats()["open_connections"] > 1:
        pass


# -- loops and threads


def test_another_loop_is_refused_and_a_new_one_begins_anew(plant: sg.Connection) -> None:
    reader = plant.aread("WorkOrders")
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    pages = aiter(reader)
    first.run_until_complete(anext(pages))
    for use in (reader.to_pylist(), reader.aclose(), pages_of(reader)):
        with pytest.raises(sg.Unsupported, match="begun in one event loop") as caught:
            second.run_until_complete(use)
        assert caught.value.code == "unsupported.other_loop"
        assert "aread" in caught.value.hint
    assert len(first.run_until_complete(anext(pages))) == 100, "the first loop goes on"
    first.run_until_complete(first.shutdown_default_executor())
    first.close()
    assert len(second.run_until_complete(reader.to_pylist())) == 2_500, "after the first loop is closed"
    with pytest.raises(sg.Unsupported, match="closed"):
        second.run_until_complete(anext(pages))
    second.run_until_complete(second.shutdown_asyncgens())
    second.run_until_complete(second.shutdown_default_executor())
    second.close()


def test_another_thread_is_refused(plant: sg.Connection) -> None:
    said: list[sg.Error] = []

    def use(reader: sg.AsyncReader) -> None:
        with pytest.raises(sg.Unsupported) as caught:
            asyncio.run(reader.to_pylist())
        said.append(caught.value)

    async def main() -> int:
        reader = plant.aread("WorkOrders")
        pages = aiter(reader)
        taken = len(await anext(pages))
        await asyncio.to_thread(use, reader)
        async for page in pages:
            taken += len(page)
        return taken

    assert asyncio.run(main()) == 2_500
    assert [error.code for error in said] == ["unsupported.other_loop"]


# -- many at once


def test_fifty_readers_in_one_loop_take_turns(box: Sandbox, plant: sg.Connection) -> None:
    """When the first is through, all are: nobody was left waiting for the others' pages."""
    taken = [0] * 50
    behind: list[int] = []

    async def read(number: int) -> list[int]:
        ids: list[int] = []
        async for page in plant.aread("WorkOrders", columns=["ID"], page_size=100):
            ids += [record["ID"] for record in page.to_pylist()]
            taken[number] += 1
        behind.append(min(taken))
        return ids

    async def main() -> list[list[int]]:
        return await asyncio.gather(*(read(number) for number in range(50)))

    descriptors = event_descriptors()
    found = asyncio.run(main())
    assert all(ids == list(range(1, 2_501)) for ids in found)
    assert behind[0] >= 12, f"the first was through when another had {behind[0]} of 25 pages"
    assert event_descriptors() <= descriptors


def test_fifty_cancelled_at_once_are_gone_at_once(own_box: Sandbox) -> None:
    own_box.set_faults(HANGS)

    async def main() -> float:
        plant = plant_of(own_box)
        readers = [plant.aread("WorkOrders") for _ in range(50)]
        task: asyncio.Future[Any] = asyncio.gather(*(reader.to_pylist() for reader in readers))
        await until(lambda: own_box.stats()["faults"][0]["struck"] >= 4)  # as many as the core has threads for
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: all(reader._pass is None for reader in readers))
        took = time.monotonic() - began
        # Idle connections are kept for the next reader, but for the plant's end; one in use would outlive it.
        readers.clear()
        del plant, task
        gc.collect()
        await until(lambda: own_box.stats()["open_connections"] == 1)
        return took

    assert asyncio.run(main()) < 2.0


def test_the_loop_goes_on_while_the_source_hangs(own_box: Sandbox) -> None:
    own_box.set_faults(Fault("latency", ms=400, entity="WorkOrders", page=2))

    async def main() -> tuple[int, float]:
        plant = plant_of(own_box)
        task = asyncio.create_task(plant.aread("WorkOrders").to_pylist())
        turns, longest, last = 0, 0.0, time.monotonic()
        while not task.done():
            await asyncio.sleep(0)
            now = time.monotonic()
            turns, longest, last = turns + 1, max(longest, now - last), now
        assert len(task.result()) == 1_000
        return turns, longest

    turns, longest = asyncio.run(main())
    assert turns > 1_000
    assert longest < 0.3, "less than the reply took"


def test_asking_a_source_leaves_the_loop_alone(box: Sandbox) -> None:
    async def main() -> None:
        plant = plant_of(box)
        health, entities = await asyncio.gather(plant.acheck(["WorkOrders"]), plant.aentities())
        assert health.online
        assert entities.names == list(ENTITIES)
        assert (await plant.aentities(refresh=True)).names == list(ENTITIES)
        with pytest.raises(sg.NotFound):
            await plant.acheck(["Nobody"])

    asyncio.run(main())


def test_a_process_without_descriptors_left_is_told(box: Sandbox) -> None:
    script = """
import asyncio, os, resource, sys
import switchgear as sg
plant = sg.connect("odata", url=sys.argv[1], page_size=0)
plant.entities()
reader = plant.aread("WorkOrders")
async def main():
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) - 1, most))
    try:
        await reader.to_pylist()
    except sg.ConfigError as error:
        print(error.code, "|", error.hint)
asyncio.run(main())
"""
    out = run_python(script, box.odata_url)
    assert out.startswith("config.too_many_files | raise the limit")


def test_asyncio_is_loaded_by_those_who_use_it_alone() -> None:
    assert run_python("import sys, switchgear; print('asyncio' in sys.modules)").strip() == "False"
