"""nginx before any upstream: TLS, HTTP/2, client certificates, passwords, limits and odd replies.

Five ports, each on 127.0.0.1 and each serving the same paths:

  `url`             https, HTTP/2; trust `ca`
  `mtls_url`        https, wants the certificate in `client`; the upstream then sees the user given as `upstream_auth`
  `plain_url`       http
  `expired_url`     https with a certificate of January 2020
  `wrong_host_url`  https with a certificate for other.example

Paths: `/…` is the upstream; `/protected/…` asks for sg/sg first; `/bearer/…` asks the `bearer_check` URL about the
token; `/limited/…` really limits; `/odd/NAME/…` answers as NAME says (the names are in service.conf.in). What `/`,
`/protected/` and `/bearer/` do can be switched while nginx runs: see `switch`. `requests()` tells what came in.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from servers.certificates import Authority
from servers.process import Server, StartError, accepts, find_program, free_ports

HERE = Path(__file__).resolve().parent

USER = ("sg", "sg")
PORTS = ("tls", "mtls", "plain", "expired", "wrong_host")

# What each switch answers with; an OData-like error body comes along, except with the login page (200, HTML).
# The 46x are private to the configuration: error_page must not catch the 401 of /protected/ or a reply of the upstream.
SWITCHES = {
    "throttled": "return 461;",
    "unavailable": "return 462;",
    "failing": "return 463;",
    "forbidden": "return 464;",
    "expired": "return 465;",
    "login": "rewrite ^ /odd/login last;",
    "disconnect": "return 444;",
}

_BEARER = """\
location /bearer/ {
  auth_request /bearer-check;
  include forwarded.conf;
  proxy_set_header Authorization "@upstream_authorization@";
  include switches.conf;
  proxy_pass @upstream@/;
}
location = /bearer-check {
  internal;
  proxy_pass_request_body off;
  proxy_set_header Content-Length "";
  proxy_pass @bearer_check@;
}"""


class Nginx(Server):
    """upstream: an origin such as http://127.0.0.1:8080.

    upstream_auth: who `/protected/`, `/bearer/` and the client certificate's port are for the upstream.
    bearer_check: a URL that answers 2xx for a good Authorization header, else 401. retry_after: sent with 429 and 503.
    """

    name = "nginx"
    _asked = 0  # by requests() itself

    def __init__(
        self,
        folder: Path,
        upstream: str,
        *,
        upstream_auth: tuple[str, str] = ("planner", "planner"),
        bearer_check: str | None = None,
        retry_after: str = "1",
        rate: str = "5r/s",
    ) -> None:
        super().__init__(folder)
        self.upstream = upstream.rstrip("/")
        self.upstream_auth = upstream_auth
        self.bearer_check = bearer_check
        self.retry_after = retry_after
        self.rate = rate
        self.ports: dict[str, int] = {}

    def start(self) -> Nginx:
        """Takes the ports it had before, when started again."""
        self._make_certificates()
        self._write_content()
        for attempt in range(3):
            self.ports = self.ports or dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
            self._write_config()
            command: list[str | Path] = [
                find_program("nginx", "nginx-light"),
                "-p",
                self.folder,
                "-c",
                self.folder / "nginx.conf",
            ]
            try:
                self.launch(command, lambda: all(accepts(port) for port in self.ports.values()), within=30)
                return self
            except StartError as error:
                if "Address already in use" not in str(error) or attempt == 2:
                    raise
                self.ports = {}
        raise AssertionError("unreachable")

    def _make_certificates(self) -> None:
        authority = Authority(self.folder / "certificates")
        here = "DNS:localhost,IP:127.0.0.1"
        authority.issue("server", here)
        authority.issue("wrong-host", "DNS:other.example")
        authority.issue("expired", here, start="20200101000000Z", end="20200201000000Z")
        self.client = authority.issue("client", "DNS:client.example")
        self.ca = authority.ca
        self.unknown_ca = Authority(self.folder / "unknown", "another test CA").ca

    def _write_content(self) -> None:
        for name in ("tmp", "odd", "switches"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.switch_all_off()
        (self.folder / "requests.jsonl").write_text("")
        self.set_password(USER[1])
        for name, content in _odd_replies().items():
            (self.folder / "odd" / name).write_bytes(content)

    def _write_config(self) -> None:
        credentials = base64.b64encode(":".join(self.upstream_auth).encode()).decode()
        values = {
            "user": "user root;" if os.geteuid() == 0 else "",
            "bearer": _BEARER if self.bearer_check else "",
            "bearer_check": self.bearer_check or "",
            "upstream": self.upstream,
            "upstream_authorization": f"Basic {credentials}",
            "retry_after": f'"{self.retry_after}"',
            "rate": self.rate,
            **{f"{name}_port": str(port) for name, port in self.ports.items()},
        }
        (self.folder / "nginx.conf").write_text(_fill((HERE / "nginx.conf.in").read_text(), values))
        (self.folder / "service.conf").write_text(_fill((HERE / "service.conf.in").read_text(), values))
        shutil.copy(HERE / "forwarded.conf", self.folder)
        (self.folder / "switches.conf").write_text(_switches(self.folder / "switches"))

    def reload(self) -> None:
        """Closes idle connections after what is under way, and reads the configuration again."""
        self.signal(signal.SIGHUP)

    def switch(self, name: str, on: bool = True, *, entity: str | None = None) -> None:
        """Lets `/`, `/protected/` and `/bearer/` answer as SWITCHES says, for one OData entity or for everything."""
        if name not in SWITCHES:
            raise ValueError(f"no switch {name!r}; there are: {', '.join(SWITCHES)}")
        flag = self.folder / "switches" / (name if entity is None else f"{name}.{entity}")
        if on:
            flag.touch()
        else:
            flag.unlink(missing_ok=True)

    @contextlib.contextmanager
    def switched(self, name: str, *, entity: str | None = None) -> Iterator[None]:
        self.switch(name, entity=entity)
        try:
            yield
        finally:
            self.switch(name, on=False, entity=entity)

    def switch_all_off(self) -> None:
        for flag in (self.folder / "switches").iterdir():
            flag.unlink()

    def set_password(self, password: str) -> None:
        """Another one for the user of `/protected/`, from the next request on."""
        digest = [find_program("openssl", "openssl"), "passwd", "-apr1", password]
        hashed = subprocess.run(digest, check=True, capture_output=True, text=True).stdout.strip()
        (self.folder / "htpasswd.new").write_text(f"{USER[0]}:{hashed}\n")
        (self.folder / "htpasswd.new").replace(self.folder / "htpasswd")

    def requests(self) -> list[dict[str, Any]]:
        """What was asked of all ports since the start, oldest first.

        nginx lists a request only after its reply was sent. So one more is asked: once that is listed, those before it
        are, too.
        """
        self._asked += 1
        last = f"/odd/empty/listed-{self._asked}"
        with urllib.request.urlopen(self.plain_url + last, timeout=10):
            pass
        while True:
            lines = (self.folder / "requests.jsonl").read_text().splitlines()
            requests = [json.loads(line) for line in lines if line.endswith("}")]
            if any(request["uri"] == last for request in reversed(requests)):
                return [request for request in requests if not request["uri"].startswith("/odd/empty/listed-")]

    @property
    def url(self) -> str:
        return self._origin("https", "tls")

    @property
    def mtls_url(self) -> str:
        return self._origin("https", "mtls")

    @property
    def plain_url(self) -> str:
        return self._origin("http", "plain")

    @property
    def expired_url(self) -> str:
        return self._origin("https", "expired")

    @property
    def wrong_host_url(self) -> str:
        return self._origin("https", "wrong_host")

    def _origin(self, scheme: str, port: str) -> str:
        return f"{scheme}://127.0.0.1:{self.ports[port]}"


def _fill(template: str, values: dict[str, str]) -> str:
    # A value may hold names itself (the bearer block), and "@name" without a second @ is nginx's own.
    for _ in range(2):
        template = re.sub(r"@([a-z_]+)@", lambda match: values[match.group(1)], template)
    return template


def _switches(folder: Path) -> str:
    handlers = {461: "throttled", 462: "unavailable", 463: "failing", 464: "forbidden", 465: "expired"}
    lines = [f"error_page {status} = @{name};" for status, name in handlers.items()]
    for name, action in SWITCHES.items():
        lines += [f"if (-f {folder}/{name}) {{ {action} }}", f"if (-f {folder}/{name}.$entity) {{ {action} }}"]
    return "\n".join(lines) + "\n"


def _odd_replies() -> dict[str, bytes]:
    form = '<!doctype html><html><body><form action="/login" method="post">Please sign in</form></body></html>'
    numbers = '{"value":[{"ID":1,"meterReading":NaN},{"ID":2,"meterReading":-Infinity}]}'
    next_page = '{"value":[{"ID":1}],"@odata.nextLink":"%s"}'
    many = ",".join(f'{{"ID":{i}}}' for i in range(1, 501))
    return {
        "ok.json": b'{"value":[{"ID":1}]}',
        "login.html": form.encode(),
        "bom.json": b'\xef\xbb\xbf{"value":[{"ID":1}]}',
        "nan.json": numbers.encode(),
        "invalid-utf8.json": b'{"value":[{"ID":1,"title":"\xff\xfe\xc3("}]}',
        "cut.json": b'{"value":[{"ID":1},{"ID":2,"tit',
        "long.json": f'{{"value":[{many}]}}'.encode(),
        "foreign-next.json": (next_page % "http://other.example/WorkOrders?$skiptoken=2").encode(),
        "repeated-next.json": (next_page % "WorkOrders?$skiptoken=2").encode(),
        "error.json": b'{"error":{"code":"SY/530","message":"Short dump CONVT_NO_NUMBER"}}',
    }
