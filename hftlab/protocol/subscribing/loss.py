"""Messages that did not arrive."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Loss"]


class Loss(NamedTuple):
    """Messages `first` to `last` of `channel`, which did not arrive, or not whole.

    `reason` is "conflated" (state skipped for a slow reader, and the newest has come since), "gap" (declared by the
    server), "lost" (missing, and not declared) or "checksum" (an incremental book that is not the server's).
    """

    channel: int
    first: int
    last: int
    reason: str

    @property
    def messages(self) -> int:
        """Count of the messages lost."""
        return self.last - self.first + 1
