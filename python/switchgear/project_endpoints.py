"""`[endpoints.NAME]` of the project file: where events are sent to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from switchgear.errors import Error
from switchgear.toml_file import Flag, Layer, Named, Number, SecretReference, Shape, Table, Text, Texts

if TYPE_CHECKING:
    from switchgear.endpoints import Endpoints


class _Events(Shape):
    """A table of lists by connection, or one list for all of them."""

    name = "a list of types, or a table of such lists by connection"

    def check(self, layer: Layer, keys: tuple[str, ...], value: Any) -> Any:
        return (Named(Texts()) if isinstance(value, dict) else Texts()).check(layer, keys, value)


class _Schedule(Shape):
    name = '"default", "standard", or a list of seconds'

    def check(self, layer: Layer, keys: tuple[str, ...], value: Any) -> Any:
        numbers = isinstance(value, list) and all(
            isinstance(each, (int, float)) and not isinstance(each, bool) for each in value
        )
        if not numbers and value not in ("default", "standard"):
            raise self._wrong(layer, keys, value)
        return value


ENDPOINT = Table(
    {
        "url": Text(),
        "secret": SecretReference(),
        "events": _Events(),
        "filter": Named(Shape()),
        "schedule": _Schedule(),
        "ordered": Flag(),
        "rate": Number(),
        "allowed_subnets": Texts(),
        "ca_file": Text(path=True),
    },
    required=("url",),
)


def apply_endpoint(layer: Layer, id: str, settings: Mapping[str, Any], endpoints: Endpoints) -> bool:
    """Takes one over into the store; what is wrong with it is told with `file:line`. Whether it is new or changed."""
    keys = ("endpoints", id)
    if "secret" not in settings:
        raise layer.fail(keys, f"'secret' is missing in [endpoints.{id}]", 'secret = "env:NAME"', "config.secret")
    try:
        return endpoints.apply(id, settings)
    except Error as error:
        place = layer.place(keys).name
        raise type(error)(f"{place}: {error.message}", code=error.code, hint=error.hint) from error
