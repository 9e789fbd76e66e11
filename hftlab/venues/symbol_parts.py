"""Output of a live decoder for one symbol: its events, and the moments at which its book becomes reliable or not."""

from __future__ import annotations

from typing import NamedTuple

from hftlab.events import EventBatch

__all__ = ["Change", "SymbolParts", "Wanted"]


class Change(NamedTuple):
    """Moment (ns) from which on a symbol's book cannot be relied on, for a `reason`, or can again (None)."""

    symbol: str
    at: int
    reason: str | None

    @property
    def is_gap(self) -> bool:
        """True if data is missing from here on."""
        return self.reason is not None


class SymbolParts(NamedTuple):
    """Events of one symbol, and the moments at which its book ceased to be reliable or became so, in their order."""

    symbol: str
    parts: list[EventBatch | Change]


class Wanted(NamedTuple):
    """Symbol of which a snapshot is needed, and how many were of no use since its book was reliable last."""

    symbol: str
    attempts: int
