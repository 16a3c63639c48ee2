#!/usr/bin/env python3
"""Starts one test server by hand, says where it is, and stops it on Ctrl-C or SIGTERM.

usage: tests/servers/run.py cap|nginx|oauth [FOLDER]     nginx: with a CAP of its own behind it
"""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers import Server, StartError
from servers.cap import Cap
from servers.nginx import Nginx
from servers.oauth import OAuth


def start(name: str, folder: Path, stack: contextlib.ExitStack) -> Server:
    if name == "oauth":
        return stack.enter_context(OAuth(folder / "oauth"))
    cap = stack.enter_context(Cap(folder / "cap"))
    return cap if name == "cap" else stack.enter_context(Nginx(folder / "nginx", cap.origin))


def describe(server: Server) -> None:
    for name in sorted(dir(type(server))):
        if name.endswith("url"):
            print(f"{name}: {getattr(server, name)}")
    if isinstance(server, Nginx):
        print(f"ca: {server.ca}\nclient certificate: {server.client.path}\nclient key: {server.client.key}")
    print(f"log: {server.log_path}")
    print("READY", flush=True)


def main(arguments: list[str]) -> int:
    if not 1 <= len(arguments) <= 2 or arguments[0] not in ("cap", "nginx", "oauth"):
        print(__doc__, file=sys.stderr)
        return 2
    # SIGTERM raises KeyboardInterrupt, too: the servers are stopped on the way out.
    signal.signal(signal.SIGTERM, signal.getsignal(signal.SIGINT))
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
