"""Notifications that kernels are compiled, for notebooks and terminals that show them; loads nothing that compiles."""

from __future__ import annotations

from typing import Final, Protocol

__all__ = ["Watcher", "began", "ended", "is_watched", "watchers"]


class Watcher(Protocol):
    """Shows that kernels are compiled; its methods are called on the thread that compiles."""

    @property
    def is_seen(self) -> bool:
        """True if what it shows now would be seen by somebody."""

    def begin(self, kernel: str) -> None:
        """Note that the compilation of a kernel begins; those that it calls begin within it."""

    def end(self) -> None:
        """Note that a kernel has been compiled, with all that it calls."""


watchers: Final[list[Watcher]] = []
"""Watchers of this process: one at most, a notebook's or a command's."""


def is_watched() -> bool:
    """Tell whether somebody sees that kernels are compiled."""
    return any(watcher.is_seen for watcher in watchers)


def began(kernel: str) -> None:
    """Tell the watchers that the compilation of a kernel begins."""
    for watcher in watchers:
        watcher.begin(kernel)


def ended() -> None:
    """Tell the watchers that a kernel has been compiled, with all that it calls."""
    for watcher in watchers:
        watcher.end()
