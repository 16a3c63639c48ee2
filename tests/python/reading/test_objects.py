"""Connections, readers and errors as objects: pickled, printed, shown in a notebook; secrets never."""

from __future__ import annotations

import pickle

import pytest

import switchgear as sg
from support.plants import plant_of, run_python
from switchgear.sandbox import Sandbox

PASSWORD = "hunter2-s3cret/+&"


def test_a_connection_pickles_as_its_specification(box: Sandbox) -> None:
    plant = plant_of(box, timeout=sg.Timeouts(total=12), tls=sg.Tls(verify=False))
    again = pickle.loads(pickle.dumps(plant))  # noqa: S301
    assert (again.id, again.connector) == (plant.id, plant.connector)
    assert again._specification == plant._specification
    assert again.read("Vendors").to_pylist() == plant.read("Vendors").to_pylist()


def test_a_pickle_holds_the_reference_and_not_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANT_PW", PASSWORD)
    with Sandbox(records=10, user="alice", password=PASSWORD) as box:
        plant = plant_of(box, auth=sg.BasicAuth("alice", sg.Secret.env("PLANT_PW")))
        assert plant.check().online
        data = pickle.dumps(plant)
        assert PASSWORD.encode() not in data
        assert b"PLANT_PW" in data
        assert pickle.loads(data).check().online  # noqa: S301


@pytest.mark.parametrize(
    "auth", [sg.BasicAuth("alice", PASSWORD), sg.BearerAuth(PASSWORD), sg.ApiKey(PASSWORD, query="key")]
)
def test_a_literal_secret_is_not_pickled(box: Sandbox, auth: sg.Auth) -> None:
    with pytest.raises(sg.ConfigError, match="literal secret"):
        pickle.dumps(plant_of(box, auth=auth))


@pytest.mark.parametrize(
    "auth",
    [
        sg.BasicAuth("alice", PASSWORD),
        sg.BearerAuth(PASSWORD),
        sg.ApiKey(PASSWORD, header="X-Key"),
        sg.ApiKey(PASSWORD, query="key"),
    ],
)
def test_no_secret_is_ever_printed(auth: sg.Auth) -> None:
    with Sandbox(records=10, user="alice", password="another") as box:
        plant = plant_of(box, auth=auth)
        reader = plant.read("Vendors")
        with pytest.raises(sg.AuthError) as caught:
            reader.to_pylist()
        health = plant.check()
        error = caught.value
        shown = [repr(thing) for thing in (auth, plant, reader, error, plant._specification, health)]
        shown += [str(thing) for thing in (auth, plant, reader, error, error.to_dict(), health.cause, health.error)]
        shown += [plant._repr_html_(), reader._repr_html_(), *(step.detail for step in health.steps)]
        for text in shown:
            assert "hunter2" not in text, text


def test_a_secret_given_as_a_setting_is_refused_unless_it_is_one(box: Sandbox) -> None:
    with pytest.raises(sg.ConfigError, match="no secret of connector") as caught:
        sg.connect("odata", url=sg.Secret(PASSWORD))
    assert "hunter2" not in str(caught.value)


def test_errors_pickle_with_all_they_say(plant: sg.Connection) -> None:
    with pytest.raises(sg.NotFound) as caught:
        plant.read("Nothing").to_pylist()
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301
    assert type(again) is sg.NotFound
    assert again.to_dict() == caught.value.to_dict()
    assert str(again) == str(caught.value)


def test_notebook_views_escape_what_the_source_says(box: Sandbox) -> None:
    plant = plant_of(box, id="<i>plant</i>", headers={"X-Note": "<script>"})
    page = next(iter(plant.read("Vendors")))
    assert "Süd &amp; Söhne &lt;0&gt;" in page._repr_html_()
    for thing in (plant, page, plant.read("<b>Parts"), plant.entities(), plant.check()):
        html = thing._repr_html_() if hasattr(thing, "_repr_html_") else ""
        for harm in ("<i>", "<script>", "<b>", "<0>"):
            assert harm not in html, html
    assert "&lt;script&gt;" in plant._repr_html_()


def test_representations_say_what_a_thing_is(box: Sandbox, plant: sg.Connection) -> None:
    assert repr(plant) == f"<Connection plant (odata, url='{box.odata_url}', page_size=0)>"
    assert repr(plant.read("Parts", limit=5)) == "<Reader plant/Parts, limit=5>"
    assert repr(next(iter(plant.read("Vendors")))).startswith("<Page of 25 records, ")
    assert "Parts" in repr(plant.entities())


WITHOUT_PYARROW = """
import sys
sys.modules["pyarrow"] = None  # importing it fails, as where it is not installed
import switchgear as sg
reader = sg.connect("odata", url=sys.argv[1], page_size=0).read("Vendors")
if sys.argv[2] == "duckdb":
    import duckdb
    print(duckdb.sql("SELECT count(*), sum(VendorID), count(Email) FROM reader").fetchall()[0])
elif sys.argv[2] == "polars":
    frame = reader.to_polars()
    print((frame.height, frame["VendorID"].sum(), frame["Email"].count()))
else:
    try:
        reader.to_arrow()
    except sg.Unsupported as error:
        print(error.code, error.hint)
"""


@pytest.mark.parametrize("consumer", ["duckdb", "polars"])
def test_arrow_consumers_need_no_pyarrow(box: Sandbox, consumer: str) -> None:
    truth = list(box.truth("Vendors"))
    said = run_python(WITHOUT_PYARROW, box.odata_url, consumer).strip()
    assert said == str((25, sum(r["VendorID"] for r in truth), sum(r["Email"] is not None for r in truth)))


def test_what_needs_pyarrow_says_how_to_get_it(box: Sandbox) -> None:
    said = run_python(WITHOUT_PYARROW, box.odata_url, "arrow").strip()
    assert said == 'unsupported.missing_package pip install "switchgear[arrow]"'
