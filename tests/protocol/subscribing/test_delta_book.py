"""Incremental books at a client."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import BookDelta, OrderBookLevel
from hftlab.protocol.level_book import LevelBook
from hftlab.protocol.subscribing.delta_book import DeltaBook

SIDES = st.lists(st.dictionaries(st.integers(1, 30), st.integers(1, 9), max_size=12), min_size=2, max_size=8)


def levels(side: dict[int, int]) -> list[OrderBookLevel]:
    return [OrderBookLevel(price=price, size=size, orders=1) for price, size in side.items()]


def delta(book: LevelBook, sequence: int, old: LevelBook | None = None, **changes: int) -> BookDelta:
    """The message that turns `old`, or nothing, into `book`."""
    bids, asks = (book.bids(), book.asks()) if old is None else book.since(old)
    return BookDelta(
        timestamp=1.0,
        channel=1,
        sequence=sequence,
        symbol="AAPL",
        exchange="X",
        bids=bids,
        asks=asks,
        checksum=changes.get("checksum", book.checksum(sequence)),
        ts_event=float(sequence),
        snapshot=old is None,
    )


@given(SIDES)
def test_after_each_change_it_is_the_servers(states: list[dict[int, int]]) -> None:
    here, old = DeltaBook(), None
    for sequence, state in enumerate(states, 1):
        book = LevelBook(levels(state), levels({price + 100: size for price, size in state.items()}))
        assert here.apply(delta(book, sequence, old))
        view = here.view("AAPL")
        assert (list(view.bid_levels), list(view.ask_levels)) == (book.bids(), book.asks())
        assert (view.stale, view.ts_event) == (False, sequence * 1_000_000)
        old = book


def test_before_the_first_snapshot_changes_are_ignored() -> None:
    here, book = DeltaBook(), LevelBook(levels({1: 1}), [])
    assert here.apply(delta(book, 2, LevelBook([], [])))
    assert here.is_stale
    assert here.view("AAPL").bid_levels == ()


def test_a_wrong_checksum_makes_it_stale_until_a_snapshot() -> None:
    here = DeltaBook()
    first, second = LevelBook(levels({1: 1}), []), LevelBook(levels({1: 2}), [])
    assert here.apply(delta(first, 1))
    assert not here.apply(delta(second, 2, first, checksum=7))
    assert here.is_stale
    assert here.apply(delta(second, 3))
    assert not here.is_stale


def test_what_has_been_shown_does_not_change() -> None:
    here, first = DeltaBook(), LevelBook(levels({1: 1}), [])
    here.apply(delta(first, 1))
    view = here.view("AAPL")
    here.apply(delta(LevelBook(levels({1: 2}), []), 2, first))
    assert view.bids() == [(1.0, 1.0, 1)]
    here.mark_stale()
    assert here.view("AAPL").stale
