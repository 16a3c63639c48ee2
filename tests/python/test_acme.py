"""Connectors of others, as shared libraries in this process: AcmeCmms over real HTTP, and libraries that misbehave."""

from __future__ import annotations

import datetime as dt
import pickle
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import switchgear as sg
from servers.acme_api import AcmeApi
from support.plugins import build
from switchgear import _core

LIBCXX = ("-std=c++17", "-stdlib=libc++")
LIBSTDCXX = ("-std=c++17",)


def find_clang() -> str | None:
    """clang++ under any of the names that distributions give it."""
    return next(
        filter(None, map(shutil.which, ["clang++-14", *(f"clang++-{n}" for n in range(15, 22)), "clang++"])), None
    )


RECORDS = 1_234


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the libraries of this module are built. pytest makes it for this user alone, as the loader wants it."""
    return tmp_path_factory.mktemp("connectors")


@pytest.fixture(scope="module")
def built_by_gcc(folder: Path) -> Path:
    return build("acme_cmms/connector.cpp", folder / "gcc" / "acme_cmms.so", "g++", *LIBSTDCXX)


@pytest.fixture(scope="module")
def built_by_clang(folder: Path) -> Path:
    clang = find_clang()
    assert clang is not None, "scripts/install-deps installs clang and libc++"
    return build("acme_cmms/connector.cpp", folder / "clang" / "acme_cmms.so", clang, *LIBCXX)


@pytest.fixture(params=["gcc", "clang"])
def acme_library(request: pytest.FixtureRequest) -> Path:
    library: Path = request.getfixturevalue(f"built_by_{request.param}")
    return library


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[AcmeApi]:
    with AcmeApi(records=RECORDS, key="key-of-plant-1") as server:
        monkeypatch.setenv("ACME_KEY", server.key)
        yield server


def connect(library: Path, api: AcmeApi, **config: object) -> sg.Connection:
    return sg.connect(str(library), base_url=api.url, api_key=sg.Secret.env("ACME_KEY"), **config)  # type: ignore[arg-type]


# -- AcmeCmms


def test_it_is_built_with_another_standard_library(built_by_gcc: Path, built_by_clang: Path) -> None:
    def needed(library: Path) -> str:
        return subprocess.run(["readelf", "--dynamic", library], check=True, capture_output=True, text=True).stdout

    assert "libc++.so" in needed(built_by_clang)
    assert "libstdc++.so" not in needed(built_by_clang)
    assert "libstdc++.so" in needed(built_by_gcc)


def test_every_record_is_that_of_the_api(acme_library: Path, api: AcmeApi) -> None:
    acme = connect(acme_library, api)
    reader = acme.read("work_orders")
    records = {record["wo"]: record for record in reader.to_pylist()}
    assert len(records) == reader.stats.records == RECORDS
    assert reader.stats.requests == reader.stats.pages == 7  # 200 a page, its own default
    for wo, order in api.orders.items():
        record = records[wo]
        changed = dt.datetime.fromisoformat(str(order["changed"]).replace("Z", "+00:00"))
        assert record == {**order, "changed": changed, "_rescued": None}
        assert type(record["priority"]) is int
        assert type(record["title"]) is str
    assert reader.to_arrow().num_rows == RECORDS
    assert reader.to_polars()["priority"].sum() == sum(int(str(order["priority"])) for order in api.orders.values())


def test_both_builds_work_side_by_side(built_by_gcc: Path, built_by_clang: Path, api: AcmeApi) -> None:
    one, other = connect(built_by_gcc, api), connect(built_by_clang, api)
    pages = zip(one.read("work_orders", page_size=100), other.read("work_orders", page_size=100), strict=True)
    assert sum(len(a) for a, b in pages if a.to_pylist() == b.to_pylist()) == RECORDS


def test_reading_goes_on_from_a_token_and_from_an_instant(acme_library: Path, api: AcmeApi) -> None:
    acme = connect(acme_library, api, page_size=500)
    first = next(iter(acme.read("work_orders")))
    rest = acme.read("work_orders", token=first.token).to_pylist()
    assert (len(first), len(rest)) == (500, RECORDS - 500)
    assert {record["wo"] for record in rest}.isdisjoint(record["wo"] for record in first.to_pylist())
    since = "2026-01-01T05:00:00Z"
    changed = acme.read("work_orders", modified_after=since).to_pylist()
    expected = [wo for wo, order in api.orders.items() if str(order["changed"]) >= since]
    assert [record["wo"] for record in changed] == expected
    assert 0 < len(expected) < RECORDS
    assert any(f"since={since.replace(':', '%3A')}" in path for _, path in api.requests)


def test_a_connection_pickles_without_its_key(built_by_gcc: Path, api: AcmeApi) -> None:
    pickled = pickle.dumps(connect(built_by_gcc, api))
    assert api.key.encode() not in pickled
    assert b"ACME_KEY" in pickled
    assert len(pickle.loads(pickled).read("work_orders").to_pylist()) == RECORDS  # noqa: S301 - pickled above
    with pytest.raises(sg.ConfigError, match="literal secret"):
        pickle.dumps(sg.connect(str(built_by_gcc), base_url=api.url, api_key=api.key))


def test_a_wrong_key_is_refused_and_not_told(acme_library: Path, api: AcmeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", "some-other-key")
    acme = connect(acme_library, api)
    health = acme.check()
    assert not health.online
    assert health.error is not None
    with pytest.raises(sg.AuthError, match="the API key is missing or wrong") as refused:
        acme.read("work_orders").to_pylist()
    for error in (refused.value, health.error):
        assert error.code == "auth_invalid"
        assert error.http_status == 401
        assert "some-other-key" not in str(error.to_dict())
    assert "some-other-key" not in repr(acme)
    monkeypatch.setenv("ACME_KEY", api.key)
    assert acme.check().online, "a secret by reference is looked up each time"


def test_a_secret_that_is_not_there_is_named(built_by_gcc: Path, api: AcmeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACME_KEY")
    with pytest.raises(sg.ConfigError, match="'ACME_KEY' is not set"):
        connect(built_by_gcc, api).read("work_orders").to_pylist()
    with pytest.raises(sg.ConfigError, match="given no secret 'api_key'") as refused:
        sg.connect(str(built_by_gcc), base_url=api.url).read("work_orders").to_pylist()
    assert "sg.Secret.env" in refused.value.hint
    assert api.requests == []


def test_settings_are_checked_by_the_manifest(built_by_gcc: Path, api: AcmeApi) -> None:
    with pytest.raises(sg.ConfigError, match="page_size"):
        connect(built_by_gcc, api, page_size="many")
    with pytest.raises(sg.ConfigError, match="did you mean 'page_size'"):
        connect(built_by_gcc, api, pagesize=10)
    with pytest.raises(sg.ConfigError, match="base_url"):
        sg.connect(str(built_by_gcc), api_key="x")
    with pytest.raises(sg.ConfigError, match="'base_url' is no secret"):
        sg.connect(str(built_by_gcc), base_url=sg.Secret("x"))


def test_it_is_found_by_name_on_the_plugin_path(
    built_by_clang: Path, api: AcmeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(sg.ConfigError, match="there is no connector 'acme_cmms'") as unknown:
        sg.connect("acme_cmms", base_url=api.url)
    assert "SWITCHGEAR_PLUGIN_PATH" in unknown.value.hint
    monkeypatch.setenv("SWITCHGEAR_PLUGIN_PATH", str(built_by_clang.parent))
    acme = sg.connect("acme_cmms", base_url=api.url, api_key=sg.Secret.env("ACME_KEY"))
    assert acme.check().online
    assert acme.connector == "acme_cmms"


# -- libraries that break their contract


@pytest.fixture(scope="module")
def throwing(folder: Path) -> Path:
    return build("throwing/connector.cpp", folder / "throwing.so", "g++", *LIBSTDCXX)


@pytest.fixture(scope="module")
def throwing_by_clang(folder: Path) -> Path:
    clang = find_clang()
    assert clang is not None
    return build("throwing/connector.cpp", folder / "libcxx" / "throwing.so", clang, *LIBCXX)


@pytest.mark.parametrize("library", ["throwing", "throwing_by_clang"])
@pytest.mark.parametrize("kind", ["exception", "int", "long"])
@pytest.mark.parametrize("place", ["open", "read"])
def test_a_connector_that_throws_is_a_plugin_error_and_python_lives(
    request: pytest.FixtureRequest, library: str, place: str, kind: str
) -> None:
    path = str(request.getfixturevalue(library))
    broken = sg.connect(path, id="line-3", place=place, kind=kind)
    for _ in range(3):  # and again, with another session
        with pytest.raises(sg.PluginError) as thrown:
            broken.read("things").to_pylist()
        error = thrown.value
        assert error.category == "plugin"
        assert error.connection_id == "line-3"
        assert error.hint
        if kind == "exception":
            assert "the floor opened" in error.message
    assert sg.connect(path, place="nowhere", kind=kind).read("things").to_pylist() == []


def test_a_connector_that_throws_in_check_is_not_online(throwing: Path) -> None:
    health = sg.connect(str(throwing), place="check", kind="exception").check()
    assert not health.online
    assert isinstance(health.error, sg.PluginError)
    assert "the floor opened" in health.cause


def test_a_connectors_own_error_comes_whole(throwing: Path) -> None:
    with pytest.raises(sg.RateLimited, match="too many requests") as limited:
        sg.connect(str(throwing), place="read", kind="error").read("things").to_pylist()
    error = limited.value
    assert (error.code, error.http_status, error.request_id) == ("rate_limit.tenant", 429, "r-1")
    assert (error.retry_after, error.retryable, error.hint) == (1.5, True, "wait")


def test_a_process_ends_well_after_a_connector_threw(throwing: Path, tmp_path: Path) -> None:
    program = (
        "import sys, switchgear as sg\n"
        "c = sg.connect(sys.argv[1], place='read', kind='exception')\n"
        "try: c.read('things').to_pylist()\n"
        "except sg.PluginError as error: print(error.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, throwing], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("plugin")


# -- files that are no connectors


def refused(path: Path) -> sg.PluginError:
    with pytest.raises(sg.PluginError) as caught:
        sg.connect(str(path))
    error = caught.value
    assert str(path) in error.message
    assert error.hint
    return error


def test_a_text_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.so"
    path.write_text("this is a licence agreement\n")
    assert "ELF" in refused(path).message


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_library_is_refused(built_by_gcc: Path, tmp_path: Path, share: float) -> None:
    whole = built_by_gcc.read_bytes()
    path = tmp_path / "truncated.so"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert refused(path).code.startswith("plugin")


@pytest.mark.parametrize(
    ("variant", "code", "message", "hint"),
    [
        ("OTHER_MAJOR", "plugin.abi", "it was built for connector ABI 2.3, this is 1.3", "update switchgear"),
        ("OTHER_MAGIC", "plugin.abi", "not one of switchgear's", "switchgear_add_connector"),
        ("NO_ENTRY", "plugin.abi", "does not export sg_connector_entry", "switchgear_add_connector"),
        ("NO_MANIFEST", "plugin.manifest", "no section .sgmanifest", "SWITCHGEAR_CONNECTOR"),
        ("NULL_TABLE", "plugin.abi", "returned nothing", "author"),
    ],
)
def test_a_library_that_is_no_connector_is_refused(
    tmp_path: Path, variant: str, code: str, message: str, hint: str
) -> None:
    library = build("variant/connector.c", tmp_path / "variant.so", "gcc", "-std=c99", f"-DVARIANT_{variant}")
    error = refused(library)
    assert error.code == code
    assert message in error.message
    assert hint in error.hint


def test_a_library_that_anybody_can_change_is_refused(built_by_gcc: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(built_by_gcc, tmp_path / "open.so"))
    path.chmod(0o777)
    error = refused(path)
    assert (error.code, error.hint) == ("plugin.unsafe", f"chmod o-w {path}")
    path.chmod(0o755)
    tmp_path.chmod(0o777)
    try:
        error = refused(path)
        assert (error.code, error.hint) == ("plugin.unsafe", f"chmod o-w {tmp_path}")
    finally:
        tmp_path.chmod(0o700)
    assert sg.connect(str(path), base_url="http://127.0.0.1:1").connector == "acme_cmms"


def test_a_library_that_is_not_the_pinned_one_is_refused(built_by_gcc: Path, api: AcmeApi) -> None:
    digest = _core.file_sha256(str(built_by_gcc))
    assert connect(built_by_gcc, api, sha256=digest).check().online
    with pytest.raises(sg.PluginError, match=digest) as refusal:
        connect(built_by_gcc, api, sha256="0" * 64)
    assert refusal.value.code == "plugin.pin"


def test_a_path_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "missing.so").code == "plugin.library"
