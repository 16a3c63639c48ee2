"""A server that Node runs from a copy of its sources, and that prints `READY {"port": N}` once it answers."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from servers import npm
from servers.process import Server


class NodeServer(Server):
    """`folder` gets a copy of `sources` and a link to the packages. Started again, it takes the port it had."""

    sources: Sequence[str] = ()
    least_node = 22

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = 0

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def launch_node(self, *arguments: str, env: Mapping[str, str]) -> None:
        """Runs Node in the folder with these arguments; `env` comes on top of ours, with PORT."""
        installation = npm.install(self.name)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.sources:
            _copy(npm.HERE / self.name / name, self.folder / name)
        modules = self.folder / "node_modules"
        if not modules.is_symlink():
            modules.symlink_to(installation / "node_modules")
        own = {"PORT": str(self.port), "NODE_NO_WARNINGS": "1"}
        self.launch([npm.node(installation, self.least_node), *arguments], self._ready, env={**own, **env}, within=120)

    def _ready(self) -> bool:
        match = re.search(r"^READY (\{.*\})$", self.log_text(), re.MULTILINE)
        if match:
            self.port = int(json.loads(match.group(1))["port"])
        return match is not None


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target)
    else:
        shutil.copy(source, target)
