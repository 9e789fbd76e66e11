"""Stops that look at quotes, and stops that trail, scenario by scenario."""

from __future__ import annotations

import pytest

from hftlab.book.matching import Action, MatchingEngine, OrderType, Reason, Result, Status, Trigger
from tests.book.matching.streams import SHARES


@pytest.fixture
def engine() -> MatchingEngine:
    """An engine whose first book is 95 bid for 50, offered at 105."""
    engine = MatchingEngine(SHARES)
    engine.place("ONE", "B", 50, 95)
    engine.place("ONE", "A", 50, 105)
    return engine


def trade(engine: MatchingEngine, price: int) -> Result:
    """One lot changes hands at a price inside the quotes; the stops that it releases are in the second result."""
    engine.place("ONE", "A", 1, price)
    return engine.place("ONE", "B", 1, price)


def triggered(result: Result) -> list[int]:
    return [int(row["id"]) for row in result.updates if row["status"] == Status.TRIGGERED]


def stop_of(engine: MatchingEngine, number: int = 0) -> int | None:
    return engine["ONE"].waiting()[number].stop


class TestQuotes:
    def test_the_best_ask_releases_a_buy_stop_without_a_trade(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 5, 104)
        engine.place("ONE", "B", 3, stop=105, type=OrderType.STOP, trigger=Trigger.QUOTE)
        result = engine.cancel(3)
        assert triggered(result) == [4]
        assert result.fills[["price", "size"]].tolist() == [(105, 3)]

    def test_the_best_bid_releases_a_sell_stop(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 5, 96)
        engine.place("ONE", "A", 3, stop=95, type=OrderType.STOP, trigger=Trigger.QUOTE)
        assert triggered(engine.replace(3, 5, 94)) == [4]

    def test_a_quote_that_is_there_releases_at_once(self, engine: MatchingEngine) -> None:
        assert triggered(engine.place("ONE", "B", 3, stop=105, type=OrderType.STOP, trigger=Trigger.QUOTE)) == [3]

    def test_trades_do_not_release_one_that_waits_for_quotes(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 9, 102)
        engine.place("ONE", "B", 3, stop=104, type=OrderType.STOP, trigger=Trigger.QUOTE)
        assert triggered(engine.place("ONE", "B", 1, 102)) == []

    def test_quotes_do_not_release_one_that_waits_for_trades(self, engine: MatchingEngine) -> None:
        assert triggered(engine.place("ONE", "B", 3, stop=104, type=OrderType.STOP)) == []
        assert triggered(trade(engine, 104)) == [3]

    def test_either_releases_one_that_waits_for_either(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 9, 102)
        for _ in range(2):
            engine.place("ONE", "B", 1, 110, stop=104, type=OrderType.STOP_LIMIT, trigger=Trigger.EITHER)
        assert triggered(engine.cancel(3)) == [4, 5]

    def test_so_does_a_trade_that_leaves_no_quote(self) -> None:
        engine = MatchingEngine(SHARES)
        for price in (102, 104):
            engine.place("ONE", "A", 1, price)
        engine.place("ONE", "B", 1, stop=103, type=OrderType.STOP, trigger=Trigger.EITHER)
        assert triggered(engine.place("ONE", "B", 2, 104)) == [3]

    def test_an_empty_side_releases_nothing(self) -> None:
        engine = MatchingEngine(SHARES)
        assert triggered(engine.place("ONE", "B", 3, stop=1, type=OrderType.STOP, trigger=Trigger.QUOTE)) == []

    def test_quotes_of_a_call_do_not_count(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 5, 104)
        engine.place("ONE", "B", 3, stop=105, type=OrderType.STOP, trigger=Trigger.QUOTE)
        engine.command(Action.CALL, "ONE")
        assert triggered(engine.cancel(3)) == []
        assert triggered(engine.command(Action.UNCROSS, "ONE")) == [4]

    def test_one_that_fired_goes_although_the_quote_comes_back(self, engine: MatchingEngine) -> None:
        """The first that is released takes the ask that reached both; both are released all the same."""
        engine.place("ONE", "A", 1, 101)
        engine.place("ONE", "A", 1, 103)
        for stop in (103, 102):
            engine.place("ONE", "B", 1, 90, stop=stop, type=OrderType.STOP_LIMIT, trigger=Trigger.QUOTE)
        assert triggered(engine.cancel(3)) == [6, 5]

    def test_only_stops_have_a_trigger(self, engine: MatchingEngine) -> None:
        for fields in ({"trigger": Trigger.QUOTE}, {"trail": 1}):
            assert engine.place("ONE", "B", 3, 90, **fields).updates["reason"].tolist() == [Reason.BAD_TYPE]
        unknown = engine.place("ONE", "B", 3, stop=90, type=OrderType.STOP, trigger=3)
        assert unknown.updates["reason"].tolist() == [Reason.BAD_TYPE]


