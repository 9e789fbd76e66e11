"""Recognition of futures' partial books, which without a stream's name look like depth updates.

Both are `depthUpdate`, but the streams depth5, depth10 and depth20 send the whole top of the book each time, not what
changed. Source: Binance USDⓈ-M Futures API, Websocket Market Streams, "Partial Book Depth Streams".
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Final

from hftlab.venues.binance.messages import DepthUpdate, Level

__all__ = ["DEPTHS", "PartialBooks"]

DEPTHS: Final = (5, 10, 20)
"""Levels a side of the partial book streams."""


class PartialBooks:
    """Tally of depth updates that came without a stream's name, by whether each could be the whole top of a book."""

    def __init__(self) -> None:
        self._total = self._tops = self._longest = 0
        self._full: Counter[int] = Counter()

    def add(self, update: DepthUpdate) -> None:
        """Count an update. Those of spot do not count: its partial books are no `depthUpdate`."""
        if update.previous is None:
            return
        self._total += 1
        bids, asks = update.bids, update.asks
        self._longest = max(self._longest, len(bids), len(asks))
        if _is_top(bids, asks):
            self._tops += 1
            if len(bids) == len(asks) and len(bids) in DEPTHS:
                self._full[len(bids)] += 1

    @property
    def depth(self) -> int | None:
        """Depth of the partial books, if that is what all updates are.

        Every one is a top: sorted, not crossed, without a removal, and never deeper than 5, 10 or 20, which half of
        them are on both sides. Updates of changes are not: they remove levels.
        """
        is_one = self._total > 0 and self._tops == self._total and 2 * self._full[self._longest] >= self._total
        return self._longest if is_one else None

    @property
    def are_mixed(self) -> bool:
        """Tell whether partial books are among updates of changes: too many have one depth on both sides."""
        most = max(self._full.values(), default=0)
        return self.depth is None and most >= 2 and 4 * most >= self._total


def _is_top(bids: list[Level], asks: list[Level]) -> bool:
    if not (0 < len(bids) <= DEPTHS[-1] and 0 < len(asks) <= DEPTHS[-1]):
        return False
    try:
        bid_prices = [float(level.price) for level in bids]
        ask_prices = [float(level.price) for level in asks]
        removes = any(float(level.size) == 0 for level in (*bids, *asks))
    except ValueError:
        return False
    # From the worst bid over the best two to the worst ask, prices rise.
    return not removes and all(lower < higher for lower, higher in pairwise([*reversed(bid_prices), *ask_prices]))
