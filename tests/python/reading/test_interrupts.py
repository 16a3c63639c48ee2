"""Ctrl-C is heard while the source hangs; other threads run meanwhile; a fork is told what it can't do."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import switchgear as sg
from support.plants import ENTITIES, plant_of, run_python, without_rescued
from switchgear.sandbox import Fault, Sandbox

HEARD_WITHIN = 0.5

INTERRUPTED = """
import os, signal, sys, threading, time
import duckdb, polars, pyarrow
import switchgear as sg
plant = sg.connect("odata", url=sys.argv[1], page_size=0)
CODE = sys.argv[2]
pressed = []
def press():
    pressed.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
if CODE != "plant.entities()" and CODE != "plant.check()":
    plant.entities()
    import urllib.request
    fault = b'[{"kind": "latency", "ms": 60000, "entity": "WorkOrders", "page": %s}]' % sys.argv[3].encode()
    urllib.request.urlopen(sys.argv[1].split("/odata")[0] + "/_faults", fault)
timer = threading.Timer(0.4, press)
timer.start()
try:
    eval(compile(CODE, CODE, "eval"))  # exec() of a text would make a heard Ctrl-C the exit code
    print("went on to the end")
except (KeyboardInterrupt, polars.exceptions.ComputeError, OSError) as interrupt:
    # A consumer that is handed the stream raises an error of its own kind.
    assert "plant.read" not in CODE[:10] or isinstance(interrupt, KeyboardInterrupt)
    assert isinstance(interrupt, KeyboardInterrupt) or "cancelled: interrupted" in str(interrupt)
    print("heard", time.monotonic() - pressed[0])
timer.join()
print(len(plant.read("Vendors").to_pylist()) if "plant.read" in CODE else "")
os.write(1, b"")
"""

WAYS = [
    "list(plant.read('WorkOrders'))",
    "plant.read('WorkOrders').to_pylist()",
    "plant.read('WorkOrders').to_arrow()",
    "plant.read('WorkOrders').to_pandas()",
    "plant.read('WorkOrders').to_polars()",
    "polars.DataFrame(plant.read('WorkOrders'))",
    "pyarrow.table(plant.read('WorkOrders'))",
]


@pytest.fixture
def hanging_box() -> Iterator[Sandbox]:
    with Sandbox(records=1_000, page_size=100) as sandbox:
        yield sandbox


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("page", ["1", "3"])
def test_ctrl_c_is_heard_while_the_source_hangs(hanging_box: Sandbox, way: str, page: str) -> None:
    out = run_python(INTERRUPTED, hanging_box.odata_url, way, page, timeout=30).split()
    assert out[0] == "heard", out
    assert float(out[1]) < HEARD_WITHIN
    assert out[2] == "10", "the connection goes on"


@pytest.mark.parametrize("way", ["plant.entities()", "plant.check()"])
def test_ctrl_c_is_heard_during_a_question(hanging_box: Sandbox, way: str) -> None:
    hanging_box.set_faults(Fault("latency", ms=60_000))
    out = run_python(INTERRUPTED, hanging_box.odata_url, way, "1", timeout=30).split()
    assert out[0] == "heard", out
    assert float(out[1]) < HEARD_WITHIN


def test_other_threads_run_while_a_read_waits(own_box: Sandbox) -> None:
    plant = plant_of(own_box)
    plant.entities()
    own_box.set_faults(Fault("latency", ms=400, entity="WorkOrders", page=2))
    for way in ("to_pylist", "to_arrow", "to_polars"):
        counted, done = 0, threading.Event()
        result: list[object] = []

        def read(way: str = way, result: list[object] = result, done: threading.Event = done) -> None:
            result.append(getattr(plant.read("WorkOrders"), way)())
            done.set()

        thread = threading.Thread(target=read)
        thread.start()
        while not done.is_set():
            counted += 1
        thread.join()
        assert len(result) == 1
        assert counted > 100_000, f"{way}: this thread came to {counted} while the other waited"


def test_readers_on_several_threads_share_a_connection(box: Sandbox) -> None:
    plant = plant_of(box)
    found: dict[tuple[str, int], list[dict[str, object]]] = {}

    def read(entity: str, turn: int) -> None:
        found[entity, turn] = plant.read(entity).to_pylist()

    threads = [threading.Thread(target=read, args=(entity, turn)) for entity in ENTITIES for turn in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for entity in ENTITIES:
        for turn in range(3):
            assert without_rescued(found[entity, turn]) == list(box.truth(entity))


def test_the_consumer_may_be_another_thread(own_box: Sandbox) -> None:
    """A reader that was begun on one thread is read on by another, as thread pools do it."""
    iterator = iter(plant_of(own_box).read("WorkOrders"))
    first = next(iterator)
    rest: list[sg.Page] = []
    thread = threading.Thread(target=lambda: rest.extend(iterator))
    thread.start()
    thread.join()
    assert len(first) + sum(map(len, rest)) == 1_000


FORKED = """
import multiprocessing, sys
import switchgear as sg
plant = sg.connect("odata", url=sys.argv[1], page_size=0)
reader = plant.read("WorkOrders")
pages = iter(reader)
next(pages)

def child(queue):
    said = []
    for use in ("next(pages)", "plant.read('Vendors').to_pylist()", "plant.check()", "plant.entities(refresh=True)"):
        try:
            said.append(f"gave {eval(use)!r}")
        except sg.Error as error:
            said.append(f"{error.code}|{error.hint}")
    fresh = sg.connect("odata", url=sys.argv[1])
    said.append(len(fresh.read("Vendors").to_pylist()))
    queue.put(said)

context = multiprocessing.get_context("fork")
queue = context.Queue()
process = context.Process(target=child, args=(queue,))
process.start()
said = queue.get(timeout=20)
process.join(20)
assert process.exitcode == 0, process.exitcode
for one in said[:4]:
    print(one)
print(said[4])
print(sum(map(len, pages)) + 100)
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_is_told_and_does_not_hang(own_box: Sandbox) -> None:
    out = run_python(FORKED, own_box.odata_url, timeout=60).splitlines()
    for said in out[:4]:
        code, _, hint = said.partition("|")
        assert code in ("config.fork", "unsupported.fork", "internal.fork"), out
        assert hint
    assert out[4:] == ["10", "1000"], "the child's own connection works, and so does the parent's reader"
