"""Written by `make stubs` from the compiled module. Do not edit."""

from __future__ import annotations

import collections.abc
import enum
import typing

import typing_extensions

class Category(enum.IntEnum):
    """
    What kind of thing failed.
    """

    offline = 1
    timeout = 2
    auth_expired = 3
    auth_invalid = 4
    permission = 5
    rate_limit = 6
    csrf = 7
    bad_request = 8
    not_found = 9
    gone = 10
    conflict = 11
    too_large = 12
    server = 13
    unavailable = 14
    protocol = 15
    config = 16
    cancelled = 17
    plugin = 18
    circuit_open = 19
    data = 20
    destination = 21
    store = 22
    signature = 23
    unsupported = 24
    internal = 25

class Secret:
    """
    A password, key or token that never prints itself.
    """
    @staticmethod
    def env(name: str) -> Secret:
        """
        The value of an environment variable, read each time it is used.
        """
    @staticmethod
    def file(path: str) -> Secret:
        """
        The contents of a file, read each time it is used.
        """
    @staticmethod
    def from_reference(reference: str) -> Secret:
        """
        'env:NAME', 'file:PATH' or 'keyring:SERVICE/NAME'.
        """
    @staticmethod
    def keyring(service_and_name: str) -> Secret:
        """
        An entry 'SERVICE/NAME' of the system's keyring.
        """
    def __eq__(self, arg0: typing.Any) -> bool:
        """
        Two references are equal; the values of literals are not compared.
        """
    def __getstate__(self) -> str: ...
    def __hash__(self) -> int: ...
    def __init__(self, value: str) -> None:
        """
        A literal value, kept in memory and refused where it would be stored.
        """
    def __repr__(self) -> str: ...
    def __setstate__(self, arg0: str) -> None: ...
    def __str__(self) -> str: ...
    def reveal(self) -> str:
        """
        The value itself.
        """
    @property
    def is_literal(self) -> bool: ...

class Clock:
    """
    Time and sleeping behind one interface.
    """
    def now(self) -> float:
        """
        Seconds; only their difference means something. A step of the wall clock does not change them.
        """
    @property
    def wall(self) -> float:
        """
        Seconds since 1970, UTC.
        """

class ManualClock(Clock):
    """
    A clock that moves only when told to; a sleep on it advances it at once.
    """
    @typing.overload
    def __init__(self) -> None: ...
    @typing.overload
    def __init__(self, wall: typing.SupportsFloat | typing.SupportsIndex) -> None:
        """
        Begins at so many seconds since 1970.
        """
    def advance(self, seconds: typing.Any) -> None:
        """
        Moves it on by seconds or a timedelta.
        """
    def step_wall(self, seconds: typing.Any) -> None:
        """
        Moves the wall clock alone, as an administrator would.
        """
    @property
    def slept(self) -> float:
        """
        Seconds slept through so far.
        """

class Field:
    """
    One column: name, type and what the type needs. Immutable.
    """
    def __eq__(self, arg0: typing.Any) -> bool: ...
    def __hash__(self) -> int: ...
    def __repr__(self) -> str: ...
    def __str__(self) -> str:
        """
        The type with all that it needs, as read(schema=) takes it: decimal(12,3), list<utf8>.
        """
    @property
    def children(self) -> list[Field]:
        """
        Members of a struct, or the one item of a list.
        """
    @property
    def name(self) -> str: ...
    @property
    def nullable(self) -> bool: ...
    @property
    def precision(self) -> int:
        """
        Digits in all; of a decimal.
        """
    @property
    def scale(self) -> int:
        """
        Digits behind the point; of a decimal.
        """
    @property
    def type(self) -> str:
        """
        bool, int64, uint64, float64, utf8, binary, date, time, timestamp, decimal, json, struct or list.
        """
    @property
    def utc(self) -> bool:
        """
        Whether a timestamp is an instant (True) or local, without zone.
        """

class RecordBatch:
    """
    Records as Arrow columns. Immutable; any Arrow consumer reads it without a copy.
    """
    def __arrow_c_array__(
        self, requested_schema: typing.Any = None
    ) -> tuple[typing_extensions.CapsuleType, typing_extensions.CapsuleType]:
        """
        Arrow PyCapsule interface; `requested_schema` is not acted upon, as the interface allows.
        """
    def __arrow_c_schema__(self) -> typing_extensions.CapsuleType:
        """
        Arrow PyCapsule interface.
        """
    def __len__(self) -> int: ...
    def to_pylist(self) -> list[dict[str, typing.Any]]:
        """
        A list with a dict for each record.
        """
    @property
    def nbytes(self) -> int:
        """
        Bytes of all columns.
        """
    @property
    def schema(self) -> list[Field]:
        """
        The columns: a list of Field.
        """

class RecordBatches:
    """
    Batches of one schema; any Arrow consumer reads them without a copy.
    """
    def __arrow_c_schema__(self) -> typing_extensions.CapsuleType:
        """
        Arrow PyCapsule interface.
        """
    def __arrow_c_stream__(self, requested_schema: typing.Any = None) -> typing_extensions.CapsuleType:
        """
        Arrow PyCapsule interface; `requested_schema` is not acted upon, as the interface allows.
        """
    def __iter__(self) -> collections.abc.Iterator[RecordBatch]: ...
    def __len__(self) -> int: ...

class Permit:
    """
    One call's leave to go on. Dropped without a word it gives itself back, and nothing is counted.
    """
    def __repr__(self) -> str: ...
    def failure(self, exception: typing.Any = None, *, duration: typing.Any = None) -> None:
        """
        The call failed. With an exception it counts as the breaker's classify says, as when it leaves a `with` block.
        """
    def release(self) -> None:
        """
        Nothing was called: the permit goes back uncounted.
        """
    def success(self, duration: typing.Any = None) -> None:
        """
        The call succeeded. `duration`: its seconds or timedelta; None: the time since acquire().
        """
    @property
    def stale(self) -> bool:
        """
        Whether it has ended, or the breaker has changed its state since: what it brings will not count.
        """

class BreakerMetrics:
    """
    A circuit breaker's counts at one moment.
    """
    def __repr__(self) -> str: ...
    @property
    def calls(self) -> int:
        """
        In the window; while half_open, of its permits. So for the next four.
        """
    @property
    def dropped(self) -> int:
        """
        Results that came too late to count.
        """
    @property
    def failure_rate(self) -> float:
        """
        0 without calls.
        """
    @property
    def failures(self) -> int: ...
    @property
    def refused(self) -> int:
        """
        Since it was made, as the next three.
        """
    @property
    def retry_after(self) -> float | None:
        """
        While open: seconds until a probe is let through.
        """
    @property
    def slow_calls(self) -> int: ...
    @property
    def slow_rate(self) -> float:
        """
        0 without calls.
        """
    @property
    def state(self) -> str: ...
    @property
    def total_calls(self) -> int: ...
    @property
    def total_failures(self) -> int: ...

class BreakerEvent:
    """
    What happened to a circuit breaker.
    """
    def __repr__(self) -> str: ...
    @property
    def at(self) -> float:
        """
        Seconds of the breaker's clock.
        """
    @property
    def breaker(self) -> str:
        """
        Its name.
        """
    @property
    def from_state(self) -> str:
        """
        The same as to_state unless it changed.
        """
    @property
    def kind(self) -> str:
        """
        state_changed, call_refused, failure_rate_exceeded, slow_rate_exceeded or reset.
        """
    @property
    def rate(self) -> float:
        """
        The one that was exceeded; else 0.
        """
    @property
    def to_state(self) -> str: ...

class CircuitBreaker:
    """
    The compiled part of switchgear.CircuitBreaker.
    """
    def __aenter__(self) -> collections.abc.Awaitable[typing.Any]: ...
    def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: typing.Any, /
    ) -> collections.abc.Awaitable[None]: ...
    def __enter__(self) -> typing.Any: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: typing.Any, /) -> None: ...
    def __init__(
        self,
        *,
        name: str,
        failure_rate: typing.Any,
        slow_rate: typing.Any,
        slow_call: typing.Any,
        window: typing.Any,
        min_calls: typing.Any,
        open_initial: typing.Any,
        open_factor: typing.Any,
        open_cap: typing.Any,
        asks_for_wait: bool,
        half_open_calls: typing.Any,
        half_open_max_wait: typing.Any,
        clock: typing.Any,
    ) -> None: ...
    def _ask_ahead(self, waits_ns: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex]) -> None:
        """
        The first waits of open_for's function, for a connection; its last one stays.
        """
    def _listen(self) -> None:
        """
        From now on events are told to _deliver().
        """
    def acquire(self) -> Permit:
        """
        A permit for one call. Raises CircuitOpenError when it is refused.
        """
    def disable(self) -> None:
        """
        Lets every call pass and counts nothing, until reset().
        """
    def force_open(self) -> None:
        """
        Refuses every call until reset().
        """
    def metrics_only(self) -> None:
        """
        Lets every call pass and counts, until reset().
        """
    def reset(self) -> None:
        """
        Closed, with an empty window.
        """
    @property
    def _state(self) -> str: ...
    @property
    def metrics(self) -> BreakerMetrics:
        """
        Counts and rates; reading them changes nothing.
        """
    @property
    def name(self) -> str: ...

