"""Destinations and stores of every kind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from servers.postgres import Postgres

_DATABASES = itertools.count(1)


@pytest.fixture(scope="package")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres(tmp_path_factory.mktemp("postgres-sync")) as server:
        yield server


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes an empty database in PostgreSQL, which is started when first asked for, and gives its URL."""

    def make() -> str:
        server: Postgres = request.getfixturevalue("postgres")
        name = f"sync{next(_DATABASES)}"
        server.psql(f"create database {name}")
        return server.url.rpartition("/")[0] + "/" + name

    return make


@pytest.fixture(params=["duckdb", "postgresql", "sqlite"])
def destination(request: pytest.FixtureRequest, database: Callable[[], str], tmp_path: Path) -> str:
    """The URL of an empty database to sync into."""
    if request.param == "postgresql":
        return database()
    return f"{request.param}:///{tmp_path}/data.{request.param}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, database: Callable[[], str], tmp_path: Path) -> str:
    """The URL of an empty store."""
    return str(tmp_path / "plant.db") if request.param == "sqlite" else database()
