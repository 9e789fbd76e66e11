"""Small market for the tests of Kraken's API: one pair, COIN/USDT, whose events are written row by row."""

from __future__ import annotations

from typing import Any

import numpy as np

from hftlab.venues.kraken.api.channel_set import ChannelSet
from hftlab.venues.kraken.api.subscription import Channel, Subscription, Trigger
from hftlab.venues.kraken.pair_name import PairName
from tests.batches import COIN, Row, make_batch
from tests.venues.kraken_frames import parse

__all__ = ["BOOK", "NAME", "PAIR", "SmallMarket"]

NAME = PairName("COIN", "USDT")
PAIR = NAME.symbol
BOOK = [Row("R"), Row("A", "B", 9_900, 5), Row("A", "B", 9_800, 7), Row("A", "A", 10_000, 3)]
"""Two bids and an ask: prices of 99.00, 98.00 and 100.00, sizes of 0.005, 0.007 and 0.003."""


class SmallMarket:
    """A market of COIN/USDT with BOOK, whose events count from 1; readers are plain names."""

    def __init__(self, *, empty: bool = False) -> None:
        self.channels: ChannelSet[str] = ChannelSet({NAME: COIN})
        self.count = 0
        if not empty:
            self.apply(*BOOK)

    def apply(self, *rows: Row) -> None:
        """Take in rows, each in the ms of its number."""
        numbers = np.arange(len(rows), dtype=np.int64) + self.count + 1
        timed = [row._replace(time=number) for row, number in zip(rows, numbers.tolist(), strict=True)]
        self.channels.recorded.apply(make_batch(timed), numbers)
        self.count += len(rows)

    def add(self, channel: str, reader: str = "bot", *, depth: int = 10, trigger: str = "trades") -> Any:
        """Let a reader have a channel; returns the snapshot that it begins with."""
        found = self.channels.add(self.subscription(channel, depth=depth, trigger=trigger), reader)
        return None if found is None else parse(found)

    @staticmethod
    def subscription(channel: str, *, depth: int = 10, trigger: str = "trades") -> Subscription:
        """Return a subscription to a channel of the pair."""
        of = Channel(channel)
        pair = "" if of is Channel.INSTRUMENT else PAIR
        return Subscription(
            of, pair, depth if of is Channel.BOOK else 0, Trigger(trigger) if of is Channel.TICKER else None
        )

    def due(self) -> list[Any]:
        """Return what is sent now."""
        return [parse(one.payload) for one in self.channels.due(0)]
