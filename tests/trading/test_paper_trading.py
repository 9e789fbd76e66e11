"""Paper trading: requests at their times, values at theirs, and checkpoints that bound the way back."""

from __future__ import annotations

import pytest

from hftlab.clock import NANOSECONDS
from hftlab.errors import ServerError
from hftlab.protocol import PortfolioUpdate, Side
from hftlab.trading import Broker
from hftlab.trading.paper_trading import PaperTrading
from tests.trading.printed_market import Print, cancel, new, paper
from tests.trading.scripted_venue import ScriptedVenue

PRINTS = [Print(1000, 101.0), Print(1050, 100.0, 4), Print(1050, 99.0, 4), Print(1300, 100.5), Print(1450, 102.0)]
DAY = 86_400 * NANOSECONDS


class TestRequests:
    def test_a_refused_request_holds_nothing_back(self) -> None:
        source = paper(PRINTS)
        source.take(1)
        source.trading.handle("alice", new("a"), 1000)
        with pytest.raises(ServerError, match="no order"):
            source.trading.handle("alice", cancel("z"), 1060)
        assert [item.at for item in source.trading.collect()][:2] == [1050, 1050]
        assert source.trading.collect() == []

    def test_a_refused_request_is_not_kept(self) -> None:
        """So that nobody fills the memory with orders that do not exist."""
        source = paper(PRINTS)
        source.take(1)
        source.trading.handle("alice", new("a"), 1000)
        for _ in range(3):
            with pytest.raises(ServerError, match="no order"):
                source.trading.handle("alice", cancel("z"), 1060)
        assert [one.at for one in source.trading.requests] == [1000]
        source.seek(1049)
        source.seek(1060)
        assert [one.at for one in source.trading.requests] == [1000]


class TestCheckpoints:
    def test_many_requests_have_few_checkpoints(self) -> None:
        source = paper([Print(at, 100.0) for at in range(0, 100_000 * 10**9, 10**9)])
        trading = source.trading
        for second in range(2000):
            source.take_until(second * 10**9, 10)
            trading.handle("alice", new(f"o{second}", price=99.0, quantity=1), 0)
            trading.handle("alice", cancel(f"o{second}"), 0)
        assert len(trading._checkpoints) <= 32
        source.seek(777 * 10**9)
        assert len(trading.requests) == 2 * 778

    def test_there_are_none_where_time_only_goes_on(self) -> None:
        """A backtest with many open orders would spend its time on them."""
        broker = paper([Print(1000 + at, 100.0) for at in range(2000)]).trading.broker
        trading = PaperTrading(broker, (1000, 3000), goes_back=False)
        for number in range(1200):
            trading.handle("alice", new(f"o{number}", price=99.0, quantity=1), 1000 + number)
        assert trading._checkpoints == []

    def test_only_a_recorded_venue_goes_back(self) -> None:
        with pytest.raises(TypeError, match="cannot be taken back in time"):
            PaperTrading(Broker(ScriptedVenue()), None)


class TestValues:
    def test_a_new_day_counts_its_profit_anew(self) -> None:
        """Also where nobody holds or asks for anything."""
        source = paper([Print(DAY - 1000, 100.0), Print(DAY - 500, 90.0), Print(DAY + 1000, 80.0)], pace=DAY)
        trading = source.trading
        source.take(1)
        trading.handle("alice", new("in", price=None), 0)
        source.take(1)
        trading.handle("alice", new("out", Side.SELL, price=None), 0)
        (before,) = (one.message for one in trading.snapshot("alice", 0) if isinstance(one.message, PortfolioUpdate))
        source.take_until(DAY, 10)
        (after,) = (one.message for one in trading.snapshot("alice", 0) if isinstance(one.message, PortfolioUpdate))
        assert (before.day_pnl, after.day_pnl) == (-100.0, 0.0)
        assert before.realized_pnl == after.realized_pnl == -100.0
