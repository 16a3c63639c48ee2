"""switchgear.toml: what it says is checked, with file and line; who wins is certain; no secret stands in it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from switchgear.destinations import path_from_url
from switchgear.project import Project, connection, find
from switchgear.sync_destinations import opener
from switchgear.syncing import check_entities, plan_values
from switchgear.toml_file import lines_of

PLANT = """\
# the plant
[connections.plant]
connector = "odata"
timeout = {connect = 2, total = 60.5}
auth = {type = "basic", user = "alice", password = "env:PLANT_PW"}

[connections.plant.tls]
ca_file = "ca.pem"

[connections.plant.config]
url = "http://host/odata"
headers = {sap-client = "100"}

[connections.plant.entities.WorkOrders]
cursor = "ChangedAt"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of each test, without the settings of whoever runs it."""
    for name in [name for name in os.environ if name.startswith("SWITCHGEAR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(text: str, path: Path = Path("switchgear.toml")) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path.resolve()


def write_user(text: str) -> Path:
    return write(text, Path("config/switchgear/switchgear.toml"))


def settings(id: str = "plant") -> dict[str, object]:
    return {s.name.removeprefix(f"connections.{id}."): s.value for s in Project.load().settings()}


def test_a_connection_as_it_is_written(folder: Path) -> None:
    write(PLANT)
    plant = connection("plant")._specification
    assert (plant.id, plant.connector) == ("plant", "odata")
    assert plant.config == {"url": "http://host/odata", "headers": {"sap-client": "100"}}
    assert plant.auth == sg.BasicAuth("alice", sg.Secret.env("PLANT_PW"))
    assert plant.timeout == sg.Timeouts(connect=2, total=60.5)
    assert plant.tls == sg.Tls(ca_file=str(folder / "ca.pem"))
    assert Project.load().cursor("plant", "WorkOrders") == "ChangedAt"
    assert Project.load().cursor("plant", "Assets") is None


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ('{type = "bearer", token = "env:T"}', sg.BearerAuth(sg.Secret.env("T"))),
        ('{type = "api_key", key = "env:K", header = "apikey"}', sg.ApiKey(sg.Secret.env("K"), header="apikey")),
        ('{type = "api_key", key = "env:K", query = "key"}', sg.ApiKey(sg.Secret.env("K"), query="key")),
        ('{type = "basic", user = "u", password = "file:/run/pw"}', sg.BasicAuth("u", sg.Secret.file("/run/pw"))),
        ('{type = "basic", user = "u", password = "keyring:a/b"}', sg.BasicAuth("u", sg.Secret.keyring("a/b"))),
        (
            '{type = "oauth2_client_credentials", token_url = "https://h/t", client_id = "c", client_secret = "env:S"}',
            sg.OAuth2ClientCredentials("https://h/t", "c", sg.Secret.env("S")),
        ),
        (
            '{type = "oauth2_client_credentials", token_url = "https://h/t", client_id = "c", client_secret = "env:S", '
            'scope = "read write", client_auth = "body", parameters = {audience = "https://plant/"}}',
            sg.OAuth2ClientCredentials(
                "https://h/t", "c", sg.Secret.env("S"), "read write", "body", {"audience": "https://plant/"}
            ),
        ),
        (
            '{type = "oauth2_refresh_token", token_url = "https://h/t", client_id = "c", refresh_token = "env:R"}',
            sg.OAuth2RefreshToken("https://h/t", "c", sg.Secret.env("R")),
        ),
        (
            '{type = "oauth2_refresh_token", token_url = "https://h/t", client_id = "c", refresh_token = "env:R", '
            'client_secret = "file:/run/s", store = "/var/tokens.json"}',
            sg.OAuth2RefreshToken(
                "https://h/t", "c", sg.Secret.env("R"), sg.Secret.file("/run/s"), store="/var/tokens.json"
            ),
        ),
        (
            '{type = "cookie_login", login_url = "https://h/login", user = "u", password = "env:P", '
            'user_field = "j_user", password_field = "j_pw", fields = {client = "100"}, format = "json", '
            'session_cookie = "SID"}',
            sg.CookieLogin(
                "https://h/login", "u", sg.Secret.env("P"), "j_user", "j_pw", {"client": "100"}, "json", "SID"
            ),
        ),
        (
            '{type = "csrf", fetch_url = "https://h/sap/", and_with = {type = "basic", user = "u", '
            'password = "env:P"}}',
            sg.CsrfToken("https://h/sap/", sg.BasicAuth("u", sg.Secret.env("P"))),
        ),
        (
            '{type = "csrf", fetch_url = "https://h/sap/", fetch_method = "HEAD", header = "X-Token", and_with = '
            '{type = "client_certificate", cert_file = "/c.pem", key_file = "/k.pem"}}',
            sg.CsrfToken("https://h/sap/", sg.ClientCertificate("/c.pem", "/k.pem"), "HEAD", "X-Token"),
        ),
        (
            '{type = "client_certificate", cert_file = "/c.pem", key_file = "/k.pem", and_with = {type = "csrf", '
            'fetch_url = "https://h/", and_with = {type = "bearer", token = "env:T"}}}',
            sg.ClientCertificate(
                "/c.pem", "/k.pem", and_with=sg.CsrfToken("https://h/", sg.BearerAuth(sg.Secret.env("T")))
            ),
        ),
    ],
)
def test_credentials(auth: str, expected: sg.Auth) -> None:
    write(f'[connections.x]\nconnector = "odata"\nconfig = {{url = "http://h/"}}\nauth = {auth}\n')
    assert connection("x")._specification.auth == expected


def test_paths_begin_at_the_folder_of_their_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(
        '[connections.x]\nconnector = "odata"\nconfig = {url = "https://h/"}\n'
        'auth = {type = "client_certificate", cert_file = "c.pem", key_file = "/k.pem", and_with = '
        '{type = "basic", user = "u", password = "file:pw"}}\n'
    )
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    basic = sg.BasicAuth("u", sg.Secret.file(str(folder / "pw")))
    expected = sg.ClientCertificate(str(folder / "c.pem"), "/k.pem", and_with=basic)
    assert connection("x")._specification.auth == expected


def test_the_nearest_file_upwards_is_taken(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    above = write(PLANT)
    (folder / "a/b").mkdir(parents=True)
    monkeypatch.chdir(folder / "a/b")
    assert find() == above
    nearer = write(PLANT, folder / "a/switchgear.toml")
    assert find() == nearer
    monkeypatch.setenv("SWITCHGEAR_PROJECT", str(above))
    assert Project.load().files == (above,)


def test_who_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argument, then environment, then project file, then the user's file; each setting for itself."""
    write_user(
        '[connections.plant]\nconnector = "other"\nproxy = "http://p:1"\n[connections.plant.config]\npage_size = 7\n'
    )
    write(PLANT)
    assert settings()["connector"] == "odata"
    assert settings()["proxy"] == "http://p:1"
    assert (settings()["config.url"], settings()["config.page_size"]) == ("http://host/odata", 7)
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__PLANT__URL", "http://env/")
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__PLANT__PAGE_SIZE", "8")
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__PLANT__TLS__VERIFY", "false")
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__PLANT__AUTH__USER", "bob")
    plant = Project.load().connection("plant")._specification
    assert (plant.config["url"], plant.config["page_size"]) == ("http://env/", 8)
    assert plant.tls.verify is False
    assert plant.auth == sg.BasicAuth("bob", sg.Secret.env("PLANT_PW"))
    given = {"url": "http://set/", "page_size": "9", "auth.password": "env:OTHER", "timeout.total": "5"}
    plant = Project.load().connection("plant", given)._specification
    assert (plant.config["url"], plant.config["page_size"]) == ("http://set/", 9)
    assert plant.auth == sg.BasicAuth("bob", sg.Secret.env("OTHER"))
    assert plant.timeout == sg.Timeouts(connect=2, total=5)


