"""Flow files: Python files that define flows, named by the project file, run with the hub that is to have them."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from switchgear.errors import ConfigError, Error

if TYPE_CHECKING:
    from switchgear.hub import Hub
    from switchgear.project import Project


def load_flows(hub: Hub, project: Project) -> None:
    """Takes over the flows of the files that the project file names.

    Raises:
        ConfigError (`config.flows`): naming `file:line` of what is wrong.
    """
    for path, place in project.flow_files:
        load_file(hub, path, place)


def load_file(hub: Hub, path: Path, place: str = "") -> None:
    """Runs a file in which `hub` is this hub. Flows of a hub that the file makes itself become this one's, too."""
    named = f" (named at {place})" if place else ""
    try:
        code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except OSError as error:
        message = f"{place or path}: the file of flows {path} can't be read: {error.strerror or error}"
        raise ConfigError(message, code="config.flows") from error
    except SyntaxError as error:
        raise ConfigError(f"{path}:{error.lineno}: {error.msg}{named}", code="config.flows") from error
    except ValueError as error:
        raise ConfigError(f"{path}: {error}{named}", code="config.flows") from error
    module = ModuleType(f"switchgear_flows_{path.stem}")
    module.__file__ = str(path)
    module.__dict__["hub"] = hub
    sys.modules[module.__name__] = module  # dataclasses, pickle and inspect look there
    folder = str(path.parent)
    sys.path.insert(0, folder)
    try:
        exec(code, module.__dict__)  # noqa: S102 - the user's own file
    except Exception as error:
        raise _failed(path, named, error) from error
    finally:
        sys.path.remove(folder)
    _adopt(hub, module)


def _adopt(hub: Hub, module: ModuleType) -> None:
    from switchgear.hub import Hub

    for other in {id(value): value for value in vars(module).values() if isinstance(value, Hub)}.values():
        if other is not hub:
            for flow in other._flows.defined().values():
                hub._flows.add(flow)


def _failed(path: Path, named: str, error: Exception) -> ConfigError:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    where = f"{path}:{lines[-1]}" if lines else str(path)
    if isinstance(error, Error):
        return ConfigError(f"{where}: {error.message}{named}", code=error.code, hint=error.hint)
    return ConfigError(f"{where}: {type(error).__name__}: {error}{named}", code="config.flows")
