"""Databases that are full, read-only, or go away, and a source that does: what is said, and that nothing is lost."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import switchgear as sg
from servers.postgres import Postgres
from support.tables import difference, reference, rows_of
from switchgear.sandbox import Sandbox
from switchgear.testing import FaultProxy

OPTIONS = {"WorkOrders": {"page_size": 100, "commit_rows": 100}}
LARGER = {"WorkOrders": {"page_size": 2000, "commit_rows": 4000}}


def new_hub(folder: Path, url: str, destination: str, **options: Any) -> sg.Hub:
    hub = sg.Hub(folder / "store.db")
    to = reference(destination, folder)
    given = {"entities": OPTIONS, "rate_limit": None, **options}
    hub.add("plant", "odata", {"url": url}, destination=to, **given)
    return hub


def compare(box: Sandbox, destination: str) -> list[str]:
    return difference(rows_of(destination, "plant", "WorkOrders"), list(box.truth("WorkOrders")))


FULL = """
import os, resource, sys
import switchgear as sg
hub = sg.Hub(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
run = hub.sync("plant")
print(run.status, run.error.code, run.error.hint != "", run.entities[0].records_read > run.entities[0].records_written)
"""


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_full_disk_is_said_and_the_next_sync_goes_on(kind: str, tmp_path: Path, database: Callable[[], str]) -> None:
    """Full: no file may grow beyond a size, which the system says at the same place as that there is no room."""
    destination = f"{kind}:///{tmp_path}/data.{kind}"
    with Sandbox(records=300, process=True) as box:
        new_hub(tmp_path, box.odata_url, destination, entities=LARGER).sync("plant").raise_for_error()
        box.grow(20_000)
        limit = str(4_000_000)
        command = [sys.executable, "-c", FULL, str(tmp_path / "store.db"), limit]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.stdout == "failed destination.full True True\n", done.stderr
        hub = sg.Hub(tmp_path / "store.db")
        assert hub.sync_status("plant").status == "failed"
        assert len(rows_of(destination, "plant", "WorkOrders")) >= 300
        hub.sync("plant").raise_for_error()
        assert compare(box, destination) == []


def test_a_database_that_may_only_be_read_is_said(
    tmp_path: Path, database: Callable[[], str], postgres: Postgres
) -> None:
    destination = database()
    name = destination.rpartition("/")[2]
    with Sandbox(records=100, process=True) as box:
        hub = new_hub(tmp_path, box.odata_url, destination)
        postgres.psql(f"alter database {name} set default_transaction_read_only = on")
        run = hub.sync("plant")
        assert run.error is not None
        assert run.error.code == "destination.readonly"
        assert run.error.hint
        postgres.psql(f"alter database {name} reset default_transaction_read_only")
        hub.sync("plant").raise_for_error()
        assert compare(box, destination) == []


@pytest.mark.parametrize("place", ["before_commit", "after_commit"])
def test_a_database_that_goes_away_is_said_and_the_next_sync_goes_on(
    place: str, tmp_path: Path, database: Callable[[], str], postgres: Postgres
) -> None:
    destination = database()
    name = destination.rpartition("/")[2]
    passed: list[str] = []

    def end_connections(here: str) -> None:
        passed.append(here)
        if passed.count(place) == 2 and here == place:
            postgres.psql(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")  # noqa: S608

    with Sandbox(records=1000, process=True) as box:
        hub = new_hub(tmp_path, box.odata_url, destination)
        run = hub._syncs.run("plant", None, passed=end_connections)
        assert run.status == "failed"
        assert run.error is not None
        assert run.error.code == "destination.lost", run.error
        assert run.error.retryable
        there = len(rows_of(destination, "plant", "WorkOrders"))
        assert 100 <= there < 1000
        assert run.entities[0].records_written == there, "what it says is what is there"
        again = hub.sync("plant").raise_for_error()
        assert compare(box, destination) == []
        assert again.entities[0].records_written == 1000 - there, "it went on, and wrote nothing twice"


@pytest.mark.timeout(120)
def test_a_network_that_is_cut_while_syncs_run_for_ever(tmp_path: Path) -> None:
    destination = f"duckdb:///{tmp_path}/data.duckdb"
    with Sandbox(records=400, process=True) as box, FaultProxy("127.0.0.1", box.port) as network:
        url = box.odata_url.replace(f":{box.port}", f":{network.port}")
        hub = new_hub(tmp_path, url, destination, schedule="1s", retry=sg.Retry(attempts=2, base=0.01, cap=0.02))
        for_ever = threading.Thread(target=hub.run_forever, kwargs={"poll": 0.05, "workers": 0})
        for_ever.start()
        try:
            await_status(hub, "completed")
            network.refuse()
            box.change(200)
            box.grow(50)
            await_status(hub, "failed")
            status = hub.sync_status("plant")
            assert status.error is not None
            assert status.error.category == "offline"
            assert hub.status("plant").state == "offline"
            network.clear()
            box.change(100)
            await_status(hub, "completed")
        finally:
            hub.stop()
            for_ever.join(30)
        assert not for_ever.is_alive()
        hub.sync("plant").raise_for_error()
        assert compare(box, destination) == []
        assert hub.status("plant").state == "online"


def await_status(hub: sg.Hub, wanted: str) -> None:
    deadline = time.monotonic() + 60
    while hub.sync_status("plant").status != wanted:
        assert time.monotonic() < deadline, hub.sync_status("plant")
        time.sleep(0.02)


@pytest.mark.parametrize("dialect", ["duckdb", "postgresql", "sqlite"])
def test_any_other_driver_of_a_known_dialect(dialect: str, tmp_path: Path, database: Callable[[], str]) -> None:
    if dialect == "duckdb":
        inner = f"duckdb:///{tmp_path}/data.duckdb"
        library = importlib.import_module("_duckdb").__file__
        query = f"dialect=duckdb&entry_point=duckdb_adbc_init&path={quote(str(tmp_path))}/data.duckdb"
    else:
        inner = database() if dialect == "postgresql" else f"sqlite:///{tmp_path}/data.sqlite"
        library = importlib.import_module(f"adbc_driver_{dialect}")._driver_path()
        uri = inner if dialect == "postgresql" else str(tmp_path / "data.sqlite")
        query = f"dialect={dialect}&uri={quote(uri, safe='')}"
    url = tmp_path / "url"
    url.write_text(f"adbc:///{library}?{query}")
    with Sandbox(records=100, process=True) as box:
        hub = sg.Hub(tmp_path / "store.db")
        to = f"file:{url}"
        hub.add("plant", "odata", {"url": box.odata_url}, destination=to, entities=OPTIONS, rate_limit=None)
        hub.sync("plant").raise_for_error()
        assert compare(box, inner) == []


@pytest.mark.parametrize(
    ("url", "code", "why"),
    [
        ("adbc:///driver.so?dialect=oracle", "config.destination", "oracle"),
        ("adbc:///driver.so", "config.destination", "dialect"),
        ("adbc://?dialect=sqlite", "config.destination", "names no file"),
        ("adbc:///d.so?dialect=postgresql&uri=postgresql%3A%2F%2Fsg%3Apw%40host%2Fdb", "config.secret", "password"),
    ],
)
def test_a_driver_that_is_not_told_of_is_refused(url: str, code: str, why: str, tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "store.db")
    with pytest.raises(sg.ConfigError, match=why) as caught:
        hub.add("plant", "odata", {"url": "http://127.0.0.1:1/odata"}, destination=url)
    assert caught.value.code == code
    assert hub.connections() == []
