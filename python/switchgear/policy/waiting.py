"""Waiting in asyncio, on any clock."""

from __future__ import annotations

from switchgear import _core


async def sleep(clock: _core.Clock | None, seconds: float) -> None:
    """Waits on a clock; None is the real one. A clock of tests does not keep the event loop waiting."""
    import asyncio

    if clock is None:
        await asyncio.sleep(seconds)
        return
    _core.sleep(clock, seconds)
    await asyncio.sleep(0)