def test_credentials_of_another_type_replace_those_below() -> None:
    write_user('[connections.plant]\nauth = {type = "bearer", token = "env:T"}\n')
    write(PLANT)
    assert connection("plant")._specification.auth == sg.BasicAuth("alice", sg.Secret.env("PLANT_PW"))


def test_a_secret_in_the_environment_is_a_reference_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    write(PLANT)
    name = "SWITCHGEAR_CONNECTION__PLANT__AUTH__PASSWORD"
    monkeypatch.setenv(name, "hunter2")
    assert connection("plant")._specification.auth == sg.BasicAuth("alice", sg.Secret.env(name))
    assert "hunter2" not in str(settings())


def test_an_id_with_other_characters_has_a_variable_too(monkeypatch: pytest.MonkeyPatch) -> None:
    write('[connections."sap-mt.1"]\nconnector = "odata"\nconfig = {url = "http://h/"}\n')
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__SAP_MT_1__URL", "http://env/")
    assert connection("sap-mt.1")._specification.config["url"] == "http://env/"


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ('[connection.plant]\nconnector = "odata"', 1, "unknown key 'connection'", "connections"),
        ('[connections.p]\nconector = "odata"', 2, "unknown key 'conector' in [connections.p]", "connector"),
        ("[connections.p]\nconnector = 5", 2, "'connections.p.connector' is a number; it must be text", ""),
        ('[connections.p]\nproxy = "x"', 1, "'connector' is missing in [connections.p]", ""),
        ("connections = 5", 1, "'connections' is a number; it must be a table", ""),
        (
            '[connections.p]\nconnector = "odata"\ntimeout = "5"',
            3,
            "is text; it must be a number above 0",
            "",
        ),
        ('[connections.p]\nconnector = "odata"\ntimeout = -1', 3, "is -1; it must be a number above 0", ""),
        ('[connections.p]\nconnector = "odata"\ntimeout = true', 3, "is true or false; it must be", ""),
        (
            '[connections.p]\nconnector = "odata"\n[connections.p.timeout]\nconect = 1',
            4,
            "unknown key 'conect'",
            "connect",
        ),
        ('[connections.p]\nconnector = "odata"\n[connections.p.tls]\nverify = "no"', 4, "it must be true or false", ""),
        (
            '[connections.p]\nconnector = "odata"\nauth = {type = "basci", user = "u"}',
            3,
            "unknown type 'basci'",
            "basic",
        ),
        ('[connections.p]\nconnector = "odata"\nauth = {user = "u"}', 3, "'type' is missing", "basic"),
        ('[connections.p]\nconnector = "odata"\nauth = {type = "basic", user = "u"}', 3, "'password' is missing", ""),
        (
            '[connections.p]\nconnector = "odata"\nauth = {type = "bearer", tokn = "env:X"}',
            3,
            "unknown key 'tokn'",
            "token",
        ),
        (
            '[connections.p]\nconnector = "odata"\nauth = {type = "oauth2_client_credential"}',
            3,
            "unknown type 'oauth2_client_credential'",
            "oauth2_client_credentials",
        ),
        (
            '[connections.p]\nconnector = "odata"\n[connections.p.auth]\ntype = "oauth2_client_credentials"\n'
            'token_uri = "https://h/t"',
            5,
            "unknown key 'token_uri' in [connections.p.auth]",
            "token_url",
        ),
        (
            '[connections.p]\nconnector = "odata"\n[connections.p.auth]\ntype = "oauth2_client_credentials"\n'
            'token_url = "https://h/t"\nclient_id = "c"\nclient_secret = "env:S"\nclient_auth = "bdy"',
            8,
            "'connections.p.auth.client_auth' is 'bdy'; it must be one of basic, body",
            "did you mean 'body'",
        ),
        (
            '[connections.p]\nconnector = "odata"\n'
            'auth = {type = "oauth2_refresh_token", token_url = "u", client_id = "c"}',
            3,
            "'refresh_token' is missing",
            "",
        ),
        (
            '[connections.p]\nconnector = "odata"\n[connections.p.auth]\ntype = "csrf"\nfetch_url = "https://h/"\n'
            '[connections.p.auth.and_with]\ntype = "basic"\nuser = "u"\npasword = "env:P"',
            9,
            "unknown key 'pasword' in [connections.p.auth.and_with]",
            "password",
        ),
        (
            '[connections.p]\nconnector = "odata"\n[connections.p.auth]\ntype = "cookie_login"\n'
            'login_url = "u"\nuser = "u"\npassword = "env:P"\nfields = {client = 100}',
            8,
            "'connections.p.auth.fields.client' is a number; it must be text",
            "",
        ),
        ('[hub]\nflows = "x.py"', 2, "it must be a list of texts", ""),
        ('[endpoints.ops]\nurl = "https://x"\nscret = "env:X"', 3, "unknown key 'scret'", "secret"),
        ('[connections.p]\nconnector = "odata"\n\n[connections.p]\n', 4, "", "no TOML"),
        ('[connections.p]\nconnector = "odata', 2, "", "no TOML"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, message: str, hint: str) -> None:
    path = write(text)
    with pytest.raises(sg.ConfigError) as caught:
        Project.load()
    assert caught.value.message.startswith(f"{path}:{line}: "), str(caught.value)
    assert message in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "auth",
    [
        'type = "bearer", token = "hunter2"',
        'type = "oauth2_client_credentials", token_url = "u", client_id = "c", client_secret = "hunter2"',
        'type = "oauth2_refresh_token", token_url = "u", client_id = "c", refresh_token = "hunter2"',
        'type = "cookie_login", login_url = "u", user = "u", password = "hunter2"',
        'type = "csrf", fetch_url = "u", and_with = {type = "bearer", token = "hunter2"}',
        'type = "client_certificate", cert_file = "c", key_file = "k", password = "hunter2"',
    ],
)
def test_a_literal_secret_is_refused_and_not_repeated(auth: str) -> None:
    write(f'[connections.p]\nconnector = "odata"\nauth = {{{auth}}}\n')
    with pytest.raises(sg.ConfigError) as caught:
        Project.load()
    assert caught.value.code == "config.secret"
    assert ":3: " in caught.value.message
    assert "env:NAME" in caught.value.hint
    assert "hunter2" not in f"{caught.value} {caught.value!r}"


