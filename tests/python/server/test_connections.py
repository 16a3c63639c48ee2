"""Connections over HTTP: which there are, how they are, and what is done to them."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.running import Shell
from support.serving import Serving
from switchgear.sandbox import Sandbox


def test_all_connections_are_listed_as_the_store_has_them(server: Serving) -> None:
    listed = server("GET", "/connections").json["connections"]
    assert [each["id"] for each in listed] == ["away", "other", "plant"]
    one = server("GET", "/connections/plant").json
    assert one in listed
    assert (one["connector"], one["owner"], one["state"], one["auth"]) == ("odata", "file", "active", None)


def test_an_unknown_connection_is_suggested_the_nearest_wherever_it_is_named(server: Serving) -> None:
    for method, path in (
        ("GET", "/connections/plnat"),
        ("DELETE", "/connections/plnat"),
        ("POST", "/connections/plnat/check"),
        ("POST", "/connections/plnat/pause"),
        ("GET", "/connections/plnat/diagnosis"),
        ("GET", "/connections/plnat/entities"),
        ("GET", "/connections/plnat/entities/WorkOrders/records"),
        ("GET", "/jobs?connection_id=plnat"),
    ):
        answer = server(method, path)
        assert (answer.status, answer.error["code"]) == (404, "not_found.connection"), path
        assert "did you mean 'plant'?" in answer.error["message"]


def test_a_check_says_what_is_wrong_without_failing_itself(server: Serving) -> None:
    well = server("POST", "/connections/plant/check", {"entities": ["WorkOrders"]})
    assert (well.status, well.json["online"], well.json["entities"][0]["entity"]) == (200, True, "WorkOrders")
    away = server("POST", "/connections/away/check")
    assert (away.status, away.json["online"]) == (200, False)
    assert away.json["error"]["code"] == "offline.connect"
    nothing = server("POST", "/connections/plant/check", {"entities": ["WorkOrdres"]})
    assert (nothing.status, nothing.error["code"]) == (404, "not_found.entity")


def test_a_diagnosis_names_the_cause_and_what_to_do(server: Serving) -> None:
    found = server("GET", "/connections/away/diagnosis?probe=true").json
    assert (found["scope"], found["code"]) == ("connection", "offline.connect")
    assert found["next_steps"]
    assert server("GET", "/connections/other/diagnosis?probe=false").json["probe"] is None


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/connections/away/entities", 502, "offline.connect"),
        ("/connections/away/entities/WorkOrders/records", 502, "offline.connect"),
    ],
)
def test_a_source_that_is_away_is_502_with_its_reason(server: Serving, path: str, status: int, code: str) -> None:
    answer = server("GET", path)
    assert answer.status == status
    assert answer.error["code"] == code
    assert answer.error["connection_id"] == "away"
    assert answer.error["retryable"] is True


def test_pause_disconnect_and_what_takes_them_back(shell: Shell) -> None:
    with Serving(shell) as server:
        records = "/connections/plant/entities/WorkOrders/records"
        for method, path, state in (
            ("POST", "/connections/plant/pause", "paused"),
            ("POST", "/connections/plant/resume", "active"),
            ("DELETE", "/connections/plant", "disconnected"),
            ("POST", "/connections/plant/reconnect", "active"),
        ):
            answer = server(method, path)
            assert (answer.status, answer.json["state"]) == (200, state)
            assert server("GET", "/connections/plant").json["state"] == state
            read = server("GET", f"{records}?page_size=5")
            assert read.status == (200 if state == "active" else 409)
            if state != "active":
                assert read.error["code"].startswith("circuit_open")
        assert server("GET", "/connections/other").json["state"] == "active"


def test_changes_at_the_same_time_do_not_fail_each_other(shell: Shell) -> None:
    with Serving(shell) as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
        changes = ["pause", "resume", "reconnect", "resume"] * 8
        answers = list(pool.map(lambda change: server("POST", f"/connections/other/{change}"), changes))
        assert {answer.status for answer in answers} == {200}
        assert server("POST", "/connections/other/resume").json["state"] == "active"


@pytest.fixture
def dropped(shell: Shell, box: Sandbox) -> Iterator[Serving]:
    """A server with the connection `erp`, which is the store's own and was disconnected."""
    shell("add", "erp", "odata", f"url={box.odata_url}", "--auth", "basic,user=alice,password=env:ERP_PW")
    with Serving(shell) as server:
        assert server("DELETE", "/connections/erp").json["state"] == "disconnected"
        yield server


