"""Books that move by chance, and blocks of columns read as the page reads them."""

from __future__ import annotations

import random
import struct
from typing import Any, NamedTuple

import numpy as np

from hftlab.protocol.market_data import Trade
from hftlab.widgets.heatmap.column import NO_PRICE
from hftlab.widgets.heatmap.frame import HEADER
from tests.widgets.market import NOON, Book
from tests.widgets.streaming_market import StreamingMarket

MS = 1_000_000


class ReadColumn(NamedTuple):
    """One column as it travels; levels are (tick, size, orders), trades (tick, size, ms since)."""

    time: float
    step: float
    known: bool
    bid: int | None
    ask: int | None
    levels: list[tuple[int, float, int]]
    trades: list[tuple[int, float, float]]


def unpack(block: bytes) -> tuple[dict[str, float], dict[int, ReadColumn]]:
    """Read a block's header and its columns by number, a value at a time."""
    header = dict(zip(HEADER, struct.unpack_from(f"<{len(HEADER)}d", block), strict=True))
    at = 8 * len(HEADER)

    def take(kind: str, count: float) -> list[Any]:
        nonlocal at
        values = struct.unpack_from(f"<{int(count)}{kind}", block, at)
        at += struct.calcsize(f"<{int(count)}{kind}")
        return list(values)

    count, levels, trades = header["count"], header["levelCount"], header["tradeCount"]
    times, steps = take("d", count), take("d", count)
    known, bids, asks, level_counts, trade_counts = (take("i", count) for _ in range(5))
    ticks, sizes = take("i", levels), take("f", levels)
    trade_ticks, trade_sizes, trade_times = take("i", trades), take("f", trades), take("f", trades)
    orders = take("H", levels)
    assert at == len(block)
    columns, level, trade = {}, 0, 0
    for place in range(int(count)):
        level_end, trade_end = level + level_counts[place], trade + trade_counts[place]
        columns[int(header["first"]) + place] = ReadColumn(
            times[place],
            steps[place],
            bool(known[place]),
            None if bids[place] == NO_PRICE else bids[place],
            None if asks[place] == NO_PRICE else asks[place],
            list(zip(ticks[level:level_end], sizes[level:level_end], orders[level:level_end], strict=True)),
            list(
                zip(
                    trade_ticks[trade:trade_end],
                    trade_sizes[trade:trade_end],
                    trade_times[trade:trade_end],
                    strict=True,
                )
            ),
        )
        level, trade = level_end, trade_end
    return header, columns


class MovingMarket(StreamingMarket):
    """A market whose book of X changes when it is told, by chance; `seconds` is its time since NOON."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__()
        self.chance = random.Random(seed)
        self.mid = 10_000
        self.seconds = 0.0

    def change(self, seconds: float, trades: int = 0, tick: float = 0.01, depth: int = 5) -> None:
        """Let a new state of X arrive, as of `seconds`."""
        self.seconds = seconds
        chance = self.chance
        self.mid += chance.randint(-3, 3)
        bids = [(round((self.mid - step) * tick, 8), float(chance.randint(1, 900)), step) for step in range(depth)]
        asks = [(round((self.mid + 1 + step) * tick, 8), float(chance.randint(1, 900)), 3) for step in range(depth)]
        when = NOON + round(seconds * 1e9)
        prints = [
            Trade(price=asks[0][0], size=float(chance.randint(1, 9)), timestamp=when / MS, side=side)
            for side in chance.choices(["BUY", "SELL"], k=trades)
        ]
        self.books["X"] = Book("X", bids, asks, ts_event=when)
        self.send("X", seconds, trades=prints, last_trade=None, bid=bids[0][0], ask=asks[0][0])

    def levels(self, origin: int, tick: float = 0.01) -> list[tuple[int, float, int]]:
        """The levels of X as a column has them."""
        book = self.books["X"]
        return [
            (round(price / tick) - origin, float(np.float32(size)), orders)
            for price, size, orders in [*book.buys, *book.sells]
        ]
