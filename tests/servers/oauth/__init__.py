"""oidc-provider: an OAuth 2.0 and OpenID Connect server with tokens that soon expire.

Clients: sg/s3cret (client_secret_basic; client_credentials and refresh_token) and sg-post/s3cret (client_secret_post;
client_credentials). Scopes: read, write; an unknown scope is dropped in silence. Access tokens are JWTs; with
`resource=urn:maintenance:opaque` they are opaque, and only then can they be introspected and revoked.
"""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from servers.node_server import NodeServer

CLIENT = ("sg", "s3cret")
POST_CLIENT = ("sg-post", "s3cret")
OPAQUE_RESOURCE = "urn:maintenance:opaque"


class OAuth(NodeServer):
    """access_token_ttl: whole seconds. rotate: a refresh gives a new refresh token; the old one, used again, ends both.

    For a resource that takes these tokens, put `Nginx(…, bearer_check=oauth.verify_url)` in front of one.
    """

    name = "oauth"
    sources = ("package.json", "server.js")

    def __init__(self, folder: Path, *, access_token_ttl: int = 2, rotate: bool = True) -> None:
        super().__init__(folder)
        self.access_token_ttl = access_token_ttl
        self.rotate = rotate

    def start(self) -> OAuth:
        """Started again, it knows no token of before."""
        env = {"ACCESS_TOKEN_TTL": str(self.access_token_ttl), "ROTATE": "1" if self.rotate else "0"}
        self.launch_node("server.js", env=env)
        return self

    def refresh_token(self) -> str:
        """A refresh token of client sg, such as a user's sign-in gives."""
        return str(self._ask("/test/refresh-token")["refresh_token"])

    def grants(self, grant_type: str) -> tuple[int, int]:
        """How many token requests of this grant type were answered with a token, and how many were refused."""
        given, refused = self._ask("/test/grants").get(grant_type, (0, 0))
        return int(given), int(refused)

    def end_access_tokens(self) -> None:
        """From now on `verify_url` refuses every access token that it was asked about so far."""
        self._ask("/test/end-access-tokens")

    def access_tokens(self) -> list[str]:
        """Those that `verify_url` was asked about."""
        return list(self._ask("/test/access-tokens"))

    def _ask(self, path: str) -> Any:
        with urllib.request.urlopen(self.origin + path, timeout=10) as reply:
            return json.load(reply)

    @property
    def token_url(self) -> str:
        return f"{self.origin}/token"

    @property
    def revocation_url(self) -> str:
        return f"{self.origin}/token/revocation"

    @property
    def introspection_url(self) -> str:
        return f"{self.origin}/token/introspection"

    @property
    def verify_url(self) -> str:
        """Answers 204 for a good bearer token, else 401."""
        return f"{self.origin}/verify"
