"""What docs/authentication.md shows runs as printed, against real servers in place of its host names."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from servers.cap import Cap
from servers.nginx import Nginx
from servers.oauth import CLIENT, OAuth
from support.maintenance import SERVICE
from support.running import Shell

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/authentication.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(tmp_path: Path, cap: Cap, oauth: OAuth, nginx_bearer: Nginx) -> Shell:
    key = ["openssl", "pkey", "-in", str(nginx_bearer.client.key), "-aes256", "-passout", "pass:key-password"]
    subprocess.run([*key, "-out", str(tmp_path / "client.key")], check=True, capture_output=True)
    (tmp_path / "client.pem").write_bytes(nginx_bearer.client.path.read_bytes())
    shell = Shell(tmp_path)
    shell.env |= {
        "SSL_CERT_FILE": str(nginx_bearer.ca),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "PLANT_PW": "planner",
        "CLIENT_SECRET": CLIENT[1],
        "REFRESH_TOKEN": oauth.refresh_token(),
        "KEY_PASSWORD": "key-password",
    }
    return shell


@pytest.fixture
def hosts(cap: Cap, oauth: OAuth, nginx_bearer: Nginx) -> dict[str, str]:
    return {
        "https://erp.example/odata": cap.url,
        "https://login.example/token": oauth.token_url,
        "https://api.example/odata": f"{nginx_bearer.url}/bearer{SERVICE}",
        "https://gateway.example/login": cap.login_url,
        "https://gateway.example/odata": cap.gateway_url,
        "https://mtls.example/odata": f"{nginx_bearer.mtls_url}{SERVICE}",
    }


def with_hosts(text: str, hosts: dict[str, str]) -> str:
    for name, url in hosts.items():
        text = text.replace(name, url)
    assert "example/" not in text, "a host that no server stands for"
    return text


def test_the_python_runs_as_printed(shell: Shell, hosts: dict[str, str]) -> None:
    script = shell.write(with_hosts("\n".join(blocks("python")), hosts), "document.py")
    done = subprocess.run(
        [sys.executable, script], env=shell.env, cwd=shell.folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "basic: True",
        "ApiKey(header='X-API-Key', query=None) BearerAuth()",
        "client credentials: 25",
        "refresh token: 25",
        "cookie login: 25",
        "csrf: True",
        "client certificate: 25",
    ]
    assert (shell.folder / "state/switchgear/tokens.json").exists()


def test_the_project_file_connects_as_printed(shell: Shell, hosts: dict[str, str]) -> None:
    (text,) = blocks("toml")
    shell.write(with_hosts(text, hosts))
    for connection in re.findall(r"^\[connections\.(\w+)\]$", text, re.MULTILINE):
        assert f"{connection} is online" in shell("check", connection).out


def test_each_type_has_its_row() -> None:
    from switchgear.project_auth import CLASSES

    for name, kind in CLASSES.items():
        assert re.search(rf"^\| .* \| \[`{kind.__name__}`\]\(#.*\) \| `{name}` \|$", DOCUMENT.read_text(), re.MULTILINE)
