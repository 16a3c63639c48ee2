"""What sources were seen to do, each named: nothing is lost, nothing comes twice, nothing goes on for ever."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

import switchgear as sg
from support.plants import without_rescued
from support.rest_descriptions import STYLES, description, rest
from switchgear.sandbox import Fault, Sandbox

Answer = Callable[[str, dict[str, str]], tuple[int, object]]
Serve = Callable[[Answer], str]

PAGED = [style for style in STYLES if style not in ("all", "window")]
TOKENS = ["cursor", "header", "post", "next_url", "link", "nested", "amp", "ndjson", "csv", "xml"]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(answer)` plays a source: `answer(path, query)` gives status and body. Returns its URL."""
    started = []

    def start(answer: Answer) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                status, body = answer(parts.path, {name: found[-1] for name, found in parse_qs(parts.query).items()})
                text = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, text: str, *arguments: object) -> None:
                """Nobody reads it."""

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        started.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


def read(url: str, lines: str, entity: str = "a") -> list[dict[str, object]]:
    text = f'name = "odd"\n[[entities]]\nname = "{entity}"\npath = "/a"\n{lines}'
    return without_rescued(sg.connect("rest", description=text, url=url).read(entity).to_pylist())


@pytest.mark.parametrize(
    "fault", [Fault("error", every=3), Fault("cut", every=3), Fault("cut", every=3, fraction=0, reset=True)]
)
def test_a_listing_by_post_is_asked_for_again(own_box: Sandbox, fault: Fault) -> None:
    """A POST that reads was taken for one that writes: the first lost reply ended the listing."""
    own_box.set_faults(fault)
    plant = rest(own_box, "post", retry=sg.Retry(base=0.001, cap=0.01))
    reader = plant.read("Parts", page_size=10)
    assert without_rescued(reader.to_pylist()) == list(own_box.truth("Parts"))
    assert reader.stats.retries >= 2


def test_keysets_of_two_fields_are_not_divided(serve: Serve) -> None:
    """A part began after (2, 2): the rows (2, 3) and on were in it, and in the part before it."""
    rows = [{"group": group, "id": number} for group in range(1, 9) for number in range(1, 6)]

    def answer(_: str, query: dict[str, str]) -> tuple[int, object]:
        ordered = rows[::-1] if query.get("order") == "desc" else rows
        after = tuple(map(int, query["after"].split(","))) if "after" in query else (0, 0)
        return 200, [row for row in ordered if (row["group"], row["id"]) > after][: int(query["limit"])]

    keyset = 'style = "keyset"\nfields = ["/group", "/id"]\nparams = { after = "{0},{1}" }\n'
    lines = (
        f'records = ""\n[entities.paging]\n{keyset}last_params = {{ order = "desc" }}\nsize_param = "limit"\nsize = 4\n'
    )
    text = f'name = "odd"\n[[entities]]\nname = "a"\npath = "/a"\n{lines}'
    plant = sg.connect("rest", description=text, url=serve(answer))
    assert without_rescued(plant.read("a", parallel=4).to_pylist()) == rows


@pytest.mark.parametrize("style", TOKENS)
def test_an_empty_page_with_a_next_token_is_no_end(own_box: Sandbox, style: str) -> None:
    own_box.set_faults(Fault("empty_page", times=2, page=2))
    got = without_rescued(rest(own_box, style).read("Parts", page_size=20).to_pylist())
    assert got == list(own_box.truth("Parts"))


@pytest.mark.parametrize("style", ["cursor", "header", "post", "next_url", "link", "nested", "amp"])
def test_a_repeated_token_is_an_error_and_no_endless_listing(own_box: Sandbox, style: str) -> None:
    own_box.set_faults(Fault("repeat_next", page=2))
    with pytest.raises(sg.ProtocolError, match="circle"):
        rest(own_box, style).read("Parts", page_size=20).to_pylist()


