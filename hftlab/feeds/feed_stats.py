"""Counts of a live feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

__all__ = ["FeedStats"]


@dataclass(frozen=True)
class FeedStats:
    """Counts of a live feed since it began to receive, and what is true now."""

    frames: int = 0
    connections: int = 0
    """Connections made, also those in place of others."""
    reconnects: int = 0
    """Connections made because the one before had ended."""
    renewals: int = 0
    """Connections made in place of one that had not ended yet."""
    stalls: int = 0
    """Connections given up because nothing was heard of them."""
    failures: int = 0
    """Attempts to connect that have failed."""
    gaps: int = 0
    """Times that a symbol's book has ceased to be reliable."""
    resyncs: int = 0
    """Times that a symbol's book has become reliable, the first time included."""
    snapshots: int = 0
    late_snapshots: int = 0
    """Snapshots that were of no use: older than the book, or than the updates that wait for one."""
    duplicates: int = 0
    """Depth updates and trades that had come before."""
    checked: int = 0
    """Comparisons of a book with what the venue says of it: its best bid and offer after an update, or its checksum."""
    differing: int = 0
    """Checksums that were not those of the book."""
    undecoded: int = 0
    unknown: int = 0
    dropped: int = 0
    """Frames that were dropped because nobody had read the feed."""
    trades_dropped: int = 0
    """Trades that were dropped because their symbol's book was not reliable for too long."""
    weight_used: int = 0
    """Weight of the requests of this minute, as the venue counts it for this address."""
    weight_limit: int = 0
    refused: int = 0
    """Requests that the venue has refused: with HTTP 429 or 418, or a subscription."""
    system: str | None = None
    """State of the venue's trading engine, where it tells: "online", "maintenance", "cancel_only", "post_only" ..."""
    offset: int | None = None
    """The venue's clock minus ours in ns; None before it was measured."""
    offset_uncertainty: int | None = None
    """Half of the round trip in ns: the offset is known as well as that."""
    unreliable: list[str] = field(default_factory=list)
    """Symbols whose books cannot be relied on at present."""

    @classmethod
    def of(cls, *parts: Mapping[str, Any]) -> Self:
        """Join the counts of a feed's parts."""
        return cls(**{name: value for part in parts for name, value in part.items()})

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return asdict(self)
