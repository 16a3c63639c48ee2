"""`switchgear check` and `switchgear diagnose`, as commands, against real servers: what is wrong, and what to do."""

from __future__ import annotations

import json
import re
import socket
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from servers.cap import Cap
from servers.nginx import Nginx
from servers.oauth import CLIENT, OAuth
from support.running import Shell
from support.signing_in import revoke, wait_until_all_tokens_expired
from support.verdicts import SERVICE, Plant, affected, stage, states

ENTITIES = {"Assets", "WorkOrders", "Operations", "Permits", "Readings", "Vendors"}


@dataclass(frozen=True)
class Expected:
    """What both commands have to find."""

    code: str
    stage: str
    says: tuple[str, ...]  # in the cause
    next: str  # in one of the next steps
    scope: str = "connection"


def assert_found(shell: Shell, expected: Expected) -> None:
    health = shell("check", "plant", "--json", code=1).json
    assert health["online"] is False
    assert health["error"]["code"] == expected.code
    assert stage(health) == expected.stage
    found = shell("diagnose", "plant", "--json", code=1).json
    assert (found["scope"], found["code"]) == (expected.scope, expected.code)
    for words in expected.says:
        assert words in found["cause"]
    assert [step for step in found["next_steps"] if expected.next in step], found["next_steps"]
    assert found["affected"][0]["code"] == expected.code
    assert found["affected"][0]["count"] >= 1
    assert found["evidence"]
    assert found["probe"]["error"]["code"] == expected.code
    shown = shell("diagnose", "plant", code=1).out
    assert f"hit: everything ({expected.code})" in shown
    assert expected.next in shown


def test_a_wrong_host(plant: Plant) -> None:
    shell = plant("https://no-such-host.invalid")
    assert_found(
        shell, Expected("offline.dns", "dns", ("cannot be resolved", "misspelt"), "getent hosts no-such-host.invalid")
    )


def test_a_closed_port(plant: Plant) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        port = taken.getsockname()[1]
        shell = plant(f"http://127.0.0.1:{port}")
        said = (f"port {port} of host 127.0.0.1 refuses", "firewall", "service is down")
        assert_found(shell, Expected("offline.connect", "connect", said, f"nc -vz 127.0.0.1 {port}"))


@pytest.mark.parametrize(
    ("door", "authority", "says", "advice"),
    [
        ("url", "unknown_ca", ("not trusted here", "issued by CN = switchgear test CA"), "ca_file"),
        ("expired_url", "ca", ("has expired", "valid until 2020-02-01"), "renew it on the server"),
        ("wrong_host_url", "ca", ("is for another host name", "for other.example"), "reissued with 127.0.0.1"),
    ],
    ids=["unknown CA", "expired", "wrong host"],
)
def test_certificates(
    nginx_tls: Nginx, plant: Plant, door: str, authority: str, says: tuple[str, ...], advice: str
) -> None:
    before = len(nginx_tls.requests())
    shell = plant(getattr(nginx_tls, door), ca=getattr(nginx_tls, authority))
    assert_found(shell, Expected("offline.tls", "tls", says, advice))
    health = shell("check", "plant", "--json", code=1).json
    assert health["certificate"]["issuer"] == "CN = switchgear test CA"
    times = {step["name"]: step["latency_ms"] for step in health["steps"]}
    assert times["connect"] > 0
    assert times["tls"] > 0, "the step that failed is timed, too"
    assert len(nginx_tls.requests()) == before, "nothing is sent to a server that is not trusted"


def test_a_wrong_password(cap: Cap, plant: Plant) -> None:
    shell = plant(cap.origin)
    shell.env["PLANT_PW"] = "wrong-hunter2"
    expected = Expected("auth_invalid", "auth", ("user, password or token are wrong", "401"), "check user and password")
    assert_found(shell, expected)
    done = shell("diagnose", "plant", code=1)
    assert "hunter2" not in done.out + done.err


def test_a_password_that_was_changed(cap: Cap, plant: Plant) -> None:
    shell = plant(cap.origin)
    shell("check", "plant")
    shell.env["PLANT_PW"] = "an-old-one"
    found = shell("diagnose", "plant", "--json", code=1).json
    assert (found["scope"], found["code"]) == ("connection", "auth_invalid")
    assert re.search(r"were taken until 20\d\d-.*Z and are refused since", found["cause"])


