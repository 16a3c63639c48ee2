"""What every destination does, whatever it is made of."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from support.checkpoints import AT, LABS, MODES, Lab, Row, batch, checkpoint
from switchgear.destinations import Checkpoint
from switchgear.sandbox import Sandbox

PAIRS = [(name, mode) for name, modes in MODES.items() for mode in modes]


@pytest.fixture
def lab(request: pytest.FixtureRequest, tmp_path: Path) -> Lab:
    return LABS[request.param](tmp_path)


each = pytest.mark.parametrize("lab", MODES, indirect=True)
each_mode = pytest.mark.parametrize(("lab", "mode"), PAIRS, indirect=["lab"])
each_that_replaces = pytest.mark.parametrize(
    "lab", [name for name, modes in MODES.items() if "replace" in modes], indirect=True
)
each_that_upserts = pytest.mark.parametrize(
    "lab", [name for name, modes in MODES.items() if "upsert" in modes], indirect=True
)


def by_id(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: int(row["id"]))


def by_version(rows: list[Row]) -> list[tuple[Any, Any]]:
    return sorted(((row["id"], str(row.get("at"))[:10]) for row in rows), key=str)


# -- state


@each_mode
def test_the_state_comes_back_as_it_was_kept(lab: Lab, mode: str) -> None:
    with lab.open(mode) as table:
        assert table.state() is None
        table.commit(checkpoint(None, '{"é": "\\u0000"}', [{"id": 1}], first=True, last=True))
        assert table.state() == '{"é": "\\u0000"}'
    long = "x" * 100_000 + "\n\"'\\ ÿ"
    with lab.open(mode) as table:
        assert table.state() == '{"é": "\\u0000"}'
        table.commit(checkpoint('{"é": "\\u0000"}', long, first=False, last=False))
    assert lab.open(mode).state() == long
    assert lab.rows(mode) == [{"id": 1}]


@each_mode
def test_a_state_without_rows_is_kept(lab: Lab, mode: str) -> None:
    lab.open(mode).commit(checkpoint(None, "1"))
    assert lab.open(mode).state() == "1"
    lab.open(mode).commit(checkpoint("1", "2", []))
    assert lab.open(mode).state() == "2"
    lab.open(mode).commit(checkpoint("2", "3", [{"id": 1}], first=True, last=True))
    assert lab.open(mode).state() == "3"
    assert lab.rows(mode) == [{"id": 1}]


@each_mode
def test_whoever_did_not_see_the_last_commit_is_refused(lab: Lab, mode: str) -> None:
    mine, theirs = lab.open(mode), lab.open(mode)
    mine.commit(checkpoint(None, "1", [{"id": 1}], first=True, last=True))
    for previous in (None, "0"):
        with pytest.raises(sg.Conflict) as caught:
            theirs.commit(checkpoint(previous, "2", [{"id": 2}], first=True, last=True))
        assert caught.value.code == "conflict.lease_lost"
        assert caught.value.connection_id == "plant"
    assert mine.state() == theirs.state() == "1"
    assert lab.rows(mode) == [{"id": 1}]
    theirs.commit(checkpoint("1", "2", [{"id": 1, "n": 2}], first=True, last=True))
    with pytest.raises(sg.Conflict):
        mine.commit(checkpoint("1", "2", [{"id": 3}]))


@each
def test_tables_do_not_touch_each_other(lab: Lab) -> None:
    for number, name in enumerate(("WorkOrders", "Assets")):
        lab.open("append", name=name, entity=name).commit(checkpoint(None, name, [{"id": number}]))
    assert lab.rows(name="WorkOrders") == [{"id": 0}]
    assert lab.rows(name="Assets") == [{"id": 1}]
    assert lab.open("append", name="Assets", entity="Assets").state() == "Assets"


@pytest.mark.parametrize("name", ["a/b", "..", ".hidden", "_own", "Site=Ulm", "50%*[x]?", "Größe", "a\\b", " "])
@each
def test_names_may_hold_any_character(lab: Lab, name: str, tmp_path: Path) -> None:
    place: dict[str, Any] = {"schema": name, "name": name, "entity": name}
    lab.open("append", **place).commit(checkpoint(None, "1", [{"id": 1}]))
    assert lab.open("append", **place).state() == "1"
    assert lab.rows(**place) == [{"id": 1}]
    assert {path.name for path in tmp_path.parent.iterdir() if path.is_dir()} >= {tmp_path.name}
    assert not (tmp_path.parent / "WorkOrders").exists()


# -- columns


@each
def test_a_new_column_is_empty_before(lab: Lab) -> None:
    lab.open("append").commit(checkpoint(None, "1", [{"id": 1}]))
    lab.open("append").commit(checkpoint("1", "2", [{"id": 2, "crew": "B"}], [{"id": 3, "hours": 0.5}]))
    assert by_id(lab.rows()) == [{"id": 1}, {"id": 2, "crew": "B"}, {"id": 3, "hours": 0.5}]


WIDENINGS: dict[str, tuple[list[Any], list[Any], list[Any]]] = {
    "int to decimal": ([5, -7], [2**63], [5, -7, 2**63]),
    "int to uint64": ([5, 2**53 + 1], [2**63], [5, 2**53 + 1, 2**63]),
    "int to double": ([5, -7], [0.5], [5, -7, 0.5]),
    "big int and double": ([2**53 + 1], [0.5], [2**53 + 1, Decimal("0.5")]),
    "double to text": ([0.5, 1e300, 0.1], ["n/a"], ["0.5", "1e+300", "0.1", "n/a"]),
    "int to text": ([5, 9007199254740993], ["x"], ["5", "9007199254740993", "x"]),
    "text stays": (["x"], [5], ["x", "5"]),
    "bool and int": ([True], [5], ["true", "5"]),
    "bool to text": ([True, False], ["x"], ["true", "false", "x"]),
    "date to text": (["2026-03-01"], ["x"], ["2026-03-01", "x"]),
    "instant to text": (["2026-03-01T06:00:00+02:00"], ["x"], ["2026-03-01T04:00:00Z", "x"]),
    "object and number": ([{"a": 1}], [5], ['{"a": 1}', "5"]),
    "object and text": ([{"a": 1}], ["x"], ['{"a": 1}', '"x"']),
    "text and object": (["x"], [{"a": 1}], ["x", '{"a": 1}']),
    "always empty, then text": ([None], ["x"], ["x"]),
    "always empty, then number": ([None], [5], [5]),
    "number, then empty": ([5], [None], [5]),
}


@pytest.mark.parametrize("case", WIDENINGS)
@pytest.mark.parametrize("lab", ["parquet", "delta"], indirect=True)
def test_columns_widen_without_changing_a_value(lab: Lab, case: str) -> None:
    before, after, expected = WIDENINGS[case]
    first = [{"id": number, "v": value} for number, value in enumerate(before)]
    second = [{"id": 100 + number, "v": value} for number, value in enumerate(after)]
    lab.open("append").commit(checkpoint(None, "1", first))
    lab.open("append").commit(checkpoint("1", "2", second))
    found = by_id(lab.rows())
    assert [row["v"] for row in found if "v" in row] == expected
    assert len(found) == len(before) + len(after)
    # It goes on: what came before still fits.
    lab.open("append").commit(checkpoint("2", "3", first))
    assert len(lab.rows()) == len(before) * 2 + len(after)


@pytest.mark.parametrize("case", WIDENINGS)
def test_a_checkpoint_as_one_table_has_columns_wide_enough(case: str) -> None:
    before, after, expected = WIDENINGS[case]
    made = checkpoint(None, "1", *[[{"v": value} for value in values] for values in (before, after)]).to_arrow()
    assert made.column("v").drop_null().to_pylist() == expected
    assert made.num_rows == len(before) + len(after)


@pytest.mark.parametrize("lab", ["parquet", "delta", "callback"], indirect=True)
def test_every_type_comes_back(lab: Lab) -> None:
    types = {
        "b": "bool", "i": "int64", "u": "uint64", "f": "float64", "d": "decimal(12,3)", "s": "utf8", "x": "binary",
        "day": "date", "clock": "time", "at": "timestamp", "wall": "timestamp_local", "j": "json", "l": "list<utf8>",
        "o": "struct<Site: utf8, Floor: int64>",
    }  # fmt: skip
    record = {
        "b": True, "i": -(2**63), "u": 2**64 - 1, "f": 0.1, "d": "12.500", "s": "ä\u0000b", "x": "AAEC",
        "day": "2026-03-01", "clock": "06:07:08.123456", "at": "2026-03-01T06:07:08.123456Z",
        "wall": "2026-03-01T06:07:08", "j": {"a": [1, None]}, "l": ["p", None], "o": {"Site": "Ulm", "Floor": 2},
    }  # fmt: skip
    rows = batch([record, {}], schema=types)
    lab.open("append").commit(checkpoint(None, "1", rows))
    (found,) = [row for row in lab.rows() if row]
    expected = rows.slice(0, 1).to_pylist()[0]
    if lab.name == "delta":  # which has neither
        expected |= {"u": Decimal(2**64 - 1), "clock": "06:07:08.123456"}
    assert found == {name: value for name, value in expected.items() if name in types}


@each
def test_batches_of_the_core_are_taken_as_they_are(lab: Lab) -> None:
    with Sandbox(records=1000) as box:
        plant = sg.connect("odata", url=box.odata_url)
        pages = [page._page.batch for page in plant.read("WorkOrders", page_size=500, limit=1000)]
        expected = plant.read("WorkOrders", limit=1000).to_pylist()
    taken = Checkpoint(pages, "1", None, True, True, "run", AT, None)
    lab.open("append", key=("ID",)).commit(taken)
    assert len(lab.rows()) == len(expected) == 1000
    assert [row["ID"] for row in sorted(lab.rows(), key=lambda row: row["ID"])] == sorted(row["ID"] for row in expected)


@each_mode
def test_columns_may_have_any_name(lab: Lab, mode: str) -> None:
    names = ["Work Order.ID", 'say "hi"', "a`b", "Größe", "select", "it's", "a{0}b", "x\\y"]
    record = {name: number for number, name in enumerate(names)}
    lab.open(mode, key=(names[0], names[1])).commit(checkpoint(None, "1", [record], first=True, last=True))
    changed = record | {names[4]: 99}
    again = checkpoint("1", "2", [changed], [changed | {"new.one": 1}], first=True, last=True, live=["run"])
    lab.open(mode, key=(names[0], names[1])).commit(again)
    expected = {"append": [record, changed, changed | {"new.one": 1}], "replace": [changed, changed | {"new.one": 1}]}
    found = sorted(lab.rows(mode), key=lambda row: (row["select"], len(row)))
    assert found == expected.get(mode, [changed | {"new.one": 1}])


# -- append


@pytest.mark.parametrize("lab", ["parquet", "delta"], indirect=True)
@pytest.mark.parametrize("key", [("id",), ("plant", "id")])
def test_a_version_that_is_there_is_not_added_again(lab: Lab, key: tuple[str, ...]) -> None:
    table = lab.open("append", key=key, cursor="at")
    first: list[Row] = [
        {"plant": "A", "id": 1, "at": "2026-01-01T00:00:00Z"},
        {"plant": "A", "id": 2, "at": "2026-01-01T00:00:00Z"},
        {"plant": None, "id": 3, "at": None},
    ]
    second: list[Row] = [
        {"plant": "A", "id": 2, "at": "2026-01-01T00:00:00Z"},
        {"plant": "A", "id": 2, "at": "2026-01-02T00:00:00Z"},
        {"plant": None, "id": 3, "at": None},
        {"plant": "B", "id": 2**40, "at": "2026-01-01T00:00:00Z", "more": 1},
    ]
    table.commit(checkpoint(None, "1", first))
    table.commit(checkpoint("1", "2", second, may_repeat=True))
    wanted = [*first, second[1], second[3]]
    assert by_version(lab.rows(key=key, cursor="at")) == by_version(wanted)
    table.commit(checkpoint("2", "3", second, may_repeat=True))
    assert by_version(lab.rows(key=key, cursor="at")) == by_version(wanted)
    assert table.state() == "3"
    table.commit(checkpoint("3", "4", second[:1]))
    assert len(lab.rows(key=key, cursor="at")) == len(wanted) + 1, "nobody said that it may come again"


@each
def test_append_keeps_what_a_column_had_when_it_is_lost(lab: Lab) -> None:
    lab.open("append").commit(checkpoint(None, "1", [{"id": 1, "crew": "A"}]))
    lab.open("append").commit(checkpoint("1", "2", [{"id": 2}]))
    assert lab.rows() == [{"crew": "A", "id": 1}, {"id": 2}]


# -- replace


@each_that_replaces
def test_replace_swaps_when_the_listing_is_complete(lab: Lab) -> None:
    lab.open("replace").commit(checkpoint(None, "1", [{"id": 1, "gone": True}], first=True, last=True))
    lab.open("replace").commit(checkpoint("1", "2", [{"id": 2}], first=True))
    lab.open("replace").commit(checkpoint("2", "3", [{"id": 3, "v": 5}]))
    assert by_id(lab.rows("replace")) == [{"gone": True, "id": 1}]
    lab.open("replace").commit(checkpoint("3", "4", [{"id": 4, "v": 0.5}], [{"id": 5, "v": "x"}], last=True))
    values = {row["id"]: str(row.get("v")) for row in lab.rows("replace")}
    assert values == {2: "None", 3: "5", 4: "0.5", 5: "x"}
    assert lab.open("replace").state() == "4"


@each_that_replaces
def test_a_source_that_fails_half_way_leaves_the_old_table(lab: Lab) -> None:
    lab.open("replace").commit(checkpoint(None, "1", [{"id": 1}], first=True, last=True))
    lab.open("replace").commit(checkpoint("1", "2", [{"id": 2}], first=True))
    assert by_id(lab.rows("replace")) == [{"id": 1}]  # and here it failed: the next run begins anew
    lab.open("replace").commit(checkpoint("2", "3", [{"id": 3}], first=True))
    lab.open("replace").commit(checkpoint("3", "4", [{"id": 4}], last=True))
    assert by_id(lab.rows("replace")) == [{"id": 3}, {"id": 4}]


@each_that_replaces
def test_a_source_that_has_become_empty_empties_the_table(lab: Lab) -> None:
    lab.open("replace").commit(checkpoint(None, "1", [{"id": 1}], first=True, last=True))
    lab.open("replace").commit(checkpoint("1", "2", first=True, last=True))
    assert by_id(lab.rows("replace")) == []
    lab.open("replace").commit(checkpoint("2", "3", [{"id": 2}], first=True, last=True))
    assert by_id(lab.rows("replace")) == [{"id": 2}]


# -- upsert


@each_that_upserts
def test_of_rows_with_one_key_the_later_wins(lab: Lab) -> None:
    lab.open("upsert").commit(checkpoint(None, "1", [{"id": 1, "v": "a"}, {"id": 2, "v": "b"}, {"id": 1, "v": "c"}]))
    assert by_id(lab.rows("upsert")) == [{"id": 1, "v": "c"}, {"id": 2, "v": "b"}]
    lab.open("upsert").commit(checkpoint("1", "2", [{"id": 2, "v": "d"}], [{"id": 2, "v": None}, {"id": 3, "v": "e"}]))
    assert by_id(lab.rows("upsert")) == [{"id": 1, "v": "c"}, {"id": 2}, {"id": 3, "v": "e"}]


@each_that_upserts
def test_an_upserted_row_keeps_what_a_lost_column_had(lab: Lab) -> None:
    lab.open("upsert").commit(checkpoint(None, "1", [{"id": 1, "crew": "A", "n": 1}, {"id": 2, "crew": "B", "n": 1}]))
    lab.open("upsert").commit(checkpoint("1", "2", [{"id": 1, "n": 2}, {"id": 3, "n": 2}]))
    assert by_id(lab.rows("upsert")) == [
        {"crew": "A", "id": 1, "n": 2},
        {"crew": "B", "id": 2, "n": 1},
        {"id": 3, "n": 2},
    ]
    # Lost and new ones within a checkpoint, and for one key.
    rows = [[{"id": 1, "crew": "C", "n": 3}, {"id": 2, "crew": None, "n": 3}], [{"id": 1, "n": 4}, {"id": 3, "n": 4}]]
    lab.open("upsert").commit(checkpoint("2", "3", *rows))
    assert by_id(lab.rows("upsert")) == [{"crew": "C", "id": 1, "n": 4}, {"id": 2, "n": 3}, {"id": 3, "n": 4}]


@each_that_upserts
def test_columns_of_upserted_rows_widen(lab: Lab) -> None:
    lab.open("upsert").commit(checkpoint(None, "1", [{"id": 1, "v": 5}, {"id": 2, "v": 6}]))
    lab.open("upsert").commit(checkpoint("1", "2", [{"id": 2, "v": 0.5}]))
    lab.open("upsert").commit(checkpoint("2", "3", [{"id": 3, "v": "x"}]))
    assert {row["id"]: str(row["v"]) for row in lab.rows("upsert")} in (
        {1: "5.0", 2: "0.5", 3: "x"},
        {1: "5", 2: "0.5", 3: "x"},  # in memory nothing widens
    )


@each_that_upserts
def test_rows_that_were_not_read_again_are_marked(lab: Lab) -> None:
    rows = [{"id": number} for number in range(1, 6)]
    lab.open("upsert").commit(checkpoint(None, "1", rows, run_id="r1", first=True, last=True, live=["r1"]))
    assert by_id(lab.rows("upsert")) == rows
    # A full read of two checkpoints, the second of a run that took over.
    lab.open("upsert").commit(checkpoint("1", "2", rows[:2], run_id="r2", first=True))
    lab.open("upsert").commit(checkpoint("2", "3", rows[2:3], run_id="it's {r3}", last=True, live=["r2", "it's {r3}"]))
    gone = [{"_deleted_at": AT, "id": 4}, {"_deleted_at": AT, "id": 5}]
    assert by_id(lab.rows("upsert")) == [*rows[:3], *gone]
    # A row that is back is there again, and one that stays away keeps the time since when.
    later = dataclasses.replace(
        checkpoint("3", "4", rows[:4], run_id="r4", first=True, last=True, live=["r4"]), at=AT.replace(year=2027)
    )
    lab.open("upsert").commit(later)
    assert by_id(lab.rows("upsert")) == [*rows[:4], gone[1]]
    # Everything may be gone: a full read without a record.
    lab.open("upsert").commit(checkpoint("4", "5", first=True, last=True, run_id="r5", live=["r5"]))
    assert [row["_deleted_at"] for row in lab.rows("upsert")] == [AT] * 5
    assert lab.open("upsert").state() == "5"


@each_that_upserts
def test_incremental_runs_mark_nothing(lab: Lab) -> None:
    lab.open("upsert").commit(checkpoint(None, "1", [{"id": 1}, {"id": 2}], run_id="r1", last=True))
    lab.open("upsert").commit(checkpoint("1", "2", [{"id": 2}], run_id="r2", last=True))
    lab.open("upsert").commit(checkpoint("2", "3", run_id="r3", last=True))
    assert by_id(lab.rows("upsert")) == [{"id": 1}, {"id": 2}]
    assert lab.open("upsert").state() == "3"
