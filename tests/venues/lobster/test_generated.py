"""Pairs made by a slow, obvious exchange: what LOBSTER would have written of it, read back through the books."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.events import ADD, F_SNAPSHOT, EventBatch
from hftlab.venues import lobster
from tests.venues.lobster_pairs import Levels, Message, write_pair

LEVELS = 2
BUY, SELL = 1, -1

steps = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "cancel", "delete", "execute", "hidden"]),
        st.sampled_from([BUY, SELL]),
        st.integers(1, 6),
        st.integers(0, 50),
    ),
    min_size=10,
    max_size=60,
)


class Exchange:
    """Every order in a dict; bids rest at 101 to 106 and asks at 107 to 112, so that nothing crosses."""

    def __init__(self) -> None:
        self.orders: dict[int, tuple[int, int, int]] = {}  # number -> direction, price, size
        self.messages: list[Message] = []
        self.books: list[tuple[Levels, Levels]] = []
        self.shown = self.window()

    def window(self) -> tuple[Levels, Levels]:
        totals: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
        for direction, price, size in self.orders.values():
            totals[direction == SELL][price] += size
        bids = dict(sorted(totals[0].items(), reverse=True)[:LEVELS])
        return bids, dict(sorted(totals[1].items())[:LEVELS])

    def step(self, what: str, direction: int, distance: int, pick: int) -> None:
        price = 107 - distance if direction == BUY else 106 + distance
        if what == "add":
            number, size = len(self.messages) + 1_000 + 100 * len(self.orders), 1 + pick
            while number in self.orders:
                number += 1
            self.orders[number] = direction, price, size
            self._tell(1, number, size, price, direction)
        elif what == "hidden":
            self.messages.append((34200.0, 5, 0, 1 + pick, price, direction))
            self.books.append(self.window())
        elif self.orders:
            self._take(what, sorted(self.orders)[pick % len(self.orders)])

    def _take(self, what: str, number: int) -> None:
        direction, price, size = self.orders[number]
        taken = size if what == "delete" or size == 1 else size // 2
        del self.orders[number]
        if taken < size:
            self.orders[number] = direction, price, size - taken
        kind = 4 if what == "execute" else 2 if taken < size else 3
        self._tell(kind, number, taken, price, direction)

    def _tell(self, kind: int, number: int, size: int, price: int, direction: int) -> None:
        """What happens out of sight is in neither file."""
        window = self.window()
        if window != self.shown:
            self.messages.append((34200.0, kind, number, size, price, direction))
            self.books.append(window)
        self.shown = window


@settings(max_examples=80)
@given(steps, st.integers(0, 20), st.integers(1, 30))
def test_the_best_levels_are_always_those_of_the_exchange(
    happened: list[tuple[str, int, int, int]], begun: int, chunk: int
) -> None:
    """The files begin when some orders rest already; which orders rest in sight is known as far as it can be."""
    exchange = Exchange()
    for step in happened[:begun]:
        exchange.step(*step)
    exchange.messages.clear()
    exchange.books.clear()
    for step in happened[begun:]:
        exchange.step(*step)
    if not exchange.messages:
        return
    with tempfile.TemporaryDirectory() as folder:
        reader = lobster.read(write_pair(Path(folder), exchange.messages, exchange.books), chunk=chunk)
        batch = EventBatch.concat(reader)
    assert reader.stats.corrected == 0
    assert reader.stats.unknown_orders == 0
    books = BookSet()
    tops = books.trace(batch, LEVELS)
    assert not books["AAPL"].anomalies
    lines = batch.sequence[tops.rows]
    for row in np.flatnonzero(lines > 0).tolist():
        bids, asks = exchange.books[lines[row] - 1]
        for told, ticks, lots in (
            (bids, tops.bid_ticks[row], tops.bid_lots[row]),
            (asks, tops.ask_ticks[row], tops.ask_lots[row]),
        ):
            assert dict(zip(ticks[lots > 0].tolist(), lots[lots > 0].tolist(), strict=True)) == told
    # An order that is in the books under its own number is the exchange's, with what is left of it.
    added = batch.order_id[(batch.action == ADD) & (batch.flags & F_SNAPSHOT == 0)].tolist()
    own = {number: size for number, size in _resting(books).items() if number in added}
    assert own.items() <= {number: size for number, (_, _, size) in exchange.orders.items()}.items()


def _resting(books: BookSet) -> dict[int, float]:
    book = books["AAPL"]
    levels = [("B", price) for price, *_ in book.bids(100)] + [("A", price) for price, *_ in book.asks(100)]
    return {number: size for side, price in levels for number, size in book.orders(side, price)}  # type: ignore[arg-type]
