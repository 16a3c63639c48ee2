"""The test servers are what the other tests believe they are."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

import pytest

from servers import Server, StartError
from servers.cap import PLANNER, READER, Cap
from servers.datasette import MOST, Datasette
from servers.json_server import JsonServer
from servers.nginx import SWITCHES, USER, Nginx
from servers.oauth import CLIENT, OPAQUE_RESOURCE, OAuth
from servers.postgres import Postgres
from servers.process import accepts
from servers.wiremock import WireMock


def curl(url: str, *options: str) -> tuple[int, str, bytes]:
    """Status, HTTP version and body. CalledProcessError holds curl's exit code where there is no whole reply."""
    command = [
        "curl",
        "--silent",
        "--compressed",
        "--globoff",
        "--write-out",
        "\n%{http_code} %{http_version}",
        *options,
        url,
    ]
    body, _, facts = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout.rpartition(b"\n")
    status, version = facts.decode().split()
    return int(status), version, body


def sign_in(user: tuple[str, str]) -> list[str]:
    return ["--user", ":".join(user)]


def read_all(url: str) -> list[dict[str, Any]]:
    records = []
    next_url: str | None = url
    while next_url:
        _, _, body = curl(next_url, *sign_in(READER))
        page = json.loads(body)
        records += page["value"]
        next_url = urljoin(url, page["@odata.nextLink"]) if "@odata.nextLink" in page else None
    return records


def test_cap_serves_what_its_database_holds(cap: Cap) -> None:
    records = read_all(f"{cap.url}/WorkOrders")
    rows = cap.query("SELECT * FROM maintenance_WorkOrders ORDER BY ID")
    assert len(rows) == 20_000
    assert [record["ID"] for record in records] == [row["ID"] for row in rows]
    for record, row in zip(records, rows, strict=True):
        # The two columns that the wire must give back to the last digit although SQLite keeps floating point.
        assert record["meterReading"] == row["meterReading"]
        assert record["actualCost"] is None or float(record["actualCost"]) == row["actualCost"]
        assert record["runtimeTicks"] == str(row["runtimeTicks"])
        assert record["notes"] == row["notes"]


def test_cap_pages_by_key_when_asked_to(start_server: Any) -> None:
    cap = start_server(Cap, work_orders=1200, page_size=500, reliable_paging=True)
    _, _, body = curl(f"{cap.url}/WorkOrders", *sign_in(READER))
    page = json.loads(body)
    assert len(page["value"]) == 500
    assert "skiptoken=500" not in page["@odata.nextLink"]
    assert [record["ID"] for record in read_all(f"{cap.url}/WorkOrders")] == list(range(1, 1201))


def test_cap_tells_its_users_apart(cap: Cap) -> None:
    assert curl(f"{cap.url}/WorkOrders")[0] == 401
    assert curl(f"{cap.url}/WorkOrders", *sign_in(("reader", "wrong")))[0] == 401
    assert curl(f"{cap.url}/Vendors", *sign_in(READER))[0] == 403
    assert curl(f"{cap.url}/Vendors", *sign_in(PLANNER))[0] == 200


def test_cap_comes_back_on_its_port(start_server: Any) -> None:
    cap = start_server(Cap, work_orders=10)
    url = cap.url
    cap.stop()
    with pytest.raises(subprocess.CalledProcessError) as refused:
        curl(url)
    assert refused.value.returncode == 7
    cap.start()
    assert cap.url == url
    assert len(read_all(f"{url}/WorkOrders")) == 10


def test_nginx_speaks_http2_with_its_own_authority(nginx_tls: Nginx) -> None:
    url = f"{nginx_tls.url}/odata/v4/maintenance/WorkOrders/$count"
    assert curl(url, "--cacert", str(nginx_tls.ca), *sign_in(READER)) == (200, "2", b"20000")
    assert nginx_tls.requests()[-1]["protocol"] == "HTTP/2.0"


@pytest.mark.parametrize("url", ["expired_url", "wrong_host_url"])
def test_nginx_has_certificates_to_be_refused(nginx_tls: Nginx, url: str) -> None:
    reasons = {"expired_url": "certificate has expired", "wrong_host_url": "IP address mismatch"}
    context = ssl.create_default_context(cafile=str(nginx_tls.ca))
    with pytest.raises(urllib.error.URLError, match=reasons[url]):
        urllib.request.urlopen(getattr(nginx_tls, url), context=context)
    with pytest.raises(urllib.error.URLError, match="unable to get local issuer certificate"):
        urllib.request.urlopen(nginx_tls.url, context=ssl.create_default_context(cafile=str(nginx_tls.unknown_ca)))


