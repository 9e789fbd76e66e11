"""Captures whose ticks and lots change on the way, by a slow, obvious book of Decimals."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet
from hftlab.instruments import UNIT
from hftlab.venues import binance
from tests.venues.captures import snapshot, update, write_capture

Side = dict[str, str]

# From millionths of a cent and billions of coins to whole numbers: each with the decimals that it happens to have.
prices = st.tuples(st.integers(1, 300), st.integers(0, 8)).map(lambda one: f"{Decimal(one[0]).scaleb(-one[1]):f}")
sizes = st.tuples(st.integers(0, 999), st.integers(-7, 8)).map(lambda one: f"{Decimal(one[0]).scaleb(-one[1]):f}")
sides = st.dictionaries(prices, sizes, max_size=6)


def apply(book: dict[Decimal, Decimal], levels: Side) -> None:
    for price, size in levels.items():
        book.pop(Decimal(price), None)
        if Decimal(size):
            book[Decimal(price)] = Decimal(size)


@settings(max_examples=60)
@given(st.lists(sides, min_size=1, max_size=12), st.sampled_from(["BTCUSDT", "ZZTUSDT"]), st.integers(1, 40))
def test_the_book_is_that_of_decimals_whatever_they_are(changes: list[Side], symbol: str, chunk: int) -> None:
    book: dict[Decimal, Decimal] = {}
    for levels in changes:
        apply(book, levels)
    messages = [snapshot(1, {}, {}), *(update(n, n, levels, {}) for n, levels in enumerate(changes, 2))]
    for message in messages[1:]:
        message["data"]["s"] = symbol
    with tempfile.TemporaryDirectory() as folder:
        reader = binance.read(write_capture(Path(folder) / "capture", *messages), chunk=chunk)
        books = BookSet()
        for batch in reader:
            books.apply(batch)
            assert batch.instruments == (reader.instrument,)
    instrument = reader.instrument
    exact = [
        (
            Decimal(instrument.ticks(price) * instrument.tick) / UNIT,
            Decimal(instrument.lots(size) * instrument.lot) / UNIT,
        )
        for price, size, *_ in books[symbol].bids(100)
    ]
    assert exact == sorted(book.items(), reverse=True)
