"""The slow, obvious price-level book: a dict a side. What the compiled books are compared with."""

from __future__ import annotations

from hftlab.events import F_LAST, EventBatch

Levels = list[tuple[int, int]]


class ReferenceBook:
    """One instrument's book in ticks and lots."""

    def __init__(self) -> None:
        self.sides: dict[str, dict[int, int]] = {"B": {}, "A": {}}
        self.clears = self.crossed = self.unknown_levels = 0

    def apply(self, action: str, side: str, ticks: int, lots: int, is_last: bool) -> None:
        if action == "R":
            self.sides = {"B": {}, "A": {}}
            self.clears += 1
        elif action in "AMC":
            levels = self.sides[side]
            if action == "C" or lots == 0:
                if ticks not in levels:
                    self.unknown_levels += 1
                levels.pop(ticks, None)
            else:
                levels[ticks] = lots
        bids, asks = self.sides["B"], self.sides["A"]
        if is_last and action in "AMCR" and bids and asks and max(bids) >= min(asks):
            self.crossed += 1

    def bids(self, depth: int) -> Levels:
        return sorted(self.sides["B"].items(), reverse=True)[:depth]

    def asks(self, depth: int) -> Levels:
        return sorted(self.sides["A"].items())[:depth]


def replay(batches: list[EventBatch], depth: int) -> tuple[dict[str, ReferenceBook], list[tuple[Levels, Levels]]]:
    """The books by symbol, and the best levels (bids, asks) after every row flagged F_LAST."""
    books: dict[str, ReferenceBook] = {}
    tops = []
    for batch in batches:
        for instrument in batch.instruments:
            books.setdefault(instrument.symbol, ReferenceBook())
        for row in range(len(batch)):
            instrument = batch.instruments[batch.instrument_id[row]]
            book = books[instrument.symbol]
            is_last = bool(batch.flags[row] & F_LAST)
            ticks = int(batch.price[row]) // instrument.tick
            book.apply(chr(batch.action[row]), chr(batch.side[row]), ticks, int(batch.size[row]), is_last)
            if is_last:
                tops.append((book.bids(depth), book.asks(depth)))
    return books, tops