class RateReservation:
    """
    A place in a rate limiter's line.
    """
    @property
    def wait(self) -> float:
        """
        Seconds until its owner may pass.
        """

class RateLimiterMetrics:
    """
    A rate limiter at one moment.
    """
    def __repr__(self) -> str: ...
    @property
    def adapted(self) -> bool:
        """
        Whether a throttle has changed it.
        """
    @property
    def per_second(self) -> float | None:
        """
        The rate in force; None: no limit.
        """
    @property
    def throttles(self) -> int: ...
    @property
    def waiting(self) -> float:
        """
        Seconds until a call could pass.
        """

class RateLimiter:
    """
    The compiled part of switchgear.RateLimiter.
    """
    def __init__(self, *, rate: str | None, burst: typing.Any, adaptive: bool, clock: typing.Any) -> None: ...
    def _is_valid(self, arg0: RateReservation) -> bool: ...
    def _reserve(
        self, n: typing.Any, timeout: typing.SupportsFloat | typing.SupportsIndex | None
    ) -> RateReservation: ...
    def _withdraw(self, arg0: RateReservation) -> None: ...
    def acquire(self, n: typing.Any = 1, *, timeout: typing.Any = None) -> float:
        """
        Waits until `n` calls may pass, in the order of asking; the seconds that took. Raises TimeoutError at once, and takes nothing, if it would be longer than `timeout` (seconds or a timedelta).
        """
    def succeeded(self) -> None:
        """
        A reply came that was no throttle: a slowed rate recovers.
        """
    def throttled(self, retry_after: typing.Any = None) -> None:
        """
        The source throttled: nothing passes before `retry_after`, and less often from then on.
        """
    def try_acquire(self, n: typing.Any = 1) -> bool:
        """
        Whether `n` calls may pass now; then they are counted. Does not wait.
        """
    @property
    def metrics(self) -> RateLimiterMetrics:
        """
        The rate in force and what it has met.
        """

class Slot:
    """
    Leave for one call to be under way. Dropped without a word it gives itself back.
    """
    def __enter__(self) -> typing.Any: ...
    def __exit__(self, kind: typing.Any, exception: typing.Any, traceback: typing.Any) -> None: ...
    def __repr__(self) -> str: ...
    def dropped(self) -> None:
        """
        The call was throttled, turned away or timed out: the limit shrinks by a tenth.
        """
    def release(self) -> None:
        """
        The call said nothing about the source's load.
        """
    def success(self) -> None:
        """
        The call was answered: the limit may grow.
        """

class ConcurrencyMetrics:
    """
    A concurrency limiter at one moment.
    """
    def __repr__(self) -> str: ...
    @property
    def drops(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def limit(self) -> int:
        """
        Calls that may be under way.
        """
    @property
    def waiting(self) -> int:
        """
        Threads that wait for a slot.
        """

class ConcurrencyLimiter:
    """
    The compiled part of switchgear.ConcurrencyLimiter.
    """
    def __init__(self, *, initial: typing.Any, least: typing.Any, most: typing.Any) -> None: ...
    def _acquire(self, timeout: typing.Any) -> Slot | None: ...
    def try_acquire(self) -> Slot | None:
        """
        A slot, or None if as many calls as may be are under way.
        """
    @property
    def metrics(self) -> ConcurrencyMetrics:
        """
        The limit and what is under way.
        """

class RetryRun:
    """
    One call's retries.
    """
    def next(
        self,
        code: str,
        retry_after: typing.Any,
        http_status: typing.SupportsInt | typing.SupportsIndex,
        idempotent: bool,
    ) -> float | None:
        """
        Seconds until the next attempt, or None: no more.
        """
    def success(self) -> None: ...

class Retry:
    """
    The compiled part of switchgear.Retry.
    """
    def __init__(
        self,
        *,
        attempts: typing.Any,
        base: typing.Any,
        cap: typing.Any,
        quota: typing.Any,
        retry_cost: typing.Any,
        timeout_cost: typing.Any,
        random: typing.Any,
    ) -> None: ...
    def _start(self) -> RetryRun: ...
    @property
    def tokens(self) -> int:
        """
        What is left of the quota.
        """

class Redactor:
    """
    Replaces known secret values by '***'.
    """
    def __init__(self) -> None: ...
    def add(self, value: str) -> None: ...
    def redact(self, text: str) -> str: ...

class TlsOptions:
    def __init__(
        self,
        *,
        verify: bool = True,
        ca_file: str = "",
        cert_file: str = "",
        key_file: str = "",
        key_password: str = "",
        pinned_public_key: str = "",
    ) -> None: ...

class TransportOptions:
    def __init__(
        self,
        *,
        connect: typing.SupportsFloat | typing.SupportsIndex = 10.0,
        stalled: typing.SupportsFloat | typing.SupportsIndex = 30.0,
        total: typing.SupportsFloat | typing.SupportsIndex = 300.0,
        tls: TlsOptions = ...,
        proxy: str = "",
        max_reply_bytes: typing.SupportsInt | typing.SupportsIndex = 268435456,
        http2: bool = True,
        user_agent: str = "switchgear",
    ) -> None: ...

class Transport:
    """
    The way out to a source: libcurl, with connections kept open.
    """
    def __init__(self, options: TransportOptions) -> None: ...
    def send(
        self, method: str, url: str, headers: collections.abc.Sequence[tuple[str, str]] = [], body: str = ""
    ) -> tuple[int, list[tuple[str, str]], bytes, str, str]:
        """
        One request, without a connector: (status, headers, body, url, http_version). Any status is a reply; raises where there was none.
        """

class RecordedTransport(Transport):
    """
    Exchanges written to a file, or answered from one.
    """
    @staticmethod
    def record(path: str, real: Transport, redactor: Redactor) -> RecordedTransport:
        """
        Sends through `real` and writes what happened to the file, anew.
        """
    @staticmethod
    def replay(path: str, redactor: Redactor) -> RecordedTransport:
        """
        Answers from the file; a request that is not in it raises ConfigError.
        """

class Authenticator:
    pass

class BasicAuth(Authenticator):
    def __init__(self, user: str, password: Secret, redactor: Redactor) -> None: ...

class BearerAuth(Authenticator):
    def __init__(self, token: Secret, redactor: Redactor) -> None: ...

class ApiKey(Authenticator):
    def __init__(self, in_query: bool, name: str, key: Secret, redactor: Redactor) -> None: ...

class TokenStore:
    """
    Where refresh tokens outlive the process. Its tokens are not for show: it has no way to read them from Python.
    """

class MemoryTokenStore(TokenStore):
    """
    Forgets all tokens with the process.
    """
    def __init__(self) -> None: ...
    def __repr__(self) -> str: ...

class FileTokenStore(TokenStore):
    """
    One JSON file that only its owner may read (0600), replaced as a whole; any number of processes may share it. A file that others may read is refused with StoreError.
    """
    def __eq__(self, other: typing.Any) -> bool:
        """
        Two stores are equal if they are the same file, by name.
        """
    def __getstate__(self) -> str: ...
    def __hash__(self) -> int: ...
    def __init__(self, path: str) -> None: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, arg0: str) -> None: ...
    @property
    def path(self) -> str: ...

class OAuth2Options:
    def __init__(
        self,
        *,
        token_url: str,
        client_id: str,
        client_secret: Secret,
        secret_in_body: bool,
        scope: str,
        parameters: collections.abc.Sequence[tuple[str, str]],
    ) -> None: ...

class OAuth2ClientCredentials(Authenticator):
    def __init__(self, options: OAuth2Options, transport: Transport, redactor: Redactor) -> None: ...

class OAuth2RefreshToken(Authenticator):
    def __init__(
        self,
        options: OAuth2Options,
        refresh_token: Secret,
        store: TokenStore,
        store_key: str,
        transport: Transport,
        redactor: Redactor,
    ) -> None: ...

class CookieLogin(Authenticator):
    def __init__(
        self,
        *,
        login_url: str,
        user: str,
        password: Secret,
        user_field: str,
        password_field: str,
        fields: collections.abc.Sequence[tuple[str, str]],
        as_json: bool,
        session_cookie: str,
        transport: Transport,
        redactor: Redactor,
    ) -> None: ...

class CsrfToken(Authenticator):
    def __init__(
        self,
        *,
        fetch_url: str,
        fetch_method: str,
        header: str,
        credentials: Authenticator | None,
        transport: Transport,
        redactor: Redactor,
    ) -> None: ...

class WebhookEvent:
    """
    What a webhook says, whoever sent it. Immutable.
    """
    def __eq__(self, arg0: typing.Any) -> bool: ...
    def __getstate__(self) -> tuple[typing.Any, ...]: ...
    def __hash__(self) -> int: ...
    def __init__(
        self,
        *,
        id: str | None = None,
        type: str | None = None,
        timestamp: typing.Any = None,
        connection_id: str | None = None,
        data: typing.Any = None,
        raw: typing.Any = b"",
        attributes: dict[str, str] = {},
        has_data: bool | None = None,
    ) -> None: ...
    def __repr__(self) -> str: ...
    def __setstate__(self, arg0: tuple[typing.Any, ...]) -> None: ...
    def to_dict(self) -> dict[str, typing.Any]:
        """
        All but the body, for JSON.
        """
    @property
    def attributes(self) -> dict[str, str]:
        """
        Of CloudEvents, as texts: source, specversion, subject, time and the extensions.
        """
    @property
    def connection_id(self) -> str | None:
        """
        The data's connection_id; None where it has none.
        """
    @property
    def data(self) -> typing.Any:
        """
        What json.loads makes of it, or bytes; None where there is none, see has_data.
        """
    @property
    def has_data(self) -> bool:
        """
        Tells data that is null from none.
        """
    @property
    def id(self) -> str | None:
        """
        The message's id; None where its sender has none.
        """
    @property
    def raw(self) -> typing.Any:
        """
        The bytes of the whole body.
        """
    @property
    def timestamp(self) -> typing.Any:
        """
        A datetime in UTC: when it happened where the body says so, else when it was sent; None where neither is known.
        """
    @property
    def type(self) -> str | None:
        """
        Such as 'sync.failed'; None where the message has none.
        """

