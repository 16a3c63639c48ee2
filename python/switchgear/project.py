"""The project file `switchgear.toml`: connections by id, with secrets by reference only.

    [connections.plant]
    connector = "odata"
    timeout = 60
    auth = {type = "basic", user = "alice", password = "env:PLANT_PW"}
    [connections.plant.config]
    url = "https://host/odata/v4/maintenance"

A setting that is given in several places has one winner: an argument, then an environment variable
(`SWITCHGEAR_CONNECTION__PLANT__URL`, `…__PLANT__AUTH__USER`), then the project file (the nearest one, from the working
folder upwards, or `SWITCHGEAR_PROJECT`), then the user's (`~/.config/switchgear/switchgear.toml`).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from switchgear._core import Secret
from switchgear.connecting import connect
from switchgear.connection import Connection
from switchgear.errors import ConfigError, Error
from switchgear.network import Timeouts, Tls
from switchgear.project_auth import AUTH, make_auth
from switchgear.project_endpoints import ENDPOINT, apply_endpoint
from switchgear.project_policies import POLICIES, policy_from
from switchgear.project_syncs import ENTITY, NAMING, SCHEDULE, TIMEZONE, destination_of
from switchgear.registry import registry
from switchgear.toml_file import (
    Either,
    Flag,
    Keys,
    Layer,
    Named,
    Number,
    Place,
    SecretReference,
    Shape,
    Table,
    Text,
    Texts,
    load,
    nearest,
)

if TYPE_CHECKING:
    from switchgear.endpoints import Endpoints

FILE = "switchgear.toml"
VARIABLE = "SWITCHGEAR_CONNECTION__"

_TIMEOUT = Table({"connect": Number(), "stalled": Number(), "total": Number()})
_CONNECTION = Table(
    {
        "connector": Text(),
        "auth": AUTH,
        **POLICIES,
        "timeout": Either(_TIMEOUT, Number()),
        "tls": Table({"ca_file": Text(path=True), "verify": Flag(), "pinned_public_key": Text()}),
        "proxy": Text(),
        "max_reply_bytes": Number(whole=True),
        "sha256": Text(),
        "config": Named(Shape()),
        # For the hub, which runs syncs; reading and checking need none of them.
        "entities": Named(ENTITY),
        "schedule": SCHEDULE,
        "timezone": TIMEZONE,
        "destination": Text(),
        "naming": NAMING,
    },
    required=("connector",),
)
_PROJECT = Table(
    {
        "hub": Table({"store": Text(), "flows": Texts()}),
        "connections": Named(_CONNECTION),
        "endpoints": Named(ENDPOINT),
    }
)
_SECTIONS = ("auth", "tls", "timeout", *POLICIES, "config", "entities")


@dataclass(frozen=True)
class Setting:
    """One setting that is in force.

    Attributes:
        name: `connections.plant.config.url`.
        value: as it was written; secrets stand there as references.
        place: who set it: `file:line`, or an environment variable.
    """

    name: str
    value: Any
    place: str


class Project:
    """The settings that are in force for a folder, checked. Immutable; nothing is sent before a connection is used."""

    def __init__(self, layer: Layer, files: tuple[Path, ...], searched: str) -> None:
        self._layer = layer
        self._searched = searched
        self.files = files
        self._values = _PROJECT.check(layer, (), layer.values)

    @staticmethod
    def load(path: str | Path | None = None) -> Project:
        """Reads the project file and the user's, either of which may be absent.

        Args:
            path: the project file; None: the one that `SWITCHGEAR_PROJECT` names, or the nearest one, from the
                working folder upwards.

        Raises:
            ConfigError: for a named file that is not there, and for wrong settings, with `file:line`.
        """
        named = path or os.environ.get("SWITCHGEAR_PROJECT")
        project = Path(named) if named else find()
        files = [file for file in (user_file(), project) if file is not None and (file == project or file.is_file())]
        layer = Layer()
        for file in dict.fromkeys(files):
            _merge(layer, load(file))
        _merge_environment(layer)
        return Project(layer, tuple(files), str(named or f"{Path.cwd()} or a folder above it"))

    @staticmethod
    def of(id: str, settings: Iterable[tuple[tuple[str, ...], Any, str]]) -> Project:
        """A project of one connection, as a command line gives it; relative paths begin in the working folder.

        Args:
            settings: `(("auth", "user"), "alice", "--auth")`: the setting, its value, and who said so. What is no
                setting of connections is the connector's own.

        Raises:
            ConfigError: for what is wrong, naming who said it.
        """
        layer = Layer()
        for names, value, said_by in settings:
            layer.put(_keys(id, list(names)), value, Place(said_by, Path.cwd(), textual=True))
        return Project(layer, (), "the command line")

    @property
    def connection_ids(self) -> list[str]:
        """The ids of all connections."""
        return list(self._values.get("connections", {}))

    @property
    def endpoint_ids(self) -> list[str]:
        """The ids of all endpoints."""
        return list(self._values.get("endpoints", {}))

    def apply_endpoint(self, id: str, endpoints: Endpoints) -> bool:
        """Takes an endpoint over into a hub's; whether it is new or changed.

        Raises:
            ConfigError: for what is wrong with it, with `file:line`. Conflict: it is the hub's own.
        """
        return apply_endpoint(self._layer, id, self._values["endpoints"][id], endpoints)

    @property
    def store(self) -> str | None:
        """The hub's store, where a file names one; a file's own folder is where relative names start."""
        given: str | None = self._values.get("hub", {}).get("store")
        folder = self._layer.place(("hub", "store")).folder
        return str(folder / given) if given and folder and "://" not in given else given

    @property
    def flow_files(self) -> list[tuple[Path, str]]:
        """The files that define flows, and the place that names each, in whose folder relative ones begin."""
        place = self._layer.place(("hub", "flows"))
        names: list[str] = self._values.get("hub", {}).get("flows", [])
        return [((place.folder or Path.cwd()) / name, place.name) for name in names]

    def connection(
        self, id: str, settings: Mapping[str, str] | None = None, connector: str | None = None
    ) -> Connection:
        """The connection of that id.

        Args:
            id: its name in the file. With `connector`, it need not be there.
            settings: these win over all others: `{"url": "…", "auth.user": "…", "timeout.total": "60"}`.
            connector: the connector's name or file.

        Raises:
            ConfigError: for an unknown id, or settings that are wrong, naming where they were given.
        """
        layer = Layer()
        _merge(layer, self._layer)
        if connector is not None:
            layer.put(("connections", id, "connector"), connector, Place("--connector"))
        elif id not in self._values.get("connections", {}):
            raise self._unknown(id)
        for name, value in (settings or {}).items():
            layer.put(_keys(id, name.split(".")), value, Place(f"--set {name}", textual=True))
        keys = ("connections", id)
        return _connect(layer, keys, _CONNECTION.check(layer, keys, layer.values["connections"][id]))

    def syncs(self, id: str) -> dict[str, Any]:
        """What the file says of a connection's syncs, as `hub.add` takes it: schedule, timezone, destination …

        Relative paths in the destination begin in the file's own folder.

        Raises:
            ConfigError: for a destination that can't be, with `file:line`.
        """
        values = self._values.get("connections", {}).get(id, {})
        destination: str = values.get("destination", "")
        return {
            "schedule": values.get("schedule", ""),
            "timezone": values.get("timezone", "UTC"),
            "destination": destination and destination_of(self._layer, id, destination),
            "entities": values.get("entities", {}),
            "naming": values.get("naming", "exact"),
        }

    def cursor(self, id: str, entity: str) -> str | None:
        """The field by which changes of an entity are asked for, where the file names one."""
        entities = self._values.get("connections", {}).get(id, {}).get("entities", {})
        cursor: str | None = entities.get(entity, {}).get("cursor")
        return cursor

    def settings(self) -> list[Setting]:
        """Every setting in force, with who set it."""
        return [
            Setting(".".join(keys), value, self._layer.place(keys).name) for keys, value in _leaves((), self._values)
        ]

    def entity_error(self, error: Error) -> Error:
        """An error of a sync, with `file:line` where it is about an entity that a file sets up wrongly."""
        keys = ("connections", error.connection_id, "entities", error.entity)
        wrong = error.category in ("config", "not_found") and keys in self._layer.places
        return self.located(error, *keys) if wrong else error

    def located(self, error: Error, *keys: str) -> Error:
        """The same error, with `file:line` of the setting that brought it about: `"connections", id, "destination"`."""
        said = type(error)(f"{self._layer.place(keys).name}: {error.message}", code=error.code, hint=error.hint)
        said.connection_id, said.entity, said.retryable = error.connection_id, error.entity, error.retryable
        return said

    def _unknown(self, id: str) -> ConfigError:
        if not self.files and not self.connection_ids:
            return ConfigError(
                f"there is no connection '{id}': no {FILE} in {self._searched}",
                code="config.no_project",
                hint="write one, or name the connector: --connector odata --set url=https://…",
            )
        where = ", ".join(map(str, self.files)) or "the environment"
        return ConfigError(
            f"there is no connection '{id}' in {where}",
            code="config.unknown_connection",
            hint=nearest(id, self.connection_ids),
        )


def connection(id: str) -> Connection:
    """The connection of that id in the project file."""
    return Project.load().connection(id)


def find() -> Path | None:
    """The nearest project file, from the working folder upwards."""
    here = Path.cwd()
    return next((folder / FILE for folder in (here, *here.parents) if (folder / FILE).is_file()), None)


def user_file() -> Path:
    """The user's own file, which holds for all projects."""
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "switchgear" / FILE


