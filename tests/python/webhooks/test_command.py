"""`switchgear webhook verify | sign`."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.running import Shell

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"type": "sync.failed", "data": {"connection_id": "sap-mt"}}'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.env["KEY"] = SECRET
    shell.write(BODY, "body.json")
    return shell


def test_what_is_signed_verifies(shell: Shell) -> None:
    signed = shell("webhook", "sign", "body.json", "--secret", "env:KEY", "--id", "msg_1")
    shell.write(signed.out, "headers.txt")
    arguments = ("webhook", "verify", "body.json", "--headers", "headers.txt", "--secret", "env:KEY")
    found = shell(*arguments, "--json").json
    assert found["verified"] is True
    assert found["event"]["id"] == "msg_1"
    assert found["event"]["data"] == {"connection_id": "sap-mt"}
    assert "type: sync.failed" in shell(*arguments).out
    shell.write(BODY + " ", "body.json")
    refused = shell(*arguments, "--json", code=1).json
    assert refused["verified"] is False
    assert refused["error"]["code"] == "signature.bad_signature"
    assert "signature.bad_signature" in shell(*arguments, code=1).err


def test_other_schemes_and_recipes(shell: Shell) -> None:
    recipe = ("--scheme", "hmac", "--hmac", "header=X-Sum", "--hmac", "prefix=sha256=", "--secret", "env:KEY")
    signed = shell("webhook", "sign", "body.json", *recipe, "--json").json
    assert shell("webhook", "verify", "body.json", *recipe, "-H", f"X-Sum: {signed['X-Sum']}").code == 0
    old = shell(
        "webhook", "sign", "body.json", "--scheme", "stripe", "--secret", "env:KEY", "--timestamp", "1614265330"
    )
    arguments = ("webhook", "verify", "body.json", "--scheme", "stripe", "--secret", "env:KEY", "-H", old.out.strip())
    assert "signature.too_old" in shell(*arguments, code=1).err
    assert shell(*arguments, "--tolerance", "none").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify", "missing.json", "--secret", "env:KEY"),
        ("verify", "body.json", "--secret", SECRET),
        ("verify", "body.json", "--secret", "env:SG_NOT_SET"),
        ("verify", "body.json", "--secret", "env:KEY", "--scheme", "strip"),
        ("verify", "body.json", "--secret", "env:KEY", "--scheme", "hmac"),
        ("verify", "body.json", "--secret", "env:KEY", "--scheme", "hmac", "--hmac", "heading=x"),
        ("verify", "body.json", "--secret", "env:KEY", "--tolerance", "long"),
        ("verify", "body.json", "--secret", "env:KEY", "-H", "nonsense"),
        ("verify", "body.json", "--secret", "env:KEY", "--headers", "none.txt"),
        ("verify", "body.json"),
        ("sign", "body.json", "--secret", "env:KEY", "--id", "a.b"),
        ("sign", "body.json", "--secret", "env:KEY", "--scheme", "twilio"),
    ],
)
def test_wrong_usage_ends_with_2_and_shows_no_secret(shell: Shell, arguments: tuple[str, ...]) -> None:
    done = shell("webhook", *arguments, code=2)
    assert SECRET not in done.err + done.out


@pytest.mark.parametrize("word", ["verify", "sign"])
def test_help_has_examples(shell: Shell, word: str) -> None:
    out = shell("webhook", word, "--help").out
    assert "examples:" in out.lower()
    assert f"switchgear webhook {word}" in out
