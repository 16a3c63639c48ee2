"""A certificate authority for tests, and certificates with the faults that clients must refuse. Made by openssl."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from servers.process import StartError, find_program

_CA_CONFIG = """\
[ca]
default_ca = test
[test]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = names
x509_extensions = leaf
unique_subject = no
[names]
commonName = supplied
[leaf]
basicConstraints = CA:FALSE
subjectAltName = ${ENV::SUBJECT_ALT_NAME}
[req]
distinguished_name = subject
prompt = no
[subject]
CN = unused
"""


@dataclass(frozen=True)
class Certificate:
    """PEM files."""

    path: Path
    key: Path


class Authority:
    """Makes its own root in `folder`, which then holds everything it issues. Existing files are kept."""

    def __init__(self, folder: Path, name: str = "switchgear test CA") -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        if self.ca.exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "openssl.cnf").write_text(_CA_CONFIG)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key"]
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        self._openssl("req", "-x509", *key, *usage, "-days", "3650", "-subj", f"/CN={name}", "-out", "new.pem")
        (folder / "new.pem").rename(self.ca)

    def issue(
        self, name: str, alt_names: str, *, start: str = "20240101000000Z", end: str = "20491231235959Z"
    ) -> Certificate:
        """alt_names as openssl writes them: "DNS:localhost,IP:127.0.0.1"; start and end in UTC as YYYYMMDDHHMMSSZ."""
        certificate = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        if not certificate.path.exists():
            request = [
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-keyout",
                certificate.key.name,
            ]
            self._openssl("req", *request, "-subj", f"/CN={name}", "-out", f"{name}.csr")
            dates = ["-startdate", start, "-enddate", end]
            files = ["-in", f"{name}.csr", "-out", certificate.path.name, "-notext"]
            self._openssl("ca", "-batch", *dates, *files, alt_names=alt_names)
        return certificate

    def _openssl(self, command: str, *arguments: str, alt_names: str = "DNS:unused") -> None:
        program = find_program("openssl", "openssl")
        done = subprocess.run(
            [program, command, "-config", "openssl.cnf", *arguments],
            cwd=self.folder,
            env={"SUBJECT_ALT_NAME": alt_names},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StartError(f"openssl {command} failed with code {done.returncode}:\n{done.stderr[-2000:]}")
