"""Includes go one way.

A folder of the core includes only folders of a lower rank (ARCHITECTURE.md), the SDK stands alone, a plugin sees
the SDK only, and each third-party library has one home.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
RANKS = {
    **dict.fromkeys(["base"], 0),
    **dict.fromkeys(["data", "policy"], 1),
    **dict.fromkeys(["http", "store"], 2),
    **dict.fromkeys(["webhook", "connector"], 3),
    **dict.fromkeys(["connection"], 4),
    **dict.fromkeys(["paging", "batch"], 5),
    **dict.fromkeys(["sync", "queue"], 6),
    **dict.fromkeys(["hub"], 7),
}
# Header prefix -> where it may be included; a place is the beginning of a path.
HOMES = {
    "curl/": ["core/src/http/curl_", "benchmarks/"],
    "soci/": ["core/src/store/"],
    "sqlite3.h": ["core/src/store/"],
    "libpq": ["core/src/store/"],
    "simdjson": ["core/src/data/json_", "benchmarks/"],
    "boost/": ["core/src/connector/loader.cpp"],
    "pybind11/": ["bindings/"],
    "Python.h": ["bindings/"],
    "pugixml": ["plugins/"],
    "toml++/": ["plugins/rest/toml_tree.cpp"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def sources(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in {".h", ".hpp", ".cpp", ".c"}:
                yield path


def includes(path: Path) -> list[str]:
    return INCLUDE.findall(path.read_text(encoding="utf-8"))


def module_of(path: Path) -> str | None:
    """The folder of the core that a source belongs to."""
    parts = path.relative_to(ROOT).parts
    if parts[:3] == ("core", "include", "switchgear"):
        return parts[3]
    return parts[2] if parts[:2] == ("core", "src") else None


def wrong_ranks(module: str, included: list[str]) -> list[str]:
    """Those of `included` that a file of `module` may not include."""
    found = []
    for name in included:
        other = name.removeprefix("switchgear/").split("/")[0]
        if not name.startswith("switchgear/") or other in {module, "sdk"}:
            continue
        if other not in RANKS or RANKS[other] >= RANKS[module]:
            found.append(name)
    return found


def foreign_homes(path: str, included: list[str]) -> list[str]:
    """Those of `included` that belong to a third-party library whose home is not `path`."""
    return [
        name
        for name in included
        for prefix, homes in HOMES.items()
        if name.startswith(prefix) and not any(path.startswith(home) for home in homes)
    ]


def test_every_folder_of_the_core_has_a_rank() -> None:
    folders = {path.name for top in ("core/include/switchgear", "core/src") for path in (ROOT / top).iterdir()}
    assert {folder for folder in folders if (ROOT / "core/src" / folder).is_dir()} <= RANKS.keys()


def test_a_folder_includes_only_folders_of_a_lower_rank() -> None:
    wrong = {}
    for path in sources("core/include", "core/src"):
        module = module_of(path)
        assert module in RANKS, f"{path} is in no folder that has a rank"
        if bad := wrong_ranks(module, includes(path)):
            wrong[str(path.relative_to(ROOT))] = bad
    assert wrong == {}


def test_the_sdk_includes_nothing_of_the_core() -> None:
    for path in sources("core/sdk"):
        bad = [
            name for name in includes(path) if name.startswith("switchgear/") and not name.startswith("switchgear/sdk")
        ]
        assert not bad, f"{path.relative_to(ROOT)} includes {bad}: a plugin author does not have it"


def test_a_plugin_sees_the_sdk_only() -> None:
    for path in sources("plugins", "examples/connector_template"):
        bad = [
            name for name in includes(path) if name.startswith("switchgear/") and not name.startswith("switchgear/sdk")
        ]
        assert not bad, f"{path.relative_to(ROOT)} includes {bad}: plugins are built against the SDK alone"


def test_each_third_party_library_has_one_home() -> None:
    wrong = {}
    for path in sources("core", "plugins", "bindings", "benchmarks"):
        relative = path.relative_to(ROOT).as_posix()
        if bad := foreign_homes(relative, includes(path)):
            wrong[relative] = bad
    assert wrong == {}


def test_headers_of_the_core_name_no_third_party_library() -> None:
    for path in sources("core/include"):
        bad = [name for name in includes(path) if name.startswith(("nlohmann/", "openssl/", *HOMES))]
        assert not bad, f"{path.relative_to(ROOT)} includes {bad}: every user of it would have to have it too"


@pytest.mark.parametrize(
    ("module", "name", "allowed"),
    [
        ("data", "switchgear/base/error.hpp", True),
        ("data", "switchgear/policy/retry.hpp", False),  # of the same rank
        ("base", "switchgear/hub/hub.hpp", False),
        ("connector", "switchgear/sdk/abi.h", True),
        ("hub", "switchgear/util/text.hpp", False),  # there is no such folder
        ("http", "vector", True),
    ],
)
def test_the_rule_itself(module: str, name: str, allowed: bool) -> None:
    assert (wrong_ranks(module, [name]) == []) is allowed


@pytest.mark.parametrize(
    ("path", "name", "allowed"),
    [
        ("core/src/http/curl_transport.cpp", "curl/curl.h", True),
        ("core/src/paging/page_reader.cpp", "curl/curl.h", False),
        ("core/src/store/database.cpp", "soci/sqlite3/soci-sqlite3.h", True),
        ("core/src/hub/hub.cpp", "soci/soci.h", False),
        ("bindings/module.cpp", "pybind11/pybind11.h", True),
    ],
)
def test_the_homes_themselves(path: str, name: str, allowed: bool) -> None:
    assert (foreign_homes(path, [name]) == []) is allowed