# -- layers


def _merge(base: Layer, above: Layer) -> None:
    """Puts one layer's settings over another's. Credentials of another type replace those below, they do not mix."""
    for keys, table in _tables((), above.values):
        if keys[:1] == ("connections",) and keys[2:] == ("auth",) and "type" in table:
            base.drop(keys)
    for keys, value in _leaves((), above.values):
        base.put(keys, value, above.place(keys))
    for keys, place in above.places.items():
        base.places.setdefault(keys, place)


def _tables(keys: Keys, value: Any) -> Iterator[tuple[Keys, dict[str, Any]]]:
    if isinstance(value, dict):
        yield keys, value
        for key, below in value.items():
            yield from _tables((*keys, key), below)


def _leaves(keys: Keys, value: Any) -> Iterator[tuple[Keys, Any]]:
    """Single settings: what is no table, an empty one, and a connector's own tables, which are one value each."""
    if (
        isinstance(value, dict)
        and value
        and not (keys[:1] == ("connections",) and keys[2:3] == ("config",) and keys[3:])
    ):
        for key, below in value.items():
            yield from _leaves((*keys, key), below)
    elif keys:
        yield keys, value


def _merge_environment(layer: Layer) -> None:
    connections = layer.values.get("connections")
    ids = {_variable_part(id): id for id in connections} if isinstance(connections, dict) else {}
    for variable, value in sorted(os.environ.items()):
        if not variable.startswith(VARIABLE):
            continue
        given, *names = variable.removeprefix(VARIABLE).split("__")
        id = ids.get(given, given.lower())
        if not names:
            raise ConfigError(
                f"the environment variable {variable} names no setting",
                code="config.environment",
                hint=f"{VARIABLE}{given}__URL, {VARIABLE}{given}__AUTH__USER",
            )
        place = Place(f"the environment variable {variable}", variable=variable, textual=True)
        layer.put(_keys(id, [name.lower() for name in names]), value, place)


