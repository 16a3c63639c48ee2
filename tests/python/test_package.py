"""The package as users get it: from a source distribution in a fresh environment, for Python and for C++."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from decimal import Decimal
from pathlib import Path

import pytest
from pybind11 import get_cmake_dir as pybind11_cmake

import switchgear
from servers.cap import Cap
from switchgear.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="session")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (archive,) = folder.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution in an environment of its own, as pip does it."""
    folder = tmp_path_factory.mktemp("wheel")
    run("tar", "-xzf", sdist, cwd=folder)
    (source,) = (each for each in folder.iterdir() if each.is_dir())
    # The compiler's cache knows what `make package` has compiled by the place of each file below them, pybind11's too.
    (source / ".venv").symlink_to(sys.prefix)
    pybind11 = source / ".venv" / Path(pybind11_cmake()).relative_to(sys.prefix)
    settings = ["build-dir=build/python", f"cmake.define.pybind11_DIR={pybind11}"]
    run(
        *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source),
        *(f"--config-settings={setting}" for setting in settings),
        cwd=folder,
        CCACHE_BASEDIR=str(source),
        CCACHE_NOHASHDIR="1",
    )
    (made,) = folder.glob("*.whl")
    return made


def make_environment(folder: Path, requirement: str) -> Path:
    """Its interpreter."""
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", requirement, cwd=folder)
    return python


@pytest.fixture(scope="session")
def fresh_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with nothing in it but the wheel and its base dependencies."""
    return make_environment(tmp_path_factory.mktemp("fresh"), str(wheel))


@pytest.fixture(scope="session")
def polars_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One with polars, too, as users add it."""
    return make_environment(tmp_path_factory.mktemp("polars"), f"{wheel}[polars]")


def test_the_source_distribution_holds_the_sources_and_nothing_that_was_built(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"CMakeLists.txt", "VERSION", "LICENSE", "README.md", "bindings/module.cpp"} <= names
    tops = {name.split("/")[0] for name in names}
    assert tops.isdisjoint({"build", ".venv", ".cache", "tests", ".git", "node_modules"})
    assert not [name for name in names if name.endswith((".so", ".o", ".pyc", ".db"))]
    assert sdist.stat().st_size < 2_000_000


