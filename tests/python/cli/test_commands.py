"""check, entities, connectors, plugin inspect, sandbox, demo, doctor, and their help."""

from __future__ import annotations

import re
import signal
import time
from pathlib import Path

import pytest

import switchgear
from support.running import Shell
from switchgear.registry import registry
from switchgear.sandbox import Sandbox

COMMANDS = ("read", "write", "check", "entities", "connectors", "plugin inspect", "demo", "doctor", "sandbox")
QUEUE = ("submit", "list", "show", "retry", "pause", "resume", "cancel", "work")


@pytest.mark.parametrize("command", [*COMMANDS, *(f"queue {word}" for word in QUEUE)])
def test_help_has_examples(bare: Shell, command: str) -> None:
    out = bare(*command.split(), "--help").out
    assert "examples:" in out.lower()
    assert f"switchgear {command}" in out


def test_the_commands_are_listed(bare: Shell) -> None:
    out = bare("--help").out
    for command in COMMANDS:
        assert re.search(rf"^  {command.split()[0]}\s+\S", out, re.MULTILINE), command


def test_check(shell: Shell) -> None:
    found = shell("check", "plant", "--json").json
    assert found["connection_id"] == "plant"
    assert found["online"] is True
    assert found["error"] is None
    names = [step["name"] for step in found["steps"]]
    assert names == ["config", "dns", "proxy", "connect", "tls", "http", "auth", "permission"]
    assert "plant is online" in shell("check", "plant").out


def test_entities(shell: Shell, box: Sandbox) -> None:
    found = {entity["name"]: entity for entity in shell("entities", "plant", "--json").json}
    assert set(found) == {"WorkOrders", "Assets", "Parts", "Vendors", "PurchaseOrders"}
    assert found["PurchaseOrders"]["key"] == ["OrderNo", "Line"]
    assert found["WorkOrders"]["cursor"] == "ChangedAt"
    fields = {field["name"]: field for field in found["WorkOrders"]["fields"]}
    assert list(fields)[:13] == list(next(box.truth("WorkOrders")))
    assert fields["EstimatedCost"] == {
        "name": "EstimatedCost",
        "type": "decimal",
        "nullable": False,
        "precision": 12,
        "scale": 2,
    }
    assert [child["name"] for child in fields["Location"]["children"]] == ["Site", "Building", "Floor"]
    assert "PurchaseOrders" in shell("entities", "plant").out


def test_connectors_and_broken_files_beside_them(bare: Shell) -> None:
    bare.write("this is text", "plugins/broken.so")
    listed = bare("connectors", "--json", SWITCHGEAR_PLUGIN_PATH=str(bare.folder / "plugins")).json
    odata = next(item for item in listed if item["name"] == "odata")
    assert odata["problem"] is None
    broken = next(item for item in listed if item["path"].endswith("broken.so"))
    assert broken["name"] is None
    assert broken["problem"]["category"] == "plugin"
    assert "broken.so" in bare("connectors", SWITCHGEAR_PLUGIN_PATH=str(bare.folder / "plugins")).out


def test_inspect_shows_the_manifest(bare: Shell) -> None:
    library = next(
        item.path for item in registry().found() if item.manifest is not None and item.manifest.name == "odata"
    )
    shown = bare("plugin", "inspect", library, "--json").json
    assert shown["manifest"]["name"] == "odata"
    assert "url" in shown["manifest"]["config"]
    assert re.fullmatch("[0-9a-f]{64}", shown["sha256"])
    assert "url" in bare("plugin", "inspect", library).out


def test_inspect_refuses_what_is_no_connector(bare: Shell) -> None:
    text = bare.write("this is text", "text.so")
    for path in (text, Path("missing.so")):
        said = bare("plugin", "inspect", path, code=1).err
        assert said.startswith("plugin")
        assert path.name in said


def test_sandbox_serves_until_ctrl_c(bare: Shell) -> None:
    process = bare.start("sandbox", "--port", "0", "--records", "100")
    assert process.stdout is not None
    ready, odata, _ = (process.stdout.readline().split() for _ in range(3))
    assert ready[0] == "READY"
    done = bare("read", "x", "WorkOrders", "--json", "--connector", "odata", "--set", f"url={odata[1]}")
    assert len(done.lines) == 100
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


def test_demo_without_a_terminal(bare: Shell) -> None:
    began = time.monotonic()
    done = bare("demo", "--records", "5000")
    assert time.monotonic() - began < 120
    assert "demo is online" in done.out
    assert "5,000 records" in done.out
    assert "█" in done.out
    assert re.search(r"2026-0[123] ", done.out)
    assert done.out.count("\n") < 60


def test_demo_counts_what_there_is(bare: Shell) -> None:
    found = bare("demo", "--records", "5000", "--json").json
    assert found["records"] == 5000 == sum(found["by_status"].values()) == sum(found["by_month"].values())
    truth = list(Sandbox(records=5000).truth("WorkOrders"))
    assert found["by_status"]["OPEN"] == sum(record["Status"] == "OPEN" for record in truth)
    assert set(found["by_month"]) == {"2026-01", "2026-02", "2026-03"}
    assert found["records_per_second"] > 0


def test_demo_leaves_no_process_behind_when_interrupted(bare: Shell) -> None:
    process = bare.start("demo", "--records", "100000")
    assert process.stderr is not None
    assert "starting" in process.stderr.readline()
    time_limit = time.monotonic() + 30
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not (found := children.read_text().split()):
        assert time.monotonic() < time_limit
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    time_limit = time.monotonic() + 20
    while [child for child in found if Path(f"/proc/{child}").exists()]:  # it ends by itself when its parent is gone
        assert time.monotonic() < time_limit


def test_doctor_names_the_winner_of_each_setting(shell: Shell, box: Sandbox) -> None:
    user = shell.write('[connections.plant]\nproxy = "none"\ntimeout = 5\n', "config/switchgear/switchgear.toml")
    found = shell("doctor", "--json", SWITCHGEAR_CONNECTION__PLANT__TIMEOUT="7").json
    assert found["versions"]["switchgear"] == switchgear.__version__
    assert found["project_file"] == str(shell.folder / "switchgear.toml")
    assert found["user_file"] == str(user)
    assert found["problems"] == []
    settings = {item["name"]: (item["value"], item["place"]) for item in found["settings"]}
    assert settings["connections.plant.config.url"] == (box.odata_url, f"{shell.folder / 'switchgear.toml'}:4")
    assert settings["connections.plant.proxy"] == ("none", f"{user}:2")
    variable = "the environment variable SWITCHGEAR_CONNECTION__PLANT__TIMEOUT"
    assert settings["connections.plant.timeout"] == (7, variable)
    assert f"{user}:2" in shell("doctor").out


def test_doctor_fails_for_a_broken_project_file(bare: Shell) -> None:
    path = bare.write("[connections.plant\n")
    done = bare("doctor", "--json", code=1)
    assert any(f"{path}:1" in problem for problem in done.json["problems"])
    assert "problem: config" in bare("doctor", code=1).out
