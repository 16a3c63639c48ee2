"""Hubs on both databases, and a sandbox to work on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import switchgear as sg
from servers.postgres import Postgres
from switchgear.sandbox import Sandbox
from switchgear.testing import ManualClock

_DATABASES = itertools.count(1)


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres-flows")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return str(tmp_path / "plant.db")
    server: Postgres = request.getfixturevalue("postgres")
    name = f"flows{next(_DATABASES)}"
    server.psql(f"create database {name}")
    return server.url.rpartition("/")[0] + "/" + name


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def hub(store: str, clock: ManualClock) -> sg.Hub:
    """On a clock that moves when told to."""
    return sg.Hub(store, clock=clock)


@pytest.fixture
def quick(tmp_path: Path, clock: ManualClock) -> sg.Hub:
    """The same on SQLite alone, for what no database has a part in."""
    return sg.Hub(tmp_path / "quick.db", clock=clock)


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=200, process=True) as box:
        yield box


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Waits until something holds, and fails where it takes too long."""
    import time

    def wait(holds: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not holds():
            assert time.monotonic() < end, "it never held"
            time.sleep(0.01)

    return wait