def _variable_part(id: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", id.upper())


def _keys(id: str, names: list[str]) -> Keys:
    """The place of a setting: `auth.user` and `proxy` are the connection's, everything else is the connector's own."""
    own = names[0] in _SECTIONS if len(names) > 1 else names[0] in _CONNECTION.keys
    return ("connections", id, *names) if own else ("connections", id, "config", ".".join(names))


# -- from settings to a connection


def _connect(layer: Layer, keys: Keys, values: dict[str, Any]) -> Connection:
    timeout = values.get("timeout")
    options: dict[str, Any] = {name: values[name] for name in ("proxy", "max_reply_bytes", "sha256") if name in values}
    auth = make_auth(layer, (*keys, "auth"), values["auth"]) if "auth" in values else None
    options |= {name: policy_from(layer, (*keys, name), values[name]) for name in POLICIES if name in values}
    config = _config(layer, keys, values)
    try:
        return connect(
            values["connector"],
            id=keys[-1],
            auth=auth,
            timeout=Timeouts(**timeout) if isinstance(timeout, dict) else timeout,
            tls=Tls(**values["tls"]) if "tls" in values else None,
            **options,
            **config,
        )
    except ConfigError as error:
        raise _located(layer, keys, config, error) from error


def _config(layer: Layer, keys: Keys, values: dict[str, Any]) -> dict[str, Any]:
    """The connector's own settings: secrets become live, and texts become what the connector's manifest says."""
    config: dict[str, Any] = dict(values.get("config", {}))
    try:
        manifest = registry().load(values["connector"], values.get("sha256", "")).manifest
    except ConfigError as error:
        raise _located(layer, keys, {}, error) from error
    for name in manifest.secrets:
        if name in config:
            reference = SecretReference().check(layer, (*keys, "config", name), config[name])
            config[name] = Secret.from_reference(reference)
    for key in manifest.config:
        at, given = (*keys, "config", key.name), config.get(key.name)
        if isinstance(given, str) and layer.place(at).textual and key.type not in ("text", "url"):
            try:
                config[key.name] = json.loads(given)
            except ValueError:
                raise layer.fail(at, f"'{key.name}' is {given!r}; it must be {key.type}") from None
    return config


def _located(layer: Layer, keys: Keys, config: Mapping[str, Any], error: ConfigError) -> ConfigError:
    """The same error, with the place of the setting that it speaks of."""
    spoken_of = next((name for name in config if f"'{name}'" in error.message), None)
    at = (*keys, "config", spoken_of) if spoken_of else (*keys, "connector")
    message = f"{layer.place(at).name}: {error.message}"
    return ConfigError(message, code=error.code, hint=error.hint, connection_id=keys[-1])
