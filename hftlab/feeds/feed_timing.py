"""Times of a live feed's connections."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

from hftlab.errors import ArgumentError
from hftlab.feeds.stream_link import LinkTerms
from hftlab.transport.backoff import Backoff

__all__ = ["FeedTiming"]


@dataclass(frozen=True)
class FeedTiming:
    """Times in seconds.

    renew_after  age at which a connection to Binance is replaced, which ends it after 24 hours
    overlap      time for which the new one and the old one go on beside each other
    stall_after  silence, also of answers to pings, after which a connection is given up
    timeout      how long an answer of the venue is waited for
    backoff      waits between attempts to connect, and between snapshots that are of no use
    """

    renew_after: float = 23.5 * 3600
    overlap: float = 5.0
    stall_after: float = 20.0
    timeout: float = 10.0
    backoff: Backoff = field(default_factory=lambda: Backoff(base=0.5, limit=30.0, factor=2.0, attempts=None))

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "backoff" and not (
                isinstance(value, int | float) and math.isfinite(value) and (value > 0 or one.name == "overlap")
            ):
                raise ArgumentError(f"{one.name}={value!r} is not a length of time: give seconds above 0")

    def link_terms(self, requests_per_second: float) -> LinkTerms:
        """Return the times as a link takes them that is not renewed: a venue's feed says when it has to be."""
        return LinkTerms(
            renew_after=None,
            overlap=self.overlap,
            stall_after=self.stall_after,
            timeout=self.timeout,
            requests_per_second=requests_per_second,
            backoff=self.backoff,
        )