def test_nginx_wants_client_certificates_and_passwords(nginx_tls: Nginx) -> None:
    trust = ["--cacert", str(nginx_tls.ca)]
    vendors = "/odata/v4/maintenance/Vendors"
    certificate = ["--cert", str(nginx_tls.client.path), "--key", str(nginx_tls.client.key)]
    assert curl(nginx_tls.mtls_url + vendors, *trust)[0] == 400
    assert curl(nginx_tls.mtls_url + vendors, *trust, *certificate)[0] == 200
    assert curl(f"{nginx_tls.url}/protected{vendors}", *trust, *sign_in(READER))[0] == 401
    assert curl(f"{nginx_tls.url}/protected{vendors}", *trust, *sign_in(USER))[0] == 200


def test_nginx_switches_one_entity_while_it_runs(nginx_tls: Nginx) -> None:
    root = f"{nginx_tls.plain_url}/odata/v4/maintenance"
    expected = {"throttled": 429, "unavailable": 503, "failing": 500, "forbidden": 403, "expired": 401, "login": 200}
    assert set(SWITCHES) == {*expected, "disconnect"}
    for name, status in expected.items():
        with nginx_tls.switched(name, entity="WorkOrders"):
            found, _, body = curl(f"{root}/WorkOrders(1)", *sign_in(READER))
            assert found == status
            assert (b"<form" in body) == (name == "login")
            assert curl(f"{root}/Assets/$count", *sign_in(READER))[0] == 200
        assert curl(f"{root}/WorkOrders(1)", *sign_in(READER))[0] == 200
    with nginx_tls.switched("disconnect"), pytest.raises(subprocess.CalledProcessError) as lost:
        curl(f"{root}/Assets", *sign_in(READER))
    assert lost.value.returncode == 52


@pytest.mark.parametrize(
    ("name", "code"),
    [("gzip-lie", 61), ("cut-transfer", 18), ("redirect-loop", 47)],
)
def test_nginx_breaks_transfers(nginx_tls: Nginx, name: str, code: int) -> None:
    with pytest.raises(subprocess.CalledProcessError) as broken:
        curl(f"{nginx_tls.plain_url}/odd/{name}", "--location")
    assert broken.value.returncode == code


@pytest.mark.parametrize(
    ("name", "error"),
    [("cut-json", json.JSONDecodeError), ("invalid-utf8", UnicodeDecodeError), ("login", json.JSONDecodeError)],
)
def test_nginx_sends_bodies_that_are_no_json(nginx_tls: Nginx, name: str, error: type[Exception]) -> None:
    status, _, body = curl(f"{nginx_tls.plain_url}/odd/{name}/WorkOrders")
    assert status == 200
    with pytest.raises(error):
        json.loads(body.decode())


def test_nginx_sends_byte_order_mark_and_nan(nginx_tls: Nginx) -> None:
    assert curl(f"{nginx_tls.plain_url}/odd/bom")[2].startswith(b"\xef\xbb\xbf{")
    assert b"NaN" in curl(f"{nginx_tls.plain_url}/odd/nan")[2]


def ask_for_token(oauth: OAuth, **form: str) -> dict[str, Any]:
    data = [part for name, value in form.items() for part in ("--data-urlencode", f"{name}={value}")]
    answer: dict[str, Any] = json.loads(curl(oauth.token_url, *sign_in(CLIENT), *data)[2])
    return answer


def test_oauth_tokens_open_the_door_of_nginx(oauth: OAuth, nginx_bearer: Nginx) -> None:
    url = f"{nginx_bearer.url}/bearer/odata/v4/maintenance/Vendors/$count"
    trust = ["--cacert", str(nginx_bearer.ca)]
    token = ask_for_token(oauth, grant_type="client_credentials", scope="read")
    assert token["expires_in"] == 2
    assert curl(url, *trust, "--oauth2-bearer", token["access_token"])[::2] == (200, b"25")
    assert curl(url, *trust, "--oauth2-bearer", token["access_token"][:-4] + "AAAA")[0] == 401
    assert curl(url, *trust, *sign_in(PLANNER))[0] == 401
    assert 'error="invalid_token"' in curl(url, *trust, "--include", "--oauth2-bearer", "no.such.token")[2].decode()


