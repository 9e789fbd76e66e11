"""Paper source: what becomes of orders depends on their times alone, and a seek back undoes what came after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given

from hftlab.protocol import OrderUpdate, Side
from hftlab.source import Seekable, Timed
from tests.trading.paper_script import SCRIPTS, Listener, straight_run
from tests.trading.printed_market import Print, new, paper


def told(items: Sequence[Timed[Any]]) -> list[tuple[int, str]]:
    """Return each message's time and what it says in a word: its status, or its type."""
    return [
        (item.at, item.message.status if isinstance(item.message, OrderUpdate) else item.message.type) for item in items
    ]


PRINTS = [Print(1000, 101.0), Print(1050, 100.0, 4), Print(1050, 99.0, 4), Print(1300, 100.5), Print(1450, 102.0)]


class TestOrder:
    def test_messages_come_at_their_times_among_the_markets(self) -> None:
        source = paper(PRINTS, entry=10, response=20, delay=30)
        assert told(source.take(1)) == [(1030, "MARKET_DATA")]
        assert told(source.trading.handle("alice", new("a"), 1030)) == [(1030, "PENDING_NEW")]
        # It arrives at 1040 and has the prints of 1050, of which it hears 20 ns later, and a client 30 ns later.
        assert told(source.take(20)) == [
            (1060, "NEW"),
            (1070, "PARTIALLY_FILLED"),
            (1070, "PARTIALLY_FILLED"),
            (1070, "POSITION_UPDATE"),
            (1070, "PORTFOLIO_UPDATE"),
            (1080, "MARKET_DATA"),
            (1080, "MARKET_DATA"),
            (1100, "POSITION_UPDATE"),
            (1100, "PORTFOLIO_UPDATE"),
            (1300, "POSITION_UPDATE"),
            (1300, "PORTFOLIO_UPDATE"),
            (1330, "MARKET_DATA"),
            (1480, "MARKET_DATA"),
        ]

    def test_at_one_time_the_market_goes_first(self) -> None:
        source = paper(PRINTS)
        source.take(1)
        source.trading.handle("alice", new("a"), 1000)
        kinds = ["MARKET_DATA", "MARKET_DATA", "PARTIALLY_FILLED", "PARTIALLY_FILLED"]
        assert told(source.take(4)) == [(1050, kind) for kind in kinds]

    def test_the_venues_time_is_in_the_messages(self) -> None:
        source = paper(PRINTS, response=20)
        source.take(1)
        source.trading.handle("alice", new("a"), 1000)
        (accepted,) = source.take(1)
        assert (accepted.at, accepted.message.ts_event) == (1020, 0.001)

    def test_an_unpaced_clock_has_them_with_the_next_message_of_the_market(self) -> None:
        source = paper(PRINTS, response=20, speed=float("inf"))
        source.advance(1000)
        source.trading.handle("alice", new("a"), 1000)
        assert source.next_time() == 1050
        assert told(source.advance(1050)) == [(1020, "NEW"), (1050, "MARKET_DATA"), (1050, "MARKET_DATA")]

    def test_what_comes_behind_the_market_is_streamed_as_well(self) -> None:
        source = paper(PRINTS, response=20)
        source.take(5)
        source.trading.handle("alice", new("a", price=None), 1450)
        assert source.next_time() == 1470
        assert told(source.take(9))[:2] == [(1470, "NEW"), (1470, "FILLED")]
        assert source.next_time() is None

    def test_without_orders_nothing_but_the_market_comes(self) -> None:
        source = paper(PRINTS)
        assert [item.at for item in source.take(9)] == [one.at for one in PRINTS]
        assert isinstance(source, Seekable)
        assert source.next_time() is None

    def test_recorded_private_messages_are_those_of_another_market(self) -> None:
        source = paper(PRINTS)
        update = paper(PRINTS).trading.handle("alice", new("a"), 1000)[0]
        source._source.rows.insert(1, update._replace(at=1010))  # type: ignore[attr-defined]
        assert [item.message.type for item in source.advance(1010)] == ["MARKET_DATA"]
        source.seek(0)
        assert told(source.take(2)) == [(1000, "MARKET_DATA"), (1050, "MARKET_DATA")]


class TestSeek:
    def test_back_takes_the_account_back(self) -> None:
        source = paper(PRINTS)
        source.take(1)
        source.trading.handle("alice", new("a"), 1000)
        source.take_until(1200, 100)
        source.trading.handle("alice", new("b", Side.SELL), 1200)
        source.take_until(1400, 100)
        assert len(source.trading.broker.orders("alice")) == 1
        source.seek(1020)
        (order,) = source.trading.broker.orders("alice")
        assert (order.client_order_id, order.filled) == ("a", 0)
        assert [one.at for one in source.trading.requests] == [1000]
        # Its id is free again, and so is the venue's number.
        (accepted,) = source.trading.handle("alice", new("b", quantity=1), 1020)
        assert (accepted.message.order_id, accepted.message.quantity) == ("ORD_2", 1)

    def test_forward_lets_the_time_pass(self) -> None:
        source = paper(PRINTS)
        source.take(1)
        source.trading.handle("alice", new("a"), 1000)
        source.seek(1060)
        assert told(source.take_passed())[:2] == [(1050, "PARTIALLY_FILLED")] * 2
        assert source.take_passed() == []
        assert told(source.take(1)) == [(1100, "POSITION_UPDATE")]

    def test_before_the_first_message_accounts_are_as_new(self) -> None:
        source = paper(PRINTS, loop=True)
        source.trading.handle("alice", new("a"), 0)
        source.take(3)
        assert source.loop
        source.seek(999)
        source.trading.handle("alice", new("a", Side.SELL), 999)
        source.seek(998)
        assert source.trading.requests == []
        assert source.trading.broker.accounts == []


# --- the law: a run is what its requests and their times make it ---


@given(**SCRIPTS)
def test_a_run_with_steps_and_seeks_is_that_of_its_log(
    rows: list[Print], script: list[Any], terms: dict[str, int], is_unpaced: bool
) -> None:
    first = Listener(paper(rows, **terms, speed=float("inf") if is_unpaced else 1.0))
    first.run(script)
    straight = straight_run(first, rows, terms)
    assert first.heard == straight.heard
    assert first.state() == straight.state()
    assert first.source.trading.requests == straight.source.trading.requests