def test_a_named_file_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(sg.ConfigError, match=r"other\.toml: No such file"):
        Project.load("other.toml")
    monkeypatch.setenv("SWITCHGEAR_PROJECT", "third.toml")
    with pytest.raises(sg.ConfigError, match=r"third\.toml: No such file"):
        Project.load()


def test_text_in_another_encoding() -> None:
    Path("switchgear.toml").write_bytes(b'[hub]\nstore = "k\xf6ln.db"\n')
    with pytest.raises(sg.ConfigError, match="no UTF-8 at byte 16"):
        Project.load()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SWITCHGEAR_CONNECTION__PLANT", "x", "names no setting"),
        ("SWITCHGEAR_CONNECTION__PLANT__TIMEOUT", "soon", "must be a number above 0"),
        ("SWITCHGEAR_CONNECTION__PLANT__TLS__VERIFY", "maybe", "must be true or false"),
        ("SWITCHGEAR_CONNECTION__PLANT__AUTH__USR", "x", "unknown key 'usr'"),
    ],
)
def test_wrong_variables_are_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str) -> None:
    write(PLANT)
    monkeypatch.setenv(variable, value)
    with pytest.raises(sg.ConfigError) as caught:
        Project.load()
    assert variable in str(caught.value)
    assert message in str(caught.value)


