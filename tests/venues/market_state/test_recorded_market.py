"""The market of a recording: books, ids and trades as the events make them."""

from __future__ import annotations

import numpy as np
import pytest

from hftlab.venues.market_state.level_differences import Levels
from hftlab.venues.market_state.recorded_market import RecordedMarket
from tests.batches import COIN, SHARE, Row, make_batch
from tests.venues.binance.api.markets import MS, SmallMarket

pytestmark = pytest.mark.usefixtures("compiled")


def listed(levels: Levels) -> list[tuple[int, int]]:
    return list(zip(levels.ticks.tolist(), levels.lots.tolist(), strict=True))


def test_a_book_has_the_id_of_its_last_change() -> None:
    market = SmallMarket()
    state = market.recorded.states["COIN"]
    assert (state.update_id, state.has_book, state.ts_event) == (4, True, 4 * MS)
    assert listed(market.recorded.levels("COIN", is_bid=True)) == [(9_900, 5), (9_800, 7)]
    assert listed(market.recorded.levels("COIN", is_bid=True, depth=1)) == [(9_900, 5)]
    assert listed(market.recorded.levels("COIN", is_bid=False)) == [(10_000, 3)]


def test_a_trade_is_remembered_and_does_not_change_the_id() -> None:
    market = SmallMarket()
    market.apply(Row("T", "B", 10_000, 2), Row("T", "A", 9_900, 1))
    state = market.recorded.states["COIN"]
    assert state.update_id == 4
    assert [(one.number, one.price, one.lots, one.buyer_is_maker) for one in state.trades] == [
        (5, 10_000 * COIN.tick, 2, False),
        (6, 9_900 * COIN.tick, 1, True),
    ]
    assert [one.number for one in state.trades_since(1)] == [6]


def test_a_cleared_book_is_none_until_its_next_level() -> None:
    """As in a gap of a recording: the importer clears the book, and goes on with the next snapshot."""
    market = SmallMarket()
    state = market.recorded.states["COIN"]
    market.apply(Row("R"))
    assert not state.has_book
    assert listed(market.recorded.levels("COIN", is_bid=True)) == []
    market.apply(Row("T", "B", 10_000, 2))
    assert not state.has_book
    market.apply(Row("R"), Row("A", "B", 9_700, 1))
    assert state.has_book


def test_a_copy_goes_back_to_what_was() -> None:
    market = SmallMarket()
    market.apply(Row("T", "B", 10_000, 2))
    saved = market.recorded.save()
    market.apply(Row("M", "B", 9_900, 1), Row("T", "B", 10_000, 2))
    for _ in range(2):
        market.recorded.restore(saved)
        state = market.recorded.states["COIN"]
        assert (state.update_id, len(state.trades), state.has_book) == (4, 1, True)
        assert listed(market.recorded.levels("COIN", is_bid=True)) == [(9_900, 5), (9_800, 7)]
        assert state.day.day(state.ts_event) is not None
    market.recorded.restore(None)
    assert (state.update_id, len(state.trades), state.has_book) == (0, 0, False)


def test_several_symbols_each_have_their_own() -> None:
    recorded = RecordedMarket({"COIN": COIN, "SHARE": SHARE})
    rows = [Row("A", "B", 100, 1), Row("A", "B", 200, 2, instrument=1), Row("A", "A", 201, 3, instrument=1)]
    recorded.apply(make_batch(rows, [COIN, SHARE]), np.array([7, 8, 9]))
    assert [state.update_id for state in recorded.states.values()] == [7, 9]
    assert listed(recorded.levels("SHARE", is_bid=True)) == [(200, 2)]


def test_instruments_of_another_market_are_passed_over() -> None:
    recorded = RecordedMarket({"COIN": COIN})
    recorded.apply(make_batch([Row("A", "B", 200, 2)], [SHARE]), np.array([1]))
    assert not recorded.states["COIN"].has_book


def test_ids_that_go_back_are_noted() -> None:
    market = SmallMarket()
    market.count = 1
    market.apply(Row("M", "B", 9_900, 1))
    assert market.recorded.has_begun_anew


def test_first_books_stay_when_the_market_goes_on() -> None:
    market = SmallMarket()
    assert market.recorded.note_first_books()
    market.apply(Row("M", "B", 9_900, 1))
    assert market.recorded.note_first_books()
    first = market.recorded.first_books["COIN"]
    assert (first.state.update_id, listed(first.bids)) == (4, [(9_900, 5), (9_800, 7)])
