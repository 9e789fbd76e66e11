from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book import BookSet, Tops
from hftlab.book.kernels import apply_levels
from hftlab.errors import EventError
from hftlab.events import F_LAST, F_MBP, EventBatch
from hftlab.instruments import BINANCE_USDM, Instrument
from tests.batches import COIN, SHARE, Row, make_batch
from tests.reference_book import Levels, replay

INSTRUMENTS = (COIN, SHARE)

ROWS = st.builds(
    Row,
    action=st.sampled_from("AAAAMMCCCTFNR"),
    side=st.sampled_from("BA"),
    ticks=st.integers(-5, 30),
    lots=st.integers(0, 9),
    flags=st.sampled_from([F_MBP, F_MBP | F_LAST]),
    instrument=st.integers(0, 1),
    time=st.just(0),
)


def tops_of(tops: Tops) -> list[tuple[Levels, Levels]]:
    """Tops in the reference's form."""
    return [
        (
            [(int(t), int(n)) for t, n in zip(tops.bid_ticks[row], tops.bid_lots[row], strict=True) if n],
            [(int(t), int(n)) for t, n in zip(tops.ask_ticks[row], tops.ask_lots[row], strict=True) if n],
        )
        for row in range(len(tops.rows))
    ]


class TestAgainstReference:
    # No deadline: the first example loads or compiles the kernels.
    @settings(deadline=None)
    @given(st.lists(ROWS, max_size=120), st.integers(1, 12), st.integers(1, 40))
    def test_every_top_and_every_tally_is_the_references(self, rows: list[Row], depth: int, chunk: int) -> None:
        whole = make_batch(rows, INSTRUMENTS)
        batches = [whole[at : at + chunk] for at in range(0, len(whole), chunk)]
        expected_books, expected_tops = replay(batches, depth)
        books, found = BookSet(), []
        for batch in batches:
            tops = books.trace(batch, depth)
            assert tops.rows.tolist() == np.flatnonzero(batch.flags & F_LAST).tolist()
            found += tops_of(tops)
        assert found == expected_tops
        for symbol, expected in expected_books.items():
            book = books[symbol]
            assert (book.clears, book.crossed, book.unknown_levels) == (
                expected.clears,
                expected.crossed,
                expected.unknown_levels,
            )
            price, size = book.instrument.price, book.instrument.size
            assert book.bids(99) == [(price(ticks), size(lots), 0) for ticks, lots in expected.bids(99)]
            assert book.asks(99) == [(price(ticks), size(lots), 0) for ticks, lots in expected.asks(99)]

    @pytest.mark.parametrize("seed", [1, 2])
    def test_holds_when_sides_outgrow_their_room_many_times(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        rows = [
            Row("AAAC"[kind], "BA"[side], int(ticks), int(lots), F_MBP | F_LAST * (number % 50 == 0), instrument)
            for number, (kind, side, ticks, lots, instrument) in enumerate(
                random.integers(0, [4, 2, 20_000, 99, 2], (30_000, 5)).tolist()
            )
        ]
        batch = make_batch(rows, INSTRUMENTS)
        expected_books, expected_tops = replay([batch], 10)
        books = BookSet()
        assert tops_of(books.trace(batch)) == expected_tops
        for symbol, expected in expected_books.items():
            assert books[symbol].levels == (len(expected.sides["B"]), len(expected.sides["A"]))


@pytest.fixture
def books() -> BookSet:
    rows = [
        Row("A", "B", 6183763, 3788),
        Row("A", "B", 6183762, 617),
        Row("A", "A", 6183764, 1546),
        Row("A", "A", 6183985, 10),
    ]
    books = BookSet()
    books.apply(make_batch(rows))
    return books


class TestBook:
    def test_gives_levels_best_first(self, books: BookSet) -> None:
        assert books["COIN"].bids(10) == [(61837.63, 3.788, 0), (61837.62, 0.617, 0)]
        assert books["COIN"].asks(1) == [(61837.64, 1.546, 0)]
        assert books["COIN"].best() == ((61837.63, 3.788, 0), (61837.64, 1.546, 0))
        assert books["COIN"].bids(0) == []

    def test_follows_later_batches(self, books: BookSet) -> None:
        book = books["COIN"]
        books.apply(make_batch([Row("C", "B", 6183763)]))
        assert book.bids(1) == [(61837.62, 0.617, 0)]
        books.apply(make_batch([Row("R")]))
        assert book.best() == (None, None)
        assert book.clears == 1

    @pytest.mark.parametrize("action", ["T", "F", "N"])
    def test_trades_fills_and_nothing_do_not_change_it(self, books: BookSet, action: str) -> None:
        before = books["COIN"].bids(), books["COIN"].asks()
        books.apply(make_batch([Row(action, "B", 6183764, 9999)]))
        assert (books["COIN"].bids(), books["COIN"].asks()) == before

    def test_counts_what_is_odd(self, books: BookSet) -> None:
        books.apply(make_batch([Row("C", "B", 1), Row("A", "B", 6183764, 1), Row("T", "B", 1, 1), Row("N")]))
        assert books["COIN"].unknown_levels == 1
        assert books["COIN"].crossed == 1

    def test_shows_itself(self, books: BookSet) -> None:
        assert repr(books["COIN"]) == "OrderBook(COIN at BINANCE: 3.788 @ 61837.63 / 1.546 @ 61837.64)"
        assert repr(books) == "BookSet(COIN)"


class TestSet:
    def test_finds_books_by_symbol_and_by_instrument(self, books: BookSet) -> None:
        assert "COIN" in books
        assert COIN in books
        assert "NONE" not in books
        assert books[COIN].bids() == books["COIN"].bids()
        assert [book.instrument for book in books] == [COIN]
        assert len(books) == 1
        with pytest.raises(KeyError, match="NONE"):
            books["NONE"]

    def test_one_symbol_at_two_venues_needs_the_instrument(self, books: BookSet) -> None:
        other = Instrument("COIN", BINANCE_USDM, COIN.tick, COIN.lot, "USDT")
        books.apply(make_batch([Row("A", "B", 1, 1)], (other,)))
        assert books[other].levels == (1, 0)
        with pytest.raises(KeyError, match="COIN is in the books of BINANCE and BINANCE_USDM"):
            books["COIN"]

    def test_batches_may_number_instruments_differently(self) -> None:
        books = BookSet()
        books.apply(make_batch([Row("A", "B", 1, 1), Row("A", "B", 2, 2, instrument=1)], (COIN, SHARE)))
        books.apply(make_batch([Row("A", "B", 3, 3), Row("A", "B", 4, 4, instrument=1)], (SHARE, COIN)))
        assert books["COIN"].bids() == [(0.04, 0.004, 0), (0.01, 0.001, 0)]
        assert books["SHARE"].bids() == [(0.15, 3.0, 0), (0.1, 2.0, 0)]


class TestUnfitRows:
    @pytest.mark.parametrize(
        ("row", "reason"),
        [
            (Row("A", "N", 1, 1), "column side has N in row 1: action A needs B or A"),
            (Row("M", "B", 1, 1, flags=F_LAST), "column flags has no F_MBP in row 1"),
        ],
    )
    def test_change_nothing(self, books: BookSet, row: Row, reason: str) -> None:
        with pytest.raises(EventError, match=reason):
            books.apply(make_batch([Row("A", "B", 7, 7), row]))
        assert books["COIN"].levels == (2, 2)

    def test_a_price_off_the_tick_is_one(self, books: BookSet) -> None:
        batch = make_batch([Row("A", "B", 7, 7)])
        finer = Instrument("COIN", COIN.venue, COIN.tick * 2, COIN.lot, "USDT")
        odd = EventBatch.from_arrow(batch.to_arrow(), [finer])
        with pytest.raises(EventError, match="column price has 70000000 in row 0, no multiple of the tick of COIN"):
            BookSet().apply(odd)

    def test_depth_must_be_positive(self, books: BookSet) -> None:
        with pytest.raises(ValueError, match="depth must be 1 or more"):
            books.trace(make_batch([]), 0)


def test_whoever_made_the_arrays_one_compiled_kernel_serves_them(books: BookSet) -> None:
    batch = make_batch([Row("A", "B", 1, 1), Row("A", "B", 2, 1)])
    for variant in (batch[1:], batch[::-1], EventBatch.from_polars(batch.to_polars(), batch.instruments)):
        books.trace(variant)
    assert len(apply_levels.signatures) == 1  # type: ignore[attr-defined]
