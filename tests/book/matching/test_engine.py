from __future__ import annotations

import numpy as np
import pytest

from hftlab.book.matching import MatchingEngine, Result
from hftlab.book.matching.entries import (
    Action,
    EntryType,
    InForce,
    Prevention,
    Reason,
    Status,
    TradingPhase,
    new_entries,
)
from hftlab.errors import EventError
from hftlab.events import BID, EventBatch
from hftlab.instruments import NYSE, Instrument
from tests.book.matching.streams import SHARES

ONE, TWO = SHARES


@pytest.fixture
def engine() -> MatchingEngine:
    """ONE: 10 at 100 (order 1) before 5 (order 2) bid, 7 at 102 (order 3) asked; all of owner 1."""
    engine = MatchingEngine(SHARES)
    engine.place("ONE", "B", 10, 100, owner=1)
    engine.place("ONE", "B", 5, 100, owner=1)
    engine.place("ONE", "A", 7, 102, owner=1)
    return engine


def story(result: Result) -> list[str]:
    """The public events in short: action, side, ticks, lots, order."""
    events = result.events
    return [
        f"{chr(events.action[row])}{chr(events.side[row])} {events.price[row] // ONE.tick}x{events.size[row]}"
        f" #{events.order_id[row]}"
        for row in range(len(events))
    ]


def ids(engine: MatchingEngine, side: str = "B") -> list[int]:
    return [one.id for one in engine["ONE"].queue("B" if side == "B" else "A")]


def reasons(result: Result) -> list[tuple[Status, Reason]]:
    return [(Status(row["status"]), Reason(row["reason"])) for row in result.updates]


class TestLimitAndMarketOrders:
    def test_trade_at_the_price_of_those_who_wait_first_come_first_served(self, engine: MatchingEngine) -> None:
        result = engine.place("ONE", "A", 12, 99, owner=2, time=9)
        assert story(result) == [
            "TA 100x10 #4",
            "FB 100x10 #1",
            "CB 100x10 #1",
            "TA 100x2 #4",
            "FB 100x2 #2",
            "CB 100x2 #2",
        ]
        assert result.fills[["buy_owner", "sell_owner", "price", "size", "buy_left", "sell_left"]].tolist() == [
            (1, 2, 100, 10, 0, 2),
            (1, 2, 100, 2, 3, 0),
        ]
        assert set(result.events.ts_event.tolist()) == {9}
        assert engine["ONE"].last == 100
        assert engine["ONE"].bids() == [(1.0, 3.0, 1)]

    def test_rest_when_they_find_no_more(self, engine: MatchingEngine) -> None:
        assert story(engine.place("ONE", "B", 9, 103))[-1] == "AB 103x2 #4"
        assert engine["ONE"].best() == ((1.03, 2.0, 1), None)

    def test_what_a_market_order_does_not_get_is_cancelled(self, engine: MatchingEngine) -> None:
        result = engine.place("ONE", "B", 9, type=EntryType.MARKET)
        assert reasons(result)[-1] == (Status.CANCELLED, Reason.NO_LIQUIDITY)
        assert result.updates[-1]["size"] == 2
        assert engine["ONE"].asks() == []

    def test_instruments_do_not_touch_each_other(self, engine: MatchingEngine) -> None:
        engine.place(TWO, "A", 9, 1)
        assert engine["TWO"].asks() == [(0.05, 9.0, 1)]
        assert len(engine) == 4


