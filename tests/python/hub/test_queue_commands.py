"""`switchgear queue …`, with workers in processes of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from servers.cap import PLANNER, Cap
from support.orders import ASSERT_RANGE, order, stored
from support.running import Shell


@pytest.fixture
def shell(tmp_path: Path, target: Cap) -> Shell:
    shell = Shell(tmp_path)
    shell.env["PLANT_PW"] = PLANNER[1]
    shell.write(
        '[hub]\nstore = "plant.db"\n[connections.plant]\nconnector = "odata"\n'
        'auth = {type = "basic", user = "planner", password = "env:PLANT_PW"}\n'
        f'[connections.plant.config]\nurl = "{target.url}"\n'
    )
    return shell


def test_a_file_is_queued_written_shown_and_tried_again(shell: Shell, target: Cap, first: int, tmp_path: Path) -> None:
    records = [order(first + i, priority=9 if i == 7 else 1) for i in range(30)]
    (tmp_path / "orders.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    job = shell("queue", "submit", "plant", "WorkOrders", "orders.jsonl", "--key", "ID", "--json").json
    assert (job["status"], job["records"], job["pending"]) == ("queued", 30, 30)
    assert stored(target, first) == {}
    assert (tmp_path / "plant.db").exists()

    done = shell("queue", "work", "--until-idle", "--json").json
    assert (done["ok"], done["failed"]) == (29, 1)
    assert len(stored(target, first)) == 29
    shown = shell("queue", "show", job["id"])
    assert "partial, 29 ok, 1 failed" in shown.out
    assert ASSERT_RANGE in shown.err
    assert f"({first + 7})" in shown.err
    full = shell("queue", "show", job["id"], "--json").json
    assert [(each["index"], each["record"]["priority"]) for each in full["errors"]] == [(7, 9)]
    assert shell("queue", "retry", job["id"], "--json").json["status"] == "queued"
    assert shell("queue", "cancel", job["id"], "--json").json["status"] == "cancelled"
    (listed,) = shell("queue", "list", "plant", "--json").json
    assert listed["id"] == job["id"]
    assert job["id"] in shell("queue", "list").out


def test_a_job_may_begin_later_and_workers_remove_old_ones(shell: Shell, first: int, tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text(json.dumps(order(first)), encoding="utf-8")
    submit = ("queue", "submit", "plant", "WorkOrders", "orders.jsonl")
    later = shell(*submit, "--not-before", "2099-01-01T00:00:00Z", "--max-attempts", "2", "--json").json
    assert later["not_before"] == "2099-01-01T00:00:00.000Z"
    for no_instant in ("tomorrow", "2099-01-01T00:00:00"):
        assert "time zone" in shell(*submit, "--not-before", no_instant, code=2).err
    assert shell("queue", "cancel", later["id"], "--json").json["status"] == "cancelled"
    shell("queue", "work", "--until-idle", "--retention", "0")
    assert len(shell("queue", "list", "--json").json) == 1
    shell("queue", "work", "--until-idle", "--retention", "0.0000001")
    assert shell("queue", "list", "--json").json == []


def test_what_can_not_be_queued_ends_with_one_line(shell: Shell, first: int, tmp_path: Path) -> None:
    (tmp_path / "orders.jsonl").write_text(json.dumps(order(first)) + "\n{broken", encoding="utf-8")
    refused = shell("queue", "submit", "plant", "WorkOrders", "orders.jsonl", code=1)
    assert "record 1" in refused.err
    assert len(refused.err.splitlines()) == 1
    assert shell("queue", "list", "--json").json == []
    assert "there is no job" in shell("queue", "show", "0190", code=1).err
    assert "is no state" in shell("queue", "list", "--status", "done", code=1).err
    assert "plant" in shell("queue", "submit", "plan", "WorkOrders", "orders.jsonl", code=1).err


def test_a_connection_that_can_not_be_made_stops_only_what_is_about_it(
    shell: Shell, first: int, tmp_path: Path
) -> None:
    text = (tmp_path / "switchgear.toml").read_text(encoding="utf-8")
    broken = '[connections.broken]\nconnector = "odata"\n[connections.broken.config]\nurll = "http://host/"\n'
    shell.write(text + broken)
    (tmp_path / "orders.jsonl").write_text(json.dumps(order(first)), encoding="utf-8")
    done = shell("queue", "submit", "plant", "WorkOrders", "orders.jsonl")
    assert "'broken' stays as it was" in done.err
    assert "queued" in done.out
    assert "urll" in shell("queue", "submit", "broken", "WorkOrders", "orders.jsonl", code=1).err
