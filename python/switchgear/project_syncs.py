"""What a project file may say of syncs: the same as `hub.add()` takes, checked by the same code, with `file:line`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from switchgear.errors import ConfigError
from switchgear.schedule import check_timezone, parse_schedule
from switchgear.sync_destinations import check_destination
from switchgear.syncing import NAMINGS, OPTIONS, check_option
from switchgear.toml_file import Keys, Layer, OneOf, Shape, Table, Text, in_folder


class Checked(Text):
    """A text that a function refuses by raising ConfigError."""

    def __init__(self, refuse: Callable[[str], object]) -> None:
        super().__init__()
        self._refuse = refuse

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        text = super().check(layer, keys, value)
        try:
            self._refuse(text)
        except ConfigError as error:
            raise layer.fail(keys, error.message, error.hint, error.code) from error
        return text


class EntityOption(Shape):
    """An option of an entity's sync, by its key."""

    def check(self, layer: Layer, keys: Keys, value: Any) -> Any:
        if layer.place(keys).textual and isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?", value):
            value = float(value) if "." in value else int(value)
        try:
            check_option(keys[1], keys[-2], keys[-1], value)
        except ConfigError as error:
            raise layer.fail(keys, error.message, error.hint, error.code) from error
        return value


SCHEDULE = Checked(parse_schedule)
TIMEZONE = Checked(check_timezone)
NAMING = OneOf(NAMINGS)
ENTITY = Table(dict.fromkeys(OPTIONS, EntityOption()))


def destination_of(layer: Layer, id: str, given: str) -> str:
    """The destination that a file gives a connection: a relative path in it begins in the file's own folder.

    It is looked at when it is asked for, and not when the file is read: `register()` may add its scheme in between.

    Raises:
        ConfigError: for one that can't be, with `file:line`.
    """
    keys = ("connections", id, "destination")
    place = layer.place(keys)
    scheme, slashes, path = given.partition(":///")
    if slashes and path and not path.startswith("/") and place.folder:
        given = f"{scheme}:///{_quoted(place.folder)}/{path}"
    elif reference := re.match(r"file:(?!//)(.+)", given):
        given = f"file:{in_folder(place, reference[1])}"
    try:
        check_destination(given, id)
    except ConfigError as error:
        raise layer.fail(keys, error.message, error.hint, error.code) from error
    return given


def _quoted(folder: Path) -> str:
    """As it stands in a URL's path, where `%41` is an A and `?` ends it."""
    return str(folder).replace("%", "%25").replace("?", "%3F")
