"""`switchgear read`: every format holds what the source has, and nothing is lost when it is stopped."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow.parquet
import pytest

from support.running import Shell, project
from switchgear import parse_json
from switchgear.cli.formats import Csv
from switchgear.sandbox import Fault, Sandbox

ENTITIES = ("WorkOrders", "Assets", "Parts", "Vendors", "PurchaseOrders")


def as_json(value: Any) -> Any:
    """A true value as jsonl has it."""
    if isinstance(value, dict):
        return {name: as_json(below) for name, below in value.items()}
    if isinstance(value, list):
        return [as_json(below) for below in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else value


def without_rescued(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records, none of which has anything in `_rescued`."""
    assert [record for record in records if record.pop("_rescued", None) is not None] == []
    return records


@pytest.mark.parametrize("entity", ENTITIES)
def test_jsonl_has_every_value_of_the_source(shell: Shell, box: Sandbox, entity: str) -> None:
    done = shell("read", "plant", entity, "--format", "jsonl")
    assert without_rescued(done.lines) == [as_json(record) for record in box.truth(entity)]
    assert done.err == ""


def test_json_is_jsonl(shell: Shell) -> None:
    assert shell("read", "plant", "Vendors", "--json").out == shell("read", "plant", "Vendors", "-f", "jsonl").out


@pytest.mark.parametrize("entity", ENTITIES)
def test_csv_has_every_value_and_tells_null_from_empty(shell: Shell, box: Sandbox, entity: str) -> None:
    shell("read", "plant", entity, "-o", "out.csv")
    rows = list(csv.DictReader(io.StringIO((shell.folder / "out.csv").read_text("utf-8"), newline="")))
    expected = [{name: csv_text(value) for name, value in record.items()} for record in box.truth(entity)]
    for row in rows:
        assert row.pop("_rescued", "") == ""
    assert [
        {name: csv_parsed(row[name], record[name]) for name in row} for row, record in zip(rows, expected, strict=True)
    ] == expected


def csv_text(value: Any) -> Any:
    value = as_json(value)
    return "" if value is None else value


def csv_parsed(text: str, like: Any) -> Any:
    return text if isinstance(like, str) else json.loads(text)


def test_csv_writes_null_as_nothing_and_empty_text_as_quotes() -> None:
    out = io.StringIO()
    page: Any = parse_json('[{"a": "", "b": null, "c": "x,\\"y\\"\\n", "d": " z"}, {"b": 1}]')
    Csv(out).write(page)
    assert out.getvalue() == 'a,b,c,d,_rescued\r\n"",,"x,""y""\n"," z",\r\n,1,,,\r\n'


@pytest.mark.parametrize("entity", ENTITIES)
def test_parquet_has_every_value(shell: Shell, box: Sandbox, entity: str) -> None:
    done = shell("read", "plant", entity, "-o", "out.parquet")
    records = pyarrow.parquet.read_table(shell.folder / "out.parquet").to_pylist()
    assert without_rescued(records) == list(box.truth(entity))
    assert f"{len(records):,} records in out.parquet" in done.err
    assert not list(shell.folder.glob("*.part"))


def test_the_table_shows_names_and_values_and_no_control_characters(shell: Shell, box: Sandbox) -> None:
    out = shell("read", "plant", "WorkOrders", "--limit", "150").out
    lines = out.splitlines()
    assert lines[0].split()[:3] == ["ID", "Title", "Status"]
    assert len(lines) == 152
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out)  # titles of the sandbox hold tabs


@pytest.mark.parametrize("limit", [0, 1, 99, 100, 101, 250])
def test_limit(shell: Shell, limit: int) -> None:
    ids = [record["ID"] for record in shell("read", "plant", "WorkOrders", "--json", "-n", str(limit)).lines]
    assert ids == list(range(1, limit + 1))


def test_columns_where_order_and_since_are_asked_of_the_source(shell: Shell, box: Sandbox) -> None:
    done = shell(
        *("read", "plant", "WorkOrders", "--json", "-c", "ID,Priority", "-c", "Status", "--order", "Priority:desc,ID"),
        *("--where", "Status = 'OPEN'", "--where", "Priority in 4,5", "--since", "2026-02-01"),
    )
    since = datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc)
    chosen = [
        {"ID": r["ID"], "Priority": r["Priority"], "Status": r["Status"]}
        for r in box.truth("WorkOrders")
        if r["Status"] == "OPEN" and r["Priority"] >= 4 and r["ChangedAt"] >= since
    ]
    chosen.sort(key=lambda r: (-r["Priority"], r["ID"]))
    assert without_rescued(done.lines) == chosen
    assert len(chosen) > 10


def test_where_raw_is_the_sources_own_language(shell: Shell, box: Sandbox) -> None:
    done = shell("read", "plant", "WorkOrders", "--json", "-c", "ID", "--where-raw", "Location/Site eq 'Linz'")
    assert [r["ID"] for r in done.lines] == [
        r["ID"] for r in box.truth("WorkOrders") if r["Location"]["Site"] == "Linz"
    ]


def test_nothing_found_is_a_header_in_csv(shell: Shell) -> None:
    shell("read", "plant", "WorkOrders", "--where", "ID = -1", "-c", "ID,Title", "-o", "none.csv")
    assert (shell.folder / "none.csv").read_text().startswith("ID,Title")


