"""TOML whose values know where they stand and what they may be, so that a wrong one is reported as `file:line`."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from switchgear.errors import ConfigError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Keys: TypeAlias = "tuple[str, ...]"


@dataclass(frozen=True)
class Place:
    """Where a value was given: a line of a file, an environment variable, an argument.

    Attributes:
        name: how messages call it.
        folder: what relative paths in it start from; None: the working folder.
        variable: the environment variable that holds the value.
        textual: whether every value there is text, so that "500" may be meant as a number.
    """

    name: str
    folder: Path | None = None
    variable: str = ""
    textual: bool = False


@dataclass
class Layer:
    """Nested values, and the place of each."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[Keys, Place] = field(default_factory=dict)

    def place(self, keys: Keys) -> Place:
        """The place of a value, or of the nearest table around it."""
        for size in range(len(keys), -1, -1):
            if keys[:size] in self.places:
                return self.places[keys[:size]]
        return Place("the settings")

    def put(self, keys: Keys, value: Any, place: Place) -> None:
        """Sets one value, whatever stood there before."""
        table = self.values
        for key in keys[:-1]:
            below = table.get(key)
            if not isinstance(below, dict):
                below = table[key] = {}
            table = below
        table[keys[-1]] = value
        self._forget(keys)
        self.places[keys] = place

    def drop(self, keys: Keys) -> None:
        """Takes a value away, where there is one."""
        table: Any = self.values
        for key in keys[:-1]:
            table = table.get(key, {})
        table.pop(keys[-1], None)
        self._forget(keys)

    def _forget(self, keys: Keys) -> None:
        for known in [known for known in self.places if known[: len(keys)] == keys]:
            del self.places[known]

    def fail(self, keys: Keys, message: str, hint: str = "", code: str = "config.project_file") -> ConfigError:
        """The error for a value: message and place."""
        return ConfigError(f"{self.place(keys).name}: {message}", code=code, hint=hint)


def load(path: Path) -> Layer:
    """Reads a file. Raises ConfigError for one that can't be read or is no TOML."""
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}", code="config.project_file") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: no UTF-8 at byte {error.start}", code="config.project_file") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = found[1] if found else len(text.splitlines())
        reason = re.sub(r" \(at .*\)$", "", str(error))
        raise ConfigError(f"{path}:{line}: {reason}", code="config.project_file", hint="this is no TOML") from error
    folder = path.resolve().parent
    places = {keys: Place(f"{path}:{line}", folder) for keys, line in lines_of(text).items()}
    return Layer(values, {(): Place(str(path), folder), **places})


_KEY = r"""(?:"[^"\n]*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")
_INLINE = re.compile(rf"[{{,]\s*({_DOTTED})\s*=")


def lines_of(text: str) -> dict[Keys, int]:
    """The line of each key, from 1. Text inside a multi-line string may be taken for a key; it is for messages only."""
    lines: dict[Keys, int] = {}
    table: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            for size in range(1, len(table) + 1):
                lines.setdefault(table[:size], number)
        elif entry := _ENTRY.match(line):
            keys = table + _parts(entry[1])
            for size in range(len(table) + 1, len(keys) + 1):
                lines.setdefault(keys[:size], number)
            for inner in _INLINE.finditer(line, entry.end()):
                lines.setdefault(keys + _parts(inner[1]), number)
    return lines


def _parts(dotted: str) -> Keys:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, dotted))


# -- what values may be


class Shape:
    """What a value may be."""

    name = "anything"

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        """The value, made what it is meant to be. Raises ConfigError naming the place."""
        return value

    def _wrong(self, layer: Layer, keys: Keys, value: Any) -> ConfigError:
        kind = {bool: "true or false", dict: "a table", list: "a list", str: "text"}.get(type(value), "a number")
        return layer.fail(keys, f"'{'.'.join(keys)}' is {kind}; it must be {self.name}")


class Text(Shape):
    """A text; a path is taken from the folder of the file that it stands in."""

    name = "text"

    def __init__(self, *, path: bool = False) -> None:
        self._path = path

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if not isinstance(value, str):
            raise self._wrong(layer, keys, value)
        return in_folder(layer.place(keys), value) if self._path else value


class OneOf(Shape):
    """One of a few words."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words = tuple(words)
        self.name = f"one of {', '.join(self._words)}"

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if not isinstance(value, str):
            raise self._wrong(layer, keys, value)
        if value not in self._words:
            raise layer.fail(
                keys, f"'{'.'.join(keys)}' is {value!r}; it must be {self.name}", nearest(value, self._words)
            )
        return value


def in_folder(place: Place, path: str) -> str:
    """A path as its writer meant it: `~` is the home, a relative one begins at the file's folder."""
    return str((place.folder or Path()) / Path(path).expanduser()) if path else path


