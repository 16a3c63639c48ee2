"""What goes wrong is one line on stderr: code, message, place, hint. 1 is failed, 2 is wrong usage."""

from __future__ import annotations

import re
import socket

import pytest

from support.running import Shell, project
from switchgear.sandbox import Fault, Sandbox


def last_line(text: str) -> str:
    return text.rstrip("\n").rpartition("\n")[2]


def error_of(shell: Shell, *arguments: str, **env: str) -> str:
    done = shell(*arguments, code=1, **env)
    assert done.out == ""
    assert len(done.err.splitlines()) == 1, done.err
    return done.err.strip()


def test_no_project_file(bare: Shell) -> None:
    said = error_of(bare, "read", "plant", "WorkOrders")
    assert said.startswith("config.no_project: there is no connection 'plant': no switchgear.toml in ")
    assert "--connector odata --set url=" in said


def test_an_unknown_connection_suggests_the_nearest(shell: Shell) -> None:
    said = error_of(shell, "check", "plnat")
    assert re.fullmatch(
        r"config\.unknown_connection: there is no connection 'plnat' in .*switchgear\.toml; did you mean 'plant'\?",
        said,
    )


def test_an_unknown_entity_suggests_the_nearest(shell: Shell) -> None:
    said = error_of(shell, "read", "plant", "WorkOrder")
    assert said.startswith("not_found")
    assert "WorkOrders" in said
    assert "(plant/WorkOrder)" in said


def test_an_unknown_column_is_refused(shell: Shell) -> None:
    said = error_of(shell, "read", "plant", "WorkOrders", "--columns", "ID,Titel")
    assert "Titel" in said
    assert "Title" in said


def test_an_unknown_connector_is_named_with_the_line(shell: Shell) -> None:
    path = shell.write('[connections.plant]\nconnector = "odta"\n')
    said = error_of(shell, "check", "plant")
    assert said.startswith("config")
    assert f"{path}:2: " in said
    assert "odata" in said


def test_a_wrong_setting_of_the_connector_is_named_with_the_line(shell: Shell) -> None:
    path = shell.write('[connections.plant]\nconnector = "odata"\n[connections.plant.config]\nuri = "http://x"\n')
    said = error_of(shell, "check", "plant")
    assert f"{path}:4: " in said
    assert "'url'" in said


def test_a_dead_host(bare: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        port = taken.getsockname()[1]
        arguments = ("plant", "--connector", "odata", "--set", f"url=http://127.0.0.1:{port}/odata")
        said = error_of(bare, "entities", *arguments)
        assert said.startswith("offline.connect: ")
        assert str(port) in said
        done = bare("check", *arguments, "--json", code=1)
        assert done.json["online"] is False
        assert done.json["error"]["code"] == "offline.connect"
        assert [step["name"] for step in done.json["steps"] if step["state"] == "failed"] == ["connect"]
        assert done.json["next_step"]
        shown = bare("check", *arguments, code=1).out
        assert "plant is not online: offline.connect" in shown
        assert "next: " in shown


def test_an_unknown_host(bare: Shell) -> None:
    done = bare("check", "x", "--connector", "odata", "--set", "url=http://no-such-host.invalid/", "--json", code=1)
    assert done.json["error"]["code"] == "offline.dns"


def test_a_wrong_password_is_not_shown(bare: Shell) -> None:
    with Sandbox(records=10, user="alice", password="right") as box:
        auth = 'auth = {type = "basic", user = "alice", password = "env:PLANT_PW"}\n'
        bare.write(project(box, more=auth))
        assert bare("check", "plant", "--json", PLANT_PW="right").json["online"] is True
        said = error_of(bare, "read", "plant", "Vendors", PLANT_PW="wrong-hunter2")
        assert said.startswith("auth_invalid: ")
        assert "hunter2" not in said
        done = bare("check", "plant", "--json", code=1, PLANT_PW="wrong-hunter2")
        assert done.json["error"]["category"] == "auth_invalid"
        assert "hunter2" not in done.out + done.err
        missing = error_of(bare, "read", "plant", "Vendors")
        assert missing.startswith("config")
        assert "PLANT_PW" in missing


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault("login_page"), "auth_expired"),
        (Fault("error", status=403, entity="Vendors"), "permission"),
        (Fault("error", status=500), "server"),
    ],
)
def test_what_the_source_does_wrong(bare: Shell, fault: Fault, code: str) -> None:
    with Sandbox(records=10, faults=[fault]) as box:
        bare.write(project(box))
        assert error_of(bare, "read", "plant", "Vendors").startswith(code)


@pytest.mark.parametrize(
    "arguments",
    [
        ("read",),
        ("read", "plant"),
        ("read", "plant", "WorkOrders", "--limit", "many"),
        ("read", "plant", "WorkOrders", "--limit", "-1"),
        ("read", "plant", "WorkOrders", "--format", "xml"),
        ("read", "plant", "WorkOrders", "--format", "parquet"),
        ("read", "plant", "WorkOrders", "--append"),
        ("read", "plant", "WorkOrders", "--where", "Status is OPEN"),
        ("check", "plant", "--set", "url"),
        ("chekc", "plant"),
        ("sandbox", "--records", "-1"),
        ("sandbox", "--fault", "nonsense"),
    ],
)
def test_wrong_usage_is_2(shell: Shell, arguments: tuple[str, ...]) -> None:
    done = shell(*arguments, code=2)
    assert done.out == ""
    assert done.err


def test_a_token_of_another_entity_is_refused(shell: Shell) -> None:
    assert error_of(shell, "read", "plant", "WorkOrders", "--token", "nonsense").startswith("config.token: ")


def test_a_file_that_cannot_be_written(shell: Shell) -> None:
    said = error_of(shell, "read", "plant", "Vendors", "-o", "nowhere/out.csv")
    assert said.startswith("destination.file: nowhere/out.csv: ")
    said = error_of(shell, "read", "plant", "Vendors", "-o", "nowhere/out.parquet")
    assert said.startswith("destination.parquet: nowhere/out.parquet: ")


def test_a_traceback_only_when_asked_for(bare: Shell) -> None:
    process = bare.start("check", "plant", SWITCHGEAR_DEBUG="1")
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" in err
    assert "ConfigError" in last_line(err)
