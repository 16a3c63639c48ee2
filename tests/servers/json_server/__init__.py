"""json-server: plain REST over JSON, with `_page`/`_limit` or `_start`/`_end`, a Link header and X-Total-Count.

`/workorders` (5,000) and `/assets` (3,000); `?updatedAt_gte=…&_sort=updatedAt,id`; writes change memory. Its Link
URLs hold raw commas, malformed JSON gives 400 in HTML, and a duplicate id gives 500.
"""

from __future__ import annotations

from servers.node_server import NodeServer


class JsonServer(NodeServer):
    name = "json_server"
    sources = ("package.json", "server.js")
    least_node = 18

    def start(self) -> JsonServer:
        """Started again, it has the records of the beginning."""
        self.launch_node("server.js", env={})
        return self
