"""Hubs on both databases, and a CAP of these tests' own to write to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

import switchgear as sg
from servers.cap import PLANNER, Cap
from servers.postgres import Postgres

_NUMBERS = itertools.count(1_000_000, 100_000)
_DATABASES = itertools.count(1)


@pytest.fixture(scope="package")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cap]:
    with Cap(tmp_path_factory.mktemp("cap-hub"), work_orders=10) as server:
        yield server


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres-hub")) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty store."""
    if request.param == "sqlite":
        return str(tmp_path / "plant.db")
    server: Postgres = request.getfixturevalue("postgres")
    name = f"hub{next(_DATABASES)}"
    server.psql(f"create database {name}")
    return server.url.rpartition("/")[0] + "/" + name


@pytest.fixture
def hub(store: str, target: Cap, monkeypatch: pytest.MonkeyPatch) -> sg.Hub:
    """A hub with the connection `plant`, which leads to CAP."""
    monkeypatch.setenv("PLANT_PW", PLANNER[1])
    hub = sg.Hub(store)
    hub.add("plant", "odata", {"url": target.url}, auth=sg.BasicAuth(PLANNER[0], sg.Secret.env("PLANT_PW")))
    return hub


@pytest.fixture
def first() -> int:
    """The first of 100,000 IDs that no other test uses."""
    return next(_NUMBERS)
