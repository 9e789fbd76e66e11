from __future__ import annotations

import pytest

from hftlab.book.matching import MatchingEngine, Result
from hftlab.book.matching.entries import Action, EntryType, InForce, Reason, Status, TradingPhase
from tests.book.matching.streams import SHARES


@pytest.fixture
def engine() -> MatchingEngine:
    return MatchingEngine(SHARES)


def reason(result: Result) -> tuple[Status, Reason]:
    return Status(result.updates[0]["status"]), Reason(result.updates[0]["reason"])


class TestHalts:
    def test_only_cancels_are_taken(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 5, 100)
        engine.place("ONE", "B", 5, 99)
        halted = engine.command(Action.HALT, "ONE")
        assert halted.updates[0]["phase"] == TradingPhase.HALTED
        refused = (Status.REJECTED, Reason.WRONG_PHASE)
        assert reason(engine.place("ONE", "A", 5, 100)) == refused
        assert reason(engine.replace(1, 4, 100)) == refused
        assert reason(engine.cancel(1)) == (Status.CANCELLED, Reason.REQUESTED)
        assert reason(engine.place("TWO", "A", 5, 100)) == (Status.ACCEPTED, Reason.NONE)
        engine.command(Action.RESUME, "ONE")
        assert engine.place("ONE", "A", 5, 99).fills["size"].tolist() == [5]

    def test_a_crossed_book_is_only_resumed_by_an_auction(self, engine: MatchingEngine) -> None:
        engine.command(Action.CALL, "ONE")
        engine.place("ONE", "B", 5, 101)
        engine.place("ONE", "A", 3, 99)
        engine.command(Action.HALT, "ONE")
        assert reason(engine.command(Action.UNCROSS, "ONE")) == (Status.REJECTED, Reason.WRONG_PHASE)
        assert reason(engine.command(Action.RESUME, "ONE")) == (Status.REJECTED, Reason.CROSSED)
        engine.command(Action.CALL, "ONE")
        assert engine.command(Action.UNCROSS, "ONE", 100).fills[["price", "size"]].tolist() == [(100, 3)]
        assert engine["ONE"].phase == TradingPhase.CONTINUOUS

    def test_so_it_is_with_waiting_market_orders(self, engine: MatchingEngine) -> None:
        engine.command(Action.CALL, "ONE")
        engine.place("ONE", "B", 5, type=EntryType.MARKET)
        assert reason(engine.command(Action.RESUME, "ONE")) == (Status.REJECTED, Reason.CROSSED)


class TestClose:
    def test_day_orders_expire_and_gtc_orders_stay(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "B", 5, 100)
        engine.place("ONE", "B", 6, 100, in_force=InForce.GTC)
        engine.place("ONE", "A", 7, 103, type=EntryType.ICEBERG, display=2)
        engine.place("ONE", "A", 1, stop=90, type=EntryType.STOP)
        engine.place("ONE", "A", 1, stop=90, type=EntryType.STOP, in_force=InForce.GTC)
        result = engine.command(Action.CLOSE, "ONE")
        assert result.updates[["id", "size", "reason"]].tolist()[1:] == [
            (1, 5, Reason.EXPIRED),
            (3, 7, Reason.EXPIRED),
            (4, 1, Reason.EXPIRED),
        ]
        assert result.events.order_id.tolist() == [1, 3]
        assert result.events.size.tolist() == [5, 2]
        assert [order_id in engine for order_id in range(1, 6)] == [False, True, False, False, True]
        assert reason(engine.place("ONE", "B", 5, 100)) == (Status.REJECTED, Reason.WRONG_PHASE)


class TestBand:
    def test_trading_stops_at_it_and_the_instrument_halts(self, engine: MatchingEngine) -> None:
        """The order that would have gone on rests, the book stays crossed, and an auction leads out of it."""
        for price in (101, 102, 104):
            engine.place("ONE", "A", 5, price)
        engine.command(Action.BAND, "ONE", 100, 3)
        assert engine["ONE"].band == (97, 103)
        result = engine.place("ONE", "B", 20, 105)
        assert result.fills["price"].tolist() == [101, 102]
        assert result.updates[-1][["status", "reason", "phase"]].tolist() == (
            Status.PHASE,
            Reason.OUT_OF_BAND,
            TradingPhase.HALTED,
        )
        assert engine["ONE"].best() == ((1.05, 10.0, 1), (1.04, 5.0, 1))
        engine.command(Action.CALL, "ONE")
        engine.place("ONE", "A", 5, 105)
        assert engine["ONE"].auction() == (105, 10, 0)
        engine.command(Action.UNCROSS, "ONE")
        assert engine["ONE"].band == (102, 108)

    def test_a_market_order_is_cancelled_there(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 5, 101)
        engine.place("ONE", "A", 5, 104)
        engine.command(Action.BAND, "ONE", 100, 3)
        result = engine.place("ONE", "B", 20, type=EntryType.MARKET)
        assert result.updates[-2][["status", "reason", "size"]].tolist() == (Status.CANCELLED, Reason.OUT_OF_BAND, 15)
        assert engine["ONE"].phase == TradingPhase.HALTED

    def test_or_prices_beyond_it_are_refused(self) -> None:
        engine = MatchingEngine(SHARES, halts_at_band=False)
        engine.place("ONE", "A", 5, 104)
        engine.command(Action.BAND, "ONE", 100, 3)
        refused = (Status.REJECTED, Reason.OUT_OF_BAND)
        assert reason(engine.place("ONE", "B", 1, 104)) == refused
        assert reason(engine.place("ONE", "B", 1, 96)) == refused
        assert reason(engine.replace(1, 5, 105)) == refused
        assert reason(engine.place("ONE", "B", 1, 103)) == (Status.ACCEPTED, Reason.NONE)
        result = engine.place("ONE", "B", 1, type=EntryType.MARKET)
        assert result.updates[-1][["status", "reason"]].tolist() == (Status.CANCELLED, Reason.OUT_OF_BAND)
        assert engine["ONE"].phase == TradingPhase.CONTINUOUS

    def test_stops_wait_for_the_halt_to_end(self, engine: MatchingEngine) -> None:
        engine.place("ONE", "A", 5, 102)
        engine.place("ONE", "A", 5, 104)
        engine.place("ONE", "B", 2, stop=102, type=EntryType.STOP)
        engine.command(Action.BAND, "ONE", 100, 3)
        result = engine.place("ONE", "B", 6, 104)
        assert Status.TRIGGERED not in result.updates["status"].tolist()
        engine.command(Action.BAND, "ONE", 100, 0)
        engine.command(Action.CALL, "ONE")
        assert Status.TRIGGERED in engine.command(Action.UNCROSS, "ONE").updates["status"].tolist()

    def test_it_ends_with_width_0(self, engine: MatchingEngine) -> None:
        engine.command(Action.BAND, "ONE", 100, 3)
        engine.command(Action.BAND, "ONE")
        assert engine["ONE"].band is None
        assert reason(engine.command(Action.BAND, "ONE", 0, 3)) == (Status.REJECTED, Reason.BAD_PRICE)
        assert reason(engine.command(Action.BAND, "ONE", 100, -1)) == (Status.REJECTED, Reason.BAD_SIZE)
