"""`python -m switchgear`: the command line, and `--cmakedir` for C++ users."""

from __future__ import annotations

import sys
from pathlib import Path

from switchgear import _core


def cmake_dir() -> Path:
    """The folder for CMake's `switchgear_DIR`: beside the compiled module, not always beside the sources."""
    return Path(_core.__file__).parent / "lib" / "cmake" / "switchgear"


def main() -> int:
    if sys.argv[1:] == ["--cmakedir"]:
        print(cmake_dir())
        return 0
    from switchgear.cli import main as command_line

    return command_line()


if __name__ == "__main__":
    sys.exit(main())
