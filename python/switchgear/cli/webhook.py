"""`switchgear webhook verify|sign|listen`: what a receiver believes and a sender signs, tried by hand."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import typer

from switchgear import webhooks
from switchgear._core import Secret
from switchgear.cli.options import AsJson, ProjectFile, Store, open_hub
from switchgear.cli.output import plain, print_json, say
from switchgear.errors import ConfigError, SignatureError
from switchgear.inbox import Received
from switchgear.reader import require
from switchgear.running import handle_inbox

Value = TypeVar("Value")

SCHEMES = ("standard", "svix", "stripe", "github", "slack", "shopify", "twilio", "hmac")

webhook = typer.Typer(
    name="webhook", no_args_is_help=True, rich_markup_mode=None, help="Sign webhooks, and verify them."
)
BodyFile = Annotated[str, typer.Argument(metavar="BODY", help="The file with the body, byte for byte; - is stdin.")]
SecretOption = Annotated[
    list[str],
    typer.Option(
        "--secret",
        metavar="REFERENCE",
        help="env:NAME, file:PATH or keyring:SERVICE/NAME, so that no secret stands in the shell's history. May be "
        "repeated while a secret rotates.",
    ),
]
SchemeOption = Annotated[str, typer.Option("--scheme", metavar="NAME", help=f"{', '.join(SCHEMES)}.")]
Url = Annotated[str | None, typer.Option("--url", help="As the sender calls it; Twilio signs it.")]
Recipe = Annotated[
    list[str] | None,
    typer.Option(
        "--hmac",
        metavar="KEY=VALUE",
        help="Of the scheme hmac: header=X-Signature (needed), algorithm=sha1|sha256|sha512, encoding=hex|base64, "
        "prefix=…, template={timestamp}.{body}, timestamp_header=…, id_header=…",
    ),
]


def add_to(app: typer.Typer) -> None:
    """Adds the commands."""
    app.add_typer(webhook)


@webhook.command()
def verify(
    body: BodyFile,
    secret: SecretOption,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", "-H", metavar="NAME:VALUE", help="A header of the request, as curl takes it."),
    ] = None,
    headers: Annotated[
        Path | None, typer.Option("--headers", metavar="FILE", help="Headers, one a line or as a JSON object.")
    ] = None,
    scheme: SchemeOption = "standard",
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="SECONDS|none", help="How far its time may be from now.")
    ] = "300",
    url: Url = None,
    recipe: Recipe = None,
    as_json: AsJson = False,
) -> None:
    """Verify a webhook that was received, and show its event.

    Ends with code 1 when it does not verify, and says which of the reasons it was.

    \b
    Examples:
      switchgear webhook verify body.json --headers headers.txt --secret env:PLANT_WEBHOOK_SECRET
      switchgear webhook verify body.json --scheme github --secret file:key -H "X-Hub-Signature-256: sha256=…" --json
      curl -s https://host/last | switchgear webhook verify - --secret env:KEY --headers headers.json --tolerance none
    """
    lines = [*_lines(headers), *(_pair(each) for each in header or ())]
    limit = None if tolerance == "none" else _number(tolerance, "--tolerance")
    verifier = _usage(
        lambda: webhooks.Verifier(
            [Secret.from_reference(each) for each in secret], _scheme(scheme, recipe), tolerance=limit
        )
    )
    try:
        event = verifier.verify(_bytes(body), lines, url)
    except SignatureError as error:
        if as_json:
            print_json({"verified": False, "error": error.to_dict()})
        else:
            say(plain(str(error)))
        raise typer.Exit(1) from None
    if as_json:
        print_json({"verified": True, "event": _shown(event)})
        return
    for name, value in _shown(event).items():
        if value not in (None, {}):
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            typer.echo(f"{name}: {plain(text)}")


@webhook.command()
def listen(
    conn: Annotated[str, typer.Argument(metavar="CONN", help="The connection whose webhooks come.")],
    secret: Annotated[
        list[str] | None,
        typer.Option(
            "--secret", metavar="REFERENCE", help="env:NAME, file:PATH or keyring:SERVICE/NAME; else as it was kept."
        ),
    ] = None,
    scheme: SchemeOption = "standard",
    recipe: Recipe = None,
    sync: Annotated[
        list[str] | None, typer.Option("--sync", metavar="ENTITY", help="What each message makes to be synced.")
    ] = None,
    url: Url = None,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 takes a free one.")] = 8322,
    store: Store = None,
    project: ProjectFile = None,
    as_json: AsJson = False,
) -> None:
    """Listen for webhooks of a connection, verify, keep and handle them, and show each. Ctrl-C ends it.

    With --secret the rules are kept: `switchgear serve` takes the same webhooks from then on.

    \b
    Examples:
      switchgear webhook listen sap-mt --secret env:SAP_WEBHOOK_SECRET
      switchgear webhook listen sap-mt --secret file:key --scheme github --sync WorkOrders --json
    """
    require("starlette", "server")
    require("uvicorn", "server")
    from switchgear.server import MAX_BODY_BYTES, running

    hub = open_hub(store, project, conn)
    if secret:
        hub.inbox.accept(conn, secret, scheme=_scheme(scheme, recipe), sync=sync or None, url=url)
    elif hub.inbox.rules(conn) is None:
        raise ConfigError(
            f"no webhooks are taken for '{conn}' yet",
            code="config.secret",
            hint="say how they are verified: --secret env:NAME --scheme standard",
            connection_id=conn,
        )

    @hub.inbox.on(conn)
    def show(message: Received) -> None:
        if as_json:
            typer.echo(json.dumps(message.to_dict(), ensure_ascii=False, default=str))
        else:
            data = json.dumps(message.data, ensure_ascii=False, default=str)
            typer.echo(plain(f"{message.received_at:%H:%M:%S} {message.id} {message.type or '(no type)'} {data[:500]}"))
        sys.stdout.flush()

    sock = running.listen(host, port)
    address, number = sock.getsockname()[:2]
    where = f"http://{f'[{address}]' if ':' in address else address}:{number}/webhooks/{quote(conn, safe='')}"

    def listening() -> None:
        typer.echo(json.dumps({"url": where}) if as_json else f"listening on {where}")
        sys.stdout.flush()

    if not running.serve(
        hub, sock, max_body_bytes=MAX_BODY_BYTES, work=lambda: handle_inbox(hub), grace=5, listening=listening
    ):
        raise typer.Exit(1)


@webhook.command()
def sign(
    body: BodyFile,
    secret: SecretOption,
    scheme: SchemeOption = "standard",
    id: Annotated[str | None, typer.Option("--id", help="Of the message; else a new one.")] = None,
    timestamp: Annotated[
        float | None, typer.Option("--timestamp", metavar="SECONDS", help="Since 1970; else now.")
    ] = None,
    url: Url = None,
    recipe: Recipe = None,
    as_json: AsJson = False,
) -> None:
    """Sign a body: the headers to send with it, one a line as curl takes them with -H @FILE.

    \b
    Examples:
      switchgear webhook sign body.json --secret env:PLANT_WEBHOOK_SECRET > headers.txt
      switchgear webhook sign body.json --scheme stripe --secret env:STRIPE_SECRET --json
      switchgear webhook sign body.json --scheme hmac --hmac header=X-Sum --hmac prefix=sha256= --secret file:key
    """
    signer = _usage(lambda: webhooks.Signer([Secret.from_reference(each) for each in secret], _scheme(scheme, recipe)))
    content = _bytes(body)
    signed = _usage(lambda: signer.sign(content, id, timestamp, url))
    if as_json:
        print_json(signed)
        return
    for name, value in signed.items():
        typer.echo(f"{name}: {value}")


def _shown(event: webhooks.Event) -> dict[str, Any]:
    """What JSON has a form for: bytes as their length."""
    shown: dict[str, Any] = event.to_dict()
    if isinstance(event.data, bytes):
        shown["data"] = f"{len(event.data)} bytes"
    return shown


def _scheme(name: str, recipe: list[str] | None) -> Any:
    """What the options say, as `Verifier` takes it."""
    if name != "hmac":
        if recipe:
            raise typer.BadParameter("it is of the scheme hmac", param_hint="--hmac")
        return name
    given: dict[str, Any] = {}
    for text in recipe or ():
        key, equals, value = text.partition("=")
        if not equals or key not in webhooks.Hmac.__dataclass_fields__:
            known = ", ".join(webhooks.Hmac.__dataclass_fields__)
            raise typer.BadParameter(f"{text!r} is none of {known} with =VALUE", param_hint="--hmac")
        given[key] = value
    if "header" not in given:
        raise typer.BadParameter("header=NAME says which header holds the signature", param_hint="--hmac")
    return webhooks.Hmac(**given)


def _usage(make: Callable[[], Value]) -> Value:
    """What can't be made of the options is wrong usage, not a webhook that does not verify."""
    try:
        return make()
    except ConfigError as error:
        raise typer.BadParameter(plain(f"{error.message}; {error.hint}")) from None


def _bytes(file: str) -> bytes:
    if file == "-":
        return sys.stdin.buffer.read(webhooks.MAX_BODY_BYTES + 1)
    return _read(Path(file), "BODY")


def _read(path: Path, hint: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{path}: {error.strerror}", param_hint=hint) from None


def _lines(path: Path | None) -> list[tuple[str, str]]:
    if path is None:
        return []
    text = _read(path, "--headers").decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        try:
            return [(str(name), str(value)) for name, value in json.loads(text).items()]
        except ValueError as error:
            raise typer.BadParameter(f"{path} is no JSON object: {error}", param_hint="--headers") from None
    return [_pair(line) for line in text.splitlines() if line.strip()]


def _pair(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise typer.BadParameter(f"{text[:60]!r} is no NAME:VALUE", param_hint="--header")
    return name.strip(), value.strip()


def _number(text: str, hint: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither seconds nor none", param_hint=hint) from None