def test_a_text_that_must_be_a_number_of_the_connector() -> None:
    write(PLANT)
    with pytest.raises(sg.ConfigError, match="--set page_size: 'page_size' is 'many'; it must be int"):
        Project.load().connection("plant", {"page_size": "many"})


def test_lines_of_all_ways_to_write_a_key() -> None:
    lines = lines_of('a.b = 1\n"q r".c = {d = 1, "e f" = 2}\n[t]\nx = [\n  1,\n]\n  [t.u]\n  y=1\n[[v]]\nz = 1\n')
    assert lines[("a", "b")] == 1
    assert lines[("q r", "c", "e f")] == 2
    assert lines[("t", "x")] == 4
    assert lines[("t", "u", "y")] == 8
    assert lines[("v", "z")] == 10


POLICIES = """\
[connections.plant]
connector = "odata"
{}
[connections.plant.config]
url = "http://host/odata"
"""


@pytest.mark.parametrize(
    ("text", "explained"),
    [
        ('rate_limit = "600/min"', "600 requests in 60 s, burst 1"),
        ('rate_limit = {rate = "100/s", burst = 20}', "100 requests in 1 s, burst 20"),
        ("rate_limit = false", "rate limiter: off"),
        ("breaker = false", "(entity, operation): off"),
        ("breaker = {failure_rate = 0.25, min_calls = 7, window = 50}", "opens at 25 % failures"),
        ("breaker = {window = {seconds = 20}}", "in the last 20 s"),
        ("breaker = {open_for = 7.5}", "for 7.5 s, then"),
        ("breaker = {open_for = {initial = 5, factor = 2, cap = 60}}", "for 5 s, x2 each time up to 60 s"),
        ("retry = {attempts = 7, base = 0.5, cap = 10}", "up to 7 attempts, full jitter up to 0.5 s doubling to 10 s"),
        ("retry = false", "1 retry: off"),
    ],
)
def test_policies(text: str, explained: str) -> None:
    write(POLICIES.format(text))
    assert explained in connection("plant").explain()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('rate_limit = "0/s"', 'rate_limit is "0/s"'),
        ("rate_limit = 100", "it must be text, a table or false"),
        ("rate_limit = true", "it must be text, a table or false"),
        ("breaker = true", "it must be a table or false"),
        ('breaker = "off"', "it must be a table or false"),
        ("breaker = {failure_rate = 2}", "failure_rate is 2; it must be above 0 and at most 1"),
        ("breaker = {min_calls = 200}", "min_calls is 200"),
        ("breaker = {failrate = 0.5}", "unknown key 'failrate'"),
        ("breaker = {open_for = {factor = 2}}", "'initial' is missing"),
        ("breaker = {open_for = {initial = 5, factor = 200}}", "Backoff.factor is 200"),
        ("retry = {attempts = 0}", "must be a whole number above 0"),
        ("retry = {attempts = 101}", "attempts is 101"),
        ("retry = {base = 30}", "base is 30"),
    ],
)
def test_wrong_policies_are_named_with_their_line(text: str, message: str) -> None:
    write(POLICIES.format(text))
    with pytest.raises(sg.ConfigError) as error:
        connection("plant")
    assert "switchgear.toml:3: " in error.value.message
    assert message in error.value.message


