"""What is no request, is too much, or is for nobody; and many at once."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import random
import select
import socket
from typing import Any

import pytest

from support.running import Shell
from support.serving import Serving

RECORDS = "/connections/plant/entities/WorkOrders/records"


def test_every_answer_has_the_id_of_its_request(server: Serving) -> None:
    given = server("GET", "/nowhere", X_Request_Id="mine-42")
    assert given.error["request_id"] == given.headers["X-Request-Id"] == "mine-42"
    assert server("GET", "/connections", X_Request_Id="mine-43").headers["X-Request-Id"] == "mine-43"
    for odd in ("x" * 65, "two words", "a;b", "{}"):
        made = server("GET", "/nowhere", X_Request_Id=odd).error["request_id"]
        assert made != odd
        assert len(made) == 32
    assert "request mine-43" in server.log


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        ("/conections", "/connections"),
        ("/connections/", "/connections"),
        ("/job", "/jobs"),
        ("/openapi", "/openapi.json"),
    ],
)
def test_an_unknown_path_is_suggested_the_nearest(server: Serving, path: str, nearest: str) -> None:
    answer = server("GET", path)
    assert (answer.status, answer.error["code"]) == (404, "not_found.path")
    assert f"did you mean {nearest}?" in answer.error["hint"]


def test_a_method_that_a_path_has_not(server: Serving) -> None:
    for method in ("PATCH", "PUT", "OPTIONS", "TRACE", "BREW"):
        answer = server(method, "/connections/plant")
        assert (answer.status, answer.error["code"]) == (405, "bad_request.method")
        assert answer.headers["Allow"] == "GET, DELETE, HEAD"
    head = server("HEAD", "/connections")
    assert (head.status, head.body) == (200, b"")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "no JSON"),
        (b'{"records": [NaN]}', "NaN"),
        (b'{"records": [{"a": Infinity}]}', "Infinity"),
        (b'{"records": [], "op": "update"} x', "no JSON"),
        (b"[]", "the body must be an object"),
        (b"null", "the body must be an object"),
        (b'"text"', "the body must be an object"),
        (b"\xff\xfe", "no JSON"),
        (b'{"records":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "nested"),
        (b'{"records": [{"ID": ' + b"1" * 5000 + b"}]}", "no JSON"),
    ],
)
def test_what_is_no_json(server: Serving, body: bytes, said: str) -> None:
    answer = server("POST", RECORDS, body)
    assert answer.status == 400
    assert said in answer.error["message"] + answer.error["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/x-www-form-urlencoded"},
        {"Content_Encoding": "gzip"},
    ],
)
def test_a_body_that_does_not_say_that_it_is_json(server: Serving, headers: dict[str, str]) -> None:
    answer = server("POST", RECORDS, b'{"records": []}', **headers)
    assert (answer.status, answer.error["code"]) == (415, "bad_request.content_type")


def test_a_body_where_none_is_taken(server: Serving) -> None:
    assert server("GET", "/connections", {"a": 1}).error["code"] == "bad_request.body"
    assert server("POST", "/connections/plant/resume", {"a": 1}).error["code"] == "bad_request.unknown"
    assert server("POST", "/connections/plant/resume", {}).status == 200


def test_a_body_that_is_too_large_is_refused_before_it_is_there(guarded: Serving) -> None:
    token = guarded.shell("token", "create", "--scope", "operate").out.strip()
    head = f"POST {RECORDS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n".encode()
    kind = b"Content-Type: application/json\r\n"
    for announced in (b"99999999999", b"100001\r\nExpect: 100-continue"):
        reply = guarded.raw(head + kind + b"Content-Length: " + announced + b"\r\n\r\n")
        assert reply.startswith(b"HTTP/1.1 413")
        assert b"too_large.body" in reply
        assert b"connection: close" in reply.lower()
    chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
    reply = guarded.raw(head + kind + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 4 + b"0\r\n\r\n")
    assert reply.startswith(b"HTTP/1.1 413")
    fits = guarded("POST", RECORDS, b'{"records": []' + b" " * 99_000 + b"}", token=token)
    assert (fits.status, fits.json["outcomes"]) == (200, [])


def test_no_junk_makes_the_server_fail(server: Serving) -> None:
    """Each operation with values that nobody means: refused, and never an error of the server's own."""
    chance = random.Random(20261127)  # noqa: S311 - nothing secret
    junk = [
        "",
        "\x00",
        "%",
        "../..",
        "ä" * 50,
        "-1",
        "1e9",
        "9" * 30,
        "true",
        "null",
        "[]",
        "'; drop table jobs; --",
        "\ud7ff",
    ]
    paths = server("GET", "/openapi.json").json["paths"]
    connection = http.client.HTTPConnection(*server.address, timeout=60)
    asked = 0
    for path, operations in paths.items():
        for method, operation in operations.items():
            for _ in range(5):
                at = path
                query = []
                for parameter in operation["parameters"]:
                    value = _quoted(chance.choice(junk))
                    if parameter["in"] == "path":
                        at = at.replace("{" + parameter["name"] + "}", chance.choice([value or "x", "away"]))
                    elif parameter["in"] == "query" and chance.random() < 0.5:
                        query.append(f"{parameter['name']}={value}")
                body = chance.choice(
                    [None, b"{}", b"[]", json.dumps({chance.choice(junk): chance.choice(junk)}).encode()]
                )
                sent = {"Content-Type": "application/json"} if body else {}
                connection.request(method.upper(), f"{at}?{'&'.join(query)}", body, sent)
                reply = connection.getresponse()
                text = reply.read()
                assert reply.status not in (500, 501), (method, at, query, body, text)
                json.loads(text)
                asked += 1
    connection.close()
    assert asked == 5 * sum(map(len, paths.values()))
    for state in ("POST", "/connections/away/reconnect"), ("POST", "/connections/away/resume"):
        server(*state)


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


def test_many_at_once_get_each_their_own(server: Serving) -> None:
    def ask(number: int) -> tuple[int, Any]:
        entity = ("WorkOrders", "Assets", "Parts")[number % 3]
        answer = server("GET", f"/connections/plant/entities/{entity}/records?page_size=100", X_Request_Id=f"r{number}")
        assert answer.headers["X-Request-Id"] == f"r{number}"
        return number % 3, [next(iter(each.values())) for each in answer.json["records"]]

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(ask, range(60)))
    for which in range(3):
        seen = [ids for number, ids in answers if number == which]
        assert seen[0]
        assert all(ids == seen[0] for ids in seen)


def test_a_source_that_hangs_keeps_nobody_else_waiting(hanging: Shell, silent: socket.socket) -> None:
    read = b"GET /connections/slow/entities/WorkOrders/records HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with Serving(hanging, "--grace", "1") as server:
        lines = [socket.create_connection(server.address, timeout=30) for _ in range(20)]
        for line in lines:
            line.sendall(read)
        at_source = silent.accept()[0]
        at_source.settimeout(30)
        refused: list[socket.socket] = []
        while len(refused) < 4:  # 16 may wait at once
            ready, _, _ = select.select([line for line in lines if line not in refused], [], [], 30)
            assert ready
            refused += ready
        for line in refused:
            reply = http.client.HTTPResponse(line)
            reply.begin()
            assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
            assert json.loads(reply.read())["error"]["code"] == "unavailable.busy"
        assert server("GET", "/connections/slow").status == 200
        assert server("GET", "/connections/plant/entities/WorkOrders/records?page_size=1").status == 200
        # who leaves is waited for no more: the request to the source ends, too
        for line in lines:
            line.close()
        while at_source.recv(65536):
            pass
        at_source.close()