def test_a_missing_permission_on_one_entity(cap: Cap, plant: Plant) -> None:
    shell = plant(cap.origin, user="reader")
    health = shell("check", "plant", "--json", code=1).json
    assert health["online"] is True
    assert stage(health) == "permission"
    assert (health["error"]["code"], health["error"]["entity"]) == ("permission", "Vendors")
    assert {each["entity"]: each["state"] for each in health["entities"]} == {
        name: "failed" if name == "Vendors" else "ok" for name in ENTITIES
    }
    shown = shell("check", "plant", code=1).out
    assert re.search(r"failed\s+Vendors\s+[\d.]+\s+permission", shown)
    assert "plant is online, but permission: " in shown
    assert "next: ask the source's administrator" in shown
    shell("check", "plant", "--entities", "Assets,WorkOrders")
    found = shell("diagnose", "plant", "--json", code=1).json
    assert found["scope"] == "entity"
    assert affected(found) == [("Vendors", "read", "permission")]
    assert "the user may not do this: no permission for reading Vendors" in found["cause"]
    assert "administrator" in found["next_steps"][0]
    assert any(line.startswith("still works: reading Assets") for line in found["evidence"])
    assert "hit: some entities (permission): Vendors" in shell("diagnose", "plant", code=1).out


def test_a_permission_that_is_withdrawn_while_in_use(nginx_tls: Nginx, plant: Plant) -> None:
    shell = plant(nginx_tls.url, ca=nginx_tls.ca)
    shell("read", "plant", "Assets", "--limit", "1")
    nginx_tls.switch("forbidden", entity="Assets")
    assert "permission" in shell("read", "plant", "Assets", "--limit", "1", code=1).err
    found = shell("diagnose", "plant", "--json", code=1).json
    assert (found["scope"], found["code"]) == ("entity", "permission")
    assert affected(found) == [("Assets", "read", "permission")]
    (entry,) = found["affected"]
    assert entry["count"] == 2, "the read and the check of this command"
    assert entry["last_success"] < entry["first_seen"] <= entry["last_seen"]
    worked_until = entry["last_success"][:19]
    assert f"the permission for reading Assets was withdrawn: it worked until {worked_until}" in found["cause"]
    assert any("what was changed for this user after " in step for step in found["next_steps"])
    nginx_tls.switch("forbidden", on=False, entity="Assets")
    shell("check", "plant")
    assert shell("diagnose", "plant", "--json").json["scope"] == "none", "it works again"


def test_a_rate_limit(nginx_tls: Nginx, plant: Plant) -> None:
    shell = plant(nginx_tls.url, ca=nginx_tls.ca, service=f"/limited{SERVICE}")
    health = shell("check", "plant", "--json", code=1).json
    assert health["error"]["code"] == "rate_limit"
    assert health["error"]["retry_after_seconds"] == 1
    found = shell("diagnose", "plant", "--json", code=1).json
    assert (found["scope"], found["code"]) == ("connection", "rate_limit")
    assert "limits how often it is asked" in found["cause"]
    assert any("lower rate_limit" in step for step in found["next_steps"])


def test_a_login_page(nginx_tls: Nginx, plant: Plant) -> None:
    nginx_tls.switch("login")
    shell = plant(nginx_tls.url, ca=nginx_tls.ca)
    said = ("page for people", "sign-in page")
    assert_found(shell, Expected("auth_expired", "auth", said, "open the url in a browser"))


@pytest.mark.parametrize(
    ("switch", "code", "word"),
    [("failing", "server", "fails inside"), ("unavailable", "unavailable", "down for now")],
)
def test_a_source_that_fails(nginx_tls: Nginx, plant: Plant, switch: str, code: str, word: str) -> None:
    nginx_tls.switch(switch)
    found = plant(nginx_tls.url, ca=nginx_tls.ca)("diagnose", "plant", "--json", code=1).json
    assert (found["scope"], found["code"]) == ("connection", code)
    assert word in found["cause"]
    assert found["next_steps"]


def test_one_entity_that_fails(nginx_tls: Nginx, plant: Plant) -> None:
    nginx_tls.switch("failing", entity="WorkOrders")
    found = plant(nginx_tls.url, ca=nginx_tls.ca)("diagnose", "plant", "--json", code=1).json
    assert (found["scope"], found["code"]) == ("entity", "server")
    assert affected(found) == [("WorkOrders", "read", "server")]
    assert "when it comes to reading WorkOrders" in found["cause"]


