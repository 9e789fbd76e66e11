"""A book as a line of text; notebooks show it as a table (tests/test_display.py)."""

from __future__ import annotations

from hftlab.protocol.book import Book
from tests.protocol.conftest import level, symbol

NOON = 1_709_294_400_000.25  # 2024-03-01 12:00:00.000250 UTC


def test_a_book_is_one_line_of_text() -> None:
    bids, asks = [level(100.0 - n) for n in range(12)], [level(101.5, 1234.0)]
    book = Book.of(symbol("<X>", bids=bids, asks=asks, timestamp=NOON), stale=True)
    assert repr(book) == "Book(<X>: 1 @ 100 / 1234 @ 101.5, 2024-03-01 12:00:00.000250 UTC, stale)"


def test_an_empty_book_says_so() -> None:
    assert ": - / -, " in repr(Book.of(symbol(bids=[], asks=[]), stale=False))


def test_a_level_is_a_tuple_with_names() -> None:
    book = Book.of(symbol(bids=[level(100.0, 7.0)], asks=[]), stale=False)
    assert book.bids() == [(100.0, 7.0, 1)]
    assert (book.bids(1)[0].price, book.bids(1)[0].size, book.bids(1)[0].orders) == (100.0, 7.0, 1)
