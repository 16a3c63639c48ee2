"""Builds the connectors of tests/plugins as their authors would: against the installed package alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import switchgear as sg

PLUGINS = Path(__file__).resolve().parents[1] / "plugins"
SDK = Path(sg.__file__).parent / "include"

# What switchgear_add_connector() writes for the linker.
EXPORTS = "{ global: sg_connector_abi; sg_connector_entry; local: *; };\n"


def build(source: str, output: Path, compiler: str, *flags: str) -> Path:
    """`source` is below tests/plugins. Returns the library, which only its owner can write to."""
    output.parent.mkdir(parents=True, exist_ok=True)
    exports = output.with_suffix(".map")
    exports.write_text(EXPORTS)
    command = [
        *(compiler, *flags, "-O1", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror"),
        *(f"-I{SDK}", f"-Wl,--version-script={exports}", "-Wl,--no-undefined"),
        *(str(PLUGINS / source), "-o", str(output)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
    output.chmod(0o755)
    return output