class TestTrailing:
    def test_a_sell_stop_follows_trades_up_and_never_down(self, engine: MatchingEngine) -> None:
        trade(engine, 100)
        engine.place("ONE", "A", 4, type=OrderType.STOP, trail=3)
        places = []
        for price in (100, 102, 101, 104, 102):
            assert triggered(trade(engine, price)) == []
            places.append(stop_of(engine))
        assert places == [97, 99, 99, 101, 101]
        result = trade(engine, 101)
        assert result.fills[["price", "size"]].tolist() == [(101, 1), (95, 4)]

    def test_a_buy_stop_follows_trades_down(self, engine: MatchingEngine) -> None:
        trade(engine, 100)
        engine.place("ONE", "B", 4, type=OrderType.STOP, trail=2)
        trade(engine, 97)
        assert stop_of(engine) == 99
        assert triggered(trade(engine, 99)) == [5]

    def test_it_may_begin_elsewhere(self, engine: MatchingEngine) -> None:
        trade(engine, 100)
        engine.place("ONE", "A", 4, stop=90, type=OrderType.STOP, trail=3)
        assert stop_of(engine) == 97
        engine.place("ONE", "A", 4, stop=98, type=OrderType.STOP, trail=3)
        assert stop_of(engine, 1) == 98

    def test_it_may_follow_in_steps(self, engine: MatchingEngine) -> None:
        trade(engine, 97)
        engine.place("ONE", "A", 4, type=OrderType.STOP, trail=1, trail_step=3)
        places = []
        for price in (99, 100, 102, 104):
            trade(engine, price)
            places.append(stop_of(engine))
        assert places == [96, 99, 99, 102]

    def test_it_may_follow_quotes(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 4, type=OrderType.STOP, trail=2, trigger=Trigger.QUOTE)
        assert stop_of(engine) == 93
        engine.place("ONE", "B", 5, 99)
        assert stop_of(engine) == 97
        assert triggered(engine.cancel(4)) == [3]

    def test_its_limit_moves_along(self, engine: MatchingEngine) -> None:
        trade(engine, 100)
        engine.place("ONE", "A", 4, 96, stop=97, type=OrderType.STOP_LIMIT, trail=3)
        trade(engine, 104)
        waiting = engine["ONE"].waiting()[0]
        assert (waiting.stop, waiting.price) == (101, 100)
        assert engine.place("ONE", "A", 1, 95).fills["price"].tolist() == [95]
        assert engine["ONE"].asks(1) == [(1.0, 4.0, 1)]

    def test_a_sweep_of_one_order_is_seen_trade_after_trade(self, engine: MatchingEngine) -> None:
        """Up from 100 to 104: the low trade came first, so the stop that the high one leaves at 101 stays."""
        trade(engine, 100)
        engine.place("ONE", "A", 4, type=OrderType.STOP, trail=3)
        for price in (100, 102, 104):
            engine.place("ONE", "A", 1, price)
        assert triggered(engine.place("ONE", "B", 3, 104)) == []
        assert stop_of(engine) == 101

    def test_without_a_price_to_trail_it_is_refused(self) -> None:
        engine = MatchingEngine(SHARES)
        for trigger in Trigger:
            refused = engine.place("ONE", "A", 4, type=OrderType.STOP, trail=3, trigger=trigger)
            assert refused.updates[["status", "reason"]].tolist() == [(Status.REJECTED, Reason.NO_REFERENCE)]
        assert engine.place("ONE", "A", 4, stop=90, type=OrderType.STOP, trail=3).updates["status"] == Status.ACCEPTED

    @pytest.mark.parametrize("fields", [{"trail": -1}, {"trail": 2**62}, {"trail": 1, "trail_step": -1}])
    def test_an_impossible_offset_is_refused(self, engine: MatchingEngine, fields: dict[str, int]) -> None:
        refused = engine.place("ONE", "A", 4, stop=90, type=OrderType.STOP, **fields)
        assert refused.updates["reason"].tolist() == [Reason.BAD_TRAIL]

    def test_a_replacement_leaves_it_where_it_is_or_moves_it(self, engine: MatchingEngine) -> None:
        trade(engine, 100)
        engine.place("ONE", "A", 4, type=OrderType.STOP, trail=3)
        engine.replace(5, 9)
        assert engine["ONE"].waiting()[0][3:] == (97, None, 9)
        engine.replace(5, 9, stop=99)
        assert stop_of(engine) == 99
        assert triggered(engine.replace(5, 9, stop=100)) == [5]

    def test_a_limit_does_not_trail_out_of_the_prices(self, engine: MatchingEngine) -> None:
        trade(engine, 100)
        engine.place("ONE", "B", 4, 2, stop=110, type=OrderType.STOP_LIMIT, trail=3)
        assert engine["ONE"].waiting()[0][3:5] == (103, 1)


class TestWaiting:
    def test_shows_every_order_that_nobody_sees(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 1, stop=90, type=OrderType.STOP, owner=7)
        engine.place("ONE", "B", 2, 111, stop=110, type=OrderType.STOP_LIMIT)
        engine.place("ONE", "B", 3, 100, all_or_none=1)
        engine.place("TWO", "B", 3, stop=110, type=OrderType.STOP)
        assert engine["ONE"].waiting() == [
            (4, 0, "B", 110, 111, 2),
            (3, 7, "A", 90, None, 1),
            (5, 0, "B", None, 100, 3),
        ]
        for order_id in (3, 5):
            with pytest.raises(KeyError):
                engine["ONE"].ahead(order_id)

    def test_the_close_expires_them(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 1, stop=90, type=OrderType.STOP, trigger=Trigger.QUOTE)
        engine.place("ONE", "B", 3, 100, all_or_none=1)
        engine.command(Action.CLOSE, "ONE")
        assert engine["ONE"].waiting() == []
        assert len(engine) == 0
