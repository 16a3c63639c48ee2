"""`add`, and the commands that take a connection of the store out of use and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import switchgear as sg
from support.running import Shell
from switchgear.sandbox import Sandbox

URL = "http://127.0.0.1:1/odata"


def only(store: Path) -> sg.StoredConnectionInfo:
    (info,) = sg.Hub(store).connections()
    return info


def test_a_connection_is_added_and_used(bare: Shell, box: Sandbox) -> None:
    synced = ("--entity", "WorkOrders,cursor=ChangedAt,key=ID,lookback=5", "--entity", "Vendors", "--schedule", "15m")
    given = ("odata", f"url={box.odata_url}", "page_size=500", "--destination", "duckdb:///p.duckdb")
    said = bare("add", "plant", *given, *synced)
    assert said.out.startswith("added 'plant' (odata) in switchgear.db; nothing was sent yet")
    info = only(bare.folder / "switchgear.db")
    assert (info.owner, info.schedule, info.timezone) == ("hub", "15m", "UTC")
    assert info.config == {"url": box.odata_url, "page_size": 500}
    assert info.destination == f"duckdb:///{bare.folder}/p.duckdb"
    assert info.entities == {"WorkOrders": {"cursor": "ChangedAt", "key": ["ID"], "lookback": 5}, "Vendors": {}}
    assert bare("status", "--json").json[0]["next_sync_at"] is not None
    assert bare("check", "plant", "--entities", "Vendors", "--json").json["online"]
    assert len(bare("read", "plant", "Vendors", "--limit", "3", "--json").lines) == 3
    assert {each["name"] for each in bare("entities", "plant", "--json").json} >= {"WorkOrders", "Vendors"}
    assert bare("sync", "--json").json[0]["status"] == "completed"
    other = Shell(bare.write("", "other/x.txt").parent)
    assert len(other("read", "plant", "Vendors", "--store", bare.folder / "switchgear.db", "--json").lines) > 0


def test_policies_network_and_credentials_go_where_the_project_file_has_them(bare: Shell) -> None:
    shown = bare("add", "plant", "odata", f"url={URL}", "timeout.total=60", "rate_limit=5/s", "tls.verify=false",
                 "--auth", "basic,user=alice,password=env:PLANT_PW", "--store", "own.db", "--json").json  # fmt: skip
    assert (shown["id"], shown["auth"], shown["state"]) == ("plant", "basic", "active")
    plant = sg.Hub(bare.folder / "own.db").connection("plant")._specification
    assert plant.auth == sg.BasicAuth("alice", sg.Secret.env("PLANT_PW"))
    assert (plant.timeout.total, plant.tls.verify) == (60, False)
    assert "5 requests in 1 s" in sg.Hub(bare.folder / "own.db").connection("plant").explain()
    assert not (bare.folder / "switchgear.db").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["odata", f"url={URL}", "--auth", "basic,user=u,password=hunter2"], 1, "config.secret: --auth"),
        (["odata", f"url={URL}", "--auth", "basci,user=u"], 1, "did you mean 'basic'"),
        (["odata", f"url={URL}", "--auth", "basic,user"], 2, "no KEY=VALUE"),
        (["odata", f"url={URL}", "--schedule", "61 * * * *"], 1, "--schedule"),
        (["odata", f"url={URL}", "--timezone", "Europe/Berlim"], 1, "'Europe/Berlin'"),
        (["odata", f"url={URL}", "--destination", "duckbd:///x"], 1, "did you mean 'duckdb:'"),
        (["odata", f"url={URL}", "--destination", "postgresql://u:hunter2@h/d"], 1, "env:PLANT_DSN"),
        (["odata", f"url={URL}", "--entity", "WorkOrders,curser=x"], 1, "did you mean 'cursor'"),
        (["odata", f"url={URL}", "timeout.total=soon"], 1, "timeout.total=…"),
        (["odata", f"urll={URL}"], 1, "did you mean 'url'"),
        (["odat", f"url={URL}"], 1, "did you mean 'odata'"),
        (["odata", "url"], 2, "no KEY=VALUE"),
    ],
)
def test_what_can_not_be_added_is_named_and_leaves_nothing(
    bare: Shell, arguments: list[str], code: int, said: str
) -> None:
    done = bare("add", "plant", *arguments, code=code)
    assert said in done.err
    assert "hunter2" not in done.err + done.out
    store = bare.folder / "switchgear.db"
    assert not store.exists() or sg.Hub(store).connections() == []


def test_an_id_that_is_taken_is_told(bare: Shell) -> None:
    bare.write(f'[connections.file]\nconnector = "odata"\nconfig = {{url = "{URL}"}}\n')
    bare("add", "plant", "odata", f"url={URL}")
    for id in ("plant", "file"):
        assert "conflict.exists" in bare("add", id, "odata", f"url={URL}", code=1).err


def test_out_of_use_and_back(bare: Shell) -> None:
    """Each says what it did, in words or in JSON."""
    bare("add", "plant", "odata", f"url={URL}", "--auth", "basic,user=alice,password=env:PLANT_PW")
    assert "paused 'plant'" in bare("pause", "plant").out
    assert bare("resume", "plant", "--json").json["state"] == "active"
    assert "its credentials are forgotten" in bare("disconnect", "plant").out
    gone = bare("status", "--json").json[0]
    assert gone["status"] == "paused"
    assert "conflict.disconnected" in bare("resume", "plant", code=1).err
    assert "--auth" in bare("reconnect", "plant", code=1).err
    assert "config.secret" in bare("reconnect", "plant", "--auth", "bearer,token=hunter2", code=1).err
    assert "config.secret" in bare("reconnect", "plant", "api_key=hunter2", code=1).err
    back = bare("reconnect", "plant", "--auth", "bearer,token=env:T", "--json", "--store", "switchgear.db").json
    assert (back["state"], back["auth"]) == ("active", "bearer")
    assert "did you mean 'plant'" in bare("disconnect", "plent", code=1).err


def test_errors_since(bare: Shell, box: Sandbox) -> None:
    to = ("--destination", "duckdb:///nowhere/p.duckdb", "--entity", "Vendors")
    bare("add", "plant", "odata", f"url={box.odata_url}", *to)
    bare("sync", code=1)
    for since, there in (("1h", True), ("2026-01-01", True), ("2126-01-01T00:00:00Z", False), ("0s", False)):
        found = bare("errors", "--since", since, "--json").json
        assert bool(found) is there, (since, found)
    assert "no time" in bare("errors", "--since", "soon", code=2).err
    assert json.loads(bare("errors", "plant", "--since", "7d", "--json").out)[0]["connection_id"] == "plant"
