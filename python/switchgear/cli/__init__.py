"""The command line: `switchgear …`. One module for each command."""

from __future__ import annotations

from switchgear.cli.app import main

__all__ = ["main"]
