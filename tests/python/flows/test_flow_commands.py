"""Flows from the command line and over HTTP, from files that the project file names."""

from __future__ import annotations

from pathlib import Path

import pytest

import switchgear as sg
from support.running import Shell
from support.serving import Serving
from switchgear.flows.files import load_flows
from switchgear.project import Project

PROJECT = '[hub]\nstore = "plant.db"\nflows = ["flows.py"]\n'
FLOWS = """
import switchgear as sg

@hub.flow("add", params={"left": 1, "right": 2}, schedule="0 6 * * *")
def add(ctx):
    total = ctx.step("add", lambda: ctx.params["left"] + ctx.params["right"])
    ctx.log(f"that makes {total}")

hub.rule("plant", "WorkOrders", when="Priority = 1", event="workorder.urgent")

@hub.flow("fail")
async def fail(ctx):
    raise sg.DataError("no data today", code="data.none")
"""


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.write(PROJECT)
    shell.write(FLOWS, "flows.py")
    return shell


def test_flows_from_the_command_line(shell: Shell) -> None:
    listed = shell("flow", "list", "--json").json
    assert [(flow["name"], flow["schedule"], flow["last_run"]) for flow in listed] == [
        ("add", "0 6 * * *", None),
        ("fail", "", None),
    ]
    assert listed[0]["source"] == f"{shell.folder / 'flows.py'}:4"
    assert listed[0]["next_at"] is not None

    run = shell("flow", "run", "add", "--param", "left=a", "--param", "right=b", "--json").json
    assert (run["status"], run["params"], run["cause"]) == ("completed", {"left": "a", "right": "b"}, "manual")
    failed = shell("flow", "run", "fail", code=1)
    assert "fail: data.none: no data today" in failed.err
    again = shell("flow", "run", "fail", "--json", code=1).json
    assert again["attempts"] == 2
    assert shell("flow", "run", "fail", "--new", "--json", code=1).json["id"] != again["id"]
    resumed = shell("flow", "run", "fail", "--resume", again["id"], "--json", code=1).json
    assert (resumed["id"], resumed["attempts"]) == (again["id"], 3)

    shown = shell("flow", "show", "fail", "--json").json
    assert [each["attempts"] for each in shown["runs"]] == [1, 3]
    assert "that makes ab" in shell("flow", "show", run["id"]).out
    assert shell("run", run["id"], "--json").json == run
    assert "flow fail" in shell("runs").out


def test_wrong_usage_is_named(shell: Shell) -> None:
    assert "did you mean 'add'" in shell("flow", "run", "ad", code=1).err
    assert "no parameter 'lft'; did you mean 'left'" in shell("flow", "run", "add", "--param", "lft=1", code=1).err
    assert "--resume does not" in shell("flow", "run", "add", "--new", "--resume", "x", code=2).err
    assert "there is no flow 'nosuch'" in shell("flow", "show", "nosuch", code=1).err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def broken(:", "flows.py:1: invalid syntax"),
        ("\n\nimport nosuchmodule", "flows.py:3: ModuleNotFoundError: No module named 'nosuchmodule'"),
        ("x = 1\nhub.flow('stale', schedule='99 * * * *')(print)", "flows.py:2: flow 'stale' can't be set up"),
        (
            "@hub.flow('twice')\ndef a(ctx): ...\n@hub.flow('twice')\ndef b(ctx): ...",
            "flows.py:3: there is a flow 'twice'",
        ),
        ("\0", "flows.py"),
    ],
)
def test_a_file_that_does_not_load_is_named_with_its_line(shell: Shell, text: str, said: str) -> None:
    shell.write(text, "flows.py")
    project = Project.load(shell.folder / "switchgear.toml")
    with pytest.raises(sg.ConfigError) as refused:
        load_flows(sg.Hub(shell.folder / "plant.db"), project)
    assert str(shell.folder / said) in refused.value.message
    assert "switchgear.toml:3" in refused.value.message


def test_a_file_that_is_not_there_is_named_where_it_is_named(shell: Shell) -> None:
    (shell.folder / "flows.py").unlink()
    told = shell("serve", "--port", "0", code=1).err
    assert "switchgear.toml:3" in told
    assert str(shell.folder / "flows.py") in told


def test_flows_of_a_hub_that_the_file_makes_are_taken_over(shell: Shell) -> None:
    shell.write(
        "import switchgear as sg\nmine = sg.Hub('plant.db')\n@mine.flow('own')\ndef own(ctx): ctx.log('here')\n",
        "flows.py",
    )
    assert "here" in shell("flow", "run", "own").out


def test_flows_over_http(shell: Shell) -> None:
    with Serving(shell) as server:
        flows = server("GET", "/flows").json["flows"]
        assert [flow["name"] for flow in flows] == ["add", "fail"]
        body = {"params": {"left": 20, "right": 22}}
        done = server("POST", "/flows/add/run", body, Prefer="wait=60", Idempotency_Key="k1")
        assert (done.status, done.json["status"], done.json["cause"]) == (200, "completed", "http"), done.body
        again = server("POST", "/flows/add/run", body, Prefer="wait=60", Idempotency_Key="k1")
        assert (again.json["id"], again.headers["Idempotency-Replayed"]) == (done.json["id"], "true")
        failed = server("POST", "/flows/fail/run", {}, Prefer="wait=60").json
        assert failed["error"]["code"] == "data.none"
        assert server("POST", "/flows/fail/run", {"resume": False}, Prefer="wait=60").json["id"] != failed["id"]
        assert len(server("GET", "/flows/fail/runs?limit=5").json["runs"]) == 2
        told = server("GET", f"/runs/{done.json['id']}").json
        assert {**told, "messages": []} == {**done.json, "messages": []}
        assert "that makes 42" in [message["text"] for message in told["messages"]]

        (rule,) = server("GET", "/rules").json["rules"]
        assert rule == {
            "name": "workorder.urgent",
            "connection_id": "plant",
            "entity": "WorkOrders",
            "when": "Priority = 1",
            "event": "workorder.urgent",
        }

        begun = server("POST", "/flows/add/run", {"params": {"left": 1}})
        assert begun.status in (200, 202)
        wrong = server("POST", "/flows/ad/run", {})
        assert (wrong.status, wrong.error["code"]) == (404, "not_found.flow")
        assert server("GET", "/flows/nosuch/runs").status == 404
        assert server("POST", "/flows/add/run", {"params": {"lft": 1}}).error["code"] == "config.params"
        assert server("POST", "/flows/add/run", {"param": {}}).status == 400
        hub = sg.Hub(shell.folder / "plant.db")
        assert [run.cause for run in hub.runs(flow="add")] == ["http", "http"]


def test_a_token_for_some_connections_may_not_run_flows(shell: Shell) -> None:
    sg.Hub(shell.folder / "plant.db").add("plant", "odata", {"url": "http://127.0.0.1:9"})
    secret = shell("token", "create", "--scope", "operate", "--connection", "plant", "--json").json["token"]
    everything = shell("token", "create", "--scope", "operate", "--json").json["token"]
    with Serving(shell) as server:
        for method, path in (("GET", "/flows"), ("POST", "/flows/add/run"), ("GET", "/flows/add/runs")):
            refused = server(method, path, {} if method == "POST" else None, token=secret)
            assert (refused.status, refused.error["code"]) == (403, "permission.connection")
        assert server("GET", "/flows", token=everything).status == 200
