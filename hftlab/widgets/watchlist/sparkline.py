"""The course of one symbol's price over the last minute, second by second."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import isfinite, nan
from typing import Final

from hftlab.clock import NANOSECONDS
from hftlab.widgets.core.market_tape import Quote, SymbolTape

__all__ = ["LENGTH", "UNKNOWN", "Sparkline", "heights"]

LENGTH: Final = 60
"""Seconds."""
UNKNOWN: Final = 255
"""The height of a second before the first price."""
TALLEST: Final = 254


class Sparkline:
    """The mid price at the end of each of the last 60 s of market time.

    NaN before the first one, and where a replay was sought to another time before that time: what it skipped is not
    known.
    """

    def __init__(self) -> None:
        self.prices: deque[float] = deque([nan] * LENGTH, LENGTH)
        self._second = 0
        self._epoch = (0, 0)

    def read(self, tape: SymbolTape, now: int) -> deque[float]:
        """Follow the tape up to `now` in ns, and return the prices, oldest first."""
        second = now // NANOSECONDS
        epoch = (tape.epoch, tape.since)
        if epoch != self._epoch or not 0 <= second - self._second < LENGTH:
            self._epoch, self._second = epoch, second - LENGTH + 1
            self.prices = deque([nan] * LENGTH, LENGTH)
        first = self._second  # which may have gone on after the last reading
        kept = list(self.prices)[second - first : LENGTH - 1]
        quotes = [quote for quote in tape.quotes_since(first * NANOSECONDS) if quote.ts_event >= tape.since]
        self.prices = deque([*kept, *_by_second(quotes, first, second)], LENGTH)
        self._second = second
        return self.prices


def mid(quote: Quote) -> float:
    """The middle of bid and ask, the last price where a side is empty."""
    middle = (quote.bid + quote.ask) / 2
    return middle if isfinite(middle) else quote.last


def heights(prices: Sequence[float]) -> bytes:
    """Scale prices to bytes, from 0 for the lowest to 254 for the highest; UNKNOWN where there is none."""
    known = [price for price in prices if isfinite(price)]
    if not known:
        return bytes([UNKNOWN]) * len(prices)
    low, high = min(known), max(known)
    if low == high:
        return bytes(TALLEST // 2 if isfinite(price) else UNKNOWN for price in prices)
    return bytes(round(TALLEST * (price - low) / (high - low)) if isfinite(price) else UNKNOWN for price in prices)


def _by_second(quotes: Sequence[Quote], first: int, last: int) -> list[float]:
    """The last price of each second from `first` to `last`; one without a price keeps that of the one before."""
    prices = [nan] * (last - first + 1)
    before = nan
    for quote in quotes:
        place = quote.ts_event // NANOSECONDS - first
        if place < 0:
            before = mid(quote)
        elif place < len(prices):
            prices[place] = mid(quote)
    for place, price in enumerate(prices):
        before = price if isfinite(price) else before
        prices[place] = before
    return prices
