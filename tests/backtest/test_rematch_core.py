"""The rematch core's rules, each in a small recording that can be reckoned by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hftlab.backtest.core import Core, Entry
from hftlab.backtest.rematch_core import RematchCore
from hftlab.backtest.reports import Cause, Why
from hftlab.book.matching.entries import EntryType, InForce, Prevention
from hftlab.errors import ArgumentError
from hftlab.events import ASK, BID, F_LAST
from tests.backtest.recorded_blocks import GivenRows
from tests.batches import SHARE, Row, make_batch

END = 2**62
MILLISECOND = 1_000_000

Filled = tuple[int, int, int, Why, int]
"""Number, lots, price, why, ahead."""


def row(action: str, side: str = "N", ticks: int = 0, lots: int = 0, order: int = 0, **fields: int) -> Row:
    return Row(action, side, ticks, lots, flags=0, order=order)._replace(**fields)


def add(side: str, ticks: int, lots: int, order: int) -> list[Row]:
    return [row("A", side, ticks, lots, order)]


def executed(side: str, ticks: int, lots: int, order: int) -> list[Row]:
    """The rows of an execution of a resting order of a side."""
    taker = "B" if side == "A" else "A"
    return [row("T", taker, ticks, lots), row("F", side, ticks, lots, order), row("C", side, ticks, lots, order)]


def core_of(*events: Sequence[Row]) -> RematchCore:
    """A core of one share whose n-th event happens at n ms."""
    rows = [one._replace(time=one.time or number) for number, event in enumerate(events, 1) for one in event]
    ends = np.cumsum([len(event) for event in events])
    rows = [one._replace(flags=F_LAST) if number in ends else one for number, one in enumerate(rows, 1)]
    return RematchCore(GivenRows([make_batch(rows, [SHARE])]))


def play(core: RematchCore, events: int) -> None:
    core.play(events * MILLISECOND)


def enter(core: RematchCore, number: int, side: int, lots: int, price: int = 0, **fields: int) -> None:
    """Enter an order now: a market order without a price."""
    kind = EntryType.LIMIT if price else EntryType.MARKET
    entry = Entry(number, 0, 1, side, kind, InForce.GTC, price, lots)
    at = core._engine.state.totals[0]["time"]
    core.enter(entry._replace(**fields), int(at))


def fills(core: RematchCore) -> list[Filled]:
    rows = core.take()
    return [
        (int(one["number"]), int(one["lots"]), int(one["price"]), Why(int(one["why"])), int(one["ahead"]))
        for one in rows[rows["cause"] == Cause.FILLED]
    ]


def reports(core: RematchCore) -> list[tuple[Cause, int, int, Why]]:
    """Cause, number, lots and why of each."""
    return [(Cause(one[1]), one[2], one[3], Why(one[5])) for one in core.take().tolist()]


def side_of(core: RematchCore, side: str) -> list[tuple[int, int]]:
    """Price and lots of the orders of a side, first to trade first."""
    return [(one.price, one.size) for one in core.book(0).queue(side)]  # type: ignore[arg-type]


class TestImpact:
    def test_a_later_aggressor_gets_worse_prices(self) -> None:
        # It took 5 at 100 and 3 at 101. The 5 at 100 are ours now: it takes 101 for all that there is.
        sweep = [*executed("A", 100, 5, 1), *executed("A", 101, 3, 2)]
        core = core_of(add("A", 100, 5, 1), add("A", 101, 7, 2), sweep)
        play(core, 2)
        enter(core, 1, BID, 5)
        assert fills(core) == [(1, 5, 100, Why.CROSS, 0)]
        core.play(END)
        assert side_of(core, "A") == []

    def test_messages_of_one_aggressor_are_one_order(self) -> None:
        # As at Nasdaq, which has a message for each order that is met: the time and the side are the same.
        core = core_of(
            add("A", 100, 5, 1),
            add("A", 101, 7, 2),
            [one._replace(time=9) for one in executed("A", 100, 5, 1)],
            [one._replace(time=9) for one in executed("A", 101, 1, 2)],
        )
        play(core, 2)
        enter(core, 1, BID, 5)
        core.play(END)
        assert side_of(core, "A") == [(101, 1)]

    def test_lots_that_find_nothing_within_the_limit_lapse(self) -> None:
        core = core_of(add("A", 100, 5, 1), add("A", 101, 7, 2), executed("A", 100, 5, 1), executed("A", 101, 1, 2))
        play(core, 2)
        enter(core, 1, BID, 5)
        core.play(END)
        assert side_of(core, "A") == [(101, 6)]

    def test_an_aggressor_takes_who_stands_behind_instead(self) -> None:
        core = core_of(add("A", 100, 5, 1), add("A", 100, 7, 2), executed("A", 100, 5, 1), executed("A", 100, 4, 2))
        play(core, 2)
        enter(core, 1, BID, 3)
        play(core, 3)
        assert side_of(core, "A") == [(100, 4)]  # 2 of the first and 3 of the second
        core.play(END)
        assert side_of(core, "A") == []

    def test_changes_of_an_order_that_is_gone_do_nothing(self) -> None:
        core = core_of(
            add("A", 100, 5, 1),
            [row("C", "A", 100, 2, 1)],
            [row("M", "A", 101, 3, 1)],
            [row("C", "A", 101, 3, 1)],
        )
        play(core, 1)
        enter(core, 1, BID, 5)
        for event in (2, 3, 4):
            play(core, event)
            assert side_of(core, "A") == []

    def test_a_change_is_one_by_as_many_lots(self) -> None:
        core = core_of(add("A", 100, 9, 1), [row("C", "A", 100, 2, 1)], [row("M", "A", 101, 8, 1)])
        play(core, 1)
        enter(core, 1, BID, 4)
        play(core, 2)
        assert side_of(core, "A") == [(100, 3)]
        play(core, 3)
        assert side_of(core, "A") == [(101, 4)]

    def test_what_is_spared_stays_and_is_met_first(self) -> None:
        core = core_of(
            add("A", 100, 5, 1),
            executed("A", 100, 5, 1),
            add("A", 101, 4, 2),
            executed("A", 101, 2, 2),
            add("B", 100, 4, 3),
        )
        enter(core, 1, ASK, 5, 100)
        play(core, 3)
        assert fills(core) == [(1, 5, 100, Why.QUEUE, 0)]
        assert side_of(core, "A") == [(100, 5), (101, 4)]
        assert core.best(0) == (None, 100)
        play(core, 4)
        assert side_of(core, "A") == [(100, 3), (101, 4)]
        play(core, 5)  # a new order that reaches it
        assert (side_of(core, "A"), side_of(core, "B")) == ([(101, 4)], [(100, 1)])

    def test_own_orders_can_take_what_is_spared(self) -> None:
        core = core_of(add("A", 100, 5, 1), executed("A", 100, 5, 1), add("B", 100, 4, 3))
        enter(core, 1, ASK, 5, 100)
        play(core, 2)
        enter(core, 2, BID, 5)
        assert fills(core) == [(1, 5, 100, Why.QUEUE, 0), (2, 5, 100, Why.CROSS, 0)]
        core.play(END)
        assert side_of(core, "B") == [(100, 4)]


class TestQueue:
    def test_own_orders_have_their_place(self) -> None:
        both = [row("T", "B", 100, 7), row("F", "A", 100, 5, 1), row("F", "A", 100, 2, 2)]
        both += [row("C", "A", 100, 5, 1), row("C", "A", 100, 2, 2)]
        core = core_of(add("A", 100, 5, 1), add("A", 100, 5, 2), both, executed("A", 100, 3, 2))
        play(core, 1)
        enter(core, 1, ASK, 4, 100)
        assert core.ahead(1) == 5
        play(core, 2)
        play(core, 3)
        assert fills(core) == [(1, 2, 100, Why.QUEUE, 5)]
        assert core.ahead(1) == 0
        core.play(END)
        assert fills(core) == [(1, 2, 100, Why.QUEUE, 5)]
        assert side_of(core, "A") == [(100, 4)]
        with pytest.raises(KeyError):
            core.ahead(1)

    def test_a_better_price_is_traded_through(self) -> None:
        core = core_of(add("A", 100, 5, 1), executed("A", 100, 5, 1))
        play(core, 1)
        enter(core, 1, ASK, 2, 99)
        core.play(END)
        assert fills(core) == [(1, 2, 99, Why.TRADE_THROUGH, 0)]
        assert side_of(core, "A") == [(100, 2)]

    def test_an_order_that_comes_across_ours_trades_with_it(self) -> None:
        core = core_of(add("B", 100, 5, 1), add("B", 101, 4, 2), [row("M", "B", 102, 6, 1)], [row("C", "B", 101, 4, 2)])
        play(core, 1)
        enter(core, 1, ASK, 3, 101)
        enter(core, 2, ASK, 2, 102)
        play(core, 2)
        assert fills(core) == [(1, 3, 101, Why.CROSS, 0)]
        assert side_of(core, "B") == [(101, 1), (100, 5)]
        play(core, 3)
        assert fills(core) == [(2, 2, 102, Why.CROSS, 0)]
        assert side_of(core, "B") == [(102, 4), (101, 1)]
        play(core, 4)  # all of it goes, not only what is left
        assert side_of(core, "B") == [(102, 4)]

    def test_an_order_that_was_passed_over_is_left_alone(self) -> None:
        core = core_of(add("A", 100, 5, 1), add("A", 100, 6, 2), executed("A", 100, 6, 2))
        core.play(END)
        assert side_of(core, "A") == [(100, 5)]

    def test_a_replacement_keeps_its_place_if_only_lots_fall(self) -> None:
        core = core_of(add("A", 100, 5, 1), add("A", 100, 6, 2))
        play(core, 1)
        enter(core, 1, ASK, 4, 100)
        play(core, 2)
        core.replace(1, 3, 100, 3 * MILLISECOND)
        assert (core.ahead(1), side_of(core, "A")) == (5, [(100, 5), (100, 3), (100, 6)])
        core.replace(1, 4, 100, 3 * MILLISECOND)
        assert (core.ahead(1), side_of(core, "A")) == (11, [(100, 5), (100, 6), (100, 4)])
        assert core.take()["ahead"].tolist() == [5, 5, 11]


class TestPrints:
    def test_hidden_ones_meet_own_orders_only(self) -> None:
        core = core_of(add("A", 100, 5, 1), [row("T", "B", 100, 9)])
        play(core, 1)
        enter(core, 1, ASK, 4, 100)
        enter(core, 2, ASK, 4, 101)
        core.play(END)
        assert fills(core) == [(1, 4, 100, Why.QUEUE, 5)]
        assert side_of(core, "A") == [(100, 5), (101, 4)]
        assert core.last(0) == 100

    def test_between_two_ticks(self) -> None:
        core = core_of([row("T", "B", 100, 9, off_tick=1)], [row("T", "A", 101, 9, off_tick=1)])
        enter(core, 1, ASK, 1, 101)
        enter(core, 2, ASK, 1, 100)
        enter(core, 3, BID, 1, 99)
        core.play(END)
        assert fills(core) == [(2, 1, 100, Why.TRADE_THROUGH, 0)]

    def test_crosses_fill_what_is_strictly_better(self) -> None:
        core = core_of(add("A", 99, 5, 1), [row("T", "N", 100, 7), *executed("A", 99, 5, 1)[1:]])
        enter(core, 1, ASK, 4, 98)
        enter(core, 2, ASK, 4, 99)
        enter(core, 3, ASK, 4, 100)
        core.play(END)
        assert fills(core) == [(1, 4, 100, Why.AUCTION, 0), (2, 3, 100, Why.AUCTION, 0)]
        assert side_of(core, "A") == [(99, 1), (100, 4)]

    def test_of_an_order_that_was_never_added(self) -> None:
        core = core_of(executed("A", 100, 5, 77))
        enter(core, 1, ASK, 9, 100)
        core.play(END)
        assert fills(core) == [(1, 5, 100, Why.QUEUE, 0)]


class TestRequests:
    def test_is_a_core(self) -> None:
        core: Core = core_of(add("A", 100, 5, 1))
        assert (core.next_time(), core.best(0), core.last(0)) == (MILLISECOND, (None, None), None)
        assert core.play(MILLISECOND - 1) == MILLISECOND - 1
        assert core.play(5 * MILLISECOND) == 5 * MILLISECOND
        assert (core.next_time(), core.best(0)) == (None, (None, 100))

    def test_best_is_without_own_orders(self) -> None:
        core = core_of(add("A", 100, 5, 1), add("B", 98, 5, 2))
        core.play(END)
        enter(core, 1, ASK, 1, 99)
        assert core.best(0) == (98, 100)

    def test_unfilled_rests_or_ends_by_its_time_in_force(self) -> None:
        core = core_of(add("A", 100, 5, 1))
        core.play(END)
        enter(core, 1, BID, 9, 100, in_force=InForce.FOK)
        enter(core, 2, BID, 2, 100, post_only=1)
        enter(core, 3, BID, 2, 99, in_force=InForce.IOC)
        enter(core, 4, BID, 6, 100)
        assert reports(core) == [
            (Cause.ACCEPTED, 1, 9, Why.NONE),
            (Cause.CANCELLED, 1, 9, Why.NOT_FILLABLE),
            (Cause.REJECTED, 2, 2, Why.WOULD_TAKE),
            (Cause.ACCEPTED, 3, 2, Why.NONE),
            (Cause.CANCELLED, 3, 2, Why.NO_LIQUIDITY),
            (Cause.ACCEPTED, 4, 6, Why.NONE),
            (Cause.FILLED, 4, 5, Why.CROSS),
        ]
        core.cancel(4, 9)
        core.cancel(4, 9)
        core.replace(7, 1, 100, 9)
        assert reports(core) == [
            (Cause.CANCELLED, 4, 1, Why.REQUESTED),
            (Cause.REFUSED, 4, 0, Why.UNKNOWN_ORDER),
            (Cause.REFUSED, 7, 0, Why.UNKNOWN_ORDER),
        ]

    def test_self_trades_are_prevented(self) -> None:
        core = core_of(add("A", 101, 5, 1))
        core.play(END)
        enter(core, 1, ASK, 3, 100)
        enter(core, 2, ASK, 3, 100, owner=2)
        enter(core, 3, BID, 4, 100, prevention=Prevention.CANCEL_OLDEST)
        assert reports(core)[2:] == [
            (Cause.ACCEPTED, 3, 4, Why.NONE),
            (Cause.CANCELLED, 1, 3, Why.SELF_TRADE),
            (Cause.FILLED, 3, 3, Why.CROSS),
            (Cause.FILLED, 2, 3, Why.CROSS),
        ]
        enter(core, 4, ASK, 5, 100, prevention=Prevention.DECREMENT)
        assert reports(core) == [
            (Cause.ACCEPTED, 4, 5, Why.NONE),
            (Cause.REDUCED, 4, 1, Why.SELF_TRADE),
            (Cause.REDUCED, 3, 1, Why.SELF_TRADE),
        ]
        assert not core.best(0)[0]
        assert core._market.others.tolist() == [0, 1, 0, 0, 0, 0, 0, 0]

    def test_a_cleared_book_keeps_own_orders(self) -> None:
        core = core_of(add("A", 100, 5, 1), executed("A", 100, 2, 1), [row("R")], add("A", 100, 3, 1))
        play(core, 1)
        enter(core, 1, ASK, 3, 99)
        core.play(END)
        assert side_of(core, "A") == [(99, 1), (100, 3)]

    def test_it_stops_at_a_report(self) -> None:
        core = core_of(add("A", 100, 5, 1), add("B", 100, 5, 2), add("B", 100, 5, 3))
        enter(core, 1, ASK, 7, 100)
        core.take()
        assert core.play(END, stop=True) == 2 * MILLISECOND
        assert core.play(END, stop=True) == 3 * MILLISECOND
        assert core.play(END, stop=True) == END

    def test_it_stops_at_the_end_of_an_event_that_reaches_a_stop(self) -> None:
        core = core_of(add("A", 100, 5, 1), executed("A", 100, 2, 1), executed("A", 100, 1, 1), [row("T", "A", 97, 1)])
        core.set_stops(0, 100, 97)
        assert core.play(END) == core.reached == 2 * MILLISECOND
        assert side_of(core, "A") == [(100, 3)]
        core.set_stops(0, 101, 97)
        assert core.play(END) == core.reached == 4 * MILLISECOND
        assert core.play(END) == core.reached == END

    def test_an_iceberg_shows_its_next_part_behind_all_others(self) -> None:
        core = core_of(add("A", 100, 3, 1), [row("T", "B", 100, 1)], add("B", 100, 6, 2))
        enter(core, 1, ASK, 5, 100, display=2)
        play(core, 1)
        assert side_of(core, "A") == [(100, 2), (100, 3)]
        play(core, 2)
        assert side_of(core, "A") == [(100, 1), (100, 3)]
        core.play(END)
        assert side_of(core, "A") == [(100, 3)]
        assert [(lots, why) for _, lots, _, why, _ in fills(core)] == [
            (1, Why.QUEUE),
            *[(1, Why.CROSS), (2, Why.CROSS), (1, Why.CROSS)],
        ]

    def test_many_orders_and_reports_find_room(self) -> None:
        asks = [add("A", 100 + number % 300, 2, number) for number in range(1, 3001)]
        core = core_of(*asks, add("B", 1000, 20_000, 9999))
        for number in range(1, 2001):
            enter(core, number, ASK, 1, 500 - number % 200)
        core.take()
        core.play(END)
        assert len(core.take()) == 2000
        assert sum(lots for _, lots in side_of(core, "A")) == 6000

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"owner": 0}, "order 1 of owner 0: give both numbers above 0"),
            ({"instrument": 3}, "UNKNOWN_INSTRUMENT"),
            ({"in_force": 9}, "BAD_TYPE"),
            ({"type": EntryType.STOP_LIMIT}, "order 1 is a stop"),
        ],
    )
    def test_impossible_orders_are_errors(self, fields: dict[str, int], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            enter(core_of(add("A", 100, 5, 1)), 1, ASK, 1, 100, **fields)


def test_levels_are_an_error() -> None:
    batch = make_batch([Row("A", "A", 100, 5)], [SHARE])
    with pytest.raises(ArgumentError, match="no orders of SHARE, only levels"):
        RematchCore(GivenRows([batch], "levels"))
