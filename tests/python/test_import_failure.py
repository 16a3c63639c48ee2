"""An import that fails says why and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from switchgear._import_failure import explain


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    folder = tmp_path / "site-packages" / "switchgear"
    folder.mkdir(parents=True)
    return folder


def test_in_the_source_tree_it_says_to_install(tmp_path: Path) -> None:
    folder = tmp_path / "python" / "switchgear"
    folder.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    assert "pip install ." in explain(ImportError("No module named switchgear._core"), folder)


def test_an_incomplete_installation_is_named(installed: Path) -> None:
    message = explain(ImportError("cannot import name '_core'"), installed)
    assert str(installed) in message
    assert "--force-reinstall" in message


def test_a_missing_system_library_is_named(installed: Path) -> None:
    error = ImportError("libsoci_core.so.4.0: cannot open shared object file: No such file or directory")
    assert "libsoci_core.so.4.0" in explain(error, installed)


def test_a_module_of_another_python_is_named(installed: Path) -> None:
    (installed / "_core.cpython-39-x86_64-linux-gnu.so").touch()
    message = explain(ImportError("cannot import name '_core'"), installed)
    assert "another Python" in message
    assert "_core.cpython-39-x86_64-linux-gnu.so" in message
