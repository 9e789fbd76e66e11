"""A group of views that show the same symbol at the same time."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import Any, Final, Protocol

__all__ = ["SHARED", "Link"]

SHARED: Final = ("symbol", "time")
"""The settings that linked views share; `time` is in ms since 1970 UTC, null for the newest."""


class Linked(Protocol):
    """A view with settings."""

    settings: dict[str, Any]
    link: Link | None

    def set(self, changes: Mapping[str, Any]) -> None: ...


class Link:
    """Views that follow each other's symbol and time."""

    def __init__(self, *views: Linked) -> None:
        self._views: weakref.WeakSet[Linked] = weakref.WeakSet()
        self._telling = False
        for view in views:
            self.add(view)

    def add(self, view: Linked) -> None:
        """Let a view follow the others; it leaves the link that it was in."""
        if view.link is not None:
            view.link._views.discard(view)
        view.link = self
        self._views.add(view)

    def tell(self, sender: Linked, changes: Mapping[str, Any]) -> None:
        """Pass a view's changes on to the others, as far as they are shared."""
        shared = {name: changes[name] for name in SHARED if name in changes}
        if not shared or self._telling:
            return
        self._telling = True
        try:
            for view in list(self._views):
                if view is not sender:
                    view.set(shared)
        finally:
            self._telling = False