def test_policies_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write(POLICIES.format("breaker = {min_calls = 7}"))
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__PLANT__RATE_LIMIT", "5/s")
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__PLANT__RETRY", "false")
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__PLANT__BREAKER__FAILURE_RATE", "0.1")
    said = connection("plant").explain()
    assert "5 requests in 1 s" in said
    assert "1 retry: off" in said
    assert "opens at 10 % failures" in said
    assert "(at least 7)" in said


SYNCED = """\
[connections.p]
connector = "odata"
{}
[connections.p.config]
url = "http://host/"
[connections.p.entities.WorkOrders]
{}
"""


@pytest.mark.parametrize(
    ("connection", "option", "line", "said"),
    [
        ('schedule = "61 * * * *"', "", 3, "its minute is '61'"),
        ("schedule = 900", "", 3, "it must be text"),
        ('timezone = "Europe/Berlim"', "", 3, "there is no time zone 'Europe/Berlim'"),
        ("", 'curser = "ChangedAt"', 7, "unknown key 'curser'"),
        ("", 'cursor = ""', 7, "cursor is ''"),
        ("", 'mode = "upset"', 7, "did you mean 'upsert'"),
        ("", "key = []", 7, "key is []"),
        ("", "columns = 5", 7, "columns is 5"),
        ("", "page_size = true", 7, "page_size is True"),
        ("", "parallel = 0", 7, "parallel is 0"),
        ("", "commit_rows = 1.5", 7, "commit_rows is 1.5"),
        ("", 'lookback = "soon"', 7, "lookback is 'soon'"),
        ("", "lookback = -1", 7, "lookback is -1"),
        ("", "commit_seconds = nan", 7, "commit_seconds is nan"),
        ("", 'initial_window = "9 days"', 7, "initial_window is '9 days'"),
        ("", "initial_window = inf", 7, "initial_window is inf"),
        ("", 'table = ""', 7, "table is ''"),
    ],
)
def test_wrong_settings_of_syncs_are_named_with_their_line(connection: str, option: str, line: int, said: str) -> None:
    path = write(SYNCED.format(connection, option))
    with pytest.raises(sg.ConfigError) as caught:
        Project.load()
    assert caught.value.message.startswith(f"{path}:{line}: "), str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        ("duckbd:///plant.duckdb", "did you mean 'duckdb:'"),
        ("duckdb:///", "names no file"),
        ("duckdb:////", "names no file"),
        ("sqlite://plant.db", "names no file"),
        ("parquet:///", "it names no path"),
        ("postgresql://sg:hunter2@host/db", "password"),
        ("plant.duckdb", "it names no scheme"),
        ("file:", "there is no destination 'file:'"),
    ],
)
def test_a_wrong_destination_is_named_with_its_line(destination: str, said: str) -> None:
    path = write(SYNCED.format(f'destination = "{destination}"', ""))
    with pytest.raises(sg.ConfigError) as caught:
        Project.load().syncs("p")
    assert caught.value.message.startswith(f"{path}:3: "), str(caught.value)
    assert said in str(caught.value)
    assert caught.value.hint
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('lookback = 60\nkey = "Number"\ncommit_seconds = 10', (60.0, ["Number"], None, 10.0)),
        ('lookback = "60s"\nkey = ["Number"]\ncommit_seconds = "10s"', (60.0, ["Number"], None, 10.0)),
        ('lookback = 0\nkey = ["A", "B"]\ninitial_window = "90d"', (0.0, ["A", "B"], 90 * 86_400.0, 10.0)),
        ('initial_window = 3600\ncommit_seconds = 0.5\nkey = "A"', (60.0, ["A"], 3_600.0, 0.5)),
        ('initial_window = "3650d"\nlookback = "1.5h"\nkey = "A"', (5_400.0, ["A"], 3650 * 86_400.0, 10.0)),
    ],
)
def test_durations_and_keys_are_taken_as_python_takes_them(options: str, expected: tuple[object, ...]) -> None:
    write(SYNCED.format("", options))
    entities = Project.load().syncs("p")["entities"]
    check_entities("p", entities)  # what hub.add() does
    plan = plan_values("p", "WorkOrders", entities["WorkOrders"])
    assert (plan["lookback"], plan["key"], plan["initial_window"], plan["commit_seconds"]) == expected


