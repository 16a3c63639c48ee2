"""switchgear: an embeddable integration engine for industrial source systems (ERP, CMMS, WMS, MES).

>>> import switchgear as sg
>>> login = sg.BasicAuth("alice", sg.Secret.env("PLANT_PW"))
>>> plant = sg.connect("odata", url="https://host/odata/v4/maintenance", auth=login)
>>> orders = plant.read("WorkOrders", modified_after="2026-01-01").to_pandas()
"""

from __future__ import annotations

from typing import TYPE_CHECKING

try:
    from switchgear import _core
except ImportError as error:
    from switchgear._import_failure import explain

    raise ImportError(explain(error)) from error

from switchgear import webhooks
from switchgear._core import Category, RecordBatch, Secret, memory_budget, parse_json
from switchgear.auth import ApiKey, Auth, BasicAuth, BearerAuth, ClientCertificate
from switchgear.connecting import connect
from switchgear.connection import Connection
from switchgear.connection_info import StoredConnectionInfo
from switchgear.diagnosis import ConnectionStatus, Diagnosis, Health, LoggedError, StatusChange
from switchgear.endpoints import Endpoint, Endpoints
from switchgear.entities import Entities, Entity
from switchgear.errors import (
    AuthError,
    BadRequest,
    Cancelled,
    CircuitOpenError,
    ConfigError,
    Conflict,
    DataError,
    DestinationError,
    Error,
    InternalError,
    NotFound,
    OfflineError,
    PermissionDenied,
    PluginError,
    ProtocolError,
    RateLimited,
    ServerError,
    SignatureError,
    StoreError,
    TimeoutError,
    Unsupported,
)
from switchgear.events import Events, StoredEvent
from switchgear.flows import FlowContext, FlowInfo, FlowRun
from switchgear.hub import Hub
from switchgear.inbox import Inbox, Received
from switchgear.jobs import Job, JobProgress, JobResult, Queue
from switchgear.network import Timeouts, Tls
from switchgear.oauth2 import FileTokenStore, MemoryTokenStore, OAuth2ClientCredentials, OAuth2RefreshToken, TokenStore
from switchgear.policy import Backoff, BreakerState, CircuitBreaker, ConcurrencyLimiter, RateLimiter, Retry
from switchgear.reader import Page, Reader, ReadExplanation, ReadStats
from switchgear.request_values import raw
from switchgear.rules import Rule
from switchgear.schema import Schema
from switchgear.sending import Delivery
from switchgear.sessions import CookieLogin, CsrfToken
from switchgear.sync_runs import HubStatus
from switchgear.sync_status import EntitySyncStatus, StoredError, SyncStatus
from switchgear.syncs import Run, RunEntity, RunMessage
from switchgear.write import Outcome, WriteProgress, WriteResult

if TYPE_CHECKING:
    from switchgear import server as server
    from switchgear.async_reader import AsyncReader as AsyncReader

__version__ = _core.__version__

__all__ = [
    "ApiKey",
    "AsyncReader",
    "Auth",
    "AuthError",
    "Backoff",
    "BadRequest",
    "BasicAuth",
    "BearerAuth",
    "BreakerState",
    "Cancelled",
    "Category",
    "CircuitBreaker",
    "CircuitOpenError",
    "ClientCertificate",
    "ConcurrencyLimiter",
    "ConfigError",
    "Conflict",
    "Connection",
    "ConnectionStatus",
    "CookieLogin",
    "CsrfToken",
    "DataError",
    "Delivery",
    "DestinationError",
    "Diagnosis",
    "Endpoint",
    "Endpoints",
    "Entities",
    "Entity",
    "EntitySyncStatus",
    "Error",
    "Events",
    "FileTokenStore",
    "FlowContext",
    "FlowInfo",
    "FlowRun",
    "Health",
    "Hub",
    "HubStatus",
    "Inbox",
    "InternalError",
    "Job",
    "JobProgress",
    "JobResult",
    "LoggedError",
    "MemoryTokenStore",
    "NotFound",
    "OAuth2ClientCredentials",
    "OAuth2RefreshToken",
    "OfflineError",
    "Outcome",
    "Page",
    "PermissionDenied",
    "PluginError",
    "ProtocolError",
    "Queue",
    "RateLimited",
    "RateLimiter",
    "ReadExplanation",
    "ReadStats",
    "Reader",
    "Received",
    "RecordBatch",
    "Retry",
    "Rule",
    "Run",
    "RunEntity",
    "RunMessage",
    "Schema",
    "Secret",
    "ServerError",
    "SignatureError",
    "StatusChange",
    "StoreError",
    "StoredConnectionInfo",
    "StoredError",
    "StoredEvent",
    "SyncStatus",
    "TimeoutError",
    "Timeouts",
    "Tls",
    "TokenStore",
    "Unsupported",
    "WriteProgress",
    "WriteResult",
    "__version__",
    "connect",
    "memory_budget",
    "parse_json",
    "raw",
    "webhooks",
]


def __getattr__(name: str) -> object:
    # Lazily: asyncio is only loaded by those who use it, and so is what serves.
    if name in ("server", "testing"):
        import importlib

        return importlib.import_module(f"switchgear.{name}")
    if name != "AsyncReader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from switchgear.async_reader import AsyncReader

    globals()[name] = AsyncReader
    return AsyncReader


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