class TestConditions:
    def test_ioc_does_not_rest(self, engine: MatchingEngine) -> None:
        result = engine.place("ONE", "B", 9, 102, in_force=InForce.IOC)
        assert result.fills["size"].tolist() == [7]
        assert engine["ONE"].asks() == []
        assert ids(engine) == [1, 2]

    @pytest.mark.parametrize(("size", "filled"), [(7, 7), (8, 0)])
    def test_fok_is_all_or_nothing(self, engine: MatchingEngine, size: int, filled: int) -> None:
        result = engine.place("ONE", "B", size, 102, in_force=InForce.FOK)
        assert result.fills["size"].sum() == filled
        assert ((Status.CANCELLED, Reason.NOT_FILLABLE) in reasons(result)) == (filled == 0)

    def test_post_only_never_takes(self, engine: MatchingEngine) -> None:
        assert reasons(engine.place("ONE", "B", 1, 102, post_only=1)) == [(Status.REJECTED, Reason.WOULD_TAKE)]
        assert story(engine.place("ONE", "B", 1, 101, post_only=1)) == ["AB 101x1 #5"]

    def test_an_iceberg_shows_a_part_and_queues_again_with_each(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 20, 101, type=EntryType.ICEBERG, display=4)
        engine.place("ONE", "A", 3, 101)
        assert engine["ONE"].asks(1) == [(1.01, 7.0, 2)]
        result = engine.place("ONE", "B", 5, 101)
        assert story(result) == [
            "TB 101x4 #6", "FA 101x4 #4", "CA 101x4 #4", "AA 101x4 #4", "TB 101x1 #6", "FA 101x1 #5", "CA 101x1 #5",
        ]  # fmt: skip
        assert ids(engine, "A") == [5, 4, 3]
        assert result.fills["sell_left"].tolist() == [16, 2]

    def test_a_stop_waits_unseen_for_its_price(self, engine: MatchingEngine) -> None:
        placed = engine.place("ONE", "A", 10, stop=100, type=EntryType.STOP)
        assert story(placed) == []
        result = engine.place("ONE", "A", 1, 100)
        assert (Status.TRIGGERED, Reason.NONE) in reasons(result)
        assert result.fills["sell_id"].tolist() == [5, 4, 4]
        assert np.count_nonzero(result.events.flags) == 2
        assert len(set(result.events.sequence.tolist())) == 2

    def test_a_stop_limit_keeps_its_limit(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 5, 101, stop=102, type=EntryType.STOP_LIMIT)
        result = engine.place("ONE", "B", 1, 102)
        assert story(result)[-1] == "AB 101x5 #4"

    def test_stops_can_set_off_stops(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 5, 95)
        engine.place("ONE", "A", 16, stop=100, type=EntryType.STOP)
        engine.place("ONE", "A", 2, stop=96, type=EntryType.STOP)
        result = engine.place("ONE", "A", 1, 100)
        assert result.fills[["sell_id", "price"]].tolist() == [(7, 100), (5, 100), (5, 100), (5, 95), (6, 95)]


class TestReplacing:
    def test_fewer_lots_keep_the_place(self, engine: MatchingEngine) -> None:
        assert story(engine.replace(1, 4, 100)) == ["MB 100x4 #1"]
        assert ids(engine) == [1, 2]
        assert engine["ONE"].ahead(2) == 4

    @pytest.mark.parametrize(("size", "price", "order"), [(11, 100, [2, 1]), (10, 101, [1, 2]), (10, 99, [2, 1])])
    def test_more_lots_or_another_price_lose_it(
        self, engine: MatchingEngine, size: int, price: int, order: list[int]
    ) -> None:
        assert story(engine.replace(1, size, price)) == [f"MB {price}x{size} #1"]
        assert ids(engine) == order

    def test_it_may_trade_at_once(self, engine: MatchingEngine) -> None:
        result = engine.replace(1, 10, 102, time=3)
        assert story(result) == ["CB 100x10 #1", "TB 102x7 #1", "FA 102x7 #3", "CA 102x7 #3", "AB 102x3 #1"]

    def test_only_the_owner_may(self, engine: MatchingEngine) -> None:
        assert reasons(engine.replace(1, 4, 100, owner=2)) == [(Status.REJECTED, Reason.UNKNOWN_ORDER)]
        assert reasons(engine.cancel(1, owner=2)) == [(Status.REJECTED, Reason.UNKNOWN_ORDER)]
        assert reasons(engine.cancel(1, owner=1)) == [(Status.CANCELLED, Reason.REQUESTED)]
        assert reasons(engine.cancel(1, owner=1)) == [(Status.REJECTED, Reason.UNKNOWN_ORDER)]


