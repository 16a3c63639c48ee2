#!/usr/bin/env python3
"""Starts one test server by hand, says where it is, and stops it on Ctrl-C or SIGTERM.

usage: tests/servers/run.py cap|nginx|oauth|json_server|datasette|wiremock|postgres [FOLDER]

nginx comes with a CAP of its own behind it.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers import Server, StartError
from servers.cap import Cap
from servers.datasette import Datasette
from servers.json_server import JsonServer
from servers.nginx import Nginx
from servers.oauth import OAuth
from servers.postgres import Postgres
from servers.wiremock import WireMock

KINDS: dict[str, Callable[[Path], Server]] = {
    "cap": Cap,
    "oauth": OAuth,
    "json_server": JsonServer,
    "datasette": Datasette,
    "wiremock": WireMock,
    "postgres": Postgres,
}


def start(name: str, folder: Path, stack: contextlib.ExitStack) -> Server:
    if name != "nginx":
        return stack.enter_context(KINDS[name](folder / name))
    cap = stack.enter_context(Cap(folder / "cap"))
    return stack.enter_context(Nginx(folder / name, cap.origin))


def describe(server: Server) -> None:
    for name in sorted(dir(type(server))):
        if name.endswith("url") or name == "origin":
            print(f"{name}: {getattr(server, name)}")
    if isinstance(server, Nginx):
        print(f"ca: {server.ca}\nclient certificate: {server.client.path}\nclient key: {server.client.key}")
    print(f"log: {server.log_path}")
    print("READY", flush=True)


def leave(*_: object) -> None:
    """Stops the servers on the way out, undisturbed by a second signal."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2 or arguments[0] not in {"nginx", *KINDS}:
        print(__doc__, file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, leave)
    with contextlib.ExitStack() as stack:
        folder = (
            Path(arguments[1]).resolve() if arguments[1:] else Path(stack.enter_context(tempfile.TemporaryDirectory()))
        )
        try:
            describe(start(arguments[0], folder, stack))
            signal.pause()
        except KeyboardInterrupt:
            return 0
        except StartError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
