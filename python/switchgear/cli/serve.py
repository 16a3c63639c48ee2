"""`switchgear serve`: the hub over HTTP, with its scheduler and workers."""

from __future__ import annotations

import json
import logging
from functools import partial
from typing import Annotated

import typer

from switchgear.cli.options import AsJson, ProjectFile, Store, open_hub
from switchgear.cli.output import plain, say
from switchgear.flows.files import load_flows
from switchgear.project import Project
from switchgear.reader import require
from switchgear.server import MAX_BODY_BYTES, tokens

DEFAULT_PORT = 8321


def add_to(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(serve)


def serve(
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen; 0.0.0.0: on all interfaces.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = DEFAULT_PORT,
    concurrency: Annotated[int, typer.Option("--concurrency", min=1, max=64, help="Connections synced at once.")] = 4,
    workers: Annotated[
        int, typer.Option("--workers", min=0, max=64, help="Batches of queued writes under way at once; 0: none here.")
    ] = 4,
    no_work: Annotated[bool, typer.Option("--no-work", help="Only answer: other processes sync and write.")] = False,
    max_body: Annotated[
        int, typer.Option("--max-body", min=1024, metavar="BYTES", help="A larger body of a request is refused.")
    ] = MAX_BODY_BYTES,
    grace: Annotated[
        int, typer.Option("--grace", min=1, max=3600, metavar="SECONDS", help="For what is under way at the end.")
    ] = 5,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Serve the hub over HTTP, sync and run what is due, and write what is queued. SIGTERM or Ctrl-C ends it in
    seconds.

    Without a token only this machine itself is answered; `switchgear token create` makes one.

    \b
    Examples:
      switchgear serve
      switchgear serve --port 0 --json
      switchgear serve --host 0.0.0.0 --port 8321 --store postgresql://hub@db/plant
    """
    require("starlette", "server")
    require("uvicorn", "server")
    from switchgear.server import running

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("switchgear.server").setLevel(logging.INFO)
    settings = Project.load(project)
    hub = open_hub(store, project)
    load_flows(hub, settings)
    sock = running.listen(host, port)
    address, number = sock.getsockname()[:2]
    url = f"http://[{address}]:{number}" if ":" in address else f"http://{address}:{number}"
    files = [str(file) for file in settings.files]

    def listening() -> None:
        if not tokens.store_of(hub).any():
            say("no token has been made: only this machine itself is answered; `switchgear token create` makes one")
        if as_json:
            typer.echo(json.dumps({"url": url, "store": hub._store.display, "project_files": files}))
        else:
            typer.echo(f"listening on {url}, store {plain(hub._store.display)}")
            typer.echo(plain(f"project: {', '.join(files) or 'no project file'}, {len(hub.connections())} connections"))

    work = None if no_work else partial(hub.run_forever, concurrency=concurrency, workers=workers)
    good = running.serve(hub, sock, max_body_bytes=max_body, work=work, grace=grace, listening=listening)
    say("ended" if good else "ended, because its work failed")
    if not good:
        raise typer.Exit(1)
