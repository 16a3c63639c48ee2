"""`keyring:SERVICE/NAME` by the real keyring package, with a backend of this test; and what is said without either."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as NoKeyring
from keyring.errors import KeyringLocked

import switchgear as sg
from servers.cap import READER, Cap


class InMemory(KeyringBackend):
    """Entries in a dict; counts how often it was asked."""

    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.entries: dict[tuple[str, str], str] = {}
        self.asked = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.asked += 1
        if service == "locked":
            raise KeyringLocked("this text may quote what it likes")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


@pytest.fixture
def backend() -> Iterator[InMemory]:
    before, own = keyring.get_keyring(), InMemory()
    keyring.set_keyring(own)
    yield own
    keyring.set_keyring(before)


def test_a_password_of_the_keyring_opens_the_door(cap: Cap, backend: InMemory) -> None:
    """The core looks it up on a thread of its own, and once: a keyring may ask a person."""
    keyring.set_password("https://plant.example/erp", READER[0], READER[1])
    auth = sg.BasicAuth(READER[0], sg.Secret.keyring("https://plant.example/erp/reader"))
    plant = sg.connect("odata", url=cap.url, auth=auth)
    assert len(plant.read("Assets").to_pylist()) == 501
    assert plant.check().online
    assert backend.asked == 1


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        ("erp/nobody", "has no 'nobody' for the service 'erp'", "keyring set erp nobody"),
        ("locked/me", "could not be read (KeyringLocked)", "unlock"),
        ("erp", "names no entry", "SERVICE/NAME"),
        ("/name", "names no entry", "SERVICE/NAME"),
        ("erp/", "names no entry", "SERVICE/NAME"),
    ],
)
def test_what_is_not_there_is_named(cap: Cap, backend: InMemory, entry: str, message: str, hint: str) -> None:
    auth = sg.BasicAuth("reader", sg.Secret.keyring(entry))
    with pytest.raises(sg.ConfigError) as raised:
        sg.connect("odata", url=cap.url, auth=auth).read("Assets").to_pylist()
    assert raised.value.code == "config.secret"
    assert f"'keyring:{entry}'" in raised.value.message
    assert message in raised.value.message
    assert "quote" not in raised.value.message
    assert hint in raised.value.hint


def test_a_machine_without_a_keyring_is_named() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())  # type: ignore[no-untyped-call]
    try:
        with pytest.raises(sg.ConfigError, match="this machine has no keyring") as raised:
            sg.Secret.keyring("a/b").reveal()
    finally:
        keyring.set_keyring(before)
    assert "env:" in raised.value.hint


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(sg.ConfigError, match="the package 'keyring' is not installed") as raised:
        sg.Secret.keyring("a/b").reveal()
    assert "pip install 'switchgear[keyring]'" in raised.value.hint