@pytest.mark.parametrize("style", PAGED)
def test_a_login_page_with_200_in_mid_listing_is_an_error(own_box: Sandbox, style: str) -> None:
    own_box.set_faults(Fault("login_page", page=2))
    with pytest.raises(sg.Error) as caught:
        rest(own_box, style).read("Parts", page_size=20).to_pylist()
    assert caught.value.category in ("auth_expired", "auth_invalid", "protocol")


@pytest.mark.parametrize("style", PAGED)
def test_a_reply_that_breaks_off_is_an_error_and_no_shorter_page(own_box: Sandbox, style: str) -> None:
    """NDJSON and CSV that end in mid-record look whole to whoever reads them line by line."""
    own_box.set_faults(Fault("broken_json", page=2))
    with pytest.raises(sg.Error) as caught:
        rest(own_box, style).read("Parts", page_size=20).to_pylist()
    assert caught.value.category == "protocol"


@pytest.mark.parametrize("style", ["next_url", "link"])
def test_a_next_link_to_another_host_is_not_followed(own_box: Sandbox, style: str) -> None:
    own_box.set_faults(Fault("foreign_next", page=2))
    with pytest.raises(sg.ProtocolError, match=r"elsewhere\.invalid"):
        rest(own_box, style).read("Parts", page_size=20).to_pylist()


@pytest.mark.parametrize("style", ["cursor", "page", "offset", "next_url"])
def test_a_total_that_lies_ends_no_listing(own_box: Sandbox, style: str) -> None:
    own_box.set_faults(Fault("wrong_total"))
    got = without_rescued(rest(own_box, style).read("Parts", page_size=20).to_pylist())
    assert got == list(own_box.truth("Parts"))


def test_an_error_in_http_200_is_an_error_and_no_empty_page(own_box: Sandbox) -> None:
    """The reply holds an empty list beside the error: whoever does not look takes it for the end."""
    own_box.set_faults(Fault("error_in_200", page=3))
    assert len(rest(own_box, "cursor").read("Parts", page_size=20).to_pylist()) == 40, "that is what happens unseen"
    own_box.set_faults(Fault("error_in_200", page=3))
    errors = (
        'errors = { when = "/problem", message = "/problem/text", code = "/problem/id",'
        ' categories = { BUSY = "unavailable" } }\n'
    )
    text = errors + description("cursor")
    with pytest.raises(sg.Error, match="BUSY: The service is busy") as caught:
        rest(own_box, "cursor", text=text).read("Parts", page_size=20).to_pylist()
    assert caught.value.code == "unavailable.in_success"


def test_page_sizes_that_are_clamped_in_silence_lose_nothing(box: Sandbox) -> None:
    for style in ("offset", "rows", "position", "keyset"):
        got = without_rescued(rest(box, style).read("Parts", page_size=5_000).to_pylist())
        assert got == list(box.truth("Parts")), style


def test_next_page_tokens_with_reserved_characters(box: Sandbox) -> None:
    """`&=&…`: whoever pastes it into a URL asks for the first page again and again."""
    assert len(rest(box, "amp").read("Parts", page_size=7).to_pylist()) == box.count("Parts")


def test_morerecordpresent_is_a_plus_or_a_minus(box: Sandbox) -> None:
    assert len(rest(box, "position").read("Parts", page_size=60).to_pylist()) == box.count("Parts")


def test_nested_envelopes(box: Sandbox) -> None:
    assert len(rest(box, "nested").read("Parts", page_size=60).to_pylist()) == box.count("Parts")


def test_records_that_are_lists_and_a_refusal_in_prose(serve: Serve) -> None:
    """`[[id, "text"]]` with 200; with 200 as well: a sentence instead."""
    lines = 'row_names = ["id", "text"]\npaging = { style = "none" }\n'
    assert read(serve(lambda *_: (200, [[9007199254740993, "a"], [2, None]])), lines) == [
        {"id": 9007199254740993, "text": "a"},
        {"id": 2, "text": None},
    ]
    with pytest.raises(sg.ProtocolError, match="no list of records"):
        read(serve(lambda *_: (200, "You are not allowed to read this model")), lines)


