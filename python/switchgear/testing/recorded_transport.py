"""Recorded exchanges: tests of code that reads a source, without the source.

>>> from switchgear.testing import RecordedTransport
>>> plant = sg.connect("odata", url="https://host/odata/v4/maintenance", auth=login,
...                    transport=RecordedTransport("testdata/orders.jsonl"))

The first run asks the real source and writes down what was said, every other run gets the same answers from the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from switchgear import _core
from switchgear.errors import ConfigError

Mode = Literal["record", "replay", "auto"]


class RecordedTransport:
    """In place of the network: writes exchanges to a file, or answers from one.

    A replayed request must be one that was recorded, by method, URL and body; of several like ones the first comes
    first, each once. Any other raises ConfigError (`config.recording`), which names the nearest. Passwords, keys and
    tokens are not written, so a replay works with any credentials: `sg.Secret("any")`.

    Args:
        path: the file, a JSON object a line, made to be read and edited.
        mode: "record" asks the source and begins the file anew; "replay" never asks it; "auto" replays a file that is
            there and records one that is not.
    """

    def __init__(self, path: str | Path, mode: Mode = "auto") -> None:
        if mode not in get_args(Mode):
            raise ConfigError(
                f"mode={mode!r} is no mode of a RecordedTransport",
                code="config.mode",
                hint=f"one of {', '.join(get_args(Mode))}",
            )
        self.path = Path(path)
        self.mode = mode
        self._records = False

    def _transport(self, options: _core.TransportOptions, redactor: _core.Redactor) -> _core.Transport:
        """Called by each connection that it is given to."""
        if self._records:
            raise ConfigError(
                f"{self.path} is being recorded for another connection already",
                code="config.recording",
                hint="give each connection a RecordedTransport, with a file, of its own",
            )
        if self.mode == "record" or (self.mode == "auto" and not self.path.exists()):
            recorder = _core.RecordedTransport.record(str(self.path), _core.Transport(options), redactor)
            self._records = True
            return recorder
        return _core.RecordedTransport.replay(str(self.path), redactor)

    def __repr__(self) -> str:
        return f"RecordedTransport({str(self.path)!r}, mode={self.mode!r})"
