"""Runs the command as users do: a process of its own, in a folder with a project file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from switchgear.sandbox import Sandbox

COMMAND = Path(sys.executable).with_name("switchgear")


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """The records of jsonl."""
        return [json.loads(line) for line in self.out.splitlines()]


class Shell:
    """Runs `switchgear` in a folder, without the settings of whoever runs the tests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("SWITCHGEAR_")}
        self.env |= {
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "COLUMNS": "200",
        }

    def __call__(self, *arguments: str | Path, code: int = 0, **env: str) -> Done:
        with self.start(*arguments, **env) as process:
            out, err = process.communicate(timeout=120)
        done = Done(process.returncode, out, err)
        assert "Traceback" not in done.err, done.err
        assert done.code == code, f"exit code {done.code}\n{done.out}\n{done.err}"
        return done

    def start(self, *arguments: str | Path, **env: str) -> subprocess.Popen[str]:
        return self.start_telling(subprocess.PIPE, *arguments, **env)

    def start_telling(self, errors: int | IO[str], *arguments: str | Path, **env: str) -> subprocess.Popen[str]:
        """Its stderr goes to `errors`."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            cwd=self.folder,
            env={**self.env, **env},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )

    def write(self, text: str, name: str = "switchgear.toml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path


def project(box: Sandbox, page_size: int = 100, more: str = "") -> str:
    return (
        f'[connections.plant]\nconnector = "odata"\n{more}'
        f'[connections.plant.config]\nurl = "{box.odata_url}"\npage_size = {page_size}\n'
    )