def test_a_total_that_is_a_multiple_of_the_page_size_ends_with_an_empty_page(serve: Serve) -> None:
    asked = []

    def answer(path: str, query: dict[str, str]) -> tuple[int, object]:
        asked.append(query["offset"])
        start = int(query["offset"])
        return 200, [{"id": n} for n in range(start, min(start + 10, 30))]

    lines = 'paging = { style = "offset", param = "offset", size_param = "limit", size = 10 }\n'
    assert len(read(serve(answer), lines)) == 30
    assert asked == ["0", "10", "20", "30"]


def test_rows_that_shift_between_offset_pages(serve: Serve) -> None:
    """Three rows before the page are deleted, and two inserted, while the listing is read."""
    rows = list(range(100))
    asked = []

    def answer(path: str, query: dict[str, str]) -> tuple[int, object]:
        start, limit = int(query["offset"]), int(query["limit"])
        asked.append(start)
        page = [{"id": n} for n in rows[start : start + limit]]
        if len(asked) == 3:
            del rows[5:8]
        if len(asked) == 5:
            rows[2:2] = [1000, 1001]
        return 200, page

    lines = (
        'key = ["id"]\nfields = [{ name = "id", type = "int64" }]\n'
        'paging = { style = "offset", param = "offset", size_param = "limit", size = 10, overlap = 4 }\n'
    )
    got = [int(str(row["id"])) for row in read(serve(answer), lines)]
    assert sorted(got) == list(range(100)), "each row that was there all the time, once"


def test_null_dates_as_1970_stay_what_they_are(serve: Serve) -> None:
    """1970-01-01T00:00:00Z may be a null or a date: the source alone knows, so it is not changed."""
    lines = 'fields = [{ name = "at", type = "timestamp" }]\npaging = { style = "none" }\n'
    (row,) = read(serve(lambda *_: (200, [{"at": "1970-01-01T00:00:00Z"}])), lines)
    assert str(row["at"]) == "1970-01-01 00:00:00+00:00"


def test_write_date_null_until_the_first_write(serve: Serve) -> None:
    """The cursor is coalesce(write_date, create_date): the description asks for both."""
    asked = []

    def answer(path: str, query: dict[str, str]) -> tuple[int, object]:
        asked.append(query)
        return 200, [{"id": 1, "write_date": None, "create_date": "2026-02-01T00:00:00Z"}]

    domain = "write_date >= {value} or (write_date is null and create_date >= {value})"
    text = (
        f'name = "odd"\n[[entities]]\nname = "a"\npath = "/a"\ncursor = "write_date"\npaging = {{ style = "none" }}\n'
        f'changes = {{ since = {{ where = "{domain}" }} }}\n'
    )
    plant = sg.connect("rest", description=text, url=serve(answer))
    assert len(plant.read("a", modified_after="2026-01-01T00:00:00Z").to_pylist()) == 1
    (query,) = asked
    assert query["where"].count("2026-01-01T00:00:00") == 2


def test_big_integers_keep_their_digits_and_what_the_server_rounded_stays_rounded(serve: Serve) -> None:
    body = b'[{"id": 9007199254740993, "rounded": 9007199254740992}]'
    fields = 'fields = [{ name = "id", type = "int64" }, { name = "rounded", type = "int64" }]\n'
    lines = fields + 'paging = { style = "none" }\n'
    assert read(serve(lambda *_: (200, body)), lines) == [{"id": 9007199254740993, "rounded": 9007199254740992}]


def test_a_parent_that_was_deleted_meanwhile_is_an_error_with_its_path(serve: Serve) -> None:
    def answer(path: str, query: dict[str, str]) -> tuple[int, object]:
        return (200, [{"id": "A/1"}]) if path == "/a" else (404, {"error": {"message": "no such asset"}})

    text = """
name = "odd"
paging = { style = "none" }
[[entities]]
name = "a"
path = "/a"
key = ["id"]
[[entities]]
name = "b"
path = "/a/{id}/b"
parent = { entity = "a" }
"""
    with pytest.raises(sg.NotFound):
        sg.connect("rest", description=text, url=serve(answer)).read("b").to_pylist()
