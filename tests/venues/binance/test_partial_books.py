from __future__ import annotations

import pytest

from hftlab.venues.binance.messages import DepthUpdate, Level
from hftlab.venues.binance.partial_books import PartialBooks


def update(bids: int, asks: int, *, previous: int | None = 1) -> DepthUpdate:
    """So many levels a side, from 100 down and from 101 up."""
    return DepthUpdate(
        "BTCUSDT",
        1,
        2,
        3,
        [Level(str(100 - level), "1") for level in range(bids)],
        [Level(str(101 + level), "1") for level in range(asks)],
        previous,
    )


def tally(*updates: DepthUpdate) -> PartialBooks:
    books = PartialBooks()
    for one in updates:
        books.add(one)
    return books


REMOVAL = update(5, 5)
REMOVAL.bids[2].size = "0.000"
UNSORTED = update(5, 5)
UNSORTED.asks.reverse()
CROSSED = update(5, 5)
CROSSED.asks[0].price = "100"
NOT_NUMBERS = update(5, 5)
NOT_NUMBERS.asks[0].price = "x"


@pytest.mark.parametrize(
    ("updates", "depth", "mixed"),
    [
        ([update(5, 5)], 5, False),
        ([update(10, 10)] * 3, 10, False),
        ([update(20, 20), update(20, 17)], 20, False),
        ([update(20, 17), update(3, 20), update(20, 20)], None, False),
        ([update(4, 4)] * 5, None, False),
        ([update(5, 5), update(6, 5)], None, False),
        ([update(5, 0), update(5, 5)], None, False),
        ([update(21, 21)], None, False),
        ([REMOVAL], None, False),
        ([UNSORTED], None, False),
        ([CROSSED], None, False),
        ([NOT_NUMBERS], None, False),
        ([update(5, 5), update(5, 5), REMOVAL], None, True),
        ([update(10, 10)] * 2 + [REMOVAL] * 6, None, True),
        ([update(10, 10)] * 2 + [REMOVAL] * 7, None, False),
        ([update(5, 5, previous=None)] * 4, None, False),
        ([], None, False),
    ],
)
def test_what_all_updates_together_are(updates: list[DepthUpdate], depth: int | None, mixed: bool) -> None:
    books = tally(*updates)
    assert (books.depth, books.are_mixed) == (depth, mixed)
