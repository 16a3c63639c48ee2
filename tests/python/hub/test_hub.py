"""Connections in the store: whole, shared by processes, and without secrets."""

from __future__ import annotations

import datetime
import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.cap import Cap
from switchgear.project import Project
from switchgear.stored import from_row

AUTH: list[sg.Auth] = [
    sg.BasicAuth("alice", sg.Secret.env("PW")),
    sg.BearerAuth(sg.Secret.keyring("plant/token")),
    sg.ApiKey(sg.Secret.env("KEY"), query="api_key"),
    sg.OAuth2ClientCredentials(
        "https://id.example/token", "me", sg.Secret.env("CS"), scope="a b", client_auth="body", parameters={"aud": "x"}
    ),
    sg.OAuth2RefreshToken("https://id.example/token", "me", sg.Secret.env("RT")),
    sg.CookieLogin("https://host/login", "me", sg.Secret.env("PW"), fields={"client": "100"}, format="json"),
    sg.CsrfToken("https://host/odata", and_with=sg.BasicAuth("alice", sg.Secret.env("PW"))),
    sg.ClientCertificate(
        "/etc/c.pem",
        "/etc/k.pem",
        sg.Secret.env("PW"),
        and_with=sg.CsrfToken("https://host/odata", fetch_method="HEAD"),
    ),
]


@pytest.mark.parametrize("auth", AUTH, ids=lambda auth: type(auth).__name__)
def test_a_connection_comes_back_as_it_was_added(
    tmp_path: Path, auth: sg.Auth, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "of the key's file")
    options: dict[str, Any] = {
        "rate_limit": sg.RateLimiter("100/s", burst=20),
        "breaker": sg.CircuitBreaker(
            window=datetime.timedelta(seconds=60), open_for=sg.Backoff(5, factor=1.5, cap=60), failure_rate=0.25
        ),
        "retry": None,
        "timeout": sg.Timeouts(connect=3, total=60),
        "tls": sg.Tls(verify=False),
        "proxy": "none",
    }
    config: dict[str, Any] = {"url": "https://host/odata/v4/maintenance", "page_size": 500}
    expected = sg.connect("odata", id="plant", auth=auth, **options, **config)._specification
    sg.Hub(tmp_path / "plant.db").add("plant", "odata", config, auth=auth, **options)

    again = sg.Hub(tmp_path / "plant.db")
    got = from_row(again._row("plant"))
    for name in ("connector", "id", "config", "secrets", "auth", "timeout", "tls", "proxy", "retry", "max_reply_bytes"):
        assert getattr(got, name) == getattr(expected, name), name
    assert again.connection("plant").explain() == sg.Connection(expected).explain()
    assert again.connection("plant") is again.connection("plant")


