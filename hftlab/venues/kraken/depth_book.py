"""Book of one pair to the subscribed depth, in the texts of which its checksum is made.

Source: Kraken, "Book checksum (WebSocket v2)": after each update the subscriber drops what is beyond the depth; the
checksum is the CRC32 of the best ten asks, lowest first, and then the best ten bids, highest first, each price and then
quantity as digits without the point and without leading zeros.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Final

from hftlab.instruments import UNIT
from hftlab.venues.kraken.frames import LevelText

__all__ = ["CHECKED", "DepthBook"]

CHECKED: Final = 10
"""Levels of each side in the checksum."""


class DepthBook:
    """Book of one pair: bids and asks, each level with its texts."""

    def __init__(self) -> None:
        self.bids, self.asks = _Side(1), _Side(-1)

    def clear(self) -> None:
        """Drop all levels."""
        self.bids, self.asks = _Side(1), _Side(-1)

    def set(self, bids: Iterable[LevelText], asks: Iterable[LevelText]) -> None:
        """Take the new totals of levels."""
        for side, levels in ((self.bids, bids), (self.asks, asks)):
            for level in levels:
                side.set(level)

    def truncate(self, depth: int) -> tuple[list[str], list[str]]:
        """Drop what is beyond the depth; returns the prices of the bids and of the asks."""
        return self.bids.truncate(depth), self.asks.truncate(depth)

    def checksum(self) -> int:
        """Compute the checksum of the numbers as they were written."""
        return _crc32(_digits(text) for level in self._best() for text in level)

    def padded_checksum(self, price_decimals: int, size_decimals: int) -> int:
        """Compute the checksum of the numbers with at least so many decimals.

        A program that has read and written the venue's JSON has dropped the zeros at their ends.
        """
        decimals = price_decimals, size_decimals
        levels = (zip(level, decimals, strict=True) for level in self._best())
        return _crc32(_digits(_padded(text, least)) for level in levels for text, least in level)

    def _best(self) -> Iterator[LevelText]:
        yield from self.asks.best(CHECKED)
        yield from self.bids.best(CHECKED)


class _Side:
    """Levels by price; the last key is that of the best one."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._keys: list[int] = []
        self._levels: dict[int, LevelText] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def set(self, level: LevelText) -> None:
        price, size = level
        key = self._sign * _units(price)
        if size.strip("0."):
            if key not in self._levels:
                insort(self._keys, key)
            self._levels[key] = level
        elif self._levels.pop(key, None) is not None:
            del self._keys[bisect_left(self._keys, key)]

    def truncate(self, depth: int) -> list[str]:
        dropped = self._keys[: max(len(self._keys) - depth, 0)]
        if not dropped:
            return []
        del self._keys[: len(dropped)]
        return [self._levels.pop(key)[0] for key in dropped]

    def best(self, count: int) -> Iterator[LevelText]:
        return (self._levels[key] for key in reversed(self._keys[-count:]))


def _units(text: str) -> int:
    """Return a price in 1e-18, so that none of the decimals that anybody writes is lost."""
    whole, _, fraction = text.partition(".")
    return int(whole) * UNIT * UNIT + int(fraction[:18].ljust(18, "0"))


def _digits(text: str) -> str:
    return text.replace(".", "").lstrip("0")


def _padded(text: str, decimals: int) -> str:
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction.ljust(decimals, '0')}"


def _crc32(digits: Iterable[str]) -> int:
    return zlib.crc32("".join(digits).encode())
