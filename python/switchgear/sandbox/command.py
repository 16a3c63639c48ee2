"""The command line of the sandbox: `switchgear sandbox`, `python -m switchgear.sandbox`."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import threading
from collections.abc import Sequence
from typing import TextIO

from . import odata, rest
from .faults import KINDS, Fault
from .server import serve
from .service import Settings

EXAMPLES = """examples:
  %(prog)s --port 8765 --records 100000
  %(prog)s --fault latency:ms=50 --fault rate_limit:every=10,retry_after=2
  %(prog)s --fault login_page:entity=WorkOrders,page=3,times=1
  %(prog)s --user alice --password secret --absolute-links
"""


def parser(program: str) -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {kind:15} {text}" for kind, text in KINDS.items())
    result = argparse.ArgumentParser(
        prog=program,
        description="A local fake maintenance system that speaks OData V4 and REST, with faults on request.",
        epilog=f"faults:\n{kinds}\n\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8765, help="port, 0 for a free one (default %(default)s)")
    add(
        "--records",
        type=int,
        default=100_000,
        help="work orders; the other entities in proportion (default %(default)s)",
    )
    add("--seed", type=int, default=1, help="other seeds give other records (default %(default)s)")
    add("--page-size", type=int, default=1000, help="records on a page unless asked otherwise (default %(default)s)")
    add("--max-page-size", type=int, default=10_000, help="the largest page there is (default %(default)s)")
    add("--absolute-links", action="store_true", help="OData next links with scheme and host")
    add("--public-url", metavar="URL", help="scheme and host in links, if not those of the request")
    add("--warm", action="store_true", help="render all records before it starts, not when first asked for")
    add("--user", help="ask for basic authentication")
    add("--password", help="password for --user")
    add("--token", help="ask for this bearer token")
    add("--fault", action="append", default=[], metavar="KIND[:OPTION=VALUE,...]", help="may be given several times")
    return result


def main(argv: Sequence[str] | None = None, program: str = "python -m switchgear.sandbox") -> int:
    """Serves until Ctrl-C. Returns the exit code: 0 ok, 1 cannot listen; wrong usage exits with 2."""
    arguments = parser(program)
    given = arguments.parse_args(argv)
    try:
        settings = Settings(
            records=given.records,
            seed=given.seed,
            page_size=given.page_size,
            max_page_size=given.max_page_size,
            absolute_links=given.absolute_links,
            public_url=given.public_url,
            user=given.user,
            password=given.password,
            token=given.token,
            warm=given.warm,
            faults=[Fault.parse(text) for text in given.fault],
        )
        if settings.records < 0:
            raise ValueError(f"--records is {settings.records}; it must be 0 or more")
    except ValueError as error:
        arguments.error(str(error))

    def ready(port: int) -> None:
        url = f"http://{given.host}:{port}"
        say(f"READY {url}\nodata {url}{odata.ROOT}\nrest  {url}{rest.ROOT}")

    async def run() -> None:
        stop = asyncio.Event()
        for name in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        await serve(settings, given.host, given.port, ready, stop)

    try:
        asyncio.run(run())
    except OSError as error:
        say(f"{program}: cannot listen on {given.host}:{given.port}: {error.strerror or error}", sys.stderr)
        return 1
    return 0


def say(text: str, stream: TextIO | None = None) -> None:
    """Writes a line at once, so that whoever waits for it at the other end of a pipe goes on."""
    (stream or sys.stdout).write(text + "\n")
    (stream or sys.stdout).flush()


def child() -> None:
    """Serves for a parent process: settings in a line on standard input, until that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.readline()
    if not line:  # the parent ended meanwhile
        return
    given = json.loads(line)

    async def run() -> None:
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def wait_for_the_parent() -> None:
            sys.stdin.read()
            loop.call_soon_threadsafe(stop.set)

        threading.Thread(target=wait_for_the_parent, daemon=True).start()
        settings = Settings.from_json(given["settings"])
        await serve(settings, given["host"], given["port"], lambda port: say(f"READY {port}"), stop)

    try:
        asyncio.run(run())
    except (OSError, ValueError) as error:
        say(str(error))
