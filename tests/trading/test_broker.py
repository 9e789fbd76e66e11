"""Broker: what the venue reports, what each account is told of it, and its state and terms."""

from __future__ import annotations

import pytest

from hftlab.errors import HftlabError, ImpossibleTransition
from hftlab.instruments import UNIT
from hftlab.protocol import (
    OrderUpdate,
    PortfolioUpdate,
    PositionUpdate,
    SelfTradePrevention,
)
from hftlab.trading import AccountTerms, Liquidity, RiskLimits
from hftlab.trading.broker import Broker
from hftlab.trading.venue import New
from tests.trading.broker_requests import new, of_order, trading
from tests.trading.scripted_venue import ScriptedVenue


class TestFills:
    def test_order_position_and_portfolio_are_told(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new(), 1)
        venue.accept("ORD_1")
        venue.fill("ORD_1", 40, 175.25)
        venue.fill("ORD_1", 60, 175.0)
        told = [item.message for item in broker.collect()]
        kinds = [OrderUpdate, OrderUpdate, OrderUpdate, PositionUpdate, PortfolioUpdate]
        assert [type(message) for message in told] == kinds
        part, whole, position, portfolio = told[1:]
        assert isinstance(part, OrderUpdate)
        assert (part.status, part.filled_quantity, part.last_fill_quantity) == ("PARTIALLY_FILLED", 40.0, 40.0)
        assert isinstance(whole, OrderUpdate)
        assert (whole.status, whole.average_price, whole.last_fill_price) == ("FILLED", 175.1, 175.0)
        assert isinstance(position, PositionUpdate)
        assert (position.quantity, position.average_price, position.side) == (100.0, 175.1, "LONG")
        assert isinstance(portfolio, PortfolioUpdate)
        assert (portfolio.cash, portfolio.total_value) == (100_000 - 17_510, 100_000 - 10)

    def test_commissions_are_of_the_whole_order(self) -> None:
        broker, venue = trading(terms={"*": AccountTerms(cash=100_000)})
        broker.handle("alice", new(), 1)
        venue.accept("ORD_1")
        venue.fill("ORD_1", 40, 175.25, Liquidity.TAKER)
        venue.fill("ORD_1", 60, 175.25, Liquidity.TAKER)
        updates = of_order(broker.collect())
        assert [update.commission for update in updates] == [None, 0.12, 0.3]

    def test_what_does_not_fit_raises_and_changes_nothing(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new(), 1)
        venue.fill("ORD_1", 10, 175.0)  # before it was accepted
        with pytest.raises(ImpossibleTransition):
            broker.collect()
        assert broker.account("alice").positions == {}


class TestState:
    def test_open_orders_positions_and_last_the_portfolio(self) -> None:
        broker, venue = trading()
        for name in "abc":
            broker.handle("alice", new(name, quantity=10.0), 1)
            venue.accept(f"ORD_{'abc'.index(name) + 1}")
        venue.fill("ORD_1", 10, 175.0)
        venue.fill("ORD_2", 4, 175.0)
        broker.collect()
        state = [item.message for item in broker.snapshot("alice", 9)]
        assert all(message.snapshot for message in state)
        assert [message.client_order_id for message in state if isinstance(message, OrderUpdate)] == ["b", "c"]
        assert [message.quantity for message in state if isinstance(message, PositionUpdate)] == [14.0]
        assert isinstance(state[-1], PortfolioUpdate)
        complete = [item.message for item in broker.snapshot("alice", 9, with_finished=True)]
        told = [(one.client_order_id, one.status) for one in complete if isinstance(one, OrderUpdate)]
        assert told == [("a", "FILLED"), ("b", "PARTIALLY_FILLED"), ("c", "NEW")]

    def test_of_a_new_account(self) -> None:
        broker, _ = trading()
        (portfolio,) = [item.message for item in broker.snapshot("carol", 1)]
        assert isinstance(portfolio, PortfolioUpdate)
        assert portfolio.cash == 100_000
        assert broker.accounts == []

    def test_prices_move_positions_and_portfolios(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new(), 1)
        venue.accept("ORD_1")
        venue.fill("ORD_1", 100, 175.25)
        broker.collect()
        (told,) = broker.mark("AAPL", 176 * UNIT, 2)
        assert isinstance(told.message, PositionUpdate)
        assert (told.message.unrealized_pnl, told.message.snapshot) == (75.0, True)
        (portfolio,) = broker.portfolios(2)
        assert isinstance(portfolio.message, PortfolioUpdate)
        assert portfolio.message.unrealized_pnl == 75.0
        assert broker.mark("AAPL", 176 * UNIT, 3) == []
        assert broker.mark("MSFT", 336 * UNIT, 3) == []
        assert broker.portfolios(3) == []

    def test_accounts_come_in_the_order_of_their_positions(self) -> None:
        """Of a set it would be another one in each process, and so would be a recording."""
        broker, venue = trading()
        names = [f"account {number}" for number in range(20)]
        for number, name in enumerate(names, 1):
            broker.handle(name, new(quantity=1.0), 1)
            venue.accept(f"ORD_{number}")
            venue.fill(f"ORD_{number}", 1, 175.0)
        broker.collect()
        assert [item.account for item in broker.mark("AAPL", 176 * UNIT, 2)] == names

    def test_the_days_profit_begins_with_the_venues_day(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new(), 1)
        venue.accept("ORD_1")
        venue.fill("ORD_1", 100, 175.25)
        broker.collect()
        broker.mark("AAPL", 176 * UNIT, 2)
        day = [one.message.day_pnl for one in broker.portfolios(2) if isinstance(one.message, PortfolioUpdate)]
        venue.day += 1
        (told,) = broker.collect()
        assert isinstance(told.message, PositionUpdate)
        assert (told.at, told.message.day_pnl, told.message.snapshot) == (2, 0.0, True)
        broker.mark("AAPL", 177 * UNIT, 3)
        day += [one.message.day_pnl for one in broker.portfolios(3) if isinstance(one.message, PortfolioUpdate)]
        assert day == [75.0, 100.0]


