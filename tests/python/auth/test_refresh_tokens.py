"""Refresh tokens that a real server rotates: kept in a file that processes share, and what happens when one ends."""

from __future__ import annotations

import json
import os
import pickle
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.cap import Cap
from servers.nginx import Nginx
from servers.oauth import CLIENT, OAuth
from support.maintenance import SERVICE, database, first_difference
from support.signing_in import ask, behind, is_good, revoke, wait_until_all_tokens_expired

# What one of several processes does: reads all work orders once, on a connection of its own.
SCRIPT = """
import sys
import switchgear as sg

url, ca_file, token_url, store = sys.argv[1:]
auth = sg.OAuth2RefreshToken(token_url, "sg", sg.Secret.env("FIRST_TOKEN"), "s3cret", store=store)
plant = sg.connect("odata", id="plant", url=url, auth=auth, tls=sg.Tls(ca_file=ca_file))
print(sum(len(page) for page in plant.read("WorkOrders", prefetch=1)))
"""


def start_reading(nginx: Nginx, oauth: OAuth, store: Path, first: str) -> subprocess.Popen[str]:
    arguments = [f"{nginx.url}/bearer{SERVICE}", str(nginx.ca), oauth.token_url, str(store)]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        env={**os.environ, "FIRST_TOKEN": first},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.strip()


def signed_in(oauth: OAuth, store: Any = None, first: str | None = None) -> sg.OAuth2RefreshToken:
    return sg.OAuth2RefreshToken(oauth.token_url, CLIENT[0], first or oauth.refresh_token(), CLIENT[1], store=store)


def stored(path: Path) -> dict[str, Any]:
    """The one sign-in that a token file holds."""
    (entry,) = json.loads(path.read_text()).values()
    return dict(entry)


def test_two_processes_rotate_one_refresh_token_in_turns(oauth: OAuth, nginx_bearer: Nginx, tmp_path: Path) -> None:
    store, first = tmp_path / "tokens.json", oauth.refresh_token()
    given, refused = oauth.grants("refresh_token")
    processes = [start_reading(nginx_bearer, oauth, store, first) for _ in range(2)]
    assert [result(process) for process in processes] == ["20000", "20000"]
    now_given, now_refused = oauth.grants("refresh_token")
    assert now_refused == refused, "no spent token was sent: the server would have ended the sign-in"
    assert now_given - given >= 2
    assert stat.S_IMODE(store.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob("tokens*")) == ["tokens.json", "tokens.json.lock"]
    assert stored(store)["refresh_token"] != first


def test_a_process_takes_the_token_that_another_one_obtained(cap: Cap, start_server: Any, tmp_path: Path) -> None:
    oauth = start_server(OAuth, access_token_ttl=600)
    nginx = start_server(Nginx, cap.origin, bearer_check=oauth.verify_url)
    first = oauth.refresh_token()
    processes = [start_reading(nginx, oauth, tmp_path / "tokens.json", first) for _ in range(2)]
    assert [result(process) for process in processes] == ["20000", "20000"]
    assert oauth.grants("refresh_token") == (1, 0)


def test_the_default_store_is_in_the_users_state_folder(oauth: OAuth, nginx_bearer: Nginx, state_folder: Path) -> None:
    plant = behind(nginx_bearer, signed_in(oauth), id="plant")
    assert len(plant.read("Vendors").to_pylist()) == 25
    path = state_folder / "switchgear/tokens.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    (key,) = json.loads(path.read_text())
    assert key.startswith("plant#")


def test_a_rotated_token_outlives_its_connection(oauth: OAuth, nginx_bearer: Nginx, tmp_path: Path) -> None:
    auth = signed_in(oauth, sg.FileTokenStore(str(tmp_path / "tokens.json")))
    for _ in range(3):
        again = replace(auth, store=pickle.loads(pickle.dumps(auth.store)))  # noqa: S301
        assert again == auth
        assert len(behind(nginx_bearer, again).read("Vendors").to_pylist()) == 25


@pytest.mark.parametrize("store", [None, "memory"])
def test_a_revoked_refresh_token_wants_a_person(oauth: OAuth, nginx_bearer: Nginx, store: str | None) -> None:
    first = oauth.refresh_token()
    revoke(oauth, first)
    plant = behind(nginx_bearer, signed_in(oauth, sg.MemoryTokenStore() if store else None, first))
    with pytest.raises(sg.AuthError, match=oauth.token_url) as raised:
        plant.read("Vendors").to_pylist()
    error = raised.value
    assert (error.code, error.retryable) == ("auth_invalid.invalid_grant", False)
    assert "sign in again" in error.hint
    assert first not in str(error.to_dict())
    health = plant.check()
    assert [step.name for step in health.steps if step.state == "failed"] == ["auth"]
    assert "sign in again" in health.next_step


def test_a_refresh_token_that_is_revoked_in_mid_read_ends_the_read_with_its_reason(
    oauth: OAuth, nginx_bearer: Nginx, tmp_path: Path
) -> None:
    store = tmp_path / "tokens.json"
    reader = behind(nginx_bearer, signed_in(oauth, store)).read("WorkOrders", prefetch=1)
    pages = iter(reader)
    assert len(next(pages)) == 1000
    revoke(oauth, stored(store)["refresh_token"])
    wait_until_all_tokens_expired(oauth)
    with pytest.raises(sg.AuthError) as raised:
        for _ in pages:
            pass
    assert raised.value.code == "auth_invalid.invalid_grant"
    assert reader.token, "once somebody signed in again, the read goes on where it stopped"