class Number(Shape):
    """A number above zero; `whole` ones are integers."""

    def __init__(self, *, whole: bool = False) -> None:
        self._kinds = (int,) if whole else (int, float)
        self.name = "a whole number above 0" if whole else "a number above 0"

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if layer.place(keys).textual and isinstance(value, str):
            try:
                value = self._kinds[-1](value)
            except ValueError:
                raise layer.fail(keys, f"'{'.'.join(keys)}' is {value!r}; it must be {self.name}") from None
        if isinstance(value, bool) or not isinstance(value, self._kinds):
            raise self._wrong(layer, keys, value)
        if not 0 < value < float("inf"):
            raise layer.fail(keys, f"'{'.'.join(keys)}' is {value}; it must be {self.name}")
        return value


class Flag(Shape):
    name = "true or false"

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if layer.place(keys).textual and value in ("true", "false"):
            return value == "true"
        if not isinstance(value, bool):
            raise self._wrong(layer, keys, value)
        return value


class Off(Shape):
    """`false`, where a table would switch something on; or a text in the table's place."""

    def __init__(self, *, or_text: bool = False) -> None:
        self._or_text = or_text
        self.name = "text, a table or false" if or_text else "a table or false"

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if value is False or (layer.place(keys).textual and value == "false"):
            return False
        if not (self._or_text and isinstance(value, str)):
            raise self._wrong(layer, keys, value)
        return value


class Texts(Shape):
    name = "a list of texts"

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(layer, keys, value)
        return value


class SecretReference(Shape):
    """`env:NAME`, `file:PATH` or `keyring:SERVICE/NAME`. What an environment variable holds is the secret itself."""

    name = "a reference to a secret"

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        place = layer.place(keys)
        if place.variable:
            return f"env:{place.variable}"
        if not isinstance(value, str):
            raise self._wrong(layer, keys, value)
        kind, colon, rest = value.partition(":")
        if not colon or not rest or kind not in ("env", "file", "keyring"):
            raise layer.fail(  # without the value: it may be the secret
                keys,
                f"'{'.'.join(keys)}' must be a reference; a secret itself has no place here",
                f'{keys[-1]} = "env:NAME", "file:PATH" or "keyring:SERVICE/NAME"',
                "config.secret",
            )
        return f"file:{in_folder(place, rest)}" if kind == "file" else value


class Table(Shape):
    """A table with known keys. Which are required is checked by `require`, once all layers are merged."""

    name = "a table"

    def __init__(self, keys: Mapping[str, Shape], required: Iterable[str] = ()) -> None:
        self.keys = keys
        self.required = tuple(required)

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if not isinstance(value, dict):
            raise self._wrong(layer, keys, value)
        where = f" in [{'.'.join(keys)}]" if keys else ""
        for key in value:
            if key not in self.keys:
                raise layer.fail((*keys, key), f"unknown key '{key}'{where}", nearest(key, self.keys))
        for key in self.required:
            if key not in value:
                raise layer.fail(keys, f"'{key}' is missing{where}")
        return {key: self.keys[key].check(layer, (*keys, key), below) for key, below in value.items()}


class Named(Shape):
    """A table whose keys are names that the user chose."""

    name = "a table"

    def __init__(self, item: Shape) -> None:
        self._item = item

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if not isinstance(value, dict):
            raise self._wrong(layer, keys, value)
        return {key: self._item.check(layer, (*keys, key), below) for key, below in value.items()}


class Typed(Shape):
    """A table whose `type` says which keys it has."""

    name = "a table with a 'type'"

    def __init__(self, kinds: Mapping[str, Table]) -> None:
        self._kinds = kinds

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if not isinstance(value, dict):
            raise self._wrong(layer, keys, value)
        kind = value.get("type")
        if not isinstance(kind, str) or kind not in self._kinds:
            problem = f"unknown type {kind!r}" if "type" in value else "'type' is missing"
            hint = nearest(kind, self._kinds) if isinstance(kind, str) else f"one of {', '.join(self._kinds)}"
            raise layer.fail((*keys, "type"), f"{problem} in [{'.'.join(keys)}]", hint)
        rest = {key: below for key, below in value.items() if key != "type"}
        return {"type": kind, **self._kinds[kind].check(layer, keys, rest)}


class Either(Shape):
    """A table, or a single value in its place."""

    def __init__(self, table: Table, single: Shape) -> None:
        self._table = table
        self._single = single

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        return (self._table if isinstance(value, dict) else self._single).check(layer, keys, value)


def nearest(name: str, known: Iterable[str]) -> str:
    """The hint for an unknown name."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names) or 'none'}"
