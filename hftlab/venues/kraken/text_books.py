"""Texts of the levels of Kraken's books, for pairs whose numbers are not all written with the same decimals.

The checksum is of the texts that the venue sent: 4350.1 and 4350.10000 are one price and two texts.
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from typing import NamedTuple

from hftlab.instruments import UNIT

__all__ = ["LevelTexts", "TextBooks"]

Texts = list[tuple[str, str]]


class LevelTexts(NamedTuple):
    """(price, size) texts of an event's levels."""

    is_snapshot: bool
    bids: Texts
    asks: Texts


class TextBooks:
    """Texts by instrument, side and price (1e-9)."""

    def __init__(self) -> None:
        self._bids: defaultdict[int, dict[int, tuple[str, str]]] = defaultdict(dict)
        self._asks: defaultdict[int, dict[int, tuple[str, str]]] = defaultdict(dict)

    def update(self, instrument: int, texts: LevelTexts) -> None:
        """Take over the texts of an event."""
        for side, levels in ((self._bids[instrument], texts.bids), (self._asks[instrument], texts.asks)):
            if texts.is_snapshot:
                side.clear()
            for price, size in levels:
                if size.strip("0."):
                    side[_units(price)] = price, size
                else:
                    side.pop(_units(price), None)

    def checksum(self, instrument: int, prices: list[int], lots: list[int]) -> int:
        """Compute the checksum of a book's best levels: as many asks as bids; a level without lots is not there."""
        depth = len(prices) // 2
        sides = [self._asks[instrument]] * depth + [self._bids[instrument]] * depth
        levels = (side[price] for side, price, size in zip(sides, prices, lots, strict=True) if size)
        return zlib.crc32("".join(_digits(text) for level in levels for text in level).encode())


def _units(text: str) -> int:
    whole, _, fraction = text.partition(".")
    return int(whole) * UNIT + int(fraction[:9].ljust(9, "0"))


def _digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")
