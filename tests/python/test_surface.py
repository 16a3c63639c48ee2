"""The whole core can be reached from Python: each public C++ class has a Python name, or a reason why it has none."""

from __future__ import annotations

import importlib
import inspect
import re
from functools import reduce
from pathlib import Path

import pytest

from switchgear import _core

HEADERS = Path(__file__).resolve().parents[2] / "core/include/switchgear"

# Declared at namespace level, where clang-format does not indent; a declaration without body is of another header.
DECLARED = re.compile(r"^(?:struct|class|enum class|enum) (\w+)(?: final)?\s*(?::[^;{]*)?\{", re.MULTILINE)

# `module.name` or `module.Class.member`; what a struct holds may be the arguments of a function.
PYTHON = {
    # base
    "Category": "switchgear.Category",
    "Clock": "switchgear._core.Clock",
    "Error": "switchgear.Error",
    "ManualClock": "switchgear.testing.ManualClock",
    "Redactor": "switchgear._core.Redactor",
    "Secret": "switchgear.Secret",
    # data
    "Field": "switchgear._core.Field",
    "JsonColumns": "switchgear.parse_json",
    "Nested": "switchgear.Connection.read",
    "PageColumns": "switchgear.parse_json",
    "JsonPage": "switchgear.parse_json",
    "RecordBatch": "switchgear.RecordBatch",
    # policy
    "BreakerEvent": "switchgear._core.BreakerEvent",
    "BreakerMetrics": "switchgear._core.BreakerMetrics",
    "BreakerState": "switchgear.BreakerState",
    "CircuitBreaker": "switchgear.CircuitBreaker",
    "CircuitBreakerOptions": "switchgear.CircuitBreaker",
    "ConcurrencyLimiter": "switchgear.ConcurrencyLimiter",
    "ConcurrencyLimiterOptions": "switchgear.ConcurrencyLimiter",
    "ConcurrencyMetrics": "switchgear._core.ConcurrencyMetrics",
    "GuardOptions": "switchgear._core.GuardOptions",
    "OpenWait": "switchgear.Backoff",
    "RateLimiter": "switchgear.RateLimiter",
    "RateLimiterMetrics": "switchgear._core.RateLimiterMetrics",
    "RateLimiterOptions": "switchgear.RateLimiter",
    "RateReservation": "switchgear._core.RateReservation",
    "Retry": "switchgear.Retry",
    "RetryOptions": "switchgear.Retry",
    "RetryRun": "switchgear._core.RetryRun",
    "SchemaMode": "switchgear.Schema",
    # http
    "ApiKey": "switchgear.ApiKey",
    "Authenticator": "switchgear.Auth",
    "BasicAuth": "switchgear.BasicAuth",
    "BearerAuth": "switchgear.BearerAuth",
    "Certificate": "switchgear._core.Certificate",
    "CookieLogin": "switchgear.CookieLogin",
    "CsrfToken": "switchgear.CsrfToken",
    "FileTokenStore": "switchgear.FileTokenStore",
    "MemoryTokenStore": "switchgear.MemoryTokenStore",
    "OAuth2ClientCredentials": "switchgear.OAuth2ClientCredentials",
    "OAuth2RefreshToken": "switchgear.OAuth2RefreshToken",
    "TokenStore": "switchgear.TokenStore",
    "CookieLoginOptions": "switchgear.CookieLogin",
    "CsrfOptions": "switchgear.CsrfToken",
    "OAuth2Options": "switchgear._core.OAuth2Options",
    "RecordedTransport": "switchgear.testing.RecordedTransport",
    "Timeouts": "switchgear.Timeouts",
    "TlsOptions": "switchgear.Tls",
    "Transport": "switchgear._core.Transport",
    "TransportOptions": "switchgear._core.TransportOptions",
    # webhook
    "HandshakeRules": "switchgear.webhooks.handshake",
    "HmacRecipe": "switchgear.webhooks.Hmac",
    "WebhookEvent": "switchgear.webhooks.Event",
    "WebhookLimits": "switchgear.webhooks.Verifier",
    "WebhookOptions": "switchgear.webhooks.Verifier",
    "WebhookSigner": "switchgear.webhooks.Signer",
    "WebhookToSign": "switchgear.webhooks.sign",
    "WebhookVerifier": "switchgear.webhooks.Verifier",
    "WrittenEvents": "switchgear.webhooks.cloud_events",
    # connector
    "ConfigKey": "switchgear._core.ConfigKey",
    "ConnectorPlace": "switchgear._core.ConnectorPlace",
    "ConnectorRegistry": "switchgear._core.ConnectorRegistry",
    "EntityInfo": "switchgear.Entity",
    "FoundConnector": "switchgear._core.FoundConnector",
    "Manifest": "switchgear._core.Manifest",
    "Plugin": "switchgear._core.Plugin",
    # batch
    "BatchWriter": "switchgear.Connection.write",
    "WriteCounts": "switchgear.WriteProgress",
    "WriteOptions": "switchgear.Connection.write",
    "WrittenRecord": "switchgear.Outcome",
    # connection
    "Connection": "switchgear.Connection",
    "ConnectionConfig": "switchgear.connect",
    "BreakerStatus": "switchgear._core.BreakerStatus",
    "CheckOptions": "switchgear.Connection.check",
    "LiveState": "switchgear.ConnectionStatus.state",
    "ConnectionStatus": "switchgear.ConnectionStatus",
    "StatusChange": "switchgear.StatusChange",
    "DiagnoseOptions": "switchgear.Connection.diagnose",
    "Diagnosis": "switchgear.Diagnosis",
    "DiagnosisScope": "switchgear.Diagnosis.scope",
    "EntityHealth": "switchgear._core.EntityHealth",
    "ErrorLog": "switchgear.Connection.errors",
    "Health": "switchgear.Health",
    "HealthStep": "switchgear._core.HealthStep",
    "LoggedError": "switchgear.LoggedError",
    # store and queue
    "ApiScope": "switchgear.server.tokens.create",
    "ApiToken": "switchgear._core.ApiToken",
    "ApiTokenStore": "switchgear._core.ApiTokenStore",
    "ConnectionStore": "switchgear.Hub",
    "IdempotencyStore": "switchgear._core.IdempotencyStore",
    "InboxStore": "switchgear.Inbox",
    "InboxMessage": "switchgear.Received",
    "InboxFilter": "switchgear.Inbox.messages",
    "InboxState": "switchgear.Inbox.messages",
    "Job": "switchgear.Job",
    "JobCounts": "switchgear.JobProgress",
    "JobFilter": "switchgear.Queue.jobs",
    "JobOutcome": "switchgear.Outcome",
    "JobSpec": "switchgear.Queue.submit",
    "JobState": "switchgear.Job.status",
    "JobStore": "switchgear.Queue",
    "KeptReply": "switchgear._core.KeptReply",
    "JobSubmission": "switchgear.Queue.submit",
    "OutcomeFilter": "switchgear.JobResult.outcomes",
    "QueueWorker": "switchgear.Hub.work",
    "RetryChoice": "switchgear.Job.retry",
    "ClaimedDelivery": "switchgear.Hub.send_webhooks",
    "Delivery": "switchgear.Delivery",
    "DeliveryFilter": "switchgear.Hub.deliveries",
    "DeliveryState": "switchgear.Delivery",
    "DeliveryStore": "switchgear.Hub.deliveries",
    "EndpointKey": "switchgear.Endpoints.rotate",
    "EndpointStore": "switchgear.Endpoints",
    "EventFilter": "switchgear.Events.list",
    "EventStore": "switchgear.Events",
    "NewEvent": "switchgear.Events.emit",
    "Reach": "switchgear.Hub.status",
    "SenderOptions": "switchgear.Hub.send_webhooks",
    "SenderStats": "switchgear._core.SenderStats",
    "StoredEndpoint": "switchgear.Endpoint",
    "StoredEvent": "switchgear.StoredEvent",
    "WebhookSender": "switchgear.Hub.send_webhooks",
    "SecretStore": "switchgear._core.SecretStore",
    "Store": "switchgear.Hub",
    "StoredAuth": "switchgear._core.StoredAuth",
    "StoredConnection": "switchgear.StoredConnectionInfo",
    "StoredTokens": "switchgear._core.StoredTokens",
    "WorkerOptions": "switchgear.Hub.work",
    "WorkerStats": "switchgear._core.WorkerStats",
    # syncs
    "AdbcOptions": "switchgear._core.adbc_destination",
    "Checkpoint": "switchgear.destinations.Checkpoint",
    "Destination": "switchgear.destinations.Destination",
    "DestinationTable": "switchgear.destinations.DestinationTable",
    "DestinationTarget": "switchgear.destinations.Table",
    "EntityPlan": "switchgear.Hub.add",
    "EntitySyncStatus": "switchgear.EntitySyncStatus",
    "Run": "switchgear.Run",
    "RunCounts": "switchgear.RunEntity.counts",
    "RunEntity": "switchgear.RunEntity",
    "RunMessage": "switchgear.Run.messages",
    "RunState": "switchgear.Run.status",
    "RunStore": "switchgear.Hub.runs",
    "SqlDialect": "switchgear._core.adbc_destination",
    "StopWish": "switchgear.Hub.stop",
    "StoredErrorEntry": "switchgear.StoredError",
    "SettingStore": "switchgear._core.SettingStore",
    "StoreDescription": "switchgear._core.StoreDescription",
    "SyncDue": "switchgear._core.SyncDue",
    "SyncEngine": "switchgear.Hub.sync",
    "SyncMode": "switchgear.Hub.add",
    "SyncRequest": "switchgear.Hub.sync",
    "SyncStatus": "switchgear.SyncStatus",
    "SyncStatusStore": "switchgear.Hub.sync_status",
    # flows
    "FlowBatches": "switchgear.FlowContext.batches",
    "FlowCounts": "switchgear.FlowRun.counts",
    "FlowExecution": "switchgear.Hub.run_flow",
    "FlowPlan": "switchgear.FlowInfo",
    "FlowRun": "switchgear.FlowRun",
    "FlowStart": "switchgear.Hub.run_flow",
    "FlowStep": "switchgear.FlowRun.steps",
    "FlowStore": "switchgear.Hub.flows",
    "RuleEventStore": "switchgear.Hub.rule",
    # paging
    "Continuation": "switchgear.Page.token",
    "EntityReader": "switchgear.Reader",
    "MemoryBudget": "switchgear.memory_budget",
    "Page": "switchgear.Page",
    "PageReader": "switchgear.Reader",
    "PageStats": "switchgear.ReadStats",
    "ReadExplanation": "switchgear.ReadExplanation",
    "ReadRequest": "switchgear.Connection.read",
}