class TestTerms:
    def test_by_name_and_for_all_others(self) -> None:
        broker, _ = trading(terms={"alice": AccountTerms(cash=5.0), "*": AccountTerms(cash=7.0)})
        assert broker.account("alice").cash == {"USD": 5 * UNIT}
        assert broker.account("bob").cash == {"USD": 7 * UNIT}

    def test_new_ones_leave_the_cash(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new(quantity=10.0), 1)
        venue.accept("ORD_1")
        venue.fill("ORD_1", 10, 175.0)
        broker.collect()
        broker.set_terms({"*": AccountTerms(cash=1.0, limits=RiskLimits(max_order_quantity=5))})
        assert broker.account("alice").cash == {"USD": (100_000 - 1_750) * UNIT}
        (refused,) = of_order(broker.handle("alice", new("b", quantity=10.0), 2))
        assert (refused.reason or "").startswith("order quantity")

    def test_other_rates_value_open_orders_anew(self) -> None:
        venue = ScriptedVenue("VOD")
        broker = Broker(venue, {"*": AccountTerms(rates={"GBP": 1.0})})
        broker.handle("alice", new(symbol="VOD", quantity=10_000.0, price=72.0), 1)
        broker.collect()
        broker.portfolios(1)
        broker.set_terms({"*": AccountTerms(rates={"GBP": 2.0})})
        (told,) = broker.portfolios(2)
        assert isinstance(told.message, PortfolioUpdate)
        assert told.message.buying_power == 1_000_000 - 2 * 7_200

    def test_other_rates_value_open_orders_anew_on_the_way_back_too(self) -> None:
        venue = ScriptedVenue("VOD")
        broker = Broker(venue, {"*": AccountTerms(rates={"GBP": 1.0})})
        broker.handle("alice", new(symbol="VOD", quantity=10_000.0, price=72.0), 1)
        checkpoint = broker.checkpoint()
        broker.set_terms({"*": AccountTerms(rates={"GBP": 2.0})})
        broker.restore(checkpoint)
        (told,) = broker.portfolios(2)
        assert isinstance(told.message, PortfolioUpdate)
        assert told.message.buying_power == 1_000_000 - 2 * 7_200

    def test_some_that_an_account_cannot_have_change_nothing(self) -> None:
        """Carol holds a currency that her new terms have no rate for, and Alice, who is first, could have hers."""
        carols = AccountTerms(cash={"BNB": 10.0}, rates={"BNB": 600.0})
        broker, venue = trading(terms={"carol": carols, "*": AccountTerms()})
        for name in ("alice", "carol"):
            broker.handle(name, new(quantity=1.0), 1)
        limits = RiskLimits(max_position=0)
        with pytest.raises(HftlabError, match="cash in BNB"):
            broker.set_terms({"*": AccountTerms(limits=limits)})
        broker.handle("alice", new("b", quantity=1.0), 2)
        broker.handle("dora", new(quantity=1.0), 2)
        assert len(venue.asked(New)) == 4

    def test_something_else(self) -> None:
        with pytest.raises(TypeError, match=r"accounts\['alice'\] is 100"):
            Broker(ScriptedVenue(), {"alice": 100})  # type: ignore[dict-item]

    def test_the_accounts_prevention_is_the_orders_unless_it_names_one(self) -> None:
        broker, venue = trading(
            terms={"*": AccountTerms(self_trade_prevention=SelfTradePrevention.CANCEL_OLDEST, commissions=None)}
        )
        broker.handle("alice", new("a"), 1)
        broker.handle("alice", new("b", self_trade_prevention=SelfTradePrevention.NONE), 1)
        preventions = [one.terms.self_trade_prevention for one in venue.asked(New) if isinstance(one, New)]
        assert preventions == ["CANCEL_OLDEST", "NONE"]
