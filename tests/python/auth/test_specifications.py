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