def test_reconnecting_brings_credentials_by_reference(dropped: Serving, tmp_path: Path) -> None:
    without = dropped("POST", "/connections/erp/reconnect")
    assert (without.status, without.error["code"]) == (422, "config.credentials")
    password = tmp_path / "password"
    auth = {"type": "basic", "user": "alice", "password": f"file:{password}"}
    answer = dropped("POST", "/connections/erp/reconnect", {"auth": auth})
    assert (answer.status, answer.json["state"], answer.json["auth"]) == (200, "active", "basic")
    assert str(password) not in answer.body.decode()
    records = "/connections/erp/entities/WorkOrders/records?page_size=1"
    missing = dropped("GET", records)
    assert (missing.error["code"], str(password) in missing.error["message"]) == ("config.secret", True)
    password.write_text("s3cret-of-alice")
    assert dropped("GET", records).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"auth": {"type": "basic", "user": "alice", "password": "hunter2-hunter2"}},
        {"auth": {"type": "bearer", "token": {"value": "hunter2-hunter2"}}},
        {"auth": "hunter2-hunter2"},
        {"secrets": {"api_key": "hunter2-hunter2"}},
        {"secrets": "hunter2-hunter2"},
    ],
    ids=lambda body: str(body)[:40],
)
def test_a_secret_itself_is_refused_and_repeated_nowhere(dropped: Serving, body: dict[str, Any]) -> None:
    answer = dropped("POST", "/connections/erp/reconnect", body)
    assert answer.status in (400, 422)
    assert answer.error["code"] in ("config.secret", "config.project_file", "bad_request.type")
    assert "hunter2" not in answer.body.decode() + dropped.log
    assert dropped("GET", "/connections/erp").json["state"] == "disconnected"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("https://elsewhere.example/token", "token_url"),
        ("http://{own}@elsewhere.example/token", "token_url"),
        ("http://elsewhere.example\\@{own}/token", "token_url"),
        ("http://[", "token_url"),
    ],
)
def test_no_request_has_a_secret_sent_elsewhere(dropped: Serving, box: Sandbox, url: str, named: str) -> None:
    given = url.replace("{own}", urlsplit(box.odata_url).netloc)
    oauth = {"client_id": "me", "client_secret": "env:HOME", "token_url": given}
    answer = dropped("POST", "/connections/erp/reconnect", {"auth": {"type": "oauth2_client_credentials", **oauth}})
    assert (answer.status, answer.error["code"]) == (422, "config.auth")
    assert named in answer.error["message"]
    wrapped = {"type": "csrf", "fetch_url": given, "and_with": {"type": "bearer", "token": "env:HOME"}}
    assert dropped("POST", "/connections/erp/reconnect", {"auth": wrapped}).error["code"] == "config.auth"
    kept = {**oauth, "token_url": box.odata_url, "refresh_token": "env:HOME", "store": "/etc/passwd"}
    refused = dropped("POST", "/connections/erp/reconnect", {"auth": {"type": "oauth2_refresh_token", **kept}})
    assert refused.error["code"] == "config.auth"
    assert dropped("GET", "/connections/erp").json["state"] == "disconnected"


def test_a_sign_in_at_the_source_itself_is_taken(dropped: Serving, box: Sandbox) -> None:
    login = {"type": "cookie_login", "login_url": box.odata_url, "user": "alice", "password": "env:ERP_PW"}
    answer = dropped("POST", "/connections/erp/reconnect", {"auth": login})
    assert (answer.status, answer.json["auth"]) == (200, "cookie_login")


def test_what_the_project_file_owns_is_changed_there(dropped: Serving) -> None:
    auth = {"type": "bearer", "token": "env:HOME"}
    answer = dropped("POST", "/connections/plant/reconnect", {"auth": auth})
    assert (answer.status, answer.error["code"]) == (409, "conflict.owner")
