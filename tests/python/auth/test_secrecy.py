"""No secret, token or cookie is in anything that is shown, logged, raised, recorded or pickled."""

from __future__ import annotations

import base64
import json
import logging
import pickle
import traceback
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.cap import PLANNER, TECHNICIAN, Cap
from servers.nginx import Nginx
from servers.oauth import CLIENT, OAuth
from support.maintenance import SERVICE
from support.plugins import build
from support.signing_in import ask
from switchgear.testing import RecordedTransport

WRONG = "canary-p4ss w/rd+ü"  # what encodings make of it must not be found either


@dataclass
class Case:
    """A way to sign in, and what must not be found afterwards."""

    url: str
    auth: sg.Auth
    secrets: list[str]  # as they were configured
    obtained: Callable[[], list[str]] = list  # what the source or the endpoint gave
    tls: sg.Tls = field(default_factory=sg.Tls)


@dataclass
class World:
    """The real systems, and where the secrets lie."""

    cap: Cap
    oauth: OAuth
    nginx: Nginx
    folder: Path
    setenv: Callable[[str, str], None]

    def secret(self, value: str) -> sg.Secret:
        self.setenv("CANARY", value)
        return sg.Secret.env("CANARY")


def basic(world: World, good: bool) -> Case:
    password = PLANNER[1] if good else WRONG
    sent = base64.b64encode(":".join(PLANNER).encode()).decode()
    return Case(world.cap.url, sg.BasicAuth(PLANNER[0], world.secret(password)), [WRONG, sent])


def bearer(world: World, good: bool) -> Case:
    token = str(ask(world.oauth.token_url, grant_type="client_credentials")["access_token"]) if good else WRONG
    trust = sg.Tls(ca_file=str(world.nginx.ca))
    return Case(f"{world.nginx.url}/bearer{SERVICE}", sg.BearerAuth(world.secret(token)), [token], tls=trust)


def api_key(world: World, _: bool) -> Case:
    """CAP knows no keys: it is refused either way."""
    return Case(world.cap.url, sg.ApiKey(world.secret(WRONG), query="subscription"), [WRONG])


def client_credentials(world: World, good: bool) -> Case:
    secret = CLIENT[1] if good else WRONG
    auth = sg.OAuth2ClientCredentials(world.oauth.token_url, CLIENT[0], world.secret(secret), client_auth="basic")
    trust = sg.Tls(ca_file=str(world.nginx.ca))
    return Case(f"{world.nginx.url}/bearer{SERVICE}", auth, [secret], world.oauth.access_tokens, trust)


def refresh_token(world: World, good: bool) -> Case:
    first = world.oauth.refresh_token() if good else WRONG
    world.setenv("CLIENT_SECRET", CLIENT[1])
    store = world.folder / "tokens.json"
    auth = sg.OAuth2RefreshToken(
        world.oauth.token_url, CLIENT[0], world.secret(first), sg.Secret.env("CLIENT_SECRET"), store=store
    )

    def obtained() -> list[str]:
        kept = json.loads(store.read_text()).values() if store.exists() else []
        return [*world.oauth.access_tokens(), *(entry["refresh_token"] for entry in kept)]

    trust = sg.Tls(ca_file=str(world.nginx.ca))
    return Case(f"{world.nginx.url}/bearer{SERVICE}", auth, [first, CLIENT[1]], obtained, trust)


def cookie_login(world: World, good: bool) -> Case:
    password = TECHNICIAN[1] if good else WRONG
    auth = sg.CookieLogin(
        world.cap.login_url,
        TECHNICIAN[0],
        world.secret(password),
        user_field="sap-user",
        password_field="sap-password",
        fields={"sap-client": "100"},
        session_cookie="SAP_SESSIONID_SG_100",
    )
    return Case(world.cap.gateway_url, auth, [password], world.cap.gateway_secrets)


def csrf(world: World, good: bool) -> Case:
    case = cookie_login(world, good)
    case.auth = sg.CsrfToken(f"{world.cap.gateway_url}/", case.auth)
    return case


