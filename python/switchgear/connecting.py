"""`connect()`: what a user says of a source system becomes a connection."""

from __future__ import annotations

from typing import Any

from switchgear import _core
from switchgear.auth import Auth, Secret, as_secret
from switchgear.connection import Connection
from switchgear.errors import ConfigError
from switchgear.network import HasTransport, Timeouts, Tls, use_certifi
from switchgear.policy import CircuitBreaker, RateLimiter, Retry
from switchgear.registry import registry
from switchgear.specification import OMITTED, Omitted, Specification, template


def connect(
    connector: str,
    *,
    id: str | None = None,
    auth: Auth | None = None,
    rate_limit: str | RateLimiter | Omitted | None = OMITTED,
    breaker: CircuitBreaker | Omitted | None = OMITTED,
    retry: Retry | Omitted | None = OMITTED,
    timeout: Timeouts | float | None = None,
    tls: Tls | None = None,
    proxy: str | None = None,
    max_reply_bytes: int = 256 << 20,
    transport: HasTransport | None = None,
    clock: _core.Clock | None = None,
    sha256: str = "",
    **config: Any,
) -> Connection:
    """A connection to a source system. Nothing is sent yet; `check()` or `read()` do that.

    Args:
        connector: the name of an installed connector (`switchgear connectors` lists them) or the path of a shared
            library.
        id: its name in logs, errors and tables; the connector's name, if left out.
        auth: BasicAuth, BearerAuth, ApiKey, OAuth2ClientCredentials, OAuth2RefreshToken, CookieLogin, CsrfToken,
            ClientCertificate.
        rate_limit: "100/s", or a `RateLimiter`. Here and in the next two: what is given is a template, whose
            parameters are taken while each connection and (entity, operation) keeps a state of its own; None is off;
            left out is the default, which `explain()` prints.
        breaker: a `CircuitBreaker`, for the connection and for each (entity, operation) of it.
        retry: a `Retry`.
        timeout: `Timeouts`, or the seconds that one attempt may take in all.
        tls: how the source's certificate is checked.
        proxy: URL; None: from the environment (`https_proxy` …); "none": no proxy.
        max_reply_bytes: a larger reply (decompressed) is an error instead of memory.
        transport: in place of the network: `switchgear.testing.RecordedTransport`.
        clock: for tests: `switchgear.testing.ManualClock`, on which waits do not wait.
        sha256: the connector library's expected digest.
        config: the connector's own settings and secrets, by the names in its manifest: `url="https://…"`,
            `api_key=sg.Secret.env("ACME_KEY")`.

    Raises:
        ConfigError: for an unknown connector, setting or secret (with the nearest known name), or a value of the
            wrong type.
        PluginError: for a connector that can't be loaded.
    """
    manifest = registry().load(connector, sha256).manifest
    secrets = {name: as_secret(config.pop(name)) for name in manifest.secrets if config.get(name) is not None}
    for name, value in config.items():
        if isinstance(value, Secret):
            raise ConfigError(
                f"'{name}' is no secret of connector '{manifest.name}'",
                code="config.secret",
                hint=f"its secrets: {', '.join(manifest.secrets) or 'none'}; credentials go into auth=",
            )
    if timeout is None:
        timeout = Timeouts()
    elif not isinstance(timeout, Timeouts):
        timeout = Timeouts(total=timeout)
    limit = RateLimiter(rate_limit) if isinstance(rate_limit, str) else rate_limit
    use_certifi()
    return Connection(
        Specification(
            connector=connector,
            id=id or "",
            config=config,
            secrets=secrets,
            auth=auth,
            timeout=timeout,
            rate_limit=template("rate_limit", RateLimiter, limit),
            breaker=template("breaker", CircuitBreaker, breaker),
            retry=template("retry", Retry, retry),
            tls=tls or Tls(),
            proxy=proxy or "",
            max_reply_bytes=max_reply_bytes,
            sha256=sha256,
        ),
        transport,
        clock,
    )