class TestSelfTradePrevention:
    @pytest.mark.parametrize(
        ("prevention", "asks", "bids", "fills"),
        [
            (Prevention.NONE, [5], [1, 2], 2),
            (Prevention.CANCEL_NEWEST, [3, 5], [1, 2], 0),
            (Prevention.CANCEL_OLDEST, [4], [6, 1, 2], 1),
            (Prevention.CANCEL_BOTH, [5], [1, 2], 0),
            (Prevention.DECREMENT, [5], [1, 2], 1),
        ],
    )
    def test_does_what_the_newer_order_says(
        self, engine: MatchingEngine, prevention: Prevention, asks: list[int], bids: list[int], fills: int
    ) -> None:
        """The owner of order 3 (7 at 102) buys 9 at up to 103, where owner 2 offers 4."""
        engine.place("ONE", "A", 1, 110)
        engine.place("ONE", "A", 4, 103, owner=2)
        result = engine.place("ONE", "B", 9, 103, owner=1, prevention=prevention)
        assert len(result.fills) == fills
        assert ids(engine, "A")[: len(asks)] == asks
        assert ids(engine) == bids

    @pytest.mark.parametrize(
        ("prevention", "size", "filled"),
        [
            (Prevention.CANCEL_NEWEST, 4, 4),
            (Prevention.CANCEL_NEWEST, 5, 0),
            (Prevention.DECREMENT, 5, 0),
            (Prevention.CANCEL_OLDEST, 20, 20),
            (Prevention.CANCEL_OLDEST, 21, 0),
        ],
    )
    def test_fok_counts_what_the_owner_would_really_get(self, prevention: Prevention, size: int, filled: int) -> None:
        """The hidden lots of an iceberg ahead of the owner's own order come back behind it."""
        engine = MatchingEngine(SHARES)
        engine.place("ONE", "A", 20, 102, owner=2, type=EntryType.ICEBERG, display=4)
        engine.place("ONE", "A", 7, 102, owner=1)
        result = engine.place("ONE", "B", size, 102, owner=1, in_force=InForce.FOK, prevention=prevention)
        assert result.fills["size"].sum() == filled

    def test_nobody_is_not_one_owner(self) -> None:
        engine = MatchingEngine(SHARES)
        engine.place("ONE", "B", 1, 100)
        assert len(engine.place("ONE", "A", 1, 100, prevention=Prevention.CANCEL_BOTH).fills) == 1


class TestFace:
    def test_results_do_not_change_later(self, engine: MatchingEngine) -> None:
        result = engine.place("ONE", "B", 1, 90)
        before = story(result), result.updates.tolist()
        engine.place("ONE", "B", 2, 91)
        assert (story(result), result.updates.tolist()) == before
        assert isinstance(result.events, EventBatch)

    def test_ids_are_counted(self, engine: MatchingEngine) -> None:
        assert engine.next_id == 4
        engine.place("ONE", "B", 0, 100)
        assert engine.next_id == 5
        assert 3 in engine
        assert np.uint64(3) in engine
        assert 2**64 not in engine
        assert 4 not in engine

    def test_finds_books_by_symbol_and_instrument(self, engine: MatchingEngine) -> None:
        assert engine[ONE].bids() == engine["ONE"].bids()
        with pytest.raises(KeyError, match="NONE"):
            engine["NONE"]
        twins = MatchingEngine([ONE, Instrument("ONE", NYSE, ONE.tick, ONE.lot, "USD")])
        with pytest.raises(KeyError, match="2 instruments of the engine are called ONE"):
            twins["ONE"]
        assert twins[ONE].bids() == []

    def test_position_in_the_queue(self, engine: MatchingEngine) -> None:
        assert [engine["ONE"].ahead(number) for number in (1, 2, 3)] == [0, 10, 0]
        with pytest.raises(KeyError):
            engine["ONE"].ahead(9)
        with pytest.raises(KeyError):
            engine["TWO"].ahead(1)

    def test_shows_itself(self, engine: MatchingEngine) -> None:
        assert repr(engine) == "MatchingEngine(ONE, TWO: 3 orders)"
        assert repr(engine["ONE"]) == "MatchingBook(ONE at NASDAQ: 15 @ 1 / 7 @ 1.02, CONTINUOUS)"
        assert repr(engine["TWO"]) == "MatchingBook(TWO at NASDAQ: - / -, CONTINUOUS)"
        assert engine["ONE"].phase == TradingPhase.CONTINUOUS
        assert (engine["ONE"].last, engine["ONE"].band) == (None, None)

    def test_takes_only_its_own_rows(self, engine: MatchingEngine) -> None:
        with pytest.raises(EventError, match="make them with new_entries"):
            engine.submit(np.zeros(3))
        assert len(engine.submit(new_entries(0)).updates) == 0
        assert engine.submit(new_entries(2, side=BID, price=np.array([1, 2]), size=3)).updates["price"].tolist() == [
            1,
            2,
        ]


