"""SAP CAP: a maintenance service in OData V4 and V2, over a SQLite file that tests can compare with.

V4 is at `url`, V2 at `v2_url`. Basic authentication: reader/reader may read (but not Vendors), planner/planner may also
write. `gateway_url` and `gateway_v2_url` are the same behind sessions and CSRF tokens, as SAP's gateway keeps them: see
gateway.js.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import urllib.request
from pathlib import Path
from typing import Any

from servers.node_server import NodeServer

READER = ("reader", "reader")
PLANNER = ("planner", "planner")
TECHNICIAN = ("technician", "t3ch n/cian+ü")  # of the gateway only; a planner with a password that encodings change


class Cap(NodeServer):
    """`folder` gets a copy of the service and its database, made anew at each start.

    page_size: records a page, at most and by default. reliable_paging: continuation by key instead of by offset.
    multipart_only: $batch in JSON is refused.
    """

    name = "cap"
    sources = ("package.json", "server.js", "gateway.js", "records.js", "db", "srv")

    def __init__(
        self,
        folder: Path,
        *,
        work_orders: int = 20_000,
        page_size: int = 1000,
        reliable_paging: bool = False,
        multipart_only: bool = False,
    ) -> None:
        super().__init__(folder)
        self.work_orders = work_orders
        self.page_size = page_size
        self.reliable_paging = reliable_paging
        self.multipart_only = multipart_only
        self.database = folder / "maintenance.sqlite"

    def start(self) -> Cap:
        for leftover in self.folder.glob(self.database.name + "*"):
            leftover.unlink()
        env = {
            "CDS_CONFIG": json.dumps(self._config()),
            "WORK_ORDERS": str(self.work_orders),
            "NODE_ENV": "development",
            "MULTIPART_ONLY": "1" if self.multipart_only else "",
        }
        self.launch_node("node_modules/@sap/cds/bin/serve.js", "all", "--port", str(self.port), env=env)
        return self

    def _config(self) -> dict[str, Any]:
        users = {
            "reader": {"password": "reader", "roles": []},
            "planner": {"password": "planner", "roles": ["planner"]},
            "*": False,
        }
        limit = {"default": self.page_size, "max": self.page_size, "reliablePaging": self.reliable_paging}
        return {
            "requires": {
                "db": {"kind": "sqlite", "credentials": {"url": str(self.database)}},
                "auth": {"kind": "basic", "users": users},
            },
            "query": {"limit": limit},
            "server": {"body_parser": {"limit": "20mb"}},
        }

    @property
    def url(self) -> str:
        return f"{self.origin}/odata/v4/maintenance"

    @property
    def v2_url(self) -> str:
        return f"{self.origin}/odata/v2/maintenance"

    @property
    def gateway_url(self) -> str:
        return f"{self.origin}/gateway/odata/v4/maintenance"

    @property
    def gateway_v2_url(self) -> str:
        return f"{self.origin}/gateway/odata/v2/maintenance"

    @property
    def login_url(self) -> str:
        """Takes sap-user, sap-password and sap-client=100."""
        return f"{self.origin}/gateway/login"

    def gateway_counts(self) -> dict[str, int]:
        """logins, refused_logins, sign_in_pages, fetches (of CSRF tokens), refused_writes and writes so far."""
        with urllib.request.urlopen(f"{self.origin}/test/gateway", timeout=10) as reply:
            return dict(json.load(reply))

    def gateway_secrets(self) -> list[str]:
        """The sessions' cookies and CSRF tokens that are good now."""
        with urllib.request.urlopen(f"{self.origin}/test/gateway/secrets", timeout=10) as reply:
            return list(json.load(reply))

    def end_sessions(self, tokens_only: bool = False) -> None:
        """Forgets all sessions of the gateway, or only their CSRF tokens."""
        url = f"{self.origin}/test/gateway" + ("/tokens" if tokens_only else "")
        urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=10).close()

    def query(self, sql: str) -> list[sqlite3.Row]:
        """Asks the service's own SQLite file. Tables: `maintenance_WorkOrders` and so on. Decimals are REAL there."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql).fetchall()
