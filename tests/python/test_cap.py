"""The first read, of a real system: SAP CAP behind nginx, compared with CAP's own SQLite file."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

import switchgear as sg
from servers.cap import PLANNER, READER, Cap
from servers.nginx import USER, Nginx
from support.maintenance import COLUMNS, SERVICE, Records, database, first_difference

PAGE = 1000

COUNTS = {"Assets": 501, "WorkOrders": 20_000, "Operations": 20_001, "Permits": 0, "Readings": 1000, "Vendors": 25}

ARROW = {
    "utf8": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "binary": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "decimal(15,2)": pa.decimal128(15, 2),
    "decimal(9,3)": pa.decimal128(9, 3),
    "decimal(23,4)": pa.decimal128(23, 4),
}


def connect(origin: str, nginx: Nginx, user: tuple[str, str] | None = None, **options: Any) -> sg.Connection:
    if user is not None:
        options["auth"] = sg.BasicAuth(*user)
    return sg.connect("odata", url=origin + SERVICE, **{"tls": sg.Tls(ca_file=str(nginx.ca)), **options})


@pytest.fixture
def plant(nginx_tls: Nginx) -> sg.Connection:
    """The way of most tests: https, HTTP/2, nginx asks for the password and is the planner for CAP."""
    return connect(f"{nginx_tls.url}/protected", nginx_tls, USER)


@pytest.fixture
def as_reader(nginx_tls: Nginx) -> sg.Connection:
    """CAP itself asks for the password; this user may not read Vendors."""
    return connect(nginx_tls.url, nginx_tls, READER)


# -- everything


@pytest.mark.parametrize("entity", COLUMNS)
def test_every_value_is_that_of_the_database(plant: sg.Connection, cap: Cap, entity: str) -> None:
    reader = plant.read(entity)
    records = reader.to_pylist()
    assert len(records) == COUNTS[entity]
    if entity == "Readings":  # pages of its own size, in the order of its key
        records.sort(key=lambda record: (record["asset"], record["takenAt"]))
    assert first_difference(records, database(cap, entity)) is None
    assert reader.stats.records == COUNTS[entity]
    assert reader.stats.rescued == 0
    assert reader.stats.retries == 0


@pytest.mark.parametrize("entity", COLUMNS)
def test_columns_have_the_types_of_the_model(plant: sg.Connection, entity: str) -> None:
    expected = pa.schema([*((name, ARROW[kind]) for name, kind in COLUMNS[entity].items()), ("_rescued", pa.string())])
    assert pa.schema(plant.read(entity)).equals(expected)
    assert plant.read(entity, limit=10).to_arrow().schema.equals(expected)
    declared = plant.entities()[entity]
    assert {field.name: field.type for field in declared.fields} == {
        name: kind.partition("(")[0] for name, kind in COLUMNS[entity].items()
    }
    assert declared.key == (("asset", "takenAt") if entity == "Readings" else ("ID",))
    assert declared.cursor == ("modifiedAt" if entity == "WorkOrders" else "")


CONSUMERS: dict[str, Callable[[sg.Reader], Records]] = {
    "pyarrow": lambda reader: pa.table(reader).to_pylist(),
    "to_arrow": lambda reader: reader.to_arrow().to_pylist(),
    "polars": lambda reader: reader.to_polars().to_dicts(),
    "duckdb": lambda reader: duckdb.from_arrow(reader).to_arrow_table().to_pylist(),
}


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_each_arrow_consumer_sees_the_same_values(plant: sg.Connection, cap: Cap, consumer: str) -> None:
    records = CONSUMERS[consumer](plant.read("WorkOrders"))
    rows = [{**row, "_rescued": None} for row in database(cap, "WorkOrders")]
    assert len(records) == len(rows)
    for record, row in zip(records, rows, strict=True):
        assert record == row  # instants are equal whatever class their time zone has
        assert type(record["actualCost"]) is type(row["actualCost"])


def test_pandas_has_columns_of_every_type(plant: sg.Connection, cap: Cap) -> None:
    frame = plant.read("WorkOrders").to_pandas()
    rows = database(cap, "WorkOrders")
    for name in ("ID", "title", "changedAt", "runtimeTicks", "estimatedHours", "startTime"):
        assert list(frame[name]) == [row[name] for row in rows], name
    for name in ("actualCost", "dueAt", "scheduledOn", "meterReading", "safetyRelevant", "notes"):
        missing = frame[name].isna()
        assert list(missing) == [row[name] is None for row in rows], name
        assert list(frame[name][~missing]) == [row[name] for row in rows if row[name] is not None], name


def test_one_connection_of_http2_serves_all_pages(plant: sg.Connection, nginx_tls: Nginx) -> None:
    before = len(nginx_tls.requests())
    reader = plant.read("WorkOrders", columns=["ID"])
    assert len(reader.to_pylist()) == 20_000
    asked = nginx_tls.requests()[before:]
    assert len(asked) == 1 + 21  # $metadata; 20 full pages and the empty one that says it was all
    assert {request["protocol"] for request in asked} == {"HTTP/2.0"}
    assert len({request["connection"] for request in asked}) == 1
    assert {(request["user"], request["status"]) for request in asked} == {(USER[0], 200)}
    plant.read("Assets").to_pylist()
    plant.check(entities=[])
    later = nginx_tls.requests()[before:]
    assert len({request["connection"] for request in later}) == 1, "kept open between reads"
    assert sum(request["uri"].endswith("$metadata") for request in later) == 1, "asked once for a connection"


# -- what is asked for


def test_columns_are_asked_for_and_come_in_their_order(plant: sg.Connection, cap: Cap, nginx_tls: Nginx) -> None:
    columns = ["title", "ID", "actualCost"]
    records = plant.read("WorkOrders", columns=columns).to_pylist()
    assert first_difference(records, database(cap, "WorkOrders", columns)) is None
    (first,) = [request["uri"] for request in nginx_tls.requests()[-21:] if "skiptoken" not in request["uri"]]
    assert "select=title,ID,actualCost" in first.replace("%2C", ",")


AWKWARD = "A/B'+C&D=1#%?"

CONDITIONS: list[tuple[str, list[tuple[str, str, Any]], str]] = [
    ("WorkOrders", [("status", "=", "open"), ("priority", "in", [1, 2])], "status = 'open' AND priority IN (1, 2)"),
    ("WorkOrders", [("status", "!=", "open")], "status <> 'open'"),
    ("WorkOrders", [("ID", ">", 19_990)], "ID > 19990"),
    ("WorkOrders", [("ID", ">=", 100), ("ID", "<", 200)], "ID >= 100 AND ID < 200"),
    ("WorkOrders", [("ID", "<=", 3)], "ID <= 3"),
    ("WorkOrders", [("runtimeTicks", "=", 9007199254740993 + 7)], "runtimeTicks = 9007199254741000"),
    ("WorkOrders", [("estimatedHours", "<", Decimal("1.5"))], "estimatedHours < 1.5"),
    ("WorkOrders", [("scheduledOn", "=", dt.date(2024, 2, 29))], "scheduledOn = '2024-02-29'"),
    ("WorkOrders", [("startTime", "<", dt.time(0, 10))], "startTime < '00:10:00'"),
    ("WorkOrders", [("safetyRelevant", "=", True)], "safetyRelevant = 1"),
    ("WorkOrders", [("notes", "=", "")], "notes = ''"),
    ("WorkOrders", [("notes", "=", None)], "notes IS NULL"),
    ("WorkOrders", [("asset_ID", "!=", None), ("ID", "<", 40)], "asset_ID IS NOT NULL AND ID < 40"),
    ("WorkOrders", [("title", "=", 'Check "north" valve \\ O\'Neil 5')], "ID = 5"),
    ("WorkOrders", [("title", "=", "冷却ポンプを点検する 3")], "ID = 3"),
    (
        "WorkOrders",
        [("changedAt", ">=", dt.datetime(2024, 1, 1, 1, tzinfo=dt.timezone.utc)), ("ID", "<", 100)],
        "changedAt >= '2024-01-01T01:00:00.000Z' AND ID < 100",
    ),
    ("Assets", [("ID", "=", AWKWARD)], "price IS NULL"),
    ("Assets", [("ID", "in", [AWKWARD, "A-000007"])], "price IS NULL OR ID = 'A-000007'"),
    ("Vendors", [("blocked", "=", True), ("ID", ">", "V00010")], "blocked = 1 AND ID > 'V00010'"),
]


@pytest.mark.parametrize(("entity", "where", "sql"), CONDITIONS, ids=[f"{c[0]}: {c[2]}" for c in CONDITIONS])
def test_conditions_hold_at_the_source(
    plant: sg.Connection, cap: Cap, entity: str, where: list[tuple[str, str, Any]], sql: str
) -> None:
    rows = database(cap, entity, rest=f"WHERE {sql} ORDER BY ID")
    assert rows, "a condition that nothing meets proves nothing"
    assert first_difference(plant.read(entity, where=where).to_pylist(), rows) is None


def test_conditions_in_the_sources_own_language(plant: sg.Connection, cap: Cap) -> None:
    raw = sg.raw("contains(title,'Öl') and ID lt 100")
    rows = database(cap, "WorkOrders", rest="WHERE title LIKE '%Öl%' AND ID < 100 ORDER BY ID")
    assert first_difference(plant.read("WorkOrders", where=raw).to_pylist(), rows) is None
    with pytest.raises(sg.BadRequest) as refused:
        plant.read("WorkOrders", where=sg.raw("ID eq eq")).to_pylist()
    assert refused.value.http_status == 400
    assert refused.value.entity == "WorkOrders"


def test_records_come_in_the_order_that_was_asked_for(plant: sg.Connection, cap: Cap) -> None:
    rows = database(cap, "WorkOrders", rest="ORDER BY priority DESC, changedAt, ID LIMIT 1500")
    records = plant.read("WorkOrders", order=[("priority", "desc"), "changedAt", "ID"], limit=1500).to_pylist()
    assert first_difference(records, rows) is None


SINCE = dt.datetime(2024, 1, 14, 2, 30, tzinfo=dt.timezone.utc)


@pytest.mark.parametrize(
    ("after", "cursor", "sql"),
    [
        ("2024-01-14T02:30:00Z", None, "modifiedAt >= '2024-01-14T02:30:00.000Z'"),
        (SINCE, None, "modifiedAt >= '2024-01-14T02:30:00.000Z'"),
        (SINCE.astimezone(dt.timezone(dt.timedelta(hours=-5))), None, "modifiedAt >= '2024-01-14T02:30:00.000Z'"),
        (dt.date(2024, 1, 14), None, "modifiedAt >= '2024-01-14T00:00:00.000Z'"),
        ("2024-01-14", None, "modifiedAt >= '2024-01-14T00:00:00.000Z'"),
        (SINCE, "changedAt", "changedAt >= '2024-01-14T02:30:00.000Z'"),
    ],
)
def test_changes_are_those_at_or_after_an_instant(
    plant: sg.Connection, cap: Cap, after: Any, cursor: str | None, sql: str
) -> None:
    rows = database(cap, "WorkOrders", rest=f"WHERE {sql} ORDER BY ID")
    assert 1000 < len(rows) < 2000
    records = plant.read("WorkOrders", modified_after=after, cursor=cursor).to_pylist()
    assert first_difference(records, rows) is None


def test_changes_need_a_field_to_ask_by(plant: sg.Connection) -> None:
    with pytest.raises(sg.ConfigError, match="'Vendors' has no cursor field") as refused:
        plant.read("Vendors", modified_after="2024-01-01").to_pylist()
    assert 'cursor="' in refused.value.hint


@pytest.mark.parametrize("limit", [0, 1, 999, 1000, 1001, 2500, 20_000, 30_000])
def test_a_limit_is_kept_to_the_record(plant: sg.Connection, cap: Cap, limit: int) -> None:
    reader = plant.read("WorkOrders", columns=["ID"], limit=limit)
    assert [record["ID"] for record in reader.to_pylist()] == list(range(1, min(limit, 20_000) + 1))
    assert reader.stats.requests <= limit // PAGE + 2  # one page may be under way


def test_the_total_is_the_sources_own(plant: sg.Connection, cap: Cap) -> None:
    assert [page.total for page in plant.read("Assets", count=True)] == [501]
    assert [page.total for page in plant.read("Assets")] == [None]
    open_ones = plant.read("WorkOrders", where=[("status", "=", "open")], limit=10, count=True)
    rows = cap.query("SELECT count(*) AS count FROM maintenance_WorkOrders WHERE status = 'open'")
    assert [(page.total, len(page)) for page in open_ones] == [(rows[0]["count"], 10)]
    first = next(iter(plant.read("WorkOrders", columns=["ID"], count=True)))
    assert (first.total, len(first)) == (20_000, PAGE)


def test_page_sizes_are_a_wish_and_the_sources_are_kept(plant: sg.Connection) -> None:
    # CAP takes no notice of odata.maxpagesize; Readings has pages of 50.
    for page_size in (7, 100, 5000):
        sizes = [len(page) for page in plant.read("Readings", page_size=page_size)]
        assert sizes == [50] * 20 + [0]


def test_a_listing_that_fills_its_last_page_ends_with_an_empty_one(plant: sg.Connection) -> None:
    reader = plant.read("WorkOrders", columns=["ID"])
    assert [len(page) for page in reader] == [PAGE] * 20 + [0]
    assert plant.read("WorkOrders", token=reader.token).to_pylist() == []


def test_an_empty_entity_has_columns_and_no_records(plant: sg.Connection) -> None:
    reader = plant.read("Permits", count=True)
    assert [(len(page), page.total) for page in reader] == [(0, 0)]
    assert reader.to_pylist() == []
    assert [field.name for field in reader.schema] == [*COLUMNS["Permits"], "_rescued"]
    assert reader.to_arrow().num_rows == 0
    assert reader.to_polars().shape == (0, 4)


def test_a_reading_goes_on_at_each_of_its_pages(nginx_tls: Nginx, plant: sg.Connection) -> None:
    tokens = [page.token for page in plant.read("WorkOrders", columns=["ID"])]
    assert len(set(tokens)) == 21
    assert all("http" not in token for token in tokens), "CAP's next links are relative"
    for number, token in enumerate(tokens, start=1):
        other = connect(f"{nginx_tls.url}/protected", nginx_tls, USER)
        rest = other.read("WorkOrders", columns=["ID"], token=token)
        assert [record["ID"] for record in rest.to_pylist()] == list(range(number * PAGE + 1, 20_001))


def test_a_token_of_another_entity_is_refused(plant: sg.Connection) -> None:
    token = next(iter(plant.read("WorkOrders", columns=["ID"]))).token
    with pytest.raises(sg.ConfigError, match="WorkOrders") as refused:
        plant.read("Assets", token=token).to_pylist()
    assert refused.value.code == "config.token"


def test_paging_by_key_gives_the_same(start_server: Any) -> None:
    cap = start_server(Cap, work_orders=2_000, page_size=500, reliable_paging=True)
    plant = sg.connect("odata", url=cap.url, auth=sg.BasicAuth(*READER))
    assert first_difference(plant.read("WorkOrders").to_pylist(), database(cap, "WorkOrders")) is None


def test_a_source_that_went_away_is_read_on_from_where_it_was(start_server: Any) -> None:
    cap = start_server(Cap, work_orders=4_000, page_size=500)
    plant = sg.connect("odata", url=cap.url, auth=sg.BasicAuth(*READER))
    reader = plant.read("WorkOrders", prefetch=1)
    pages = iter(reader)
    records = next(pages).to_pylist()
    cap.stop()
    with pytest.raises(sg.OfflineError, match=r"port \d+ of host 127.0.0.1 refuses connections") as lost:
        records.extend(record for page in pages for record in page.to_pylist())
    assert lost.value.code == "offline.connect"
    assert lost.value.retryable
    assert 500 <= len(records) < 4_000
    cap.start()
    other = sg.connect("odata", url=cap.url, auth=sg.BasicAuth(*READER))
    records += other.read("WorkOrders", token=reader.token).to_pylist()
    assert first_difference(records, database(cap, "WorkOrders")) is None


def test_names_that_are_not_there_have_a_nearest_one(plant: sg.Connection) -> None:
    with pytest.raises(sg.NotFound, match="did you mean 'WorkOrders'"):
        plant.read("Workorder").to_pylist()
    with pytest.raises(sg.ConfigError, match="did you mean 'title'"):
        plant.read("WorkOrders", columns=["titel"]).to_pylist()
    with pytest.raises(KeyError, match="did you mean 'Vendors'"):
        plant.entities()["Vendor"]


# -- who may


def test_an_entity_that_is_forbidden_is_the_only_one(as_reader: sg.Connection) -> None:
    with pytest.raises(sg.PermissionDenied, match="Vendors: 403") as refused:
        as_reader.read("Vendors").to_pylist()
    error = refused.value
    assert (error.code, error.http_status, error.entity, error.retryable) == ("permission", 403, "Vendors", False)
    assert "permission" in error.hint
    assert as_reader.check().online
    assert len(as_reader.read("Assets").to_pylist()) == 501


@pytest.mark.parametrize("path", ["", "/protected"], ids=["CAP", "nginx"])
@pytest.mark.parametrize("user", [("reader", "not-the-password"), None], ids=["wrong", "none"])
def test_a_wrong_password_is_no_outage(nginx_tls: Nginx, path: str, user: tuple[str, str] | None) -> None:
    plant = connect(nginx_tls.url + path, nginx_tls, user)
    before = len(nginx_tls.requests())
    with pytest.raises(sg.AuthError, match="401 Unauthorized") as refused:
        plant.read("WorkOrders").to_pylist()
    error = refused.value
    assert (error.code, error.http_status, error.retryable) == ("auth_invalid", 401, False)
    assert "password" in error.hint
    assert "not-the-password" not in str(error.to_dict())
    assert len(nginx_tls.requests()) == before + 1, "asked once: a second wrong answer may lock the account"
    health = plant.check()
    assert not health.online
    assert [(step.name, step.state) for step in health.steps][-3:] == [
        ("http", "ok"),
        ("auth", "failed"),
        ("permission", "skipped"),
    ]


def test_a_client_certificate_opens_the_door(nginx_tls: Nginx, cap: Cap) -> None:
    own = sg.ClientCertificate(str(nginx_tls.client.path), str(nginx_tls.client.key))
    plant = connect(nginx_tls.mtls_url, nginx_tls, auth=own)
    assert first_difference(plant.read("Vendors").to_pylist(), database(cap, "Vendors")) is None
    assert nginx_tls.requests()[-1]["client_certificate"] == "SUCCESS"


def test_a_missing_client_certificate_is_named(nginx_tls: Nginx) -> None:
    with pytest.raises(sg.Error, match="No required SSL certificate was sent") as refused:
        connect(nginx_tls.mtls_url, nginx_tls, READER).read("Vendors").to_pylist()
    assert refused.value.http_status == 400
    assert refused.value.hint


def test_a_client_certificate_without_its_key_is_our_own_fault(nginx_tls: Nginx) -> None:
    own = sg.ClientCertificate(str(nginx_tls.client.path), str(nginx_tls.ca))
    with pytest.raises(sg.ConfigError) as refused:
        connect(nginx_tls.mtls_url, nginx_tls, auth=own).read("Vendors").to_pylist()
    assert refused.value.code == "config.client_certificate"
    assert str(nginx_tls.client.path) in refused.value.message
    assert "belong together" in refused.value.hint


@pytest.mark.parametrize(
    ("door", "authority", "message", "hint"),
    [
        ("expired_url", "ca", "has expired", "renew it"),
        ("wrong_host_url", "ca", "is for another host name", "reissued with 127.0.0.1"),
        ("url", "unknown_ca", "is signed by a CA that is not trusted here", "ca_file"),
    ],
)
def test_certificates_are_refused_for_what_is_wrong_with_them(
    nginx_tls: Nginx, door: str, authority: str, message: str, hint: str
) -> None:
    before = len(nginx_tls.requests())
    trust = sg.Tls(ca_file=str(getattr(nginx_tls, authority)))
    plant = connect(getattr(nginx_tls, door), nginx_tls, READER, tls=trust)
    with pytest.raises(sg.OfflineError, match=message) as refused:
        plant.read("WorkOrders").to_pylist()
    assert refused.value.code == "offline.tls"
    assert hint in refused.value.hint
    health = plant.check()
    assert health.error is not None
    assert message in health.error.message
    states = {step.name: step.state for step in health.steps}
    assert (states["connect"], states["tls"], states["http"]) == ("ok", "failed", "skipped")
    assert len(nginx_tls.requests()) == before, "no password goes to a server that is not trusted"


def test_an_authority_that_can_not_be_read_is_our_own_fault(nginx_tls: Nginx) -> None:
    with pytest.raises(sg.ConfigError, match=r"not-there\.pem") as refused:
        connect(nginx_tls.url, nginx_tls, READER, tls=sg.Tls(ca_file="not-there.pem")).read("Assets").to_pylist()
    assert refused.value.code == "config.ca_file"


def test_health_has_each_stage(plant: sg.Connection) -> None:
    health = plant.check()
    assert health.online
    assert health.error is None
    stages = ["config", "dns", "proxy", "connect", "tls", "http", "auth", "permission"]
    assert [(step.name, step.state) for step in health.steps] == [(stage, "ok") for stage in stages]
    assert health.latency_ms > 0


# -- odd replies: right data, or an error that says what it was

ODD_DATA: dict[str, Records] = {
    "ok": [{"ID": 1, "meterReading": None}],
    "bom": [{"ID": 1, "meterReading": None}],
    "text-type": [{"ID": 1, "meterReading": None}],
    "redirect-other": [{"ID": 1, "meterReading": None}],
    "nan": [{"ID": 1, "meterReading": float("nan")}, {"ID": 2, "meterReading": float("-inf")}],
}


@pytest.mark.parametrize("name", ODD_DATA)
def test_odd_replies_that_hold_records_are_read(nginx_tls: Nginx, name: str) -> None:
    plant = connect(f"{nginx_tls.plain_url}/odd/{name}", nginx_tls, READER)
    records = plant.read("WorkOrders", columns=["ID", "meterReading"]).to_pylist()
    assert first_difference(records, ODD_DATA[name]) is None


ODD_ERRORS: dict[str, tuple[type[sg.Error], str, str]] = {
    "login": (sg.AuthError, "auth_expired", "an HTML page where data was asked for"),
    "redirect-login": (sg.AuthError, "auth_expired", "an HTML page where data was asked for"),
    "redirect-loop": (sg.ProtocolError, "protocol.redirect_loop", "redirects more than 5 times"),
    "gzip-lie": (sg.ProtocolError, "protocol.bad_encoding", "not in the encoding that it declares"),
    "empty": (sg.ProtocolError, "protocol.json", "the reply is empty"),
    "blank": (sg.ProtocolError, "protocol.json", "the reply is empty"),
    "cut-json": (sg.ProtocolError, "protocol.json", "cut off"),
    "invalid-utf8": (sg.ProtocolError, "protocol.json", "UTF-8"),
    "foreign-next": (sg.ProtocolError, "protocol.foreign_link", "http://other.example"),
    "repeated-next": (sg.ProtocolError, "protocol.page_loop", "in a circle"),
    "error-in-200": (sg.BadRequest, "bad_request", "Short dump CONVT_NO_NUMBER"),
    "cut-transfer": (sg.OfflineError, "offline.lost", "broke off inside a reply"),
    "bad-gateway": (sg.ServerError, "server", "502 Bad Gateway"),
}


@pytest.mark.parametrize("name", ODD_ERRORS)
def test_odd_replies_that_hold_none_say_what_they_are(nginx_tls: Nginx, name: str) -> None:
    kind, code, message = ODD_ERRORS[name]
    with pytest.raises(kind, match=re.escape(message)) as refused:
        connect(f"{nginx_tls.plain_url}/odd/{name}", nginx_tls, READER).read("WorkOrders", columns=["ID"]).to_pylist()
    error = refused.value
    assert error.code == code
    assert error.hint
    assert (error.connection_id, error.entity) == ("odata", "WorkOrders")


@pytest.mark.parametrize(
    ("switch", "kind", "code", "retryable"),
    [
        ("throttled", sg.RateLimited, "rate_limit", True),
        ("unavailable", sg.ServerError, "unavailable", True),
        ("failing", sg.ServerError, "server", True),
        ("forbidden", sg.PermissionDenied, "permission", False),
        ("expired", sg.AuthError, "auth_expired", True),
        ("login", sg.AuthError, "auth_expired", True),
        ("disconnect", sg.OfflineError, "offline.lost", True),
    ],
)
def test_one_entity_in_trouble(
    plant: sg.Connection, nginx_tls: Nginx, switch: str, kind: type[sg.Error], code: str, retryable: bool
) -> None:
    assert "WorkOrders" in plant.entities().names
    with nginx_tls.switched(switch, entity="WorkOrders"):
        with pytest.raises(kind) as refused:
            plant.read("WorkOrders", limit=1).to_pylist()
        assert (refused.value.code, refused.value.retryable, refused.value.entity) == (code, retryable, "WorkOrders")
        assert len(plant.read("Assets", limit=1).to_pylist()) == 1
    assert len(plant.read("WorkOrders", limit=1).to_pylist()) == 1


def test_an_error_looks_the_same_everywhere(as_reader: sg.Connection) -> None:
    with pytest.raises(sg.PermissionDenied) as refused:
        as_reader.read("Vendors").to_arrow()
    as_json = json.loads(json.dumps(refused.value.to_dict()))
    assert as_json["code"] == "permission"
    assert as_json["http_status"] == 403
    assert str(refused.value).startswith("permission: GET https://127.0.0.1")
    with pytest.raises(sg.PermissionDenied):
        as_reader.read("Vendors").to_polars()
    with pytest.raises((ValueError, OSError), match="Forbidden"):
        pa.table(as_reader.read("Vendors"))


def test_a_planner_may_read_what_a_reader_may_not(nginx_tls: Nginx, cap: Cap) -> None:
    plant = connect(nginx_tls.url, nginx_tls, PLANNER)
    assert first_difference(plant.read("Vendors").to_pylist(), database(cap, "Vendors")) is None