def test_the_wheel_holds_module_connectors_and_sdk(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {
        "switchgear/py.typed",
        "switchgear/_core.pyi",
        "switchgear/connectors/odata.so",
        "switchgear/connectors/rest.so",
        *(f"switchgear/connectors/rest/{name}.toml" for name in ("sandbox", "maintainx", "upkeep", "netsuite")),
        "switchgear/include/switchgear/sdk/abi.h",
        "switchgear/lib/cmake/switchgear/switchgear-config.cmake",
    } <= names
    assert not [name for name in names if name.endswith(".a")]
    assert wheel.stat().st_size < 20_000_000


def test_it_imports_with_its_base_dependencies_alone(fresh_python: Path, tmp_path: Path) -> None:
    said = run(fresh_python, "-c", "import switchgear; print(switchgear.__version__)", cwd=tmp_path)
    assert said.strip() == switchgear.__version__ == (ROOT / "VERSION").read_text().strip()
    assert switchgear.__version__ in run(fresh_python.with_name("switchgear"), "--version", cwd=tmp_path)


# What follows is asked of a reader by the library, over the Arrow stream, and of the source's own database.
WITHOUT_PYARROW = """
import importlib.util, sys
import switchgear as sg
assert importlib.util.find_spec("pyarrow") is None
reader = sg.connect("odata", url=sys.argv[1], auth=sg.BasicAuth("reader", "reader")).read("WorkOrders")
"""
IN_DUCKDB = """
import duckdb
for row in duckdb.sql(
    "SELECT status, count(*), sum(actualCost), max(runtimeTicks), min(scheduledOn), count(notes) FROM reader"
    " GROUP BY status ORDER BY status"
).fetchall(): print(*row)
print(duckdb.sql("SELECT title FROM reader WHERE ID = 4711").fetchall()[0][0])
"""
IN_POLARS = """
import polars as pl
from polars import col
grouped = pl.DataFrame(reader).group_by("status").agg(
    pl.len(), col("actualCost").sum(), col("runtimeTicks").max(), col("scheduledOn").min(),
    col("notes").count().alias("noted"),
)
for row in grouped.sort("status").rows(): print(*row)
print(reader.to_polars().filter(col("ID") == 4711)["title"][0])
"""


def expected_of(cap: Cap) -> str:
    rows = cap.query(
        "SELECT status, count(*), group_concat(printf('%.4f', actualCost)) FILTER (WHERE actualCost IS NOT NULL),"
        " max(runtimeTicks), min(scheduledOn), count(notes) FROM maintenance_WorkOrders GROUP BY status ORDER BY status"
    )
    lines = [[*row[:2], sum(map(Decimal, row[2].split(","))), *row[3:]] for row in rows]
    (title,) = cap.query("SELECT title FROM maintenance_WorkOrders WHERE ID = 4711")[0]
    return "".join(f"{' '.join(map(str, line))}\n" for line in [*lines, [title]])


def test_duckdb_queries_a_reader_without_pyarrow(fresh_python: Path, cap: Cap, tmp_path: Path) -> None:
    said = run(fresh_python, "-c", WITHOUT_PYARROW + IN_DUCKDB, cap.url, cwd=tmp_path)
    assert said == expected_of(cap)
    assert said.count("\n") == 5


def test_polars_takes_a_reader_without_pyarrow(polars_python: Path, cap: Cap, tmp_path: Path) -> None:
    assert run(polars_python, "-c", WITHOUT_PYARROW + IN_POLARS, cap.url, cwd=tmp_path) == expected_of(cap)


def test_what_needs_a_missing_package_says_which(fresh_python: Path, cap: Cap, tmp_path: Path) -> None:
    program = (
        "for method in ('to_arrow', 'to_pandas', 'to_polars'):\n"
        "    try: getattr(reader, method)()\n"
        "    except sg.Unsupported as error: print(method, error.code, error.hint)\n"
        "print(len(reader.to_pylist()))\n"
    )
    said = run(fresh_python, "-c", WITHOUT_PYARROW + program, cap.url, cwd=tmp_path)
    missing = "unsupported.missing_package pip install"
    assert said.splitlines() == [
        f'to_arrow {missing} "switchgear[arrow]"',
        f'to_pandas {missing} "switchgear[pandas]"',
        f'to_polars {missing} "switchgear[polars]"',
        "20000",
    ]


def test_the_module_shows_nothing_but_its_entry(fresh_python: Path, tmp_path: Path) -> None:
    module = run(fresh_python, "-c", "from switchgear import _core; print(_core.__file__)", cwd=tmp_path).strip()
    exported = [line.split()[-1] for line in run("nm", "-D", "--defined-only", module, cwd=tmp_path).splitlines()]
    assert exported == ["PyInit__core"]


def test_a_plugin_is_built_with_nothing_but_the_installed_package(fresh_python: Path, tmp_path: Path) -> None:
    cmake_dir = run(fresh_python, "-m", "switchgear", "--cmakedir", cwd=tmp_path).strip()
    template = ROOT / "examples/connector_template"
    run("cmake", "-S", template, "-B", "out", f"-Dswitchgear_DIR={cmake_dir}", cwd=tmp_path)
    run("cmake", "--build", "out", cwd=tmp_path)
    symbols = run("nm", "-D", "--defined-only", "out/my_cmms.so", cwd=tmp_path)
    assert {line.split()[-1] for line in symbols.splitlines()} == {"sg_connector_abi", "sg_connector_entry"}


def test_a_cpp_program_is_built_against_the_installed_core(tmp_path: Path) -> None:
    built = ROOT / "build/python"
    assert (built / "cmake_install.cmake").is_file(), "the package is built by make package"
    run("cmake", "--install", built, "--prefix", tmp_path / "prefix", cwd=tmp_path)
    run(
        "cmake",
        "-S",
        ROOT / "examples/cpp_host",
        "-B",
        "out",
        f"-DCMAKE_PREFIX_PATH={tmp_path / 'prefix'}",
        cwd=tmp_path,
    )
    run("cmake", "--build", "out", cwd=tmp_path)
    assert (tmp_path / "prefix/connectors/rest/netsuite.toml").is_file()
    said = run(tmp_path / "out/cpp_host", tmp_path / "prefix/connectors", cwd=tmp_path)
    assert "odata" in said
    assert "url: url" in said
    with Sandbox(records=500, process=True) as box:
        said = run(tmp_path / "out/cpp_host", tmp_path / "prefix/connectors", box.odata_url, "WorkOrders", cwd=tmp_path)
    assert "ActualCost: decimal" in said
    assert "500 records in 1 pages" in said
