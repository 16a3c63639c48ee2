"""WireMock: replies and faults by stub, scenarios with states, and a journal of what was asked. Needs Java 11 or later.

Faults (`{"response": {"fault": …}}`): EMPTY_RESPONSE, MALFORMED_RESPONSE_CHUNK (after a status of 200),
RANDOM_DATA_THEN_CLOSE, CONNECTION_RESET_BY_PEER. See https://wiremock.org/docs/simulating-faults/.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from pathlib import Path
from typing import Any

from servers import npm
from servers.process import Server, accepts, find_program, free_ports


class WireMock(Server):
    """Started empty. Response templating is on for all stubs."""

    name = "wiremock"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = 0

    @staticmethod
    def is_possible() -> bool:
        """Whether there is a Java."""
        return shutil.which("java") is not None

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> WireMock:
        java = find_program("java", "default-jre-headless")
        (jar,) = npm.install("wiremock").glob("node_modules/wiremock/build/wiremock-standalone-*.jar")
        if self.port == 0:
            (self.port,) = free_ports(1)
        options = ["--bind-address", "127.0.0.1", "--disable-banner", "--global-response-templating"]
        command: list[str | Path] = [
            java,
            "-Xmx256m",
            "-jar",
            jar,
            "--port",
            str(self.port),
            *options,
            "--root-dir",
            self.folder / "root",
        ]
        (self.folder / "root" / "mappings").mkdir(parents=True, exist_ok=True)
        self.launch(command, lambda: accepts(self.port), within=120)
        return self

    def stub(self, **mapping: Any) -> None:
        """Adds one, in WireMock's own form: `stub(request={"urlPath": "/a"}, response={"status": 200})`."""
        self._ask("POST", "/__admin/mappings", mapping)

    def reset(self) -> None:
        """Forgets all stubs, scenarios and requests."""
        self._ask("POST", "/__admin/reset")

    def requests(self) -> list[dict[str, Any]]:
        """What was asked, oldest first."""
        journal = self._ask("GET", "/__admin/requests")
        return [entry["request"] for entry in reversed(journal["requests"])]

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.origin + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as reply:
            text = reply.read()
        return json.loads(text) if text else None
