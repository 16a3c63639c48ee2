"""What can't be used is refused with what, where, why and what next, and leaves everything as it was."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

import switchgear as sg
from support.checkpoints import LABS, WORK_ORDERS, Lab, batch, checkpoint
from switchgear.destinations import CallbackDestination, destination_from_url, register, schemes
from switchgear.destinations.delta import DeltaDestination
from switchgear.destinations.durable import locked
from switchgear.destinations.parquet import ParquetDestination

FILES = ("parquet", "delta", "callback")


@contextlib.contextmanager
def refused(code: str, *texts: str, hint: str = "") -> Iterator[None]:
    with pytest.raises(sg.Error) as caught:
        yield
    assert caught.value.code == code
    for text in texts:
        assert text in caught.value.message
    assert hint in caught.value.hint


# -- URLs


@pytest.mark.parametrize(
    ("url", "kind", "folder"),
    [
        ("parquet:///lake", ParquetDestination, "lake"),
        ("PARQUET:////var/my%20lake", ParquetDestination, "/var/my lake"),
        ("delta:///a/b", DeltaDestination, "a/b"),
    ],
)
def test_a_url_names_a_destination(url: str, kind: type[Any], folder: str) -> None:
    with destination_from_url(url) as found:
        assert isinstance(found, kind)
        assert found.folder == Path(folder)
        assert found.transactional
        assert destination_from_url(found.url).url == found.url


@pytest.mark.parametrize(
    ("url", "code", "why", "hint"),
    [
        ("parket:///lake", "config.destination", "there is no destination 'parket:'", "did you mean 'parquet:'?"),
        ("duckbd:///x", "config.destination", "there is no destination 'duckbd:'", "did you mean 'duckdb:'?"),
        ("zzz://host", "config.destination", "there is no destination 'zzz:'", "known: delta, "),
        ("lake", "config.destination", "it names no scheme", "parquet:///folder"),
        ("", "config.destination", "it names no scheme", "parquet:///folder"),
        ("parquet://lake/x", "config.destination", "three slashes", "did you mean 'parquet:///lake/x'?"),
        ("parquet:lake", "config.destination", "three slashes", "did you mean 'parquet:///lake'?"),
        ("parquet:///", "config.destination", "it names no path", "parquet:///folder"),
        ("delta:///x?a=b", "config.destination", "it takes no parameters", "leave out"),
        ("parquet:///a%00b", "config.destination", "a zero byte", ""),
        ("duckdb:///plant.duckdb", "unsupported.destination", "belongs to the core", "hub.add"),
    ],
)
def test_a_url_that_names_none_is_refused(url: str, code: str, why: str, hint: str) -> None:
    with refused(code, why, hint=hint):
        destination_from_url(url)


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(sg.ConfigError) as caught:
        destination_from_url("mysql://user:geheim@host/db")
    assert "geheim" not in str(caught.value)


def test_a_missing_package_is_named_with_how_to_install_it() -> None:
    script = """
import sys
sys.modules["deltalake"] = None
import switchgear as sg
from switchgear.destinations import destination_from_url
try:
    destination_from_url("delta:///x")
except sg.Unsupported as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.startswith("unsupported.missing_package: this needs the package deltalake")
    assert 'pip install "switchgear[delta]"' in said


def test_schemes_can_be_added_but_not_those_of_the_core() -> None:
    register("memory", lambda url: CallbackDestination(lambda *_: None, url))
    assert "memory" in schemes()
    assert isinstance(destination_from_url("memory:x"), CallbackDestination)
    for scheme in ("duckdb", "No good"):
        with refused("config.destination", scheme):
            register(scheme, lambda url: CallbackDestination(lambda *_: None, url))


# -- modes, owners, foreign data


def test_parquet_refuses_to_upsert(tmp_path: Path) -> None:
    with refused("destination.unsupported", "plant.WorkOrders", "upsert", hint="delta:///"):
        ParquetDestination(tmp_path).open(dataclasses.replace(WORK_ORDERS, mode="upsert"))


def test_delta_refuses_to_upsert_without_a_key(tmp_path: Path) -> None:
    with refused("destination.unsupported", "needs a key"):
        DeltaDestination(tmp_path).open(dataclasses.replace(WORK_ORDERS, mode="upsert", key=()))


@pytest.mark.parametrize("lab", ["parquet", "delta"])
def test_the_table_of_another_connection_is_left_alone(lab: str, tmp_path: Path) -> None:
    it = LABS[lab](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    with refused("destination.schema", "the table is that of plant/WorkOrders", hint="another destination"):
        it.open("append", connection_id="other")
    assert it.rows() == [{"id": 1}]


def test_parquet_files_of_others_are_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "plant" / "WorkOrders"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"id": [1]}), folder / "mine.parquet")
    with refused("destination.open", str(folder), "not switchgear's"):
        ParquetDestination(tmp_path).open(WORK_ORDERS)