NOT_YET = "nothing of the Python package uses it yet"
IN_GUARD = "between the guard and what it guards: Connection calls through it by itself"
IN_STORE = "the store's way to its database; Python speaks to the store"
IN_HUB = "what the hub is made of; Python speaks to the hub"
IN_QUEUE = "what the queue is made of; Python speaks to the queue"
IN_CONNECTOR = "between the host and a connector, which is written in C++ or C (sdk/)"
OPTIONS = "the arguments of a class that is not in Python yet"

WITHOUT = {
    # batch
    "OnError": "Connection.write(on_error=)",
    "WriteInput": "Connection.write takes records of any form",
    # base
    "Buffer": "how bytes are owned; Python has bytes",
    "LogLevel": "Python has the levels of its logging module",
    "ProcessStamp": "how the core notices a fork",
    "SystemClock": "the clock that everything uses when given none",
    "DeliveryClaim": IN_HUB,
    "DeliveryResult": IN_HUB,
    "SeenReach": IN_HUB,
    "AddressGuard": "Hub.endpoints.add(allowed_subnets=)",
    "IpAddress": "Hub.endpoints.add(allowed_subnets=)",
    "Subnet": "Hub.endpoints.add(allowed_subnets=)",
    # sync
    "DestinationSource": "what the hub makes of a destination's URL",
    "EntitySyncHost": "between the engine and an entity's part of a run",
    "EntitySyncRun": "between the engine and an entity's part of a run",
    "SyncHost": "Hub.sync(progress=), and signals",
    # data
    "ColumnAdder": "adds _synced_at and _run_id to what a sync writes",
    "ArrowArrayStream": "of the Arrow C stream interface; Python has its PyCapsules",
    "DataType": "Field.type is its name as text",
    "Epoch": "epoch_s and epoch_ms in read(schema=)",
    "Flattening": 'read(nested="flatten")',
    "InspectedRecord": "what Connection.write finds out about a record before it is sent",
    "RecordInspector": "what Connection.write looks at each record with",
    "RecordRules": "what Connection.write holds each record to",
    "Comparison": "an operator of read(where=)",
    "Condition": "read(where=)",
    "ConditionValue": "a value of read(where=)",
    "Filterable": "a member of a connector's entities",
    "RowFilter": "read(where=), where the source can't",
    "SplitConditions": "reader.explain()",
    "InferenceOptions": "read(schema=, nested=, columns=)",
    "JsonColumnsOptions": "read(schema=, columns=)",
    "PageColumnsOptions": "read(schema=, nested=, columns=)",
    "SchemaInference": "inside parse_json and Reader",
    "PagePointers": "parse_json(records=, control=)",
    "Schema": "a list of Field",
    # policy
    "AdaptiveRate": "inside RateLimiter",
    "Attempt": IN_GUARD,
    "BreakerEventKind": "BreakerEvent.kind is its word",
    "BreakerScope": "inside the guard of a connection",
    "CallWindow": "inside CircuitBreaker",
    "CountWindow": "CircuitBreaker(window=100)",
    "Guard": IN_GUARD,
    "GuardCall": IN_GUARD,
    "GuardMemory": "Connection.policy_memory() in _core: a text",
    "BreakerMemory": "a part of it",
    "RateMemory": "a part of it",
    "GuardCounters": "ReadStats.requests, retries and waited_seconds",
    "Outcome": "its word, as CircuitBreaker(classify=) says it",
    "Rate": 'its text: "100/s"',
    "RetrySubject": "Retry(idempotent=)",
    "TimeWindow": "CircuitBreaker(window=timedelta(seconds=60))",
    "WindowTotals": "inside CircuitBreaker",
    # http
    "AccessToken": "inside OAuth2",
    "AuthStamp": "how an Authenticator knows which credential was refused",
    "ClassifyContext": "what classify() is told; Python gets the Error",
    "CookieJar": "inside CookieLogin and CsrfToken",
    "EndpointReport": "Health has what it tells",
    "GivenSecret": "the common part of BasicAuth, BearerAuth and ApiKey",
    "Headers": "a list of pairs",
    "HttpRequest": "the arguments of Transport.send",
    "HttpResponse": "the result of Transport.send",
    "HttpTiming": "Health.steps have it",
    "OAuth2": "the common part of its two grants",
    "OAuth2Services": "what a connection gives to OAuth2",
    "RateHeaders": "Error.retry_after is what comes of it",
    "SingleFlight": "inside OAuth2 and CookieLogin",
    "Tokens": "what a TokenStore keeps",
    "Url": "Python has urllib.parse",
    # store
    "ClaimedBatch": IN_QUEUE,
    "ClaimOptions": IN_QUEUE,
    "ClaimSignal": IN_QUEUE,
    "Column": IN_STORE,
    "ConnectionOwner": IN_HUB,
    "ConnectionState": IN_HUB,
    "Database": IN_STORE,
    "DatabaseKind": IN_STORE,
    "DatabaseOptions": IN_STORE,
    "DatabaseSession": IN_STORE,
    "GiveBack": IN_QUEUE,
    "JobClaims": IN_QUEUE,
    "JobRecord": IN_QUEUE,
    "Lease": IN_HUB,
    "LeaseStore": IN_HUB,
    "Migration": IN_STORE,
    "NewRecord": IN_QUEUE,
    "Read": IN_STORE,
    "RecordOutcome": IN_QUEUE,
    "RecordResult": IN_QUEUE,
    "RecordState": IN_QUEUE,
    "Savepoint": IN_STORE,
    "SqlParameter": IN_STORE,
    "Transaction": IN_STORE,
    "WorkerHost": "the connections that Hub.work() opens",
    # webhook
    "JsonSink": "how the values of JSON become Python's",
    "CloudEventMode": "cloud_events(mode=)",
    "EventData": "Event.has_data",
    "HashAlgorithm": "Hmac(algorithm=)",
    "HeaderView": "headers are a mapping or pairs",
    "SignatureEncoding": "Hmac(encoding=)",
    "VerifiedWebhook": "what is known of a message before its body is read",
    "WebhookMessage": "the arguments of verify",
    "WebhookScheme": "verify(scheme=)",
    # connector
    "CallContext": IN_CONNECTOR,
    "ForeignBatch": IN_CONNECTOR,
    "HostServices": IN_CONNECTOR,
    "PageRequest": IN_CONNECTOR,
    "RawPage": IN_CONNECTOR,
    "SecretUse": IN_CONNECTOR,
    "Session": IN_CONNECTOR,
    "WriteOutcome": IN_CONNECTOR,
    "WriteRecord": IN_CONNECTOR,
    "sg_call": IN_CONNECTOR,
    # connection
    "CallServices": "what Connection does for one call of a connector",
    "Findings": "what diagnose() puts together and judges",
    "OperationRecord": "LoggedError.last_success",
    "OperationSuccess": "LoggedError.last_success",
    "SessionLease": "how Connection shares its sessions",
    "StatusTracker": "how Connection.status() comes about",
    # paging
    "FetchedPage": "a page before it has become columns",
    "Listing": "inside PageReader: from token to token",
    "ListingOptions": "inside PageReader",
    "Place": "inside a token",
    "FetchOptions": "the keywords of Connection.read",
    "FetchPool": "the threads that requests run on",
    "PageFetcher": "inside PageReader: what fetches ahead",
    "PageReaderOptions": "the keywords of Connection.read",
}


