"""/openapi.json is true to the routes, and the application can be mounted in another one."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount, Route

import switchgear as sg
from support.serving import Serving
from switchgear.server import app

ROOT = Path(__file__).resolve().parents[3]


def ask(
    application: Any, method: str, path: str, client: tuple[str, int] | None = ("127.0.0.1", 5), **headers: str
) -> tuple[int, dict[str, str], Any]:
    """One request to an ASGI application, without a server."""

    async def run() -> tuple[int, dict[str, str], Any]:
        sent: list[Any] = []
        pending = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Any:
            if pending:
                return pending.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "client": client,
            "server": ("127.0.0.1", 80),
            "headers": [(b"host", b"localhost"), *((k.encode(), v.encode()) for k, v in headers.items())],
        }
        await application(scope, receive, send)
        fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], fields, json.loads(b"".join(message["body"] for message in sent[1:]))

    return asyncio.run(run())


def test_the_description_has_each_route_and_no_other(tmp_path: Path) -> None:
    application = app(sg.Hub(tmp_path / "plant.db"))
    document = ask(application, "GET", "/openapi.json")[2]
    routes = {route.path for route in application.routes if isinstance(route, Route)} - {"/{path:path}"}
    assert set(document["paths"]) == routes
    for path, operations in document["paths"].items():
        filled = re.sub(r"\{\w+\}", "x", path)
        assert sorted(re.findall(r"\{(\w+)\}", path)) == sorted(
            p["name"] for p in next(iter(operations.values()))["parameters"] if p["in"] == "path"
        )
        for method in ("get", "post", "put", "patch", "delete"):
            status, headers, answer = ask(application, method.upper(), filled)
            there = status != 405
            assert there == (method in operations), f"{method} {path}"
            if not there:
                allowed = set(headers["allow"].lower().split(", ")) - {"head"}
                assert allowed == set(operations)
            elif status >= 400:
                assert answer["error"]["code"] != "not_found.path"
    names = [operation["operationId"] for each in document["paths"].values() for operation in each.values()]
    assert len(names) == len(set(names))


def test_the_description_stands_by_itself(server: Serving) -> None:
    document = server("GET", "/openapi.json").json
    assert document["openapi"].startswith("3.1")
    text = json.dumps(document)
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', text):
        found: Any = document
        for part in reference.split("/"):
            found = found[part]
        assert found
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation["summary"].endswith("."), path
            assert "default" in operation["responses"]
            assert any(status.startswith("2") for status in operation["responses"])
            assert (operation.get("security") == []) == (path in ("/healthz", "/webhooks/{id}")), f"{method} {path}"


def test_the_page_of_the_document_has_every_operation(server: Serving) -> None:
    page = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    for path, operations in server("GET", "/openapi.json").json["paths"].items():
        for method in operations:
            assert f"`{method.upper()} {path}`" in page, f"docs/server.md lacks {method.upper()} {path}"


def test_the_examples_of_the_document_are_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs/server.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)  # noqa: S102 - our own
    assert ask(names["app"], "GET", "/switchgear/connections")[2] == {"connections": []}
    commands = re.findall(r"curl (.*?)http://127\.0\.0\.1:8321([^\s\"?]+)", page, re.DOTALL)
    assert len(commands) == 4
    for options, path in commands:
        method = "POST" if "-X POST" in options else "GET"
        status, _, answer = ask(names["app"], method, f"/switchgear{path}")
        assert (status, answer["error"]["category"]) in ((404, "not_found"), (400, "bad_request")), path
        assert answer["error"]["code"] != "not_found.path"
    (error,) = re.findall(r"^```json\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    shown = ask(names["app"], "GET", "/switchgear/connections/none")[2]["error"]
    assert set(json.loads(error)["error"]) == set(shown)


def test_what_is_answered_is_as_described(server: Serving) -> None:
    """The members that the description requires are there."""
    document = server("GET", "/openapi.json").json
    for path in ("/connections", "/connections/plant", "/connections/plant/entities", "/jobs"):
        described = document["paths"][path.replace("/plant", "/{id}")]["get"]["responses"]["200"]
        schema = described["content"]["application/json"]["schema"]
        answer = server("GET", path).json
        assert set(schema["required"]) <= set(answer)
        if schema.get("additionalProperties") is False:
            assert set(answer) <= set(schema["properties"])


@pytest.mark.parametrize("client", [("10.1.2.3", 5), ("::ffff:10.1.2.3", 5), ("fe80::1", 5), ("testclient", 5), None])
def test_a_peer_elsewhere_is_not_answered_without_a_token(tmp_path: Path, client: tuple[str, int] | None) -> None:
    application = app(sg.Hub(tmp_path / "plant.db"))
    status, _, answer = ask(application, "GET", "/connections", client)
    assert (status, answer["error"]["code"]) == (403, "permission.loopback")
    assert ask(application, "GET", "/healthz", client)[0] == 200


@pytest.mark.parametrize("client", [("127.0.0.1", 5), ("::1", 5), ("::ffff:127.0.0.1", 5)])
def test_this_machine_by_each_of_its_addresses(tmp_path: Path, client: tuple[str, int]) -> None:
    assert ask(app(sg.Hub(tmp_path / "plant.db")), "GET", "/connections", client)[0] == 200


def test_mounted_in_an_application_of_ones_own(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.add("plant", "odata", {"url": "http://127.0.0.1:9/odata"})
    own = Starlette(routes=[Mount("/switchgear", app=app(hub))])
    assert ask(own, "GET", "/switchgear/connections")[2]["connections"][0]["id"] == "plant"
    assert ask(own, "GET", "/switchgear/healthz")[0] == 200
    assert ask(own, "GET", "/switchgear/conections")[2]["error"]["hint"] == "did you mean /connections?"
    assert ask(own, "GET", "/switchgear/openapi.json")[2]["servers"] == [{"url": "/switchgear"}]
    hub.update("plant", {"url": "http://127.0.0.1:10/odata"})  # whoever shares the hub sees what it is now
    assert ask(own, "GET", "/switchgear/connections/plant")[2]["config"]["url"].endswith(":10/odata")


def test_a_failure_of_the_server_tells_nothing_of_its_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = sg.Hub(tmp_path / "plant.db")

    def fail() -> None:
        raise RuntimeError("geheim42")

    monkeypatch.setattr(hub, "connections", fail)
    status, _, answer = ask(app(hub), "GET", "/connections")
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert "geheim42" not in json.dumps(answer)
    assert answer["error"]["request_id"]


def test_only_who_serves_loads_what_serves() -> None:
    code = (
        "import sys, switchgear as sg\n"
        "loaded = lambda: {'starlette', 'uvicorn', 'anyio'} & set(sys.modules)\n"
        "assert callable(sg.server.app) and not loaded(), loaded()\n"
        "sg.server.app(sg.Hub(sys.argv[1]))\n"
        "assert 'starlette' in loaded() and 'uvicorn' not in loaded(), loaded()"
    )
    subprocess.run([sys.executable, "-c", code, ":memory:"], check=True, timeout=60)