def test_a_relative_destination_begins_at_the_folder_of_its_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder / "100%41 ?" / "plant"
    for given, expected in {
        "duckdb:///data/plant.duckdb": "duckdb:///{}/data/plant.duckdb",
        "duckdb:////var/plant.duckdb": "duckdb:////var/plant.duckdb",
        "parquet:///lake": "parquet:///{}/lake",
    }.items():
        path = write(SYNCED.format(f'destination = "{given}"', ""), place / "switchgear.toml")
        named = Project.load(path).syncs("p")["destination"]
        assert named == expected.format(str(place).replace("%", "%25").replace("?", "%3F"))
        if given.startswith("duckdb:///data"):
            assert opener(named, "p").display == f"duckdb:///{place}/data/plant.duckdb"
        if given.startswith("parquet"):
            assert path_from_url(named) == place / "lake"
    path = write(SYNCED.format('destination = "file:dsn.txt"', ""), place / "switchgear.toml")
    write("duckdb:////var/plant.duckdb", place / "dsn.txt")
    named = Project.load(path).syncs("p")["destination"]
    assert named == f"file:{place}/dsn.txt"
    assert opener(named, "p").display == "duckdb:////var/plant.duckdb"
    hub = sg.Hub(folder / "store.db")
    hub.add("q", "odata", {"url": "http://host/"}, destination="file:dsn.txt")
    assert hub.connections()[0].destination == f"file:{folder}/dsn.txt"


def test_schedule_and_timezone_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    write(SYNCED.format('schedule = "15m"', ""))
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__P__TIMEZONE", "Europe/Berlin")
    assert Project.load().syncs("p")["timezone"] == "Europe/Berlin"
    monkeypatch.setenv("SWITCHGEAR_CONNECTION__P__SCHEDULE", "61 * * * *")
    with pytest.raises(sg.ConfigError, match="SWITCHGEAR_CONNECTION__P__SCHEDULE"):
        Project.load()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"schedule": 900}, "config.schedule"),
        ({"timezone": 5}, "config.schedule"),
        ({"destination": Path("x.duckdb")}, "config.destination"),
        ({"destination": "duckdb:///"}, "config.destination"),
        ({"entities": {"WorkOrders": {"page_size": True}}}, "config.entities"),
        ({"entities": {"WorkOrders": {"lookback": float("nan")}}}, "config.entities"),
    ],
)
def test_the_same_is_refused_when_python_gives_it(folder: Path, given: dict[str, Any], code: str) -> None:
    hub = sg.Hub(folder / "store.db")
    with pytest.raises(sg.ConfigError) as caught:
        hub.add("p", "odata", {"url": "http://host/"}, **given)
    assert caught.value.code == code
    assert caught.value.hint
    assert hub.connections() == []
