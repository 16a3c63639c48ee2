"""TLS client certificates, at nginx that wants one: none, a wrong one, and keys that are encrypted."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

import switchgear as sg
from servers.cap import READER, Cap
from servers.certificates import Authority, Certificate
from servers.nginx import Nginx
from support.maintenance import SERVICE, database, first_difference

PASSWORD = "key p4ss"


def connect(nginx: Nginx, auth: sg.Auth | None) -> sg.Connection:
    return sg.connect("odata", url=nginx.mtls_url + SERVICE, auth=auth, tls=sg.Tls(ca_file=str(nginx.ca)))


@pytest.fixture
def encrypted(nginx_tls: Nginx, tmp_path: Path) -> Certificate:
    """The good certificate with its key behind a password."""
    key = tmp_path / "encrypted.key"
    files = ["-in", str(nginx_tls.client.key), "-out", str(key)]
    command = ["openssl", "pkey", *files, "-aes256", "-passout", f"pass:{PASSWORD}"]
    subprocess.run(command, check=True, capture_output=True)
    assert "ENCRYPTED" in key.read_text()
    return Certificate(nginx_tls.client.path, key)


def test_an_encrypted_key_opens_the_door(
    nginx_tls: Nginx, cap: Cap, encrypted: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_PASSWORD", PASSWORD)
    own = sg.ClientCertificate(str(encrypted.path), str(encrypted.key), sg.Secret.env("KEY_PASSWORD"))
    plant = connect(nginx_tls, own)
    assert first_difference(plant.read("Vendors").to_pylist(), database(cap, "Vendors")) is None
    assert nginx_tls.requests()[-1]["client_certificate"] == "SUCCESS"


@pytest.mark.parametrize("password", ["not-the-password", ""])
def test_a_key_that_does_not_open_is_our_own_fault(nginx_tls: Nginx, encrypted: Certificate, password: str) -> None:
    before = len(nginx_tls.requests())
    plant = connect(nginx_tls, sg.ClientCertificate(str(encrypted.path), str(encrypted.key), password))
    with pytest.raises(sg.ConfigError, match=str(encrypted.path)) as raised:
        plant.read("Vendors").to_pylist()
    assert raised.value.code == "config.client_certificate"
    assert "password" in raised.value.hint
    assert "not-the-password" not in str(raised.value.to_dict())
    assert len(nginx_tls.requests()) == before


@pytest.mark.parametrize("auth", [None, sg.BasicAuth(*READER)], ids=["nothing", "password"])
def test_a_missing_certificate_is_a_matter_of_credentials(nginx_tls: Nginx, auth: sg.Auth | None) -> None:
    plant = connect(nginx_tls, auth)
    with pytest.raises(sg.AuthError, match="No required SSL certificate was sent") as raised:
        plant.read("Vendors").to_pylist()
    error = raised.value
    assert (error.code, error.http_status, error.retryable) == ("auth_invalid.no_client_certificate", 400, False)
    assert "ClientCertificate(cert_file, key_file)" in error.hint
    health = plant.check()
    assert [(step.name, step.state) for step in health.steps][4:] == [
        ("tls", "ok"),
        ("http", "ok"),
        ("auth", "failed"),
        ("permission", "skipped"),
    ]
    assert "ClientCertificate" in health.next_step


def test_a_certificate_of_another_authority_is_refused_with_its_reason(nginx_tls: Nginx, tmp_path: Path) -> None:
    stranger = Authority(tmp_path / "stranger", "a stranger").issue("client", "DNS:client.example")
    plant = connect(nginx_tls, sg.ClientCertificate(str(stranger.path), str(stranger.key)))
    with pytest.raises(sg.AuthError, match="The SSL certificate error") as raised:
        plant.read("Vendors").to_pylist()
    assert raised.value.code == "auth_invalid.client_certificate"
    assert "expired" in raised.value.hint
    assert "issuer" in raised.value.hint


def test_a_file_that_is_not_there_is_named(nginx_tls: Nginx, tmp_path: Path) -> None:
    missing = tmp_path / "gone.key"
    shutil.copy(nginx_tls.client.path, tmp_path / "client.pem")
    plant = connect(nginx_tls, sg.ClientCertificate(str(tmp_path / "client.pem"), str(missing)))
    with pytest.raises(sg.ConfigError, match=str(missing)):
        plant.read("Vendors").to_pylist()


def test_a_certificate_goes_along_with_other_credentials(nginx_tls: Nginx) -> None:
    """nginx replaces who CAP sees, so what arrived is read from nginx's own log."""
    own = sg.ClientCertificate(
        str(nginx_tls.client.path), str(nginx_tls.client.key), and_with=sg.BasicAuth("alice", "any")
    )
    assert len(connect(nginx_tls, own).read("Vendors").to_pylist()) == 25
    last = nginx_tls.requests()[-1]
    assert (last["client_certificate"], last["authorized"]) == ("SUCCESS", True)