class WebhookVerifier:
    """
    The compiled part of switchgear.webhooks.Verifier.
    """
    def __init__(
        self,
        secrets: collections.abc.Sequence[str],
        *,
        scheme: str,
        recipe: typing.Any,
        tolerance: typing.Any,
        max_body_bytes: typing.SupportsInt | typing.SupportsIndex,
        seen: typing.Any,
        clock: typing.Any,
    ) -> None: ...
    def verify(
        self, body: typing.Any, headers: typing.Any, url: typing.Any = None, params: typing.Any = None
    ) -> WebhookEvent:
        """
        The event of a message that is signed as it should be. See switchgear.webhooks.verify.
        """

class WebhookSigner:
    """
    The compiled part of switchgear.webhooks.Signer.
    """
    def __init__(
        self, secrets: collections.abc.Sequence[str], *, scheme: str, recipe: typing.Any, clock: typing.Any
    ) -> None: ...
    def sign(
        self,
        body: typing.Any,
        id: str | None = None,
        timestamp: typing.Any = None,
        url: str | None = None,
        params: typing.Any = None,
    ) -> dict[str, str]:
        """
        The headers to send with a body. See switchgear.webhooks.sign.
        """

class ConfigKey:
    """
    A setting that a connector takes.
    """
    @property
    def default_value(self) -> str | None:
        """
        As text.
        """
    @property
    def doc(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def required(self) -> bool: ...
    @property
    def type(self) -> str:
        """
        text, url, int, float, bool or json.
        """

class EntityInfo:
    """
    An entity as its connector describes it.
    """
    @property
    def cursor(self) -> str:
        """
        The field by which changes can be asked for; empty: none.
        """
    @property
    def fields(self) -> list[Field]:
        """
        Its columns; empty where they are only known after reading.
        """
    @property
    def key(self) -> list[str]: ...
    @property
    def name(self) -> str: ...
    @property
    def ops(self) -> list[str]: ...
    @property
    def properties(self) -> dict[str, str]: ...

class Manifest:
    """
    What a connector says about itself before any of its code runs.
    """
    def to_json(self) -> str: ...
    @property
    def config(self) -> list[ConfigKey]: ...
    @property
    def doc(self) -> str: ...
    @property
    def entities(self) -> list[EntityInfo]: ...
    @property
    def name(self) -> str: ...
    @property
    def pushdown(self) -> list[str]: ...
    @property
    def secrets(self) -> list[str]: ...
    @property
    def version(self) -> str: ...

class ConnectorPlace:
    """
    A folder or file in which connectors are looked for, and who named it.
    """
    def __init__(self, path: str, origin: str) -> None: ...
    @property
    def origin(self) -> str: ...
    @property
    def path(self) -> str: ...

class FoundConnector:
    """
    A shared library that was found in one of the places.
    """
    @property
    def manifest(self) -> Manifest | None: ...
    @property
    def origin(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def problem(self) -> typing.Any:
        """
        Why the file is no usable connector; None if it is one.
        """
    @property
    def shadowed_by(self) -> str:
        """
        The path of the one of the same name that wins; empty for the winner.
        """

class Plugin:
    """
    A loaded connector. It stays loaded for the life of the process.
    """
    def offers(self, slot: str) -> bool:
        """
        Whether it has discover, plan or write_batch.
        """
    @property
    def manifest(self) -> Manifest: ...
    @property
    def path(self) -> str: ...

class ConnectorRegistry:
    """
    Finds connectors by name, in the order of its places.
    """
    @staticmethod
    def default_places(
        entry_points: collections.abc.Sequence[ConnectorPlace], bundled: str
    ) -> list[ConnectorPlace]: ...
    def __init__(self, places: collections.abc.Sequence[ConnectorPlace]) -> None: ...
    def found(self) -> list[FoundConnector]:
        """
        All that is there, broken and shadowed ones too; runs no code of theirs.
        """
    def load(self, name: str, sha256: str = "") -> Plugin:
        """
        The connector of that name or path. Raises ConfigError for an unknown one, PluginError for one that can't be used.
        """
    @property
    def places(self) -> list[ConnectorPlace]: ...

class HealthStep:
    """
    One stage of a check.
    """
    @property
    def detail(self) -> str: ...
    @property
    def latency_ms(self) -> float:
        """
        Of this stage alone; 0 where there was nothing to measure.
        """
    @property
    def name(self) -> str:
        """
        config, dns, proxy, connect, tls, http, auth or permission.
        """
    @property
    def state(self) -> str:
        """
        ok, failed or skipped.
        """

class EntityHealth:
    """
    What became of reading one record of an entity.
    """
    @property
    def entity(self) -> str: ...
    @property
    def error(self) -> typing.Any:
        """
        None where it was read.
        """
    @property
    def latency_ms(self) -> float: ...
    @property
    def state(self) -> str:
        """
        ok, failed or skipped.
        """

class Certificate:
    """
    What a server shows of itself.
    """
    def __repr__(self) -> str: ...
    @property
    def issuer(self) -> str: ...
    @property
    def names(self) -> list[str]:
        """
        Host names and addresses that it is for.
        """
    @property
    def subject(self) -> str: ...
    @property
    def valid_from(self) -> typing.Any: ...
    @property
    def valid_until(self) -> typing.Any: ...

class Health:
    """
    What a check found.
    """
    def __repr__(self) -> str: ...
    def _repr_html_(self) -> str: ...
    def to_dict(self) -> dict[str, typing.Any]: ...
    @property
    def cause(self) -> str:
        """
        The first thing that is wrong; empty: nothing.
        """
    @property
    def certificate(self) -> Certificate | None:
        """
        What the source shows, also when it is refused; None without TLS.
        """
    @property
    def entities(self) -> list[EntityHealth]:
        """
        The entities of which one record was read.
        """
    @property
    def error(self) -> typing.Any: ...
    @property
    def latency_ms(self) -> float:
        """
        Of the whole check.
        """
    @property
    def next_step(self) -> str:
        """
        What to do about it.
        """
    @property
    def online(self) -> bool:
        """
        The source is there, takes the credentials, and lets at least one entity be read.
        """
    @property
    def steps(self) -> list[HealthStep]:
        """
        The stages in their order.
        """

class BreakerStatus:
    """
    A circuit breaker of a connection: its own, or one of an operation on an entity.
    """
    @property
    def calls(self) -> int:
        """
        In its window.
        """
    @property
    def entity(self) -> str:
        """
        Empty: the connection's own.
        """
    @property
    def failures(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def operation(self) -> str: ...
    @property
    def refused(self) -> int:
        """
        Since it was made.
        """
    @property
    def retry_after(self) -> float | None:
        """
        Seconds until an open one lets a call through.
        """
    @property
    def slow_calls(self) -> int: ...
    @property
    def state(self) -> str:
        """
        closed, open, half_open, forced_open, disabled or metrics_only.
        """

class ConnectionStatus:
    """
    How a connection is, and since when.
    """
    def __repr__(self) -> str: ...
    def _repr_html_(self) -> str: ...
    def to_dict(self) -> dict[str, typing.Any]: ...
    @property
    def breakers(self) -> list[BreakerStatus]: ...
    @property
    def connection_id(self) -> str: ...
    @property
    def error(self) -> typing.Any:
        """
        Why it is not online.
        """
    @property
    def limits(self) -> dict[str, typing.Any]:
        """
        requests_per_second (None: no limit), throttles, slowed_down, at_once, in_flight, waiting.
        """
    @property
    def since(self) -> typing.Any:
        """
        UTC.
        """
    @property
    def state(self) -> str:
        """
        unknown, online, degraded, offline, auth_required, paused or disconnected.
        """

class StatusChange:
    """
    A connection has come from one state into another.
    """
    def __repr__(self) -> str: ...
    def to_dict(self) -> dict[str, typing.Any]: ...
    @property
    def at(self) -> typing.Any:
        """
        UTC.
        """
    @property
    def connection_id(self) -> str: ...
    @property
    def error(self) -> typing.Any:
        """
        What brought it about; None where none did.
        """
    @property
    def from_state(self) -> str: ...
    @property
    def to_state(self) -> str: ...

class LoggedError:
    """
    What a connection met: one for each entity, operation and code.
    """
    def __repr__(self) -> str: ...
    def _repr_html_(self) -> str: ...
    def to_dict(self) -> dict[str, typing.Any]: ...
    @property
    def code(self) -> str: ...
    @property
    def count(self) -> int:
        """
        Calls that met it.
        """
    @property
    def entity(self) -> str: ...
    @property
    def error(self) -> typing.Any:
        """
        The last one, with its message, hint and request id.
        """
    @property
    def first_seen(self) -> typing.Any: ...
    @property
    def last_seen(self) -> typing.Any: ...
    @property
    def last_success(self) -> typing.Any:
        """
        When this operation on this entity last went well; None: not as far as is known.
        """
    @property
    def operation(self) -> str: ...
    @property
    def recovered(self) -> int:
        """
        Of these: what another attempt got over.
        """
    @property
    def stands(self) -> bool:
        """
        It was not got over, and nothing has succeeded since.
        """

class Diagnosis:
    """
    Why a connection is not well, and what to do.
    """
    def __repr__(self) -> str: ...
    def _repr_html_(self) -> str: ...
    def to_dict(self) -> dict[str, typing.Any]: ...
    @property
    def affected(self) -> list[LoggedError]:
        """
        What stands, the likely cause first.
        """
    @property
    def cause(self) -> str: ...
    @property
    def code(self) -> str:
        """
        Of the likely cause; empty: nothing is wrong.
        """
    @property
    def connection_id(self) -> str: ...
    @property
    def evidence(self) -> list[str]: ...
    @property
    def next_steps(self) -> list[str]: ...
    @property
    def probe(self) -> Health | None:
        """
        The check that was made for this; None: what was met said enough.
        """
    @property
    def scope(self) -> str:
        """
        What is hit: connection, entity, operation or none.
        """
    @property
    def status(self) -> ConnectionStatus: ...

class PendingCall:
    """
    A call that runs on a thread of the core, for an event loop.
    """
    def cancel(self) -> None:
        """
        Asks the call to stop, and does not wait for its end as close() does.
        """
    def close(self) -> None:
        """
        Asks the call to stop and waits for its end. Idempotent.
        """
    def ready_fd(self) -> int:
        """
        A descriptor, the call's own, that is readable when result() is there.
        """
    def result(self) -> typing.Any:
        """
        What the call returned, or raises what it threw. Only once.
        """

class GuardOptions:
    """
    A connection's policies; None: off.
    """
    def __init__(
        self, *, retry: Retry | None, breaker: CircuitBreaker | None, rate_limit: RateLimiter | None
    ) -> None: ...

class Connection:
    """
    A configured connector.
    """
    def __init__(
        self,
        *,
        plugin: Plugin,
        id: str,
        config_json: str,
        secrets: collections.abc.Mapping[str, Secret],
        auth: Authenticator | None,
        redactor: Redactor,
        transport: Transport,
        guard: GuardOptions,
        clock: typing.Any = None,
    ) -> None: ...
    def check(self, entities: collections.abc.Sequence[str] | None = None) -> Health:
        """
        Health of the source; what is wrong with it is in the result, not raised.
        """
    def diagnose(
        self, probe: bool | None = None, entities: collections.abc.Sequence[str] | None = None
    ) -> Diagnosis: ...
    def entities(self, refresh: bool = False) -> list[EntityInfo]: ...
    def errors(self) -> list[LoggedError]: ...
    def explain(self) -> str:
        """
        The order of the policies and their parameters.
        """
    def listen(self, number: typing.SupportsInt | typing.SupportsIndex) -> None:
        """
        From now on what happens to it is told to switchgear.core_news, under this number.
        """
    def pause(self) -> None: ...
    def policy_memory(self) -> str:
        """
        What open breakers and a throttled limiter have learnt, as JSON; '': nothing.
        """
    def restore_error(
        self,
        *,
        entity: str,
        operation: str,
        category: str,
        detail: str,
        message: str,
        hint: str,
        count: typing.SupportsInt | typing.SupportsIndex,
        recovered: typing.SupportsInt | typing.SupportsIndex,
        first_seen: typing.SupportsFloat | typing.SupportsIndex,
        last_seen: typing.SupportsFloat | typing.SupportsIndex,
        http_status: typing.SupportsInt | typing.SupportsIndex,
        request_id: str,
    ) -> None:
        """
        Takes up what an earlier process met; times in seconds since 1970.
        """
    def restore_policies(self, memory: str) -> None:
        """
        Before anything is sent: goes on with what policy_memory() gave, in whichever process.
        """
    def restore_success(
        self, entity: str, operation: str, last_success: typing.SupportsFloat | typing.SupportsIndex
    ) -> None: ...
    def resume(self) -> None: ...
    def start_check(self, entities: collections.abc.Sequence[str] | None = None) -> PendingCall:
        """
        check() for an event loop.
        """
    def start_entities(self, refresh: bool = False) -> PendingCall:
        """
        entities() for an event loop.
        """
    def status(self) -> ConnectionStatus: ...
    def successes(self) -> list[tuple[str, str, float]]:
        """
        (entity, operation, seconds since 1970) of each operation that went well.
        """
    @property
    def id(self) -> str: ...
    @property
    def manifest(self) -> Manifest: ...

class Page:
    """
    A page of records and where to go on after it.
    """
    @property
    def batch(self) -> RecordBatch: ...
    @property
    def token(self) -> str: ...
    @property
    def total(self) -> int | None:
        """
        What the source says there is in all, where it was asked.
        """

class StreamOutcome:
    """
    How a stream is going, or how it ended.
    """
    def raise_for_error(self) -> None: ...
    def stats(self) -> dict[str, typing.Any]: ...
    @property
    def token(self) -> str: ...

class PageReader:
    """
    Reads an entity page by page, fetching ahead.
    """
    def arrow_schema(self) -> typing_extensions.CapsuleType:
        """
        The columns as an Arrow schema capsule.
        """
    def close(self) -> None:
        """
        Stops the producer and gives everything back. Idempotent.
        """
    def next(self) -> Page | None:
        """
        The next page, or None at the end.
        """
    def next_now(self) -> tuple[str, Page | None]:
        """
        Does not wait: ('page', Page), ('pending', None), ('passed', None) where conditions left nothing of a page, or ('end', None).
        """
    def ready_fd(self) -> int:
        """
        A descriptor, the reader's own, that is readable when next_now() would not be pending; for an event loop.
        """
    def stats(self) -> dict[str, typing.Any]:
        """
        Counts so far: pages, records, filtered, bytes (decompressed), requests, retries, waited_seconds, rescued, total.
        """
    def stop(self) -> None:
        """
        Ends what is in flight, and does not wait for its end as close() does.
        """
    def stream(self) -> tuple[typing_extensions.CapsuleType, StreamOutcome]:
        """
        Hands the reader over to an Arrow stream: (capsule, StreamOutcome). Its columns stay what they are from its first batch on.
        """
    def unify(self, batches: collections.abc.Sequence[RecordBatch]) -> RecordBatches:
        """
        The batches of this reader's pages, all with the columns that it has now.
        """
    @property
    def schema(self) -> list[Field]:
        """
        The columns: a list of Field. Waits for the first page where they are inferred.
        """
    @property
    def sequential(self) -> str:
        """
        Why it is read one page at a time although more was asked for; '' where it is as asked.
        """
    @property
    def token(self) -> str:
        """
        Where to go on after the last page taken.
        """

class MemoryBudget:
    """
    How many bytes the pages of all readers of this process may occupy until they are columns.
    """
    @property
    def in_use(self) -> int: ...
    @property
    def max_bytes(self) -> int:
        """
        The limit; each reader may hold one page beyond it, so that readers never wait for each other for ever.
        """
    @max_bytes.setter
    def max_bytes(self, arg1: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def peak(self) -> int:
        """
        The most that was ever in use.
        """

class ReadRequest:
    """
    What is to be read.
    """

    count: bool
    cursor: str
    entity: str
    filter: str
    modified_after: str
    order: str
    ordered: bool
    raw_filter: str
    token: str
    def __init__(self) -> None: ...
    def set_schema(self, types: collections.abc.Sequence[tuple[str, str]], mode: str, nested: str) -> None:
        """
        Types by column; words, where "" is none. Raises ConfigError.
        """
    @property
    def columns(self) -> list[str]: ...
    @columns.setter
    def columns(self, arg0: collections.abc.Sequence[str]) -> None: ...
    @property
    def limit(self) -> int: ...
    @limit.setter
    def limit(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def max_bytes(self) -> int: ...
    @max_bytes.setter
    def max_bytes(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def page_size(self) -> int: ...
    @page_size.setter
    def page_size(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def parallel(self) -> int: ...
    @parallel.setter
    def parallel(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def prefetch(self) -> int: ...
    @prefetch.setter
    def prefetch(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class WriteCounts:
    """
    How many records met which fate.
    """
    @property
    def batches(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def ok(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def unknown(self) -> int: ...

class WrittenRecord:
    """
    What became of one record, and why.
    """
    @property
    def error(self) -> typing.Any: ...
    @property
    def index(self) -> int: ...
    @property
    def json(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def state(self) -> str: ...

class BatchWriter:
    """
    Writes records in batches.
    """
    def __init__(
        self,
        *,
        connection: Connection,
        entity: str,
        op: str,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        delay: typing.SupportsFloat | typing.SupportsIndex,
        parallel: typing.SupportsInt | typing.SupportsIndex,
        on_error: str,
        atomic: bool,
        dry_run: bool,
        job_id: str,
        max_record_bytes: typing.SupportsInt | typing.SupportsIndex,
    ) -> None: ...
    def add(self, records: collections.abc.Sequence[str], maybe_sent: bool = False) -> bool:
        """
        Takes records as JSON texts; False: it has stopped and skips them. Waits where the source is slower.
        """
    def add_failed(self, json: str, category: str, detail: str, message: str, hint: str) -> bool:
        """
        Takes a record that could not be put into JSON.
        """
    def cancel(self) -> None:
        """
        Skips what is not sent yet and ends what is in flight.
        """
    def counts(self) -> WriteCounts: ...
    def finish(self) -> WriteCounts:
        """
        Sends what is left and waits for all outcomes.
        """
    def take(self) -> list[WrittenRecord]:
        """
        The outcomes since the last call that are not ok.
        """

class StoreDescription:
    """
    What there is to say of a store itself.
    """
    @property
    def bytes(self) -> int:
        """
        That its database takes up on disk.
        """
    @property
    def schema_version(self) -> int:
        """
        Of its tables.
        """

class Store:
    """
    The database with all state.
    """
    @typing.overload
    def __init__(self, url: str) -> None: ...
    @typing.overload
    def __init__(self, url: str, clock: Clock) -> None: ...
    def describe(self) -> StoreDescription:
        """
        Its version and size.
        """
    @property
    def display(self) -> str:
        """
        Its URL, without a password.
        """
    @property
    def kind(self) -> str:
        """
        sqlite or postgresql.
        """

class SettingStore:
    """
    Single values by name that all who use the store share.
    """
    def __init__(self, store: Store) -> None: ...
    def erase(self, name: str) -> None: ...
    def find(self, name: str) -> str | None:
        """
        None: there is none.
        """
    def put(self, name: str, value: str) -> None: ...

class SecretStore:
    """
    Secrets that come into being here, sealed.
    """
    def __init__(self, store: Store, key: Secret | None = None) -> None: ...
    def change_key(self, key: Secret) -> None:
        """
        Seals all of them with another key.
        """
    def erase(self, name: str) -> None: ...
    def names(self) -> list[str]: ...

class StoredTokens(TokenStore):
    """
    Refresh tokens, sealed in the store; processes take turns.
    """
    def __init__(self, store: Store, key: Secret | None = None) -> None: ...

class StoredAuth:
    """
    Credentials as the store keeps them.
    """

    settings_json: str
    type: str
    def __init__(self) -> None: ...
    @property
    def secrets(self) -> dict[str, Secret]:
        """
        References only.
        """
    @secrets.setter
    def secrets(self, arg0: collections.abc.Mapping[str, Secret]) -> None: ...

class StoredConnection:
    """
    A connection as the store keeps it.
    """

    auth: StoredAuth | None
    config_json: str
    connector: str
    destination: str
    entities_json: str
    id: str
    network_json: str
    policies_json: str
    schedule: str
    timezone: str
    def __init__(self) -> None: ...
    @property
    def created_at(self) -> typing.Any: ...
    @property
    def owner(self) -> str:
        """
        hub or file.
        """
    @owner.setter
    def owner(self, arg1: str) -> None: ...
    @property
    def secrets(self) -> dict[str, Secret]:
        """
        References only.
        """
    @secrets.setter
    def secrets(self, arg0: collections.abc.Mapping[str, Secret]) -> None: ...
    @property
    def state(self) -> str:
        """
        active, paused or disconnected.
        """
    @state.setter
    def state(self, arg1: str) -> None: ...
    @property
    def updated_at(self) -> typing.Any: ...
    @property
    def version(self) -> int:
        """
        Counts changes.
        """
    @version.setter
    def version(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class ConnectionStore:
    """
    Connections by id.
    """
    def __init__(self, store: Store) -> None: ...
    def add(self, connection: StoredConnection) -> StoredConnection:
        """
        Raises Conflict for an id that is taken.
        """
    def all(self) -> list[StoredConnection]:
        """
        By id.
        """
    def get(self, id: str) -> StoredConnection:
        """
        Raises NotFound with the nearest id.
        """
    def update(self, connection: StoredConnection) -> StoredConnection:
        """
        Raises Conflict where it was changed meanwhile.
        """

class JobRow:
    """
    A job as it was when it was looked at.
    """
    @property
    def batches(self) -> int: ...
    @property
    def connection_id(self) -> str: ...
    @property
    def created_at(self) -> typing.Any: ...
    @property
    def entity(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def error_code(self) -> str: ...
    @property
    def failed(self) -> int: ...
    @property
    def finished_at(self) -> typing.Any: ...
    @property
    def id(self) -> str: ...
    @property
    def is_final(self) -> bool: ...
    @property
    def max_attempts(self) -> int: ...
    @property
    def not_before(self) -> typing.Any: ...
    @property
    def ok(self) -> int: ...
    @property
    def op(self) -> str: ...
    @property
    def open_batches(self) -> int: ...
    @property
    def pending(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def records(self) -> int: ...
    @property
    def skipped(self) -> int: ...
    @property
    def started_at(self) -> typing.Any: ...
    @property
    def state(self) -> str: ...
    @property
    def unknown(self) -> int: ...

class JobOutcome:
    """
    A record of a job that was not written.
    """
    @property
    def attempt(self) -> int: ...
    @property
    def error(self) -> typing.Any: ...
    @property
    def index(self) -> int: ...
    @property
    def json(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def state(self) -> str: ...

class JobSubmission:
    """
    A job while its records come in; nobody sees it before finish().
    """
    def add(self, records: collections.abc.Sequence[str]) -> None:
        """
        Takes records as JSON texts. Raises DataError for a bad one.
        """
    def finish(self) -> JobRow:
        """
        The job is on disk.
        """
    @property
    def records(self) -> int: ...

class JobStore:
    """
    Jobs by id.
    """
    def __init__(self, store: Store) -> None: ...
    def cancel(self, id: str) -> JobRow: ...
    def get(self, id: str) -> JobRow:
        """
        Raises NotFound.
        """
    def limit_connection(self, connection_id: str, max_running: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    def outcomes(
        self,
        id: str,
        *,
        state: str | None = None,
        after: typing.SupportsInt | typing.SupportsIndex = -1,
        limit: typing.SupportsInt | typing.SupportsIndex = 1000,
    ) -> list[JobOutcome]:
        """
        Records that are not ok, by index; `after` the last index of the page before.
        """
    def page(
        self,
        *,
        connection_id: str = "",
        state: str | None = None,
        after: str = "",
        limit: typing.SupportsInt | typing.SupportsIndex = 100,
    ) -> list[JobRow]:
        """
        The newest first; `after` the last id of the page before.
        """
    def pause(self, id: str) -> JobRow: ...
    def purge(self, before: typing.SupportsFloat | typing.SupportsIndex) -> int:
        """
        Removes jobs that ended before then (seconds since 1970), and submissions whose process died. How many jobs.
        """
    def resume(self, id: str) -> JobRow: ...
    def retry(self, id: str, *, only_retryable: bool = False, unknown: bool = False) -> JobRow: ...
    def submit(
        self,
        *,
        connection_id: str,
        entity: str,
        op: str,
        options_json: str,
        priority: typing.SupportsInt | typing.SupportsIndex,
        not_before: typing.SupportsFloat | typing.SupportsIndex | None,
        max_attempts: typing.SupportsInt | typing.SupportsIndex,
        batch_size: typing.SupportsInt | typing.SupportsIndex,
        max_batch_bytes: typing.SupportsInt | typing.SupportsIndex,
        key: collections.abc.Sequence[str],
        max_record_bytes: typing.SupportsInt | typing.SupportsIndex,
        order_key: str,
    ) -> JobSubmission: ...

class ApiToken:
    """
    Who may use the HTTP interface; its text is not kept.
    """
    @property
    def connections(self) -> list[str] | None:
        """
        These only; None: all.
        """
    @property
    def created_at(self) -> typing.Any: ...
    @property
    def expires_at(self) -> typing.Any: ...
    @property
    def id(self) -> str: ...
    @property
    def last_used_at(self) -> typing.Any: ...
    @property
    def name(self) -> str: ...
    @property
    def revoked_at(self) -> typing.Any: ...
    @property
    def scope(self) -> str:
        """
        read or operate.
        """

class ApiTokenStore:
    """
    Tokens of the HTTP interface, by hash.
    """
    def __init__(self, store: Store) -> None: ...
    def all(self) -> list[ApiToken]:
        """
        The newest first.
        """
    def any(self) -> bool:
        """
        Whether there ever was one.
        """
    def create(
        self,
        *,
        name: str,
        scope: str,
        connections: collections.abc.Sequence[str] | None = None,
        expires_at: typing.SupportsFloat | typing.SupportsIndex | None = None,
    ) -> tuple[ApiToken, str]:
        """
        The token and its text, which is nowhere else. `expires_at`: seconds since 1970.
        """
    def find(self, text: str) -> ApiToken | None:
        """
        The token that this text is, if it holds now.
        """
    def revoke(self, id: str) -> ApiToken:
        """
        Raises NotFound with the nearest id.
        """
    def signing_key(self) -> bytes:
        """
        32 bytes, the same for all.
        """

class KeptReply:
    """
    What there is of an earlier request with the same Idempotency-Key.
    """
    @property
    def begun_at(self) -> typing.Any: ...
    @property
    def body(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def status(self) -> int:
        """
        0: no reply yet.
        """

class IdempotencyStore:
    """
    Replies by Idempotency-Key.
    """
    def __init__(self, store: Store) -> None: ...
    def claim(self, owner: str, key: str, fingerprint: str) -> KeptReply | None:
        """
        None: it is ours now.
        """
    def finish(self, owner: str, key: str, status: typing.SupportsInt | typing.SupportsIndex, body: str) -> None: ...
    def release(self, owner: str, key: str) -> None:
        """
        Nothing was done.
        """

class EventRow:
    """
    An event as the store has it.
    """
    @property
    def body(self) -> str:
        """
        JSON, as it is sent.
        """
    @property
    def connection_id(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def occurred_at(self) -> typing.Any: ...
    @property
    def recorded_at(self) -> typing.Any: ...
    @property
    def test(self) -> bool: ...
    @property
    def type(self) -> str: ...

class EventStore:
    """
    What happened, with its deliveries.
    """
    def __init__(self, store: Store) -> None: ...
    def connection_seen(self, connection_id: str, reach: str, error_json: str = "") -> bool:
        """
        Whether that was an event.
        """
    def get(self, id: str) -> EventRow:
        """
        Raises NotFound.
        """
    def page(
        self,
        *,
        connection_id: str = "",
        type: str = "",
        since: typing.SupportsFloat | typing.SupportsIndex | None = None,
        after: typing.SupportsInt | typing.SupportsIndex | None = None,
        tests: bool = False,
        limit: typing.SupportsInt | typing.SupportsIndex = 100,
    ) -> list[EventRow]:
        """
        The newest first; behind a number: the oldest first.
        """
    def record(
        self,
        type: str,
        data_json: str,
        *,
        connection_id: str = "",
        id: str = "",
        occurred_at: typing.SupportsFloat | typing.SupportsIndex | None = None,
    ) -> str:
        """
        Its id. One with this id that is there stays as it is.
        """
    def remove_before(self, before: typing.SupportsFloat | typing.SupportsIndex) -> int:
        """
        Removes what was recorded before then (seconds since 1970) and has no delivery left. How many.
        """

class StoredEndpoint:
    """
    An endpoint as the store has it; its keys are not in it.
    """

    ca_file: str
    events_json: str
    filter_json: str
    id: str
    ordered: bool
    owner: str
    schedule_json: str
    subnets_json: str
    url: str
    def __init__(self) -> None: ...
    @property
    def created_at(self) -> typing.Any: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def rate(self) -> float: ...
    @rate.setter
    def rate(self, arg0: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    @property
    def reason(self) -> str: ...
    @property
    def throttled_until(self) -> typing.Any: ...
    @property
    def updated_at(self) -> typing.Any: ...
    @property
    def version(self) -> int: ...

class EndpointKey:
    """
    What signs: a key or a reference to one.
    """
    @property
    def text(self) -> str: ...
    @property
    def until(self) -> typing.Any:
        """
        None: the present one.
        """

class EndpointStore:
    """
    Endpoints by id.
    """
    def __init__(self, store: Store, secrets: SecretStore) -> None: ...
    def add(self, endpoint: StoredEndpoint, key: str) -> StoredEndpoint:
        """
        As it is stored.
        """
    def all(self) -> list[StoredEndpoint]:
        """
        By id.
        """
    def disable(self, id: str, reason: str) -> StoredEndpoint: ...
    def enable(self, id: str) -> StoredEndpoint: ...
    def find(self, id: str) -> StoredEndpoint | None: ...
    def get(self, id: str) -> StoredEndpoint:
        """
        Raises NotFound with the nearest id.
        """
    def keys(self, id: str) -> list[EndpointKey]:
        """
        Those that sign now, the present one first.
        """
    def remove(self, id: str) -> None: ...
    def rotate(self, id: str, key: str, keep: typing.SupportsFloat | typing.SupportsIndex) -> StoredEndpoint:
        """
        The keys before sign, too, for `keep` seconds.
        """
    def update(self, endpoint: StoredEndpoint) -> StoredEndpoint: ...

class DeliveryRow:
    """
    An event on its way to an endpoint.
    """
    @property
    def attempts(self) -> int: ...
    @property
    def connection_id(self) -> str: ...
    @property
    def created_at(self) -> typing.Any: ...
    @property
    def due_at(self) -> typing.Any: ...
    @property
    def endpoint_id(self) -> str: ...
    @property
    def error(self) -> str:
        """
        JSON; '' where there is none.
        """
    @property
    def event_id(self) -> str: ...
    @property
    def finished_at(self) -> typing.Any: ...
    @property
    def id(self) -> int: ...
    @property
    def last_at(self) -> typing.Any: ...
    @property
    def response(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def status(self) -> int:
        """
        0: no reply came.
        """
    @property
    def type(self) -> str: ...

class DeliveryStore:
    """
    Deliveries by id.
    """
    def __init__(self, store: Store) -> None: ...
    def get(self, id: typing.SupportsInt | typing.SupportsIndex) -> DeliveryRow:
        """
        Raises NotFound.
        """
    def next_due(self) -> typing.Any: ...
    def page(
        self,
        *,
        state: str | None = None,
        endpoint_id: str = "",
        event_id: str = "",
        before: typing.SupportsInt | typing.SupportsIndex = 0,
        limit: typing.SupportsInt | typing.SupportsIndex = 100,
    ) -> list[DeliveryRow]:
        """
        The newest first; `before` the last id of the page before.
        """
    def redeliver(self, id: typing.SupportsInt | typing.SupportsIndex) -> DeliveryRow:
        """
        Raises NotFound, Conflict.
        """
    def remove_before(self, before: typing.SupportsFloat | typing.SupportsIndex) -> int:
        """
        Removes what came to its end before then (seconds since 1970). How many.
        """
    def test(self, endpoint_id: str, type: str, data_json: str) -> int:
        """
        A sample for this endpoint alone. The delivery's id.
        """

class SenderStats:
    """
    What a sender has done so far.
    """
    @property
    def attempts(self) -> int: ...
    @property
    def dead(self) -> int:
        """
        Deliveries that are not tried again.
        """
    @property
    def delivered(self) -> int: ...
    @property
    def failed(self) -> int:
        """
        Attempts.
        """

class WebhookSender:
    """
    Sends what is due to its endpoints.
    """
    def __init__(
        self,
        store: Store,
        secrets: SecretStore,
        *,
        name: str = "",
        concurrency: typing.SupportsInt | typing.SupportsIndex = 64,
        per_endpoint: typing.SupportsInt | typing.SupportsIndex = 16,
        lease: typing.SupportsFloat | typing.SupportsIndex = 30.0,
        timeout: typing.SupportsFloat | typing.SupportsIndex = 10.0,
        until_idle: bool = False,
        proxy: str = "none",
    ) -> None: ...
    def run(self) -> None:
        """
        Sends until stop(), a signal, or until nothing is due.
        """
    def stats(self) -> SenderStats: ...
    def stop(self) -> None:
        """
        Claim nothing more, and return once what is under way has ended; again: end it now.
        """

class InboxMessage:
    """
    A webhook that came.
    """
    @property
    def attempts(self) -> int: ...
    @property
    def body(self) -> bytes: ...
    @property
    def connection_id(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def data_json(self) -> str:
        """
        JSON; empty: the body is none.
        """
    @property
    def due_at(self) -> typing.Any: ...
    @property
    def error(self) -> str:
        """
        JSON; empty: none.
        """
    @property
    def id(self) -> str: ...
    @property
    def occurred_at(self) -> typing.Any: ...
    @property
    def received_at(self) -> typing.Any: ...
    @property
    def state(self) -> str:
        """
        waiting, in_progress, done or failed.
        """
    @property
    def type(self) -> str:
        """
        As its sender calls it.
        """

class InboxStore:
    """
    Webhooks that came, verified, each once.
    """
    def __init__(self, store: Store) -> None: ...
    def again(self, connection_id: str, id: str) -> InboxMessage:
        """
        Raises NotFound, Conflict.
        """
    def claim(
        self, lease: typing.SupportsFloat | typing.SupportsIndex, most: typing.SupportsInt | typing.SupportsIndex
    ) -> list[InboxMessage]:
        """
        Those that are due, the oldest first. `lease`: seconds.
        """
    def get(self, connection_id: str, id: str) -> InboxMessage:
        """
        Raises NotFound.
        """
    def list(
        self, connection_id: str, state: str | None, limit: typing.SupportsInt | typing.SupportsIndex
    ) -> list[InboxMessage]:
        """
        The newest first, without their bodies.
        """
    def put(
        self,
        *,
        connection_id: str,
        id: str,
        type: str,
        occurred_at: typing.SupportsFloat | typing.SupportsIndex | None,
        content_type: str,
        body: bytes,
        data_json: str,
    ) -> bool:
        """
        On disk when it returns. False: it came before.
        """
    def remove_before(self, before: typing.SupportsFloat | typing.SupportsIndex) -> int:
        """
        Seconds since 1970; how many those were.
        """
    def sender(self, connection_id: str) -> str | None: ...
    def set_sender(self, connection_id: str, settings_json: str) -> None:
        """
        JSON; empty: none are taken any more. Raises NotFound.
        """
    def settle(
        self, claimed: InboxMessage, error_json: str, due_at: typing.SupportsFloat | typing.SupportsIndex | None
    ) -> bool:
        """
        False: its lease has run out.
        """

class WorkerStats:
    """
    What a worker has done so far.
    """
    @property
    def batches(self) -> int:
        """
        That came to an end.
        """
    @property
    def failed(self) -> int:
        """
        Records.
        """
    @property
    def given_back(self) -> int:
        """
        Of these: that will be tried again.
        """
    @property
    def ok(self) -> int:
        """
        Records.
        """
    @property
    def taken_over(self) -> int:
        """
        Of which an earlier attempt may have sent some.
        """
    @property
    def under_way(self) -> int:
        """
        Batches.
        """

class QueueWorker:
    """
    Writes queued batches to their sources.
    """
    def __init__(
        self,
        store: Store,
        *,
        name: str = "",
        concurrency: typing.SupportsInt | typing.SupportsIndex = 4,
        lease: typing.SupportsFloat | typing.SupportsIndex = 60.0,
        until_idle: bool = False,
    ) -> None: ...
    def run(self, open: collections.abc.Callable[[str], Connection]) -> None:
        """
        Works until stop(), a signal, or until nothing is left. `open` gives the connection of an id.
        """
    def stats(self) -> WorkerStats: ...
    def stop(self) -> None:
        """
        Claim nothing more, and return once what is under way has ended; again: end it now.
        """
    @property
    def name(self) -> str: ...

class RunCounts:
    """
    What a run has moved.
    """
    @property
    def bytes(self) -> int: ...
    @property
    def checkpoints(self) -> int: ...
    @property
    def deleted(self) -> int: ...
    @property
    def pages(self) -> int: ...
    @property
    def read(self) -> int: ...
    @property
    def rejected(self) -> int: ...
    @property
    def requests(self) -> int: ...
    @property
    def rescued(self) -> int: ...
    @property
    def retries(self) -> int: ...
    @property
    def unchanged(self) -> int: ...
    @property
    def waited_seconds(self) -> float: ...
    @property
    def written(self) -> int: ...

class RunEntityRow:
    """
    An entity's part of a run.
    """
    @property
    def counts(self) -> RunCounts: ...
    @property
    def entity(self) -> str: ...
    @property
    def error(self) -> str:
        """
        JSON; '' where there is none.
        """
    @property
    def finished_at(self) -> typing.Any: ...
    @property
    def is_initial(self) -> bool: ...
    @property
    def mode(self) -> str: ...
    @property
    def started_at(self) -> typing.Any: ...
    @property
    def status(self) -> str: ...
    @property
    def watermark(self) -> str: ...

class RunRow:
    """
    A run as it was when it was looked at.
    """
    @property
    def cause(self) -> str: ...
    @property
    def connection_id(self) -> str: ...
    @property
    def counts(self) -> RunCounts: ...
    @property
    def destination(self) -> str: ...
    @property
    def entities(self) -> list[RunEntityRow]: ...
    @property
    def error(self) -> str:
        """
        JSON; '' where there is none.
        """
    @property
    def finished_at(self) -> typing.Any: ...
    @property
    def full(self) -> bool: ...
    @property
    def holder(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def started_at(self) -> typing.Any: ...
    @property
    def status(self) -> str: ...

class RunMessageRow:
    """
    Something that a run had to say.
    """
    @property
    def at(self) -> typing.Any: ...
    @property
    def detail_json(self) -> str: ...
    @property
    def entity(self) -> str: ...
    @property
    def level(self) -> str: ...
    @property
    def text(self) -> str: ...

class StoredErrorRow:
    """
    An error of a connection, with how often it was met.
    """
    @property
    def connection_id(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def entity(self) -> str: ...
    @property
    def error(self) -> str:
        """
        JSON.
        """
    @property
    def first_at(self) -> typing.Any: ...
    @property
    def last_at(self) -> typing.Any: ...
    @property
    def run_id(self) -> str: ...

class RunStore:
    """
    Runs, their messages, and errors.
    """
    def __init__(self, store: Store) -> None: ...
    def errors(
        self, connection_id: str, entity: str = "", since: typing.SupportsFloat | typing.SupportsIndex | None = None
    ) -> list[StoredErrorRow]:
        """
        The latest first.
        """
    def get(self, id: str) -> RunRow:
        """
        Raises NotFound.
        """
    def latest(self, connection_id: str, limit: typing.SupportsInt | typing.SupportsIndex) -> list[RunRow]:
        """
        The latest first; '' for all connections.
        """
    def messages(self, run_id: str) -> list[RunMessageRow]: ...
    def remove_before(
        self, runs: typing.SupportsFloat | typing.SupportsIndex, errors: typing.SupportsFloat | typing.SupportsIndex
    ) -> int:
        """
        Removes what ended before then (seconds since 1970). How many runs.
        """
    def settle_interrupted(self) -> int:
        """
        Runs that nobody carries on are failed. How many.
        """

class EntitySyncStatusRow:
    """
    How an entity's sync stands.
    """
    @property
    def counts(self) -> RunCounts: ...
    @property
    def entity(self) -> str: ...
    @property
    def error(self) -> str: ...
    @property
    def last_success_at(self) -> typing.Any: ...
    @property
    def status(self) -> str: ...
    @property
    def watermark(self) -> str: ...

class SyncStatusRow:
    """
    How a connection's syncs stand.
    """
    @property
    def connection_id(self) -> str: ...
    @property
    def entities(self) -> list[EntitySyncStatusRow]: ...
    @property
    def error(self) -> str: ...
    @property
    def freshness(self) -> str: ...
    @property
    def is_initial(self) -> bool: ...
    @property
    def last_finished_at(self) -> typing.Any: ...
    @property
    def last_started_at(self) -> typing.Any: ...
    @property
    def last_success_at(self) -> typing.Any: ...
    @property
    def next_sync_at(self) -> typing.Any: ...
    @property
    def run_id(self) -> str: ...
    @property
    def status(self) -> str: ...

class SyncDue:
    """
    A connection whose sync is due, or not worked out yet.
    """
    @property
    def connection_id(self) -> str: ...
    @property
    def failures(self) -> int: ...
    @property
    def next_sync_at(self) -> typing.Any: ...
    @property
    def schedule(self) -> str: ...
    @property
    def timezone(self) -> str: ...

class SyncStatusStore:
    """
    How syncs stand, and when they are due.
    """
    def __init__(self, store: Store) -> None: ...
    def all(self) -> list[SyncStatusRow]:
        """
        By id.
        """
    def due(self) -> list[SyncDue]: ...
    def get(self, connection_id: str) -> SyncStatusRow:
        """
        Raises NotFound.
        """
    def next_due(self) -> typing.Any: ...
    def set_next(
        self,
        connection_id: str,
        next: typing.SupportsFloat | typing.SupportsIndex | None,
        period: typing.SupportsFloat | typing.SupportsIndex | None,
    ) -> None:
        """
        Seconds since 1970, and seconds.
        """

class EntityPlan:
    """
    How an entity is synced.
    """
    def __init__(
        self,
        *,
        entity: str,
        mode: str,
        cursor: str,
        key: collections.abc.Sequence[str],
        initial_window: typing.SupportsFloat | typing.SupportsIndex | None,
        lookback: typing.SupportsFloat | typing.SupportsIndex,
        read: ReadRequest,
        commit_rows: typing.SupportsInt | typing.SupportsIndex,
        commit_bytes: typing.SupportsInt | typing.SupportsIndex,
        commit_seconds: typing.SupportsFloat | typing.SupportsIndex,
    ) -> None: ...

class Destination:
    """
    Where syncs write.
    """
    @property
    def display(self) -> str: ...
    @property
    def one_writer(self) -> bool: ...
    @property
    def transactional(self) -> bool: ...

class SyncControl:
    """
    Ends a sync from another thread.
    """
    def __init__(self) -> None: ...
    def stop(self) -> None:
        """
        Commit what was read and stop; again: stop at once.
        """

class FlowCounts:
    """
    What became of the records of a run's batches.
    """
    def __init__(self) -> None: ...
    @property
    def failed(self) -> int: ...
    @failed.setter
    def failed(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def ok(self) -> int: ...
    @ok.setter
    def ok(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def skipped(self) -> int: ...
    @skipped.setter
    def skipped(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def unknown(self) -> int: ...
    @unknown.setter
    def unknown(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class FlowPlan:
    """
    A flow as a process has defined it.
    """
    @property
    def event_type(self) -> str: ...
    @property
    def events_since(self) -> typing.Any: ...
    @property
    def name(self) -> str: ...
    @property
    def next_at(self) -> typing.Any: ...
    @property
    def schedule(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def timezone(self) -> str: ...

class FlowRunRow:
    """
    An execution of a flow as it was when it was looked at.
    """
    @property
    def cause(self) -> str: ...
    @property
    def counts(self) -> FlowCounts: ...
    @property
    def error(self) -> str:
        """
        JSON; '' where there is none.
        """
    @property
    def event_id(self) -> str: ...
    @property
    def event_json(self) -> str: ...
    @property
    def finished_at(self) -> typing.Any: ...
    @property
    def flow(self) -> str: ...
    @property
    def holder(self) -> str: ...
    @property
    def id(self) -> str: ...
    @property
    def interrupted(self) -> bool: ...
    @property
    def params_json(self) -> str: ...
    @property
    def started_at(self) -> typing.Any: ...
    @property
    def status(self) -> str: ...
    @property
    def token(self) -> int: ...

class FlowStepRow:
    """
    A step of a run.
    """
    @property
    def attempts(self) -> int: ...
    @property
    def error(self) -> str:
        """
        JSON; '' where there is none.
        """
    @property
    def finished_at(self) -> typing.Any: ...
    @property
    def name(self) -> str: ...
    @property
    def result_json(self) -> str: ...
    @property
    def started_at(self) -> typing.Any: ...
    @property
    def status(self) -> str: ...

class FlowBatches:
    """
    How far a loop over batches has come.
    """

    counts: FlowCounts
    digest: str
    left_json: str
    def __init__(self) -> None: ...
    @property
    def in_flight(self) -> int: ...
    @in_flight.setter
    def in_flight(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...
    @property
    def position(self) -> int: ...
    @position.setter
    def position(self, arg0: typing.SupportsInt | typing.SupportsIndex) -> None: ...

class FlowStart:
    """
    What an execution begins with.
    """
    def __init__(
        self,
        *,
        flow: str,
        cause: str,
        params_json: str,
        event_id: str,
        event_json: str,
        holder: str,
        lease: typing.SupportsFloat | typing.SupportsIndex,
        concurrency: typing.SupportsInt | typing.SupportsIndex,
        due: typing.SupportsFloat | typing.SupportsIndex | None,
        next: typing.SupportsFloat | typing.SupportsIndex | None,
    ) -> None: ...

class FlowExecution:
    """
    An execution of a flow by this process.
    """
    @staticmethod
    def begin(store: Store, start: FlowStart) -> FlowExecution | None:
        """
        None: another process was first. Raises Conflict where as many as may are under way.
        """
    @staticmethod
    def resume(store: Store, id: str, start: FlowStart) -> FlowExecution:
        """
        Raises NotFound, Conflict.
        """
    def add_message(self, level: str, step: str, text: str, detail_json: str) -> None: ...
    def batches(self, step: str, number: typing.SupportsInt | typing.SupportsIndex) -> FlowBatches | None: ...
    def finished(self, status: str, error: str, interrupted: bool) -> None: ...
    def keep_batches(
        self, step: str, number: typing.SupportsInt | typing.SupportsIndex, batches: FlowBatches
    ) -> None: ...
    def renew(self) -> bool:
        """
        False: it is lost.
        """
    def step(self, name: str) -> FlowStepRow | None: ...
    def step_failed(self, name: str, error: str) -> None: ...
    def step_finished(self, name: str, result_json: str) -> None: ...
    def step_started(self, name: str) -> None: ...
    @property
    def run(self) -> FlowRunRow: ...

class FlowStore:
    """
    Flows and their runs.
    """
    def __init__(self, store: Store) -> None: ...
    def get(self, id: str) -> FlowRunRow:
        """
        Raises NotFound.
        """
    def interrupted(self) -> list[FlowRunRow]:
        """
        Those whose process died, the oldest first.
        """
    def latest(self, flow: str, limit: typing.SupportsInt | typing.SupportsIndex) -> list[FlowRunRow]:
        """
        The latest first; '' for all flows.
        """
    def messages(self, run_id: str) -> list[RunMessageRow]: ...
    def pending_events(self, flow: str, limit: typing.SupportsInt | typing.SupportsIndex) -> list[str]:
        """
        Ids of events that are to begin it and have not yet, the oldest first.
        """
    def plan(
        self,
        name: str,
        event_type: str,
        schedule: str,
        timezone: str,
        source: str,
        next: typing.SupportsFloat | typing.SupportsIndex | None,
    ) -> None:
        """
        Takes over what a process defines; `next` in seconds since 1970.
        """
    def plans(self) -> list[FlowPlan]:
        """
        By name.
        """
    def remove_before(self, before: typing.SupportsFloat | typing.SupportsIndex) -> int:
        """
        Removes runs that ended before then (seconds since 1970). How many.
        """
    def settle_interrupted(self) -> int:
        """
        Runs that nobody carries on are failed. How many.
        """
    def steps(self, run_id: str) -> list[FlowStepRow]:
        """
        In the order in which they began.
        """

def adbc_destination(
    dialect: str, driver: str, entry_point: str, database: collections.abc.Mapping[str, str], display: str
) -> Destination:
    """
    Opens a database by an ADBC driver. Raises DestinationError.
    """

def answer_handshake(
    headers: typing.Any,
    origins: collections.abc.Sequence[str],
    per_minute: typing.SupportsInt | typing.SupportsIndex | None,
) -> dict[str, str] | None:
    """
    The headers to answer OPTIONS with, or None. See switchgear.webhooks.handshake.
    """

def check_on_error(text: str) -> None:
    """
    Raises ConfigError unless it is 'continue', 'stop', or a share such as '10%'.
    """

def check_schema_options(types: collections.abc.Sequence[tuple[str, str]], mode: str, nested: str) -> None:
    """
    Raises ConfigError for what read_entity() would refuse.
    """

def delivery_pauses(schedule_json: str) -> list[float]:
    """
    Seconds before each further attempt, without chance.
    """

def event_id(what: str) -> str:
    """
    The same for the same words.
    """

def explain_read(
    connection: Connection, request: ReadRequest, records: typing.SupportsInt | typing.SupportsIndex | None = None
) -> dict[str, typing.Any]:
    """
    What reading will take, as far as it can be told before anything is sent.
    """

def failed_sync(
    store: Store, connection: Connection, *, display: str, full: bool, cause: str, error_json: str
) -> RunRow:
    """
    A run that could not begin.
    """

def file_sha256(path: str) -> str:
    """
    A file's SHA-256 in hexadecimal, as a pin takes it.
    """

def find_ca_file() -> str:
    """
    The CA bundle that is used where a connection names none; empty: there is none.
    """

def hand_over_news() -> None:
    """
    Gives the core's queued log lines and events to Python; waiting for the core does, too.
    """

def inspect_connector(path: str) -> Manifest:
    """
    The manifest in a library's .sgmanifest section; runs no code of it.
    """

def judge(code: str) -> int:
    """
    What an error of this code is to a circuit breaker: 0 a success, 1 a failure, 2 neither.
    """

def memory_budget() -> MemoryBudget:
    """
    The budget of this process.
    """

def new_webhook_id() -> str:
    """
    A new id for a message: without full stops.
    """

def new_webhook_secret() -> str:
    """
    A new secret: whsec_ and 32 random bytes in base64.
    """

def parse_json(
    body: str,
    records: str = "",
    control: str | None = None,
    *,
    schema: collections.abc.Mapping[str, str] = {},
    nested: str | None = None,
) -> RecordBatch:
    """
    The records of one JSON text as columns, with types inferred from all of them. `records` is the JSON pointer (RFC 6901) to the array of objects; members whose name contains `control` are left out. `schema` gives some columns a type, {"Cost": "decimal(12,3)"}; `nested` is what becomes of objects and arrays: json, struct or flatten. Raises ProtocolError for broken JSON, ConfigError for an unknown type or column.
    """

def parse_webhook(
    body: typing.Any, headers: typing.Any, max_body_bytes: typing.SupportsInt | typing.SupportsIndex
) -> list[WebhookEvent]:
    """
    The events of a message. See switchgear.webhooks.parse.
    """

def python_destination(destination: typing.Any) -> Destination:
    """
    A destination that is written in Python.
    """

def read_entity(connection: Connection, request: ReadRequest) -> PageReader: ...
def run_sync(
    store: Store,
    connection: Connection,
    open: collections.abc.Callable[[], Destination],
    *,
    display: str,
    one_writer: bool,
    plans: collections.abc.Sequence[EntityPlan],
    tables: collections.abc.Mapping[str, str],
    full: bool,
    cause: str,
    schema: str,
    concurrency: typing.SupportsInt | typing.SupportsIndex,
    lease: typing.SupportsFloat | typing.SupportsIndex,
    control: SyncControl,
    progress: typing.Any = None,
    passed: typing.Any = None,
    snake_case: bool = False,
    judge: typing.Any = None,
) -> RunRow:
    """
    Syncs in this thread and threads of its own. What source and destination did wrong is in the run.
    """

def schema_name(connection_id: str) -> str:
    """
    What its schema is called.
    """

def seconds(value: typing.Any, field: str) -> float:
    """
    A number of seconds or a timedelta, as seconds. Raises ConfigError naming the field.
    """

def set_fallback_ca_file(path: str) -> None:
    """
    The CA bundle to use where the system has none.
    """

def sleep(clock: typing.Any, seconds: typing.Any) -> None:
    """
    Waits on a clock (None: the real one), without the GIL and with an ear for Ctrl-C.
    """

def snake_case(name: str) -> str:
    """
    What naming='snake_case' makes of it.
    """

def start_read(connection: Connection, request: ReadRequest) -> PendingCall:
    """
    read_entity() for an event loop: the result is a PageReader.
    """

def write_cloud_events(events: collections.abc.Sequence[WebhookEvent], mode: str) -> tuple[dict[str, str], bytes]:
    """
    Headers and body. See switchgear.webhooks.cloud_events.
    """

__version__: str = "0.1.0"
