"""Follows a client's events without being kept alive by it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Source", "follow"]


class Source(Protocol):
    """A client whose events can be followed."""

    def on(self, event: str, callback: Callable[..., object], /) -> Callable[[], None]: ...


def follow(client: Source, event: str, method: Callable[[Any], object]) -> Callable[[], None]:
    """Call a bound method at each event of a client, on the client's thread, until its object is garbage.

    Returns a function that ends it before.
    """
    itself = weakref.WeakMethod(method)

    def told(message: object) -> None:
        call = itself()
        if call is not None:
            call(message)

    end = client.on(event, told)
    weakref.finalize(method.__self__, end).atexit = False  # type: ignore[attr-defined]
    return end
