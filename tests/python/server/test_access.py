"""Who is answered: tokens with their scopes and connections, and this machine as long as there never was a token."""

from __future__ import annotations

from typing import Any

import pytest

from support.running import Shell
from support.serving import Serving

RECORDS = "/connections/plant/entities/WorkOrders/records"
ACTING = [
    ("POST", "/connections/plant/check"),
    ("POST", "/connections/plant/pause"),
    ("POST", "/connections/plant/resume"),
    ("POST", "/connections/plant/reconnect"),
    ("DELETE", "/connections/plant"),
    ("POST", RECORDS),
    ("POST", "/jobs/x/retry"),
    ("POST", "/jobs/x/cancel"),
]
LOOKING = ["/connections", "/connections/plant", "/connections/plant/entities", f"{RECORDS}?page_size=1", "/jobs"]


def made(server: Serving, *options: str) -> dict[str, Any]:
    token: dict[str, Any] = server.shell("token", "create", "--json", *options).json
    return token


def test_everything_but_the_health_needs_a_token(guarded: Serving) -> None:
    assert guarded("GET", "/healthz").json == {"status": "ok"}
    for method, path in [*ACTING, *(("GET", path) for path in LOOKING), ("GET", "/openapi.json"), ("GET", "/nowhere")]:
        answer = guarded(method, path)
        assert (answer.status, answer.error["code"]) == (401, "auth_invalid.no_token"), path
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="switchgear"'


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer sgt_0000", "auth_invalid.token"),
        ("Bearer ", "auth_invalid.scheme"),
        ("Bearer", "auth_invalid.scheme"),
        ("Basic YWxpY2U6cHc=", "auth_invalid.scheme"),
        ("sgt_0000", "auth_invalid.scheme"),
    ],
)
def test_what_is_no_token_is_refused_also_where_none_is_asked_for(
    guarded: Serving, server: Serving, header: str, code: str
) -> None:
    for each in (guarded, server):
        answer = each("GET", "/connections", Authorization=header)
        assert (answer.status, answer.error["code"]) == (401, code)
        assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_a_token_to_read_looks_and_does_not_act(guarded: Serving) -> None:
    token = made(guarded)["token"]
    for path in LOOKING:
        assert guarded("GET", path, token=token).status == 200, path
    for method, path in ACTING:
        answer = guarded(method, path, token=token)
        assert (answer.status, answer.error["code"]) == (403, "permission.scope"), path
    assert guarded("GET", "/connections/plant", token=token).json["state"] == "active"


def test_a_token_for_one_connection_sees_no_other(guarded: Serving) -> None:
    every = made(guarded, "--scope", "operate")["token"]
    token = made(guarded, "--scope", "operate", "--connection", "plant")["token"]
    of_other = guarded(
        "POST", RECORDS.replace("plant", "other"), {"records": [{"ID": 1}]}, token=every, Prefer="respond-async"
    ).json["id"]
    mine = guarded("POST", RECORDS, {"records": [{"ID": 1}]}, token=token, Prefer="respond-async").json["id"]

    assert [each["id"] for each in guarded("GET", "/connections", token=token).json["connections"]] == ["plant"]
    assert [each["id"] for each in guarded("GET", "/jobs", token=token).json["jobs"]] == [mine]
    assert {each["id"] for each in guarded("GET", "/jobs", token=every).json["jobs"]} == {mine, of_other}
    paged = guarded("GET", "/jobs?limit=1", token=token).json
    assert ([each["id"] for each in paged["jobs"]], paged["next_cursor"]) == ([mine], mine) or not paged["next_cursor"]
    for method, path in (
        ("GET", "/connections/other"),
        ("GET", "/connections/never-was"),  # whether there is one is not told
        ("POST", "/connections/other/pause"),
        ("GET", "/jobs?connection_id=other"),
        ("GET", f"/jobs/{of_other}"),
        ("POST", f"/jobs/{of_other}/cancel"),
    ):
        answer = guarded(method, path, token=token)
        assert (answer.status, answer.error["code"]) == (403, "permission.connection"), path
    assert guarded("GET", "/connections/other", token=every).json["state"] == "active"


def test_a_revoked_token_is_refused_at_once_and_leaves_no_door_open(shell: Shell) -> None:
    token = shell("token", "create", "--name", "night shift", "--scope", "operate", "--days", "30", "--json").json
    with Serving(shell) as server:
        assert server("GET", "/connections", token=token["token"]).status == 200
        (listed,) = shell("token", "list", "--json").json
        assert (listed["id"], listed["state"], listed["name"]) == (token["id"], "active", "night shift")
        assert listed["last_used_at"] is not None
        assert token["token"] not in shell("token", "list").out
        assert "revoked" in shell("token", "revoke", token["id"]).out
        assert server("GET", "/connections", token=token["token"]).error["code"] == "auth_invalid.token"
        assert server("GET", "/connections").error["code"] == "auth_invalid.no_token"
        assert token["token"] not in server.log
    assert "night shift" in shell("token", "list").out
    assert b"sgt_" not in (shell.folder / "plant.db").read_bytes()


def test_tokens_that_can_not_be_made(shell: Shell) -> None:
    assert "did you mean 'plant'?" in shell("token", "create", "--connection", "plnt", code=1).err
    shell("token", "create", "--scope", "write", code=2)
    shell("token", "create", "--days", "0", code=2)
    assert "there is no token 'x'" in shell("token", "revoke", "x", code=1).err
    assert shell("token", "list", "--json").json == []


# -- without a token


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8321", "127.5.5.5", "[::1]:1"])
def test_this_machine_is_answered_by_each_of_its_names(server: Serving, host: str) -> None:
    assert server("GET", "/connections", Host=host).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name of its own that a page lets resolve to 127.0.0.1
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example:8321"},
        {"Host": "evil.example@127.0.0.1.nip.io"},
        {"Host": "0.0.0.0"},  # noqa: S104 - to be refused
        {"Host": "[fe80::1]"},
        {"Host": "[::1"},
        {"Host": "evil.example@127.0.0.1"},
        {"Host": "127.0.0.1/evil.example"},
        {"Host": "localhost:80:90"},
        {"Host": "127.1"},
        {"Host": ""},
        {"Forwarded": "for=10.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"X-Forwarded-Host": "localhost"},
        {"X-Real-IP": "127.0.0.1"},
        {"Via": "1.1 proxy"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_nobody_else_is_answered_without_a_token(server: Serving, headers: dict[str, str]) -> None:
    for method, path in (("GET", "/connections"), ("POST", "/connections/plant/pause"), ("GET", "/nowhere")):
        answer = server(method, path, **{name.replace("-", "_"): value for name, value in headers.items()})
        assert (answer.status, answer.error["code"]) == (403, "permission.loopback"), answer.body
        assert "switchgear token create" in answer.error["hint"]
    assert server("GET", "/connections/plant").json["state"] == "active"


def test_a_page_of_the_server_itself_may_ask(server: Serving) -> None:
    host, port = server.address
    own = f"{host}:{port}"
    assert server("GET", "/jobs", Host=own, Origin=f"http://{own}", Sec_Fetch_Site="same-origin").status == 200


def test_two_hosts_are_none(server: Serving) -> None:
    reply = server.raw(
        b"GET /connections HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    )
    assert reply.split(b" ", 2)[1] in (b"400", b"403")
    reply = server.raw(b"GET /connections HTTP/1.0\r\n\r\n")
    assert reply.split(b" ", 2)[1] == b"403"
