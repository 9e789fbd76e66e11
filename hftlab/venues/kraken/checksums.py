"""Checksums of Kraken's books, and their comparison with the books made from a capture.

Source: Kraken, "WebSocket API v1", Book checksum: CRC32 of the best ten asks, lowest first, then the best ten bids,
highest first, each price and then volume as the decimal text without its point and without leading zeros. For
ticks and lots that are the venue's last decimal, that text is simply the number; where a pair's decimals change within
a capture, the texts themselves are kept.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book import BookSet, OrderBook
from hftlab.events import CLEAR, F_MAYBE_BAD_BOOK, EventBatch
from hftlab.venues.kraken.text_books import LevelTexts, TextBooks

__all__ = ["DEPTH", "Mismatch", "Verification", "Verifier", "checksum"]

DEPTH: Final = 10
_KEPT: Final = 100


def checksum(book: OrderBook) -> int:
    """Compute Kraken's checksum of a book with the venue's last decimals as tick and lot.

    Such are the books that `kraken.read()` makes of a pair whose decimals do not change within the capture.
    """
    instrument = book.instrument
    levels = [*book.asks(DEPTH), *book.bids(DEPTH)]
    return _crc32((instrument.ticks(price), instrument.lots(size)) for price, size, *_ in levels)


def _crc32(levels: Iterable[tuple[int, int]]) -> int:
    return zlib.crc32("".join(f"{ticks}{lots}" for ticks, lots in levels if lots).encode())


class Mismatch(NamedTuple):
    """Mismatch: a message after which the book was not the venue's."""

    line: int
    pair: str
    expected: int
    computed: int


@dataclass(slots=True)
class Verification:
    """Counts of the venue's checksums that were compared and that matched, by pair, with the first 100 mismatches.

    `unchecked` counts the updates that carried no checksum.
    """

    checked: Counter[str] = field(default_factory=Counter)
    matched: Counter[str] = field(default_factory=Counter)
    unchecked: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)

    @property
    def differing(self) -> int:
        """Number of checksums that did not match."""
        return self.checked.total() - self.matched.total()

    def note(self, compared: Mismatch) -> bool:
        """Count a comparison; returns whether its checksums are the same."""
        self.checked[compared.pair] += 1
        if compared.expected == compared.computed:
            self.matched[compared.pair] += 1
            return True
        if len(self.mismatches) < _KEPT:
            self.mismatches.append(compared)
        return False

    def __str__(self) -> str:
        said = f"{self.matched.total():,} of {self.checked.total():,} checksums match"
        if self.mismatches:
            first = self.mismatches[0]
            said += f"; the first that does not is of {first.pair} in line {first.line}"
        return said


class VenueChecksum(NamedTuple):
    """Checksum that the venue gave after an event, None if it gave none, and its line in the capture."""

    line: int
    checksum: int | None
    texts: LevelTexts | None = None  # of the event's levels, for a pair whose decimals change


class Verifier:
    """Verifier that keeps the books of a capture and compares them with its checksums."""

    def __init__(self) -> None:
        self.report = Verification()
        self._books, self._texts = BookSet(), TextBooks()
        self._doubted: set[int] = set()

    def compare(self, batch: EventBatch, checksums: list[VenueChecksum]) -> EventBatch:
        """Apply a batch and compare; `checksums` has one entry for each of its events.

        Returns it with F_MAYBE_BAD_BOOK on the rows of each book from a checksum that differs to the next snapshot.
        """
        tops = self._books.trace(batch, DEPTH)
        ids = batch.instrument_id[tops.rows].tolist()
        prices = np.concatenate([tops.ask_ticks, tops.bid_ticks], axis=1)
        sizes = np.concatenate([tops.ask_lots, tops.bid_lots], axis=1)
        wrong = set()
        for event, (instrument, (line, expected, texts)) in enumerate(zip(ids, checksums, strict=False)):
            if texts is not None:
                self._texts.update(instrument, texts)
            if expected is None:
                self.report.unchecked += 1
                continue
            ticks, lots = prices[event].tolist(), sizes[event].tolist()
            if texts is None:
                computed = _crc32(zip(ticks, lots, strict=True))
            else:
                tick = batch.instruments[instrument].tick
                computed = self._texts.checksum(instrument, [one * tick for one in ticks], lots)
            if not self.report.note(Mismatch(line, batch.instruments[instrument].symbol, expected, computed)):
                wrong.add(event)
        return self._flagged(batch, tops.rows, wrong) if wrong or self._doubted else batch

    def _flagged(self, batch: EventBatch, ends: npt.NDArray[np.int64], wrong: set[int]) -> EventBatch:
        flags, start = batch.flags.copy(), 0
        for event, end in enumerate(ends.tolist()):
            instrument = int(batch.instrument_id[end])
            if batch.action[start] == CLEAR:
                self._doubted.discard(instrument)
            if event in wrong:
                self._doubted.add(instrument)
            if instrument in self._doubted:
                flags[start : end + 1] |= F_MAYBE_BAD_BOOK
            start = end + 1
        return dataclasses.replace(batch, flags=flags)
