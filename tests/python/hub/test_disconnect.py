"""Taking a connection out of use: its credentials are gone from the store, its history is not."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.oauth import CLIENT, OAuth
from switchgear import _core
from switchgear.project import Project
from switchgear.sandbox import Sandbox


def words_of(store: Path) -> str:
    """All that the store says of connections."""
    with sqlite3.connect(store) as database:
        return repr(database.execute("select * from connections").fetchall())


def test_credentials_are_dropped_and_brought_back(hub: sg.Hub, store: str) -> None:
    hub.connection("plant").read("Assets", limit=1).to_pylist()
    held = hub.connection("plant")
    hub.disconnect("plant")
    with pytest.raises(sg.CircuitOpenError):
        held.read("Assets", limit=1).to_pylist()
    (info,) = sg.Hub(store).connections()
    assert (info.state, info.auth, info.config["url"]) == ("disconnected", None, held._specification.config["url"])
    assert hub.status("plant").state == "disconnected"
    for change in (hub.pause, hub.resume):
        with pytest.raises(sg.Conflict, match="reconnect") as out_of_use:
            change("plant")
        assert out_of_use.value.code == "conflict.disconnected"
    hub.update("plant", schedule="15m")  # what else is changed does not forget that there were some
    with pytest.raises(sg.ConfigError, match="basic") as missing:
        hub.reconnect("plant")
    assert missing.value.code == "config.credentials"
    assert hub.connections()[0].state == "disconnected"
    user, password = held._specification.auth.user, sg.Secret.env("PLANT_PW")  # type: ignore[union-attr]
    plant = hub.reconnect("plant", sg.BasicAuth(user, password))
    assert len(plant.read("Assets", limit=1).to_pylist()) == 1
    hub.disconnect("plant")
    hub.disconnect("plant")  # again: no error
    hub.update("plant", auth=sg.BasicAuth(user, password))
    assert len(hub.reconnect("plant").read("Assets", limit=1).to_pylist()) == 1


def test_nothing_of_them_is_left_in_the_store(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    auth = sg.CsrfToken("http://host/token", and_with=sg.BasicAuth("alice", sg.Secret.env("PLANT_PW")))
    hub.add("plant", "odata", {"url": "http://host/"}, auth=auth)
    assert "PLANT_PW" in words_of(tmp_path / "plant.db")
    hub.disconnect("plant")
    said = words_of(tmp_path / "plant.db")
    assert not [word for word in ("PLANT_PW", "alice", "http://host/token") if word in said]


def test_a_connectors_own_secrets_are_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "t0ken")
    hub = sg.Hub(tmp_path / "plant.db")
    row = _core.StoredConnection()
    row.id, row.connector, row.secrets = "plant", "odata", {"api_key": sg.Secret.env("TOKEN")}
    _core.ConnectionStore(hub._store).add(row)
    hub.disconnect("plant")
    assert "TOKEN" not in words_of(tmp_path / "plant.db")
    with pytest.raises(sg.ConfigError, match="its secret 'api_key'") as missing:
        hub.reconnect("plant")
    assert "api_key=env:" in missing.value.hint


def test_sealed_tokens_are_dropped_and_those_of_others_are_not(tmp_path: Path, start_server: Any) -> None:
    oauth = start_server(OAuth, access_token_ttl=600)
    hub = sg.Hub(tmp_path / "plant.db")
    with Sandbox(records=10) as box:
        for id in ("plant", "plant-2"):
            first = tmp_path / f"{id}.txt"
            first.write_text(oauth.refresh_token(), encoding="utf-8")
            auth = sg.OAuth2RefreshToken(oauth.token_url, CLIENT[0], sg.Secret.file(str(first)), sg.Secret.env("PW"))
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("PW", CLIENT[1])
                hub.add(id, "odata", {"url": box.odata_url}, auth=auth).read("Vendors", limit=1).to_pylist()
        sealed = _core.SecretStore(hub._store)
        assert [name.partition("#")[0] for name in sealed.names()] == ["tokens/plant", "tokens/plant-2"]
        hub.disconnect("plant")
        assert [name.partition("#")[0] for name in sealed.names()] == ["tokens/plant-2"]


def test_history_stays(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    with Sandbox(records=10) as box:
        to = f"duckdb:///{tmp_path}/plant.duckdb"
        hub.add("plant", "odata", {"url": box.odata_url}, destination=to, entities={"Vendors": {}}, retry=None)
        done = hub.sync("plant").raise_for_error()
    hub.sync("plant")
    hub.disconnect("plant")
    assert [run.status for run in hub.runs("plant")] == ["failed", "completed"]
    assert hub.run(done.id).messages
    assert hub.errors("plant")[0].error.category == "offline"
    assert hub.sync_status("plant").status == "paused"
    hub.reconnect("plant")  # it had no credentials
    assert hub.sync_status("plant").status == "failed"


def test_what_the_project_file_says_stays_there(tmp_path: Path) -> None:
    file = tmp_path / "switchgear.toml"
    auth = 'auth = {type = "basic", user = "alice", password = "env:PLANT_PW"}'
    file.write_text(f'[connections.plant]\nconnector = "odata"\n{auth}\nconfig = {{url = "http://host/"}}\n')
    hub = sg.Hub(tmp_path / "plant.db")
    hub.apply(Project.load(file))
    hub.disconnect("plant")
    assert hub.apply(Project.load(file)) == []
    assert hub.connections()[0].state == "disconnected"
    assert hub.reconnect("plant")._specification.auth == sg.BasicAuth("alice", sg.Secret.env("PLANT_PW"))