def test_a_delta_table_of_others_is_left_alone(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "plant" / "WorkOrders", pa.table({"id": [1]}))
    with refused("destination.schema", "switchgear did not make"):
        DeltaDestination(tmp_path).open(WORK_ORDERS)


def test_a_parquet_table_stays_in_its_mode(tmp_path: Path) -> None:
    it = LABS["parquet"](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    with refused("destination.unsupported", "mode 'append'", "mode 'replace'", hint="full=True"):
        it.open("replace")


# -- keys


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ([{"id": 1}, {"id": None}], "column 'id' of the key is null in 1 of 2 records"),
        ([{"other": 1}], "column 'id' of the key did not come"),
        ([{"id": 1, "_deleted_at": "2026-01-01"}], "'_deleted_at'"),
    ],
)
def test_delta_refuses_rows_that_it_can_not_know_again(rows: list[Any], why: str, tmp_path: Path) -> None:
    it = LABS["delta"](tmp_path)
    it.open("upsert").commit(checkpoint(None, "1", [{"id": 1}]))
    with refused("destination.schema", "plant.WorkOrders", why):
        it.open("upsert").commit(checkpoint("1", "2", rows))
    assert it.rows("upsert") == [{"id": 1}]
    assert it.open("upsert").state() == "1"


# -- the file system


@pytest.mark.parametrize("name", FILES)
def test_where_nothing_can_be_written_is_said(name: str) -> None:
    it = LABS[name](Path("/sys/kernel/switchgear"))
    with refused("destination.readonly", "/sys/kernel"):
        it.open("append").commit(checkpoint(None, "1", [{"id": 1}]))


@pytest.mark.parametrize("name", FILES)
def test_a_file_in_the_way_is_said(name: str, tmp_path: Path) -> None:
    (tmp_path / "plant").write_text("")
    (tmp_path / "_switchgear").write_text("")
    with pytest.raises(sg.DestinationError) as caught:
        LABS[name](tmp_path).open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    assert caught.value.code in ("destination.open", "destination.lost")
    assert str(tmp_path) in caught.value.message


FULL = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from support.checkpoints import LABS, checkpoint
import switchgear as sg
table = LABS[sys.argv[2]](Path(sys.argv[3])).open("append")
following = checkpoint("1", "2", [{"id": n, "text": f"{n * 7919 % 100003:x}" * 9} for n in range(5000)])
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
try:
    table.commit(following)
except sg.DestinationError as error:
    print(error.code)
