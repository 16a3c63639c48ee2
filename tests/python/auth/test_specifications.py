"""Credentials are specifications: they print no secret, pickle only references, and compare by what they refer to."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

import switchgear as sg

LITERAL = "hunter2-hunter2"

KINDS: dict[str, Callable[[sg.Secret | str], sg.Auth]] = {
    "basic": lambda secret: sg.BasicAuth("alice", secret),
    "bearer": lambda secret: sg.BearerAuth(secret),
    "header": lambda secret: sg.ApiKey(secret, header="apikey"),
    "query": lambda secret: sg.ApiKey(secret, query="key"),
    "certificate": lambda secret: sg.ClientCertificate("c.pem", "k.pem", secret),
    "client credentials": lambda secret: sg.OAuth2ClientCredentials("https://h/t", "c", secret, "read"),
    "refresh token": lambda secret: sg.OAuth2RefreshToken("https://h/t", "c", secret, store="tokens.json"),
    "client secret": lambda secret: sg.OAuth2RefreshToken("https://h/t", "c", sg.Secret.env("R"), secret),
    "cookie login": lambda secret: sg.CookieLogin("https://h/login", "alice", secret, fields={"client": "100"}),
    "CSRF token": lambda secret: sg.CsrfToken("https://h/", sg.BasicAuth("alice", secret)),
    "both": lambda secret: sg.ClientCertificate("c.pem", "k.pem", and_with=sg.BearerAuth(secret)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wrap", [str, sg.Secret])
def test_a_literal_is_neither_shown_nor_pickled(kind: str, wrap: Callable[[str], sg.Secret | str]) -> None:
    auth = KINDS[kind](wrap(LITERAL))
    assert LITERAL not in repr(auth)
    assert LITERAL not in str(vars(auth))
    with pytest.raises(sg.ConfigError, match="literal secret is not stored or pickled") as raised:
        pickle.dumps(auth)
    assert LITERAL not in str(raised.value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reference_pickles(kind: str) -> None:
    auth = KINDS[kind](sg.Secret.env("PLANT_PW"))
    assert pickle.loads(pickle.dumps(auth)) == auth  # noqa: S301


def test_a_connection_with_a_literal_is_not_pickled() -> None:
    plant = sg.connect("odata", url="http://127.0.0.1:9/odata", auth=sg.BasicAuth("alice", LITERAL))
    assert LITERAL not in repr(plant) + plant._repr_html_() + repr(plant._specification)
    with pytest.raises(sg.ConfigError):
        pickle.dumps(plant)


def test_a_connection_pickles_as_its_specification() -> None:
    plant = sg.connect(
        "odata", id="sap-mt", url="http://127.0.0.1:9/odata", auth=sg.BasicAuth("alice", sg.Secret.env("X"))
    )
    copy = pickle.loads(pickle.dumps(plant))  # noqa: S301
    assert copy.id == "sap-mt"
    assert copy._specification == plant._specification


def test_an_api_key_goes_to_one_place() -> None:
    with pytest.raises(sg.ConfigError, match="either into a header or into the query"):
        sg.ApiKey("k", header="a", query="b")
    with pytest.raises(sg.ConfigError):
        sg.ApiKey("k")


def test_an_error_says_whose_it_is() -> None:
    plant = sg.connect("odata", id="sap-mt", url="http://127.0.0.1:9/odata")
    with pytest.raises(sg.OfflineError, match=r"offline\.connect: .*\(sap-mt\)") as raised:
        plant.entities()
    assert raised.value.connection_id == "sap-mt"
    assert raised.value.hint


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        (
            lambda: sg.OAuth2ClientCredentials("https://h/t", "c", "s", client_auth="bdy"),
            "'bdy' is not known",
            "'body'",
        ),
        (lambda: sg.OAuth2RefreshToken("https://h/t", "c", "r", client_auth="post"), "'post' is not known", "'basic'"),
        (lambda: sg.CookieLogin("https://h/", "u", "p", format="jsno"), "'jsno' is not known", "'json'"),
        (
            lambda: sg.CookieLogin("https://h/", "u", "p", fields={"pin": sg.Secret(LITERAL)}),  # type: ignore[dict-item]
            "fields['pin'] is a Secret",
            "arguments of their own",
        ),
        (
            lambda: sg.OAuth2ClientCredentials("https://h/t", "c", "s", parameters={"n": 5}),  # type: ignore[dict-item]
            "parameters['n'] is a int",
            "shown",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_when_it_is_made(make: Callable[[], sg.Auth], message: str, hint: str) -> None:
    with pytest.raises(sg.ConfigError) as raised:
        make()
    assert raised.value.code == "config.auth"
    assert message in raised.value.message
    assert hint in raised.value.hint
    assert LITERAL not in str(raised.value)


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        (sg.OAuth2ClientCredentials("login.example/token", "c", "s"), "login.example/token"),
        (sg.OAuth2ClientCredentials("https://h/t", "", "s"), "client_id"),
        (sg.CookieLogin("nowhere", "u", "p"), "nowhere"),
        (sg.CsrfToken("/sap/"), "/sap/"),
    ],
)
def test_a_wrong_address_is_refused_before_anything_is_sent(auth: sg.Auth, message: str) -> None:
    with pytest.raises(sg.ConfigError, match=message):
        sg.connect("odata", url="http://127.0.0.1:9/odata", auth=auth)


def test_a_connection_that_signs_in_pickles_as_its_specification() -> None:
    auth = sg.CsrfToken("https://h/", sg.OAuth2RefreshToken("https://h/t", "c", sg.Secret.env("R"), store="t.json"))
    plant = sg.connect("odata", id="sap-mt", url="http://127.0.0.1:9/odata", auth=auth)
    copy = pickle.loads(pickle.dumps(plant))  # noqa: S301
    assert copy._specification == plant._specification


def test_stores_are_what_they_are_called() -> None:
    store = sg.FileTokenStore("tokens.json")
    assert repr(store) == "FileTokenStore('tokens.json')"
    assert store == sg.FileTokenStore("tokens.json")
    assert store != sg.FileTokenStore("other.json")
    assert hash(store) == hash(sg.FileTokenStore("tokens.json"))
    assert store != "tokens.json"
    assert isinstance(store, sg.TokenStore)
    assert repr(sg.MemoryTokenStore()) == "MemoryTokenStore()"
    with pytest.raises(TypeError):
        pickle.dumps(sg.MemoryTokenStore())
