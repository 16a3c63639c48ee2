"""Written by `make stubs` from the compiled module. Do not edit."""

from __future__ import annotations

import enum
import typing

class Category(enum.IntEnum):
    """
    What kind of thing failed.
    """

    offline = 1
    timeout = 2
    auth_expired = 3
    auth_invalid = 4
    permission = 5
    rate_limit = 6
    csrf = 7
    bad_request = 8
    not_found = 9
    gone = 10
    conflict = 11
    too_large = 12
    server = 13
    unavailable = 14
    protocol = 15
    config = 16
    cancelled = 17
    plugin = 18
    circuit_open = 19
    data = 20
    destination = 21
    store = 22
    signature = 23
    unsupported = 24
    internal = 25

class Secret:
    """
    A password, key or token that never prints itself.
    """
    @staticmethod
    def env(name: str) -> Secret:
        """
        The value of an environment variable, read each time it is used.
        """
    @staticmethod
    def file(path: str) -> Secret:
        """
        The contents of a file, read each time it is used.
        """
    @staticmethod
    def from_reference(reference: str) -> Secret:
        """
        'env:NAME', 'file:PATH' or 'keyring:SERVICE/NAME'.
        """
    @staticmethod
    def keyring(service_and_name: str) -> Secret:
        """
        An entry 'SERVICE/NAME' of the system's keyring.
        """
    def __init__(self, value: str) -> None:
        """
        A literal value, kept in memory and refused where it would be stored.
        """
    def __repr__(self) -> str: ...
    def __str__(self) -> str: ...
    def reveal(self) -> str:
        """
        The value itself.
        """
    @property
    def is_literal(self) -> bool: ...

class Clock:
    """
    Time and sleeping behind one interface.
    """

class ManualClock(Clock):
    """
    A clock that moves only when told to; a sleep on it advances it at once.
    """
    def __init__(self) -> None: ...
    def advance(self, seconds: typing.SupportsFloat | typing.SupportsIndex) -> None: ...
    @property
    def slept(self) -> float:
        """
        Seconds slept through so far.
        """

__version__: str = "0.1.0"
