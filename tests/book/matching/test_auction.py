"""The price of an auction: by hand, and against every tick tried one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.bench.reference_auction import auction_price
from hftlab.book.matching import MatchingEngine
from hftlab.book.matching.entries import Action, EntryType, Status
from hftlab.events import ASK, BID, NO_SIDE
from tests.book.matching.streams import SHARES, Step, entries_of, reference_run

COLLECTED = st.lists(
    st.builds(
        lambda side, kind, price, size, display: Step(side=side, type=kind, price=price, size=size, display=display),
        st.sampled_from([BID, ASK]),
        st.sampled_from([EntryType.LIMIT, EntryType.LIMIT, EntryType.MARKET, EntryType.ICEBERG]),
        st.one_of(st.integers(95, 105), st.integers(1, 300)),
        st.integers(1, 20),
        st.integers(1, 5),
    ),
    max_size=25,
)


def called(*orders: tuple[str, int, int]) -> MatchingEngine:
    """An engine that has collected orders (side, size, price), 0 for market orders."""
    engine = MatchingEngine(SHARES)
    engine.command(Action.CALL, "ONE")
    for side, size, price in orders:
        kind = EntryType.LIMIT if price else EntryType.MARKET
        engine.place("ONE", "B" if side == "B" else "A", size, price, type=kind)
    return engine


class TestPrice:
    @settings(max_examples=200)
    @given(COLLECTED, st.integers(0, 310))
    def test_is_the_one_that_trying_every_tick_finds(self, orders: list[Step], reference: int) -> None:
        entries = entries_of([Step(Action.CALL), *orders])
        engine = MatchingEngine(SHARES)
        engine.submit(entries)
        assert engine["ONE"].auction(reference) == auction_price(reference_run(entries).books[0], reference or None)

    @pytest.mark.parametrize(
        ("orders", "reference", "expected"),
        [
            # Most volume: 30 at 101 and nowhere else.
            ([("B", 30, 101), ("B", 20, 103), ("A", 30, 101), ("A", 50, 104)], 100, (101, 30, 20)),
            # 10 are traded from 99 to 102; only up to 100 is nothing left over.
            ([("B", 10, 102), ("A", 10, 99), ("A", 5, 101)], 102, (100, 10, 0)),
            # Nothing but the reference decides.
            ([("B", 10, 105), ("A", 10, 95)], 98, (98, 10, 0)),
            ([("B", 10, 105), ("A", 10, 95)], 200, (105, 10, 0)),
            # Neither limit is as good as the ticks between them.
            ([("B", 5, 0), ("B", 9, 100), ("A", 5, 0), ("A", 9, 104)], 200, (103, 5, 0)),
            # Market orders alone trade at the reference, and not without one.
            ([("B", 10, 0), ("A", 7, 0)], 123, (123, 7, 3)),
            ([("B", 10, 0), ("A", 7, 0)], 0, (0, 0, 0)),
            # One limit is the price, whatever the reference.
            ([("B", 10, 0), ("A", 7, 120)], 50, (120, 7, 3)),
            ([("B", 10, 99), ("A", 7, 100)], 100, (0, 0, 0)),
        ],
    )
    def test_by_hand(self, orders: list[tuple[str, int, int]], reference: int, expected: tuple[int, int, int]) -> None:
        assert called(*orders)["ONE"].auction(reference) == expected


class TestUncrossing:
    def test_everyone_trades_at_one_price_by_priority(self) -> None:
        engine = called(("B", 10, 103), ("B", 10, 0), ("B", 10, 101), ("A", 12, 100), ("A", 12, 101), ("A", 9, 105))
        result = engine.command(Action.UNCROSS, "ONE", 102, time=77)
        assert set(result.fills["price"].tolist()) == {101}
        assert set(result.fills["aggressor"].tolist()) == {NO_SIDE}
        assert result.fills[["buy_id", "sell_id", "size"]].tolist() == [(2, 4, 10), (1, 4, 2), (1, 5, 8), (3, 5, 4)]
        assert engine["ONE"].bids() == [(1.01, 6.0, 1)]
        assert engine["ONE"].asks() == [(1.05, 9.0, 1)]
        assert engine["ONE"].last == 101

    def test_market_orders_are_not_seen_and_what_is_left_of_them_is_cancelled(self) -> None:
        engine = called(("B", 10, 0), ("A", 7, 100))
        assert engine["ONE"].bids() == []
        assert engine["ONE"].queue("B") == []
        result = engine.command(Action.UNCROSS, "ONE")
        actions = [chr(action) for action in result.events.action]
        assert actions == ["T", "F", "C"]
        assert result.events.order_id.tolist() == [0, 2, 2]
        assert [Status(status) for status in result.updates["status"]] == [Status.CANCELLED, Status.PHASE]
        assert len(engine) == 0

    def test_the_last_trade_is_the_reference_when_none_is_given(self) -> None:
        engine = MatchingEngine(SHARES)
        engine.place("ONE", "B", 1, 97)
        engine.place("ONE", "A", 1, 97)
        engine.command(Action.CALL, "ONE")
        engine.place("ONE", "B", 5, 105)
        engine.place("ONE", "A", 5, 95)
        assert engine["ONE"].auction() == (97, 5, 0)

    def test_stops_follow_the_auction(self) -> None:
        engine = called(("B", 5, 100), ("A", 5, 100), ("A", 3, 101))
        engine.place("ONE", "B", 2, stop=100, type=EntryType.STOP)
        result = engine.command(Action.UNCROSS, "ONE")
        assert result.fills[["buy_id", "price", "size"]].tolist() == [(1, 100, 5), (4, 101, 2)]

    def test_the_indication_changes_nothing(self) -> None:
        engine = called(("B", 5, 100), ("A", 5, 100))
        before = engine["ONE"].queue("B"), len(engine), engine.output.used.tolist()
        engine["ONE"].auction()
        assert (engine["ONE"].queue("B"), len(engine), engine.output.used.tolist()) == before