class TestPricesOfZeroAndBelow:
    """Two instruments, of which the first may have them."""

    @pytest.fixture
    def engine(self) -> MatchingEngine:
        return MatchingEngine(SHARES, negative_prices=["ONE"])

    def test_orders_trade_there(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 5, -37)
        engine.place("ONE", "A", 5, 0)
        assert engine["ONE"].best() == ((-0.37, 5.0, 1), (0.0, 5.0, 1))
        result = engine.place("ONE", "B", 7, 0)
        assert result.fills[["price", "size"]].tolist() == [(0, 5)]
        assert engine["ONE"].last == 0
        assert engine.place("ONE", "A", 9, -40).fills["price"].tolist() == [0, -37]

    def test_events_carry_them(self, engine: MatchingEngine) -> None:
        events = engine.place("ONE", "B", 5, -37).events
        assert events.price.tolist() == [-37 * SHARES[0].tick]

    def test_others_still_refuse_them(self, engine: MatchingEngine) -> None:
        for price in (0, -1):
            assert engine.place("TWO", "B", 5, price).updates["reason"].tolist() == [Reason.BAD_PRICE]
        signed = MatchingEngine(SHARES, negative_prices=True)
        assert signed.place("TWO", "B", 5, -1).updates["status"].tolist() == [Status.ACCEPTED]

    def test_a_trade_at_zero_releases_stops_and_is_a_last_price(self, engine: MatchingEngine) -> None:
        assert engine["ONE"].last is None
        engine.place("ONE", "A", 1, stop=0, type=EntryType.STOP)
        engine.place("ONE", "A", 1, 0)
        engine.place("ONE", "B", 1, -5)
        assert engine.place("ONE", "B", 1, 0).fills["price"].tolist() == [0, -5]

    def test_a_stop_trails_through_zero(self, engine: MatchingEngine) -> None:
        for price in (-4, 2):
            engine.place("ONE", "A", 1, price)
            engine.place("ONE", "B", 1, price)
            if price < 0:
                engine.place("ONE", "A", 1, type=EntryType.STOP, trail=3)
        assert engine["ONE"].waiting()[0].stop == -1

    def test_auctions_and_bands_work_there(self, engine: MatchingEngine) -> None:
        engine.command(Action.BAND, "ONE", -3, 5)
        assert engine["ONE"].band == (-8, 2)
        engine.command(Action.CALL, "ONE")
        engine.place("ONE", "B", 5, 2)
        engine.place("ONE", "A", 5, -7)
        assert engine["ONE"].auction() == (-3, 5, 0)
        assert engine["ONE"].auction(0) == (0, 5, 0)
        assert engine.command(Action.UNCROSS, "ONE", 0, 1).fills["price"].tolist() == [0]
        assert engine["ONE"].band == (-5, 5)

    def test_market_orders_alone_trade_at_a_reference_of_zero(self, engine: MatchingEngine) -> None:
        engine.command(Action.CALL, "ONE")
        for side in "BA":
            engine.place("ONE", side, 5, type=EntryType.MARKET)  # type: ignore[arg-type]
        assert engine["ONE"].auction() == (0, 0, 0)
        assert engine.command(Action.UNCROSS, "ONE", 0, 1).fills["size"].tolist() == [5]

    def test_prices_beyond_the_integers_are_refused_on_both_ends(self, engine: MatchingEngine) -> None:
        most = (2**63 - 1) // SHARES[0].tick
        for price, status in ((most, 0), (most + 1, 1), (-most, 0), (-most - 1, 1), (-(2**63), 1)):
            assert engine.place("ONE", "B", 1, price).updates["status"].tolist() == [status]
            engine.cancel(engine.next_id - 1)

    def test_an_unknown_name_is_refused(self) -> None:
        with pytest.raises(KeyError, match="GOLD"):
            MatchingEngine(SHARES, negative_prices=["GOLD"])
