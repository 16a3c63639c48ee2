"""switchgear.toml and the command line sign in at real systems, and show where each setting came from but no secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from servers.cap import Cap
from servers.nginx import Nginx
from servers.oauth import CLIENT, OAuth
from support.maintenance import SERVICE
from support.running import Shell


@pytest.fixture
def shell(tmp_path: Path, oauth: OAuth, nginx_bearer: Nginx, cap: Cap) -> Shell:
    """A folder whose connections sign in each in its way."""
    shell = Shell(tmp_path)
    shell.env["XDG_STATE_HOME"] = str(tmp_path / "state")
    tls = f'tls = {{ca_file = "{nginx_bearer.ca}"}}\nconfig = {{url = "{nginx_bearer.url}/bearer{SERVICE}"}}\n'
    shell.write(
        f'[connections.client]\nconnector = "odata"\n{tls}'
        f'auth = {{type = "oauth2_client_credentials", token_url = "{oauth.token_url}", client_id = "sg", '
        'client_secret = "env:CLIENT_SECRET", scope = "read"}\n'
        f'[connections.user]\nconnector = "odata"\n{tls}'
        f'auth = {{type = "oauth2_refresh_token", token_url = "{oauth.token_url}", client_id = "sg", '
        'client_secret = "env:CLIENT_SECRET", refresh_token = "file:refresh.token", store = "tokens.json"}\n'
        f'[connections.session]\nconnector = "odata"\nconfig = {{url = "{cap.gateway_url}"}}\n'
        '[connections.session.auth]\ntype = "csrf"\n'
        f'fetch_url = "{cap.gateway_url}/"\n'
        '[connections.session.auth.and_with]\ntype = "cookie_login"\n'
        f'login_url = "{cap.login_url}"\nuser = "planner"\npassword = "env:SESSION_PASSWORD"\n'
        'user_field = "sap-user"\npassword_field = "sap-password"\nsession_cookie = "SAP_SESSIONID_SG_100"\n'
        'fields = {sap-client = "100"}\n'
    )
    (tmp_path / "refresh.token").write_text(oauth.refresh_token() + "\n")
    shell.env |= {"CLIENT_SECRET": CLIENT[1], "SESSION_PASSWORD": "planner"}
    return shell


@pytest.mark.parametrize("connection", ["client", "user", "session"])
def test_each_way_to_sign_in_checks_and_reads(shell: Shell, connection: str) -> None:
    assert shell("check", connection, "--json").json["online"] is True
    assert len(shell("read", connection, "Vendors", "--format", "jsonl").lines) == 25
    if connection == "user":
        assert (shell.folder / "tokens.json").exists(), "a store is named from the folder of its file"


def test_a_check_says_what_is_wrong_with_the_sign_in(shell: Shell, oauth: OAuth) -> None:
    found = shell("check", "client", "--json", code=1, CLIENT_SECRET="not-the-secret").json
    assert found["error"]["code"] == "auth_invalid.invalid_client"
    assert oauth.token_url in found["error"]["message"]
    assert "not-the-secret" not in json.dumps(found)
    (shell.folder / "refresh.token").write_text("no-such-refresh-token")
    said = shell("check", "user", code=1)
    assert "sign in again" in said.out + said.err
    assert "no-such-refresh-token" not in said.out + said.err


def test_a_setting_of_the_sign_in_can_come_from_the_environment(shell: Shell) -> None:
    shell.env |= {"CLIENT_SECRET": "wrong", "SWITCHGEAR_CONNECTION__CLIENT__AUTH__CLIENT_SECRET": CLIENT[1]}
    assert shell("check", "client", "--json").json["online"] is True


def test_doctor_shows_where_each_setting_came_from_and_no_secret(shell: Shell, oauth: OAuth) -> None:
    variable = "SWITCHGEAR_CONNECTION__SESSION__AUTH__AND_WITH__PASSWORD"
    shell.env[variable] = "from-the-environment"
    done = shell("doctor", "--json")
    settings = {setting["name"]: setting for setting in done.json["settings"]}
    file = str(shell.folder / "switchgear.toml")
    expected = {
        "connections.client.auth.type": ("oauth2_client_credentials", f"{file}:5"),
        "connections.client.auth.token_url": (oauth.token_url, f"{file}:5"),
        "connections.client.auth.client_secret": ("env:CLIENT_SECRET", f"{file}:5"),
        "connections.user.auth.store": (str(shell.folder / "tokens.json"), f"{file}:10"),
        "connections.user.auth.refresh_token": (f"file:{shell.folder / 'refresh.token'}", f"{file}:10"),
        "connections.session.auth.and_with.fields.sap-client": ("100", f"{file}:25"),
        "connections.session.auth.and_with.password": (f"env:{variable}", f"the environment variable {variable}"),
    }
    for name, (value, place) in expected.items():
        assert settings[name]["value"] == value
        assert settings[name]["place"] == place
    plain = shell("doctor").out
    for text in (done.out, plain):
        for secret in (CLIENT[1], "from-the-environment", (shell.folder / "refresh.token").read_text().strip()):
            assert secret not in text
