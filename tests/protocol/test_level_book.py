"""Books of levels, their changes and their checksum."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import OrderBookLevel
from hftlab.protocol.level_book import CHECKED_DEPTH, LevelBook, checksum

SIDE = st.dictionaries(st.integers(1, 40), st.integers(0, 9), max_size=20)


def levels(side: dict[int, int]) -> list[OrderBookLevel]:
    return [OrderBookLevel(price=price, size=size, orders=1) for price, size in side.items()]


@given(SIDE, SIDE)
def test_sides_are_sorted_and_empty_levels_left_out(bids: dict[int, int], asks: dict[int, int]) -> None:
    book = LevelBook(levels(bids), levels(asks))
    assert [level.price for level in book.bids()] == sorted((p for p, size in bids.items() if size), reverse=True)
    assert [level.price for level in book.asks()] == sorted(p for p, size in asks.items() if size)


@given(SIDE, SIDE, SIDE, SIDE)
def test_changes_turn_the_old_book_into_the_new_one(
    bids: dict[int, int], asks: dict[int, int], new_bids: dict[int, int], new_asks: dict[int, int]
) -> None:
    old, new = LevelBook(levels(bids), levels(asks)), LevelBook(levels(new_bids), levels(new_asks))
    changes = new.since(old)
    old.apply(*changes)
    assert (old.bids(), old.asks()) == (new.bids(), new.asks())
    assert new.since(old) == ([], [])


def test_the_checksum_is_that_of_the_wires_description() -> None:
    """CRC32 of doubles: the sequence, then price and size of bids and asks, best first."""
    book = LevelBook(levels({9: 1, 8: 2}), levels({10: 3}))
    assert book.checksum(5) == zlib.crc32(struct.pack("<7d", 5, 9, 1, 8, 2, 10, 3))


def test_the_checksum_covers_ten_levels_a_side() -> None:
    deep = levels(dict.fromkeys(range(1, CHECKED_DEPTH + 2), 1))
    assert checksum(1, deep, []) == checksum(1, deep[:CHECKED_DEPTH], [])
    assert checksum(1, deep, []) != checksum(2, deep, [])