def test_somebody_who_signed_in_again_goes_on_where_the_read_stopped(
    oauth: OAuth, nginx_bearer: Nginx, cap: Cap, tmp_path: Path
) -> None:
    store = tmp_path / "tokens.json"
    reader = behind(nginx_bearer, signed_in(oauth, store), id="plant").read("WorkOrders", prefetch=1)
    records = next(iter(reader)).to_pylist()
    revoke(oauth, stored(store)["refresh_token"])
    wait_until_all_tokens_expired(oauth)
    again = behind(nginx_bearer, signed_in(oauth, store), id="plant")
    records += again.read("WorkOrders", token=reader.token).to_pylist()
    assert first_difference(records, database(cap, "WorkOrders")) is None


@pytest.mark.parametrize("skew", [86_400, -86_400])
def test_the_clock_of_whoever_stored_a_token_may_be_wrong(
    oauth: OAuth, nginx_bearer: Nginx, tmp_path: Path, skew: int
) -> None:
    """A day ahead: the stored token looks good and is refused by the source. A day behind: a good one looks old."""
    store = tmp_path / "tokens.json"
    auth = signed_in(oauth, store)
    assert len(behind(nginx_bearer, auth).read("Vendors").to_pylist()) == 25
    everything = json.loads(store.read_text())
    for entry in everything.values():
        entry["expires_at"] = int(time.time()) + skew
    store.write_text(json.dumps(everything))
    if skew > 0:
        wait_until_all_tokens_expired(oauth)
    given, refused = oauth.grants("refresh_token")
    assert len(behind(nginx_bearer, auth).read("Vendors", limit=5).to_pylist()) == 5
    now_given, now_refused = oauth.grants("refresh_token")
    assert now_given > given
    assert now_refused == refused


def test_a_token_file_that_others_can_read_is_refused(oauth: OAuth, nginx_bearer: Nginx, tmp_path: Path) -> None:
    store = tmp_path / "tokens.json"
    store.write_text("{}")
    store.chmod(0o644)
    with pytest.raises(sg.StoreError, match="can be read by others") as raised:
        behind(nginx_bearer, signed_in(oauth, store)).read("Vendors").to_pylist()
    assert "chmod 600" in raised.value.hint


def test_without_rotation_the_first_token_stays(cap: Cap, start_server: Any, tmp_path: Path) -> None:
    oauth = start_server(OAuth, access_token_ttl=600, rotate=False)
    nginx = start_server(Nginx, cap.origin, bearer_check=oauth.verify_url)
    store, first = tmp_path / "tokens.json", oauth.refresh_token()
    assert len(behind(nginx, signed_in(oauth, store, first)).read("Vendors").to_pylist()) == 25
    assert stored(store)["refresh_token"] == first


def test_the_servers_own_view_of_tokens(oauth: OAuth) -> None:
    """What the tests above lean on."""
    token = ask(oauth.token_url, grant_type="client_credentials")["access_token"]
    assert is_good(oauth, token)
    wait_until_all_tokens_expired(oauth)
    assert not is_good(oauth, token)


HUB_SCRIPT = """
import sys
import switchgear as sg
plant = sg.Hub(sys.argv[1]).connection("plant")
print(sum(len(page) for page in plant.read("WorkOrders", prefetch=1)))
"""


def test_processes_of_a_hub_rotate_one_refresh_token_which_lies_sealed_in_its_store(
    oauth: OAuth, nginx_bearer: Nginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = oauth.refresh_token()
    monkeypatch.setenv("FIRST_TOKEN", first)
    monkeypatch.setenv("CLIENT_SECRET", CLIENT[1])
    auth = sg.OAuth2RefreshToken(
        oauth.token_url, CLIENT[0], sg.Secret.env("FIRST_TOKEN"), sg.Secret.env("CLIENT_SECRET")
    )
    hub = sg.Hub(tmp_path / "plant.db")
    url = f"{nginx_bearer.url}/bearer{SERVICE}"
    hub.add("plant", "odata", {"url": url}, auth=auth, tls=sg.Tls(ca_file=str(nginx_bearer.ca)))
    given, refused = oauth.grants("refresh_token")
    command = [sys.executable, "-c", HUB_SCRIPT, str(tmp_path / "plant.db")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [result(process) for process in processes] == ["20000", "20000"]
    now_given, now_refused = oauth.grants("refresh_token")
    assert (now_refused, now_given > given) == (refused, True)
    assert not (tmp_path / "state").exists(), "the hub keeps them, and nobody else"
    key = tmp_path / "plant.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for file in tmp_path.glob("plant.db*"):
        assert first.encode() not in file.read_bytes()
    key.unlink()
    with pytest.raises(sg.ConfigError) as lost:
        sg.Hub(tmp_path / "plant.db").connection("plant").read("Assets", limit=1).to_pylist()
    assert lost.value.code == "config.store_key"