def test_oauth_rotates_refresh_tokens(oauth: OAuth) -> None:
    given, refused = oauth.grants("refresh_token")
    first = oauth.refresh_token()
    second = ask_for_token(oauth, grant_type="refresh_token", refresh_token=first)["refresh_token"]
    assert second != first
    for spent in (first, second):  # using the first one again ends the second, too
        answer = ask_for_token(oauth, grant_type="refresh_token", refresh_token=spent)
        assert answer["error"] == "invalid_grant"
    assert oauth.grants("refresh_token") == (given + 1, refused + 2)


def test_oauth_revokes(oauth: OAuth) -> None:
    answer = ask_for_token(oauth, grant_type="client_credentials", resource=OPAQUE_RESOURCE)
    bearer = ["--oauth2-bearer", answer["access_token"]]
    assert curl(oauth.verify_url, *bearer)[0] == 204
    assert curl(oauth.revocation_url, *sign_in(CLIENT), "--data", f"token={answer['access_token']}")[0] == 200
    assert curl(oauth.verify_url, *bearer)[0] == 401
    refresh = oauth.refresh_token()
    assert curl(oauth.revocation_url, *sign_in(CLIENT), "--data", f"token={refresh}")[0] == 200
    answer = ask_for_token(oauth, grant_type="refresh_token", refresh_token=refresh)
    assert answer["error"] == "invalid_grant"


def test_datasette_goes_on_by_token_and_by_url(datasette: Datasette) -> None:
    url = f"{datasette.url}/parts.json?_shape=objects&_size=10"
    page = json.loads(curl(url)[2])
    assert page["rows"] == datasette.rows("select * from parts order by plant, number limit 10")
    assert page["next_url"] == f"{url}&_next={quote(page['next'], safe='~')}"
    status, _, body = curl(f"{datasette.url}/parts.json?_size={MOST + 1}")
    assert (status, json.loads(body)["error"]) == (400, f"_size must be <= {MOST}")


def test_json_server_links_its_pages(json_server: JsonServer) -> None:
    url = f"{json_server.origin}/workorders?_page=2&_limit=100&_sort=updatedAt,id"
    _, _, reply = curl(url, "--include")
    head, _, body = reply.partition(b"\r\n\r\n")
    assert b"X-Total-Count: 5000" in head
    assert f'<{url.replace("_page=2", "_page=3")}>; rel="next"'.encode() in head
    assert len(json.loads(body)) == 100


@pytest.mark.parametrize(
    ("fault", "code"), [("EMPTY_RESPONSE", 52), ("MALFORMED_RESPONSE_CHUNK", 56), ("CONNECTION_RESET_BY_PEER", 56)]
)
def test_wiremock_breaks_replies(wiremock: WireMock, fault: str, code: int) -> None:
    wiremock.stub(request={"urlPath": "/broken"}, response={"fault": fault})
    with pytest.raises(subprocess.CalledProcessError) as broken:
        curl(f"{wiremock.origin}/broken?n=1")
    assert broken.value.returncode == code
    assert [request["url"] for request in wiremock.requests()] == ["/broken?n=1"]


def test_postgres_answers_and_leaves_nothing(start_server: Any) -> None:
    postgres = start_server(Postgres)
    postgres.psql("CREATE TABLE runs (id bigint); INSERT INTO runs VALUES (9007199254740993)")
    assert postgres.psql("SELECT id FROM runs") == "9007199254740993"
    data = Path(postgres.psql("SHOW data_directory"))
    assert data.is_dir()
    postgres.stop()
    assert not data.exists()
    assert not accepts(postgres.port)


class Failing(Server):
    """Says why and ends, or says it and hangs."""

    name = "failing"

    def __init__(self, folder: Path, after: str) -> None:
        super().__init__(folder)
        self.after = after

    def start(self) -> Failing:
        program = f"print('no licence file', flush=True); {self.after}"
        self.launch([sys.executable, "-c", program], lambda: False, within=1.0)
        return self


@pytest.mark.parametrize(("after", "reason"), [("exit(3)", "ended with code 3"), ("input() or 1", "ended with code 1")])
def test_a_server_that_fails_shows_its_log(tmp_path: Path, after: str, reason: str) -> None:
    with pytest.raises(StartError, match=rf"(?s){reason}.*no licence file"):
        Failing(tmp_path, after).start()


def test_a_server_that_hangs_is_stopped(tmp_path: Path) -> None:
    server = Failing(tmp_path, "import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    with pytest.raises(StartError, match=r"(?s)not ready within 1 s.*no licence file"):
        server.start()
    pid = int(server.log_text().split()[-1])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
