"""Consolidated best bid and offer of several venues."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

__all__ = ["Consolidated", "VenueBook", "consolidate"]

Levels: TypeAlias = Sequence[tuple[float, float]]
"""(price, size) of each level, best first."""


class VenueBook(NamedTuple):
    """Levels of one listing; `worth` is what a unit of its prices is worth in the common currency."""

    bids: Levels
    asks: Levels
    worth: float = 1.0


class Consolidated(NamedTuple):
    """Consolidated best bid and offer (in the United States the NBBO), before fees, in the common currency.

    Sizes add up what all venues at that price show; a side that no venue has is (None, 0.0, ()).
    """

    bid: float | None
    bid_size: float
    bid_venues: tuple[str, ...]
    ask: float | None
    ask_size: float
    ask_venues: tuple[str, ...]

    @property
    def state(self) -> Literal["normal", "locked", "crossed", "one-sided"]:
        """ "locked" where the bid equals the offer, "crossed" where it is above. Source: 17 CFR 242.600, 242.610(d)."""
        if self.bid is None or self.ask is None:
            return "one-sided"
        if self.bid == self.ask:
            return "locked"
        return "crossed" if self.bid > self.ask else "normal"


def consolidate(books: Mapping[str, VenueBook]) -> Consolidated:
    """Find the best bid and offer of the venues' books."""
    bids = {venue: (price * book.worth, size) for venue, book in books.items() for price, size in book.bids[:1]}
    asks = {venue: (price * book.worth, size) for venue, book in books.items() for price, size in book.asks[:1]}
    bid = max((price for price, _ in bids.values()), default=None)
    ask = min((price for price, _ in asks.values()), default=None)
    return Consolidated(bid, *_at(bids, bid), ask, *_at(asks, ask))


def _at(side: Mapping[str, tuple[float, float]], best: float | None) -> tuple[float, tuple[str, ...]]:
    venues = tuple(venue for venue, (price, _) in side.items() if price == best)
    return sum(side[venue][1] for venue in venues), venues