def test_what_was_left_out_stays_the_default(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.add("plant", "odata", {"url": "http://host/odata"}, rate_limit=None)
    expected = sg.connect("odata", id="plant", url="http://host/odata", rate_limit=None)
    assert hub.connection("plant").explain() == expected.explain()


def test_no_secret_reaches_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW", "hunter2-hunter2")
    hub = sg.Hub(tmp_path / "plant.db")
    for auth in (
        sg.BasicAuth("alice", "hunter2-hunter2"),
        sg.CsrfToken("http://h/", and_with=sg.BearerAuth("hunter2")),
    ):
        with pytest.raises(sg.ConfigError, match="literal") as caught:
            hub.add("plant", "odata", {"url": "http://host/"}, auth=auth)
        assert caught.value.code == "config.secret"
        assert "hunter2" not in str(caught.value)
    assert hub.connections() == []
    hub.add("plant", "odata", {"url": "http://host/"}, auth=sg.BasicAuth("alice", sg.Secret.env("PW")))
    hub.connection("plant")
    for file in tmp_path.iterdir():
        assert b"hunter2" not in file.read_bytes()


def test_files_are_named_so_that_another_folder_finds_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    hub = sg.Hub("plant.db")
    login = sg.BasicAuth("alice", sg.Secret.file("pw.txt"))
    auth = sg.ClientCertificate("c.pem", "k.pem", and_with=login)
    hub.add("plant", "odata", {"url": "https://host/"}, auth=auth, tls=sg.Tls(ca_file="ca.pem"))
    got = from_row(hub._row("plant"))
    assert got.tls.ca_file == str(tmp_path / "ca.pem")
    assert got.auth == sg.ClientCertificate(
        str(tmp_path / "c.pem"),
        str(tmp_path / "k.pem"),
        and_with=sg.BasicAuth("alice", sg.Secret.file(str(tmp_path / "pw.txt"))),
    )


def test_an_id_is_taken_once_and_can_be_changed(store: str) -> None:
    hub = sg.Hub(store)
    hub.add("plant", "odata", {"url": "http://host/a"}, rate_limit="10/s", schedule=datetime.timedelta(minutes=15))
    with pytest.raises(sg.Conflict) as taken:
        hub.add("plant", "odata", {"url": "http://host/b"})
    assert taken.value.code == "conflict.exists"
    before = hub.connection("plant")
    assert hub.update("plant", {"url": "http://host/c"}, retry=None) is not before
    (info,) = hub.connections()
    assert (info.config["url"], info.version, info.schedule, info.state) == ("http://host/c", 2, "900s", "active")
    expected = sg.connect("odata", id="plant", url="http://host/c", rate_limit="10/s", retry=None)
    assert hub.connection("plant").explain() == expected.explain()
    assert json.dumps(info.to_dict())
    with pytest.raises(sg.NotFound, match="plant"):
        hub.connection("plan")
    with pytest.raises(sg.ConfigError, match="urll"):
        hub.update("plant", {"urll": "http://host/c"})
    assert hub.connections()[0].version == 2


def test_processes_share_a_store(hub: sg.Hub, store: str, target: Cap) -> None:
    code = "import sys, switchgear as sg; h = sg.Hub(sys.argv[1]); print(len(h.connection('plant').entities())); "
    code += "h.pause('plant')"
    done = subprocess.run([sys.executable, "-c", code, store], capture_output=True, text=True, check=True)
    assert int(done.stdout) > 2
    with pytest.raises(sg.CircuitOpenError) as paused:
        hub.connection("plant").read("Assets", limit=1).to_pylist()
    assert paused.value.code == "circuit_open.paused"
    hub.resume("plant")
    assert len(hub.connection("plant").read("Assets", limit=1).to_pylist()) == 1
    hub.disconnect("plant")
    assert hub.connections()[0].state == "disconnected"
    hub.reconnect("plant", auth=sg.BasicAuth("reader", sg.Secret.env("PLANT_PW")))
    with pytest.raises(sg.AuthError):
        hub.connection("plant").read("Assets", limit=1).to_pylist()


def test_the_project_file_owns_its_connections(tmp_path: Path) -> None:
    file = tmp_path / "switchgear.toml"
    text = '[connections.{0}]\nconnector = "odata"\nrate_limit = "5/s"\n[connections.{0}.config]\nurl = "{1}"\n'
    text += '[connections.{0}.auth]\ntype = "basic"\nuser = "alice"\npassword = "env:PW"\n'
    file.write_text(text.format("plant", "http://host/a"), encoding="utf-8")
    hub = sg.Hub(tmp_path / "plant.db")
    hub.add("mine", "odata", {"url": "http://host/"})
    assert hub.apply(Project.load(file)) == ["plant"]
    assert hub.apply(Project.load(file)) == []
    file.write_text(text.format("plant", "http://host/b"), encoding="utf-8")
    assert hub.apply(Project.load(file)) == ["plant"]
    assert [info.config["url"] for info in hub.connections()] == ["http://host/", "http://host/b"]
    with pytest.raises(sg.Conflict) as owned:
        hub.update("plant", {"url": "http://host/c"})
    assert owned.value.code == "conflict.owner"
    file.write_text(text.format("mine", "http://host/b"), encoding="utf-8")
    with pytest.raises(sg.Conflict, match="mine"):
        hub.apply(Project.load(file))


def test_a_row_that_nobody_understands_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.add("good", "odata", {"url": "http://host/"})
    hub.add("odd", "odata", {"url": "http://host/"})
    with sqlite3.connect(tmp_path / "plant.db") as database:
        database.execute(
            "update connections set policies = '{\"breaker\":{\"later\":1}}', version = 2 where id = 'odd'"
        )
    with pytest.raises(sg.StoreError, match="odd") as caught:
        hub.connection("odd")
    assert caught.value.code == "store.connection"
    assert hub.connection("good").id == "good"


def test_a_store_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(sg.StoreError) as missing:
        sg.Hub(tmp_path / "no" / "such" / "plant.db")
    assert missing.value.code == "store.open"
    (tmp_path / "text.db").write_text("this is no database, however long it is " * 100, encoding="utf-8")
    with pytest.raises(sg.StoreError) as corrupt:
        sg.Hub(tmp_path / "text.db")
    assert corrupt.value.code == "store.corrupt"