def test_a_connection_without_a_project_file(bare: Shell, box: Sandbox) -> None:
    done = bare(
        *("read", "mine", "Vendors", "--json", "--connector", "odata"),
        *("--set", f"url={box.odata_url}", "--set", "page_size=10"),
    )
    assert [record["VendorID"] for record in done.lines] == list(range(1, 26))


def test_memory_does_not_grow_with_the_listing(bare: Shell) -> None:
    """The peak of a read of 60,000 records is that of one of 6,000, within a few megabytes."""
    peaks = []
    with Sandbox(records=60_000, page_size=1000, process=True, warm=True) as large:
        bare.write(project(large, page_size=1000))
        for limit in ("6000", "60000"):
            script = (
                "import resource, sys; from switchgear.cli import main\n"
                f"sys.argv[1:] = ['read', 'plant', 'WorkOrders', '-o', 'out.csv', '--limit', '{limit}']\n"
                "try: main()\n"
                "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stdout)"
            )
            out = subprocess.run(
                [sys.executable, "-c", script], cwd=bare.folder, env=bare.env, capture_output=True, check=True
            )
            peaks.append(int(out.stdout.split()[-1]))
    assert peaks[1] < peaks[0] + 12_000, f"peaks in kB: {peaks}"


# -- stopped, and gone on with


@pytest.fixture
def slow_box() -> Iterator[Sandbox]:
    with Sandbox(records=3_000, page_size=100, faults=[Fault("latency", ms=40, entity="WorkOrders")]) as sandbox:
        yield sandbox


def interrupt_after(process: subprocess.Popen[str], lines: int) -> tuple[list[str], str]:
    """Presses Ctrl-C once so many lines have come; what was written, and said, in all."""
    assert process.stdout is not None
    taken = [process.stdout.readline() for _ in range(lines)]
    process.send_signal(signal.SIGINT)
    taken += process.stdout.readlines()  # communicate() would forget what is buffered
    assert process.stderr is not None
    said = process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    process.wait(30)
    return taken, said


def test_ctrl_c_says_where_to_go_on_and_nothing_is_lost_or_doubled(bare: Shell, slow_box: Sandbox) -> None:
    bare.write(project(slow_box))
    process = bare.start("read", "plant", "WorkOrders", "--json", "-c", "ID")
    written, said = interrupt_after(process, 250)
    assert process.returncode == 130
    assert "Traceback" not in said
    found = re.search(r"--token '([^']+)'", said)
    assert found, said
    slow_box.set_faults()
    rest = bare("read", "plant", "WorkOrders", "--json", "-c", "ID", "--token", found[1]).lines
    ids = [json.loads(line)["ID"] for line in written] + [record["ID"] for record in rest]
    assert ids == list(range(1, 3_001))
    assert 250 <= len(written) < 3_000
    assert f"after {len(written):,} records" in said


def test_a_file_is_gone_on_with_by_append(bare: Shell, slow_box: Sandbox) -> None:
    bare.write(project(slow_box))
    target = bare.folder / "out.csv"
    process = bare.start("read", "plant", "WorkOrders", "-c", "ID,Title", "-o", "out.csv", "--limit", "2000")
    while not (target.exists() and target.stat().st_size):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    found = re.search(r"--token '([^']+)' --limit (\d+) --append", said)
    assert found, said
    slow_box.set_faults()
    bare(
        *("read", "plant", "WorkOrders", "-c", "ID,Title", "-o", "out.csv"),
        *("--append", "--token", found[1], "--limit", found[2]),
    )
    rows = list(csv.DictReader(io.StringIO(target.read_text("utf-8"), newline="")))
    assert [int(row["ID"]) for row in rows] == list(range(1, 2_001))


def test_ctrl_c_during_parquet_leaves_no_half_file(bare: Shell, slow_box: Sandbox) -> None:
    bare.write(project(slow_box))
    before = slow_box.stats()["requests"]
    process = bare.start("read", "plant", "WorkOrders", "-o", "out.parquet")
    while slow_box.stats()["requests"] < before + 5:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in said) == (130, False), said
    assert "was not written" in said
    assert not list(bare.folder.glob("out*"))


def test_a_failure_on_the_way_says_where_to_go_on(bare: Shell) -> None:
    with Sandbox(records=1_000, page_size=100, faults=[Fault("broken_json", entity="WorkOrders", page=5)]) as box:
        bare.write(project(box))
        done = bare("read", "plant", "WorkOrders", "--json", "-c", "ID", code=1)
        assert [record["ID"] for record in done.lines] == list(range(1, 401))
        found = re.search(r"400 records were written before this failed; go on with --token '([^']+)'", done.err)
        assert found, done.err
        assert re.search(r"^protocol[.\w]*: .*; .*", done.err, re.MULTILINE)
        box.set_faults()
        rest = bare("read", "plant", "WorkOrders", "--json", "-c", "ID", "--token", found[1]).lines
        assert [record["ID"] for record in rest] == list(range(401, 1_001))


def test_a_reader_that_has_enough_is_no_error(shell: Shell) -> None:
    process = shell.start("read", "plant", "WorkOrders", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(30) in (0, 1)
