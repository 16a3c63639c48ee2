"""What the tests of OAuth 2.0 share: CAP behind nginx's /bearer/, and the server's own view of its tokens."""

from __future__ import annotations

import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import switchgear as sg
from servers.nginx import Nginx
from servers.oauth import CLIENT, OAuth
from support.maintenance import SERVICE


def behind(nginx: Nginx, auth: sg.Auth, **options: Any) -> sg.Connection:
    """A connection to CAP through nginx's /bearer/."""
    options = {"tls": sg.Tls(ca_file=str(nginx.ca)), **options}
    return sg.connect("odata", url=f"{nginx.url}/bearer{SERVICE}", auth=auth, **options)


def client_credentials(oauth: OAuth, secret: str = CLIENT[1], **options: Any) -> sg.OAuth2ClientCredentials:
    return sg.OAuth2ClientCredentials(oauth.token_url, CLIENT[0], secret, **options)


def ask(url: str, **form: str) -> dict[str, Any]:
    """Posts a form as the client, and reads the JSON of the reply."""
    basic = base64.b64encode(":".join(CLIENT).encode()).decode()
    data = urllib.parse.urlencode(form).encode()
    request = urllib.request.Request(url, data, {"Authorization": f"Basic {basic}"})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return dict(json.loads(reply.read() or b"{}"))


def revoke(oauth: OAuth, token: str) -> None:
    ask(oauth.revocation_url, token=token)


def is_good(oauth: OAuth, token: str) -> bool:
    """Whether the server takes this access token now."""
    request = urllib.request.Request(oauth.verify_url, headers={"Authorization": f"Bearer {token}"})
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.HTTPError as error:
        if error.code != 401:
            raise
        return False
    return True


def wait_until_all_tokens_expired(oauth: OAuth) -> None:
    """Every access token that was given before this call is no longer good after it. Asks for one of its own."""
    own = ask(oauth.token_url, grant_type="client_credentials")["access_token"]
    deadline = time.monotonic() + 30
    while is_good(oauth, own):
        assert time.monotonic() < deadline, "the server's tokens do not expire"
        time.sleep(0.05)
