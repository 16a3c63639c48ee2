"""Datasette: tables of a SQLite file as JSON, with `_next` tokens, next URLs and Link headers; nobody here wrote it.

`/plant/workorders` (3,000) has what SQLite has: integers beyond 2^53, doubles, decimals as text, blobs, nulls, and many
rows with one time of change. `/plant/parts` (700) has a key of two texts, with the characters that part keys and URLs.
It gives at most 1,000 rows a page. `file` is the database, to compare with.

It runs in the interpreter that runs the tests: requirements-dev.txt installs it there.
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path
from typing import Any

from servers.process import Server, accepts, free_ports

DATABASE = "plant"
MOST = 1000

_SCHEMA = """
create table workorders (
  id integer primary key, title text, priority integer not null, asset integer not null, hours real, cost text not null,
  due text, changed text not null, photo blob
);
create table parts (plant text not null, number text not null, stock integer, primary key (plant, number));
"""
_TITLES = ('Pump "P-7"', "Förderband Süd", "点検, Linie 4", "C:\\PLC\\backup", "gearbox 🔧", "a\tb\nc", "", None)
_SITES = ("Linz", "Köln", "São Paulo", "a,b", "~7E", "50%", "x/y", "p.q", "?=&#+ ")


class Datasette(Server):
    name = "datasette"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.file = folder / f"{DATABASE}.db"
        self.port = 0

    def start(self) -> Datasette:
        """Started again, it has its port and its records again."""
        if self.port == 0:
            (self.port,) = free_ports(1)
            self.folder.mkdir(parents=True, exist_ok=True)
            _fill(self.file)
        listen = ("--host", "127.0.0.1", "--port", str(self.port))
        settings = ("--setting", "default_allow_sql", "off", "--setting", "suggest_facets", "off")
        command = [sys.executable, "-m", "datasette", "serve", str(self.file), *listen, *settings]
        self.launch(command, lambda: accepts(self.port))
        return self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/{DATABASE}"

    def rows(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """What SQLite itself says."""
        with sqlite3.connect(self.file) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(sql, values)]


def _fill(file: Path) -> None:
    with sqlite3.connect(file) as database:
        database.executescript(_SCHEMA)
        database.executemany("insert into workorders values (?,?,?,?,?,?,?,?,?)", map(_work_order, range(3000)))
        parts = [(_SITES[n % len(_SITES)], f"{n:03}{_SITES[n // 7 % len(_SITES)]}", n * n or None) for n in range(700)]
        database.executemany("insert into parts values (?,?,?)", parts)


def _work_order(n: int) -> tuple[Any, ...]:
    day, minute = divmod(n * 7919 % 100_000 // 40, 28)  # 40 in a row were changed at once
    return (
        n * 3 + 1,
        _TITLES[n % len(_TITLES)],
        n % 5,
        (1 << 53) + 1 + 2 * n if n % 9 else -(1 << 63) + n,
        n / 7 if n % 4 else None,
        f"{n * 7919}.{n % 100:02}",
        f"2026-{n % 12 + 1:02}-{n % 28 + 1:02}" if n % 3 else None,
        f"2026-0{day % 9 + 1}-{minute + 1:02}T06:00:00Z",
        b"\xff" + n.to_bytes(4, "big") if n % 11 == 0 else None,
    )
