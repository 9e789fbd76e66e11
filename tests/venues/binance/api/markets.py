"""Small markets for the tests of Binance's API: one symbol, COIN, whose events are written row by row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from hftlab.venues.binance.api.markets import SPOT, Market
from hftlab.venues.binance.api.messages_out import Writer
from hftlab.venues.binance.api.stream_names import parse_stream
from hftlab.venues.binance.api.stream_set import StreamSet
from hftlab.venues.market_state.level_differences import Levels
from hftlab.venues.market_state.recorded_market import RecordedMarket
from tests.batches import COIN, Row, make_batch

__all__ = ["MS", "SmallMarket", "decoded"]

MS = 1_000_000

BOOK = [Row("R"), Row("A", "B", 9_900, 5), Row("A", "B", 9_800, 7), Row("A", "A", 10_000, 3)]
"""Two bids and an ask: prices of 99.00, 98.00 and 100.00, sizes of 0.005, 0.007 and 0.003."""


def decoded(payloads: Iterator[bytes] | list[bytes]) -> list[Any]:
    """Decode messages."""
    return [json.loads(payload) for payload in payloads]


class SmallMarket:
    """A market of COIN with BOOK, whose update ids count rows from 1; readers are plain names."""

    def __init__(self, market: Market = SPOT) -> None:
        self.recorded = RecordedMarket({"COIN": COIN})
        self.streams: StreamSet[str] = StreamSet(market, self.recorded)
        self.market, self.count = market, 0
        self.apply(*BOOK)

    @property
    def writer(self) -> Writer:
        return self.streams.writers["COIN"]

    def sides(self) -> tuple[Levels, Levels]:
        """Return bids and asks."""
        return self.recorded.levels("COIN", is_bid=True), self.recorded.levels("COIN", is_bid=False)

    def apply(self, *rows: Row, at: int = 0) -> None:
        """Take in rows, at a time in ms (default: their number)."""
        numbers = np.arange(len(rows), dtype=np.int64) + self.count + 1
        timed = [row._replace(time=at or number) for row, number in zip(rows, numbers.tolist(), strict=True)]
        self.recorded.apply(make_batch(timed), numbers)
        self.count += len(rows)

    def add(self, name: str, reader: str = "bot", *, combined: bool = False) -> None:
        """Let a reader have a stream."""
        stream = parse_stream(name, self.market, self.streams.writers)
        assert stream is not None
        self.streams.add(stream, reader, combined=combined)

    def due(self, now: int, *, early: bool = False) -> list[Any]:
        """Return what is sent at a time in ms."""
        return decoded([sent.payload for sent in self.streams.due(now * MS, early=early)])