KINDS = {
    function.__name__: function
    for function in (basic, bearer, api_key, client_credentials, refresh_token, cookie_login, csrf)
}


@pytest.fixture
def world(cap: Cap, oauth: OAuth, nginx_bearer: Nginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    return World(cap, oauth, nginx_bearer, tmp_path, monkeypatch.setenv)


@pytest.fixture(scope="module")
def closing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("closing/connector.cpp", tmp_path_factory.mktemp("connector") / "closing.so", "g++", "-std=c++17")


def forms(value: str) -> set[bytes]:
    """A secret, and what is made of it on its way."""
    return {
        value.encode(),
        urllib.parse.quote(value, safe="").encode(),
        urllib.parse.quote_plus(value).encode(),
        base64.b64encode(value.encode()).rstrip(b"="),
        json.dumps(value)[1:-1].encode(),
    }


def all_that_is_said(plant: sg.Connection, auth: sg.Auth, use: Callable[[], Any]) -> list[object]:
    """Uses the connection, and gathers whatever a person or a file may see of it."""
    said: list[object] = []
    try:
        use()
    except sg.Error as error:
        said += [str(error), repr(error), error.args, error.to_dict(), "".join(traceback.format_exception(error))]
    health = plant.check()
    said += [repr(health), health._repr_html_(), health.cause, health.next_step, [step.detail for step in health.steps]]
    if health.error is not None:
        said += [str(health.error), health.error.to_dict()]
    said += [repr(auth), str(auth), vars(auth), repr(plant), plant._repr_html_(), repr(plant._specification)]
    said += [pickle.dumps(auth), pickle.dumps(plant._specification)]
    return said


@pytest.mark.parametrize("good", [True, False], ids=["accepted", "refused"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_seen_anywhere(
    world: World, kind: str, good: bool, closing: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    case = KINDS[kind](world, good)
    caplog.set_level(logging.DEBUG)
    recording = tmp_path / "recording.jsonl"
    connector, config = ("odata", {}) if kind != "csrf" else (str(closing), {"work_order": 11})
    entity = "Vendors" if kind != "csrf" else "closed"
    plant = sg.connect(
        connector,
        url=case.url,
        auth=case.auth,
        tls=case.tls,
        transport=RecordedTransport(recording, "record"),
        **config,  # type: ignore[arg-type]
    )
    said = all_that_is_said(plant, case.auth, plant.read(entity).to_pylist)
    assert plant.check().online == (good and kind != "api_key"), "or this test looks at nothing"
    said += [caplog.text, recording.read_bytes()]
    everything = b"\n".join(item if isinstance(item, bytes) else str(item).encode() for item in said)
    hidden = [*case.secrets, *case.obtained()]
    assert recording.stat().st_size > 0
    assert not good or kind in ("basic", "bearer", "api_key") or case.obtained(), "something was obtained"
    found = [value for value in hidden for form in forms(value) if form in everything]
    assert not found


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_replays_without_any_secret(
    world: World, kind: str, closing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was taken out is not needed: whoever gets the file sees the same records with secrets of their own."""
    case = KINDS[kind](world, True)
    recording = tmp_path / "recording.jsonl"
    csrf_only: dict[str, Any] = {"work_order": 12} if kind == "csrf" else {}
    connector, entity = (str(closing), "closed") if kind == "csrf" else ("odata", "Vendors")

    def read(mode: Any) -> object:
        plant = sg.connect(
            connector,
            url=case.url,
            auth=case.auth,
            tls=case.tls,
            transport=RecordedTransport(recording, mode),
            **csrf_only,
        )
        try:
            return plant.read(entity).to_pylist()
        except sg.AuthError as error:
            return error.code

    live = read("record")
    monkeypatch.setenv("CANARY", "anything else")
    (tmp_path / "tokens.json").unlink(missing_ok=True)
    assert read("replay") == live