"""


@pytest.mark.parametrize("name", ["parquet", "delta"])
def test_a_full_disk_is_said_and_changes_nothing(name: str, tmp_path: Path) -> None:
    """Full: no file may be longer than 4 kB, which the system says at the same place as that there is no room."""
    it = LABS[name](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": -1}]))
    tests = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-c", FULL, str(tests), name, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == "destination.full\n", done.stderr
    assert it.open("append").state() == "1"
    assert it.rows() == [{"id": -1}]
    it.open("append").commit(checkpoint("1", "2", [{"id": 2}]))
    assert it.rows() == [{"id": -1}, {"id": 2}]
    assert list(tmp_path.rglob("*.tmp")) == []


@pytest.mark.parametrize("name", FILES)
def test_a_table_that_is_being_written_is_locked(name: str, tmp_path: Path) -> None:
    it = LABS[name](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    destination = it.make()
    destination._lock_seconds = 0.0  # type: ignore[attr-defined]
    table = destination.open(it.table("append"))
    (lock,) = [path for path in tmp_path.rglob("*lock") if path.is_file()]
    with locked(lock, WORK_ORDERS), refused("destination.locked", str(lock), hint="wait"):
        table.commit(checkpoint("1", "2", [{"id": 2}]))
    table.commit(checkpoint("1", "2", [{"id": 2}]))
    assert it.rows() == [{"id": 1}, {"id": 2}]


@pytest.mark.parametrize(
    ("text", "why", "hint"),
    [
        ("{", "it is no manifest", "full=True"),
        ("[]", "it is no manifest", "full=True"),
        ('{"format": 1, "files": [{}], "aside": []}', "it is no manifest", "full=True"),
        ('{"format": 99}', "it has format 99, this version knows 1", "upgrade"),
    ],
)
def test_a_damaged_manifest_is_named(text: str, why: str, hint: str, tmp_path: Path) -> None:
    it = LABS["parquet"](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    (manifest,) = tmp_path.rglob("manifest.json")
    manifest.write_text(text)
    with refused("destination.open", str(manifest), why, hint=hint):
        it.open("append")


# -- Delta


def test_others_may_optimize_and_vacuum_a_delta_table(tmp_path: Path) -> None:
    it = LABS["delta"](tmp_path)
    with it.open("append") as table:
        for number in range(1, 4):
            table.commit(checkpoint(table.state(), str(number), [{"id": number}]))
            found = DeltaTable(str(tmp_path / "plant" / "WorkOrders"))
            found.optimize.compact()
            found.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
            assert table.state() == str(number)
    assert it.rows() == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_the_state_of_a_delta_table_is_in_its_log_as_well(tmp_path: Path) -> None:
    it = LABS["delta"](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    DeltaTable(str(tmp_path / "plant" / "WorkOrders")).optimize.compact()
    (copy,) = tmp_path.rglob("state.json")
    kept = copy.read_text()
    copy.unlink()
    assert it.open("append").state() == "1"
    # A copy that is older than the log does not count either.
    copy.write_text(json.dumps(json.loads(kept) | {"transaction": 0, "state": "0"}))
    assert it.open("append").state() == "1"
    it.open("append").commit(checkpoint("1", "2", [{"id": 2}]))
    assert json.loads(copy.read_text())["state"] == "2"


def test_a_state_that_nothing_has_any_more_is_said(tmp_path: Path) -> None:
    it = LABS["delta"](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    path = tmp_path / "plant" / "WorkOrders"
    DeltaTable(str(path)).create_checkpoint()
    log = path / "_delta_log" / f"{0:020d}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for action in lines:  # as if it had been cleaned up: what others wrote since has none of our words
        for name in [name for name in action.get("commitInfo", {}) if name.startswith("switchgear")]:
            del action["commitInfo"][name]
    log.write_text("\n".join(map(json.dumps, lines)))
    assert it.open("append").state() == "1"  # the copy has it
    next(tmp_path.rglob("state.json")).unlink()
    with refused("destination.lost", "transaction 1", hint="full=True"):
        it.open("append")


# -- Parquet


def columns_of(folder: Path) -> set[str]:
    """The different columns that the files have."""
    return {str(pq.read_schema(path).remove_metadata()) for path in folder.rglob("*.parquet")}


def test_readers_by_glob_need_no_union_by_name(tmp_path: Path) -> None:
    it: Lab = LABS["parquet"](tmp_path)
    for state, rows in enumerate(([{"id": 1}], [{"id": 2, "v": 1}], [{"id": 3, "v": 0.5}], [{"id": 4, "w": "x"}]), 1):
        it.open("append").commit(checkpoint(str(state - 1) if state > 1 else None, str(state), rows))
    assert len(columns_of(tmp_path)) == 1
    found = duckdb.read_parquet(f"{tmp_path}/plant/WorkOrders/*.parquet").project("id, v, w").order("id")
    assert found.fetchall() == [(1, None, None), (2, 1.0, None), (3, 0.5, None), (4, None, "x")]


def test_a_widening_that_was_cut_short_is_finished(tmp_path: Path) -> None:
    it: Lab = LABS["parquet"](tmp_path)
    it.open("append").commit(checkpoint(None, "1", [{"id": 1, "v": 1}]))
    it.open("append").commit(checkpoint("1", "2", [{"id": 2, "v": 2}]))
    first, _ = sorted(tmp_path.rglob("part-*.parquet"))
    narrow = first.read_bytes()
    it.open("append").commit(checkpoint("2", "3", [{"id": 3, "v": 0.5}]))
    first.write_bytes(narrow)  # it is the last to be written anew
    assert len(columns_of(tmp_path)) == 2
    assert it.open("append").state() == "3"
    assert len(columns_of(tmp_path)) == 1
    assert it.rows() == [{"id": 1, "v": 1.0}, {"id": 2, "v": 2.0}, {"id": 3, "v": 0.5}]


def test_an_empty_first_listing_leaves_a_table_that_can_be_read(tmp_path: Path) -> None:
    it: Lab = LABS["parquet"](tmp_path)
    it.open("append").commit(checkpoint(None, "1", batch([], schema={"id": "int64"})))
    assert duckdb.read_parquet(f"{tmp_path}/plant/WorkOrders/*.parquet").fetchall() == []
    for state in range(1, 5):  # what brings nothing more leaves no files
        it.open("append").commit(checkpoint(str(state), str(state + 1), batch([], schema={"id": "int64"})))
    assert len(list(tmp_path.rglob("part-*.parquet"))) == 1