def test_a_revoked_refresh_token(oauth: OAuth, nginx_bearer: Nginx, plant: Plant) -> None:
    secrets = 'client_secret = "env:CLIENT_SECRET", refresh_token = "env:FIRST_TOKEN"'
    auth = f'{{type = "oauth2_refresh_token", token_url = "{oauth.token_url}", client_id = "{CLIENT[0]}", {secrets}}}'
    shell = plant(nginx_bearer.url, ca=nginx_bearer.ca, auth=auth, service=f"/bearer{SERVICE}")
    shell.env |= {"CLIENT_SECRET": CLIENT[1], "FIRST_TOKEN": oauth.refresh_token()}
    assert shell("check", "plant", "--json").json["online"] is True
    (kept,) = json.loads((shell.folder / "state/switchgear/tokens.json").read_text()).values()
    revoke(oauth, kept["refresh_token"])
    wait_until_all_tokens_expired(oauth)
    health = shell("check", "plant", "--json", code=1).json
    assert health["error"]["code"] == "auth_invalid.invalid_grant"
    assert states(health) | {"http": "skipped", "auth": "failed", "permission": "skipped"} == states(health)
    assert (states(health)["connect"], states(health)["tls"]) == ("ok", "ok"), "the source itself is there"
    found = shell("diagnose", "plant", "--json", code=1).json
    assert (found["scope"], found["code"]) == ("connection", "auth_invalid.invalid_grant")
    assert "the refresh token is no longer valid: it was revoked" in found["cause"]
    assert any("sign in again" in step for step in found["next_steps"])
    assert kept["refresh_token"] not in json.dumps(found)


def test_a_healthy_source(nginx_tls: Nginx, plant: Plant) -> None:
    shell = plant(nginx_tls.url, ca=nginx_tls.ca)
    health = shell("check", "plant", "--json").json
    assert set(states(health).values()) == {"ok"}
    assert {each["entity"] for each in health["entities"]} == ENTITIES
    assert "127.0.0.1" in health["certificate"]["names"]
    shown = shell("check", "plant").out
    assert re.search(r"ok\s+tls\s+[\d.]+\s+CN = .*, issued by CN = switchgear test CA, valid until 20", shown)
    assert "plant is online (" in shown
    done = shell("diagnose", "plant")
    assert "plant: nothing is wrong now" in done.out
    assert "a check at 20" in done.out


def test_a_bundle_holds_what_support_needs_and_no_secret(cap: Cap, plant: Plant, tmp_path: Path) -> None:
    shell = plant(cap.origin, user="reader")
    shell("read", "plant", "Vendors", code=1)
    done = shell("diagnose", "plant", "--bundle", "plant.zip", code=1)
    assert "written to plant.zip" in done.err
    with zipfile.ZipFile(tmp_path / "plant.zip") as bundle:
        parts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    assert set(parts) == {
        f"{name}.json" for name in ("connection", "diagnosis", "operations", "probe", "errors", "versions")
    }
    loaded = {name: json.loads(text) for name, text in parts.items()}
    assert loaded["connection.json"]["id"] == "plant"
    assert loaded["diagnosis.json"]["scope"] == "entity"
    assert loaded["errors.json"][0]["code"] == "permission"
    assert {each["entity"] for each in loaded["operations.json"]["successes"]} >= {"Assets", "WorkOrders"}
    assert loaded["probe.json"]["online"] is True
    assert loaded["versions.json"]["switchgear"]
    # reader's password is "reader" too; its Basic credentials in base64 must not be there either.
    assert "cmVhZGVyOnJlYWRlcg" not in "".join(parts.values())
    said = shell("diagnose", "plant", "--bundle", "nowhere/plant.zip", code=1).err
    assert said.startswith("destination.file: nowhere/plant.zip: ")


def test_an_unknown_entity_is_the_callers_mistake(cap: Cap, plant: Plant) -> None:
    said = plant(cap.origin)("check", "plant", "--entities", "WorkOrder", code=1).err
    assert said.startswith("not_found.entity: ")
    assert "did you mean 'WorkOrders'?" in said