def declared_classes() -> dict[str, str]:
    """Class -> the header that declares it."""
    return {
        name: str(header.relative_to(HEADERS))
        for header in sorted(HEADERS.rglob("*.hpp"))
        for name in DECLARED.findall(header.read_text())
    }


def resolve(path: str) -> object:
    """The longest importable beginning is the module, the rest are attributes."""
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        try:
            module = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        return reduce(getattr, parts[length:], module)
    raise AssertionError(f"no module in {path}")


def test_each_class_has_a_python_name_or_a_reason() -> None:
    declared = declared_classes()
    assert len(declared) > 100, "the headers are not where this test looks for them"
    unmentioned = {name: header for name, header in declared.items() if name not in PYTHON and name not in WITHOUT}
    assert not unmentioned, "bind them, or say in WITHOUT why not"


def test_nothing_is_said_of_classes_that_are_gone() -> None:
    declared = declared_classes()
    assert not [name for name in [*PYTHON, *WITHOUT] if name not in declared]
    assert not PYTHON.keys() & WITHOUT.keys()


@pytest.mark.parametrize(("name", "path"), PYTHON.items(), ids=PYTHON)
def test_the_python_name_is_there_and_documented(name: str, path: str) -> None:
    thing = resolve(path)
    assert callable(thing) or isinstance(thing, property)
    if not path.startswith("switchgear._core."):
        assert inspect.getdoc(thing), f"{path} has no docstring"


def test_no_class_without_a_name_has_one() -> None:
    bound = {name for name, thing in vars(_core).items() if inspect.isclass(thing)}
    assert not bound & WITHOUT.keys(), "it is in Python now: move it from WITHOUT to PYTHON"
