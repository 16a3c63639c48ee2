"""Says why the compiled module could not be imported, and what to do. Imports nothing that could fail in turn."""

from __future__ import annotations

import sysconfig
from pathlib import Path


def explain(error: ImportError, package: Path | None = None) -> str:
    """A message for `error`, raised by importing `_core` from the folder `package` (default: this one)."""
    folder = package or Path(__file__).parent
    built = sorted(path.name for path in folder.glob("_core.*.so"))
    suffix = sysconfig.get_config_var("EXT_SUFFIX") or ".so"
    if "cannot open shared object file" in str(error):
        library = str(error).split(":", 1)[0]
        return (
            f"switchgear needs the system library {library}, which is not installed here. "
            "Install it (from a source checkout: scripts/install-deps build), then import again."
        )
    if not built:
        hint = (
            "this is the source tree, not an installed package: run 'pip install .' in it, and start Python elsewhere"
            if (folder.parent.parent / "pyproject.toml").is_file()
            else "the installation is incomplete: run 'pip install --force-reinstall switchgear'"
        )
        return f"switchgear has no compiled module in {folder}; {hint}."
    if f"_core{suffix}" not in built:
        return (
            f"switchgear was built for another Python: {folder} holds {', '.join(built)}, this interpreter wants "
            f"_core{suffix}. Run 'pip install --force-reinstall switchgear' with this interpreter."
        )
    return f"switchgear's compiled module {folder / built[0]} cannot be loaded: {error}"
