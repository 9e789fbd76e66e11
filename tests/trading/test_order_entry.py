"""Entry of orders: which requests of accounts go to the venue, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab.errors import ServerError
from hftlab.instruments import UNIT
from hftlab.protocol import (
    CancelAll,
    CancelOrder,
    OrderStatus,
    OrderType,
    OrderUpdate,
    PortfolioUpdate,
    ReplaceOrder,
    SelfTradePrevention,
    Side,
    UpdateType,
)
from hftlab.trading import AccountTerms, MarketPhase, RiskLimits
from hftlab.trading.venue import Cancel, New, Replace, RequestKind
from tests.trading.broker_requests import cancel, led_to, new, of_order, replace, trading
from tests.trading.status_table import status_table


class TestTable:
    @pytest.mark.parametrize("status", list(OrderStatus))
    @pytest.mark.parametrize(
        ("column", "request_"),
        [("NEW_ORDER again", None), ("CANCEL_ORDER", cancel()), ("REPLACE_ORDER", replace(price=174.0))],
    )
    def test_each_request_does_what_the_table_says(
        self, status: OrderStatus, column: str, request_: CancelOrder | ReplaceOrder | None
    ) -> None:
        broker, venue = led_to(status)
        again = new(quantity=1e9) if status is OrderStatus.REJECTED else new()
        before = len(venue.requests)
        told = of_order(broker.handle("alice", again if request_ is None else request_, 2))
        expected = status_table()[status][column]
        assert len(venue.requests) == before + (expected == "to the venue")
        if expected == "REJECT":
            (refused,) = told
            assert (refused.update_type, refused.status) == (UpdateType.REJECT, status)
            assert status in (refused.reason or "")
        elif expected == "nothing":
            assert told == []
        elif column == "CANCEL_ORDER":
            assert [update.status for update in told] == [OrderStatus.PENDING_CANCEL]
        else:
            assert told == []


class TestEntry:
    def test_an_accepted_order_is_new(self) -> None:
        broker, venue = trading()
        assert broker.handle("alice", new(), 7) == []  # the scripted venue has not said anything
        assert venue.requests == [("alice", venue.asked(New)[0], 7)]
        venue.accept("ORD_1")
        ((told,),) = [broker.collect()]
        assert (told.account, told.at) == ("alice", 7)
        message = told.message
        assert isinstance(message, OrderUpdate)
        assert (message.status, message.update_type, message.client_order_id) == ("NEW", "NEW", "a")
        assert (message.quantity, message.filled_quantity, message.remaining_quantity) == (100.0, 0.0, 100.0)
        assert (message.price, message.average_price, message.commission) == (175.25, None, None)

    def test_with_a_way_to_the_venue_it_is_pending_first(self) -> None:
        broker, venue = trading(latency=1_000)
        (pending,) = of_order(broker.handle("alice", new(), 7))
        assert (pending.status, pending.update_type) == ("PENDING_NEW", "NEW")
        venue.accept("ORD_1")
        assert [update.status for update in of_order(broker.collect())] == ["NEW"]

    def test_twice_does_nothing_twice(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new(), 1)
        assert broker.handle("alice", new(), 2) == []
        assert len(venue.requests) == 1

    def test_twice_with_other_terms_of_the_account_in_between_does_nothing_twice(self) -> None:
        """As where a server begins again with other accounts=, and a client sends what it has had no answer to."""
        broker, venue = trading()
        broker.handle("alice", new(), 1)
        broker.set_terms({"*": AccountTerms(self_trade_prevention=SelfTradePrevention.DECREMENT)})
        assert of_order(broker.handle("alice", new(), 2)) == []
        with pytest.raises(ServerError, match="that of another order"):
            broker.handle("alice", new(self_trade_prevention=SelfTradePrevention.NONE), 3)
        assert len(venue.asked(New)) == 1

    def test_twice_with_other_terms_is_an_error(self) -> None:
        broker, _ = trading()
        broker.handle("alice", new(), 1)
        with pytest.raises(ServerError, match="clientOrderId 'a' is that of another order"):
            broker.handle("alice", new(quantity=200.0), 2)

    def test_ids_belong_to_an_account(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new(), 1)
        broker.handle("bob", new(quantity=200.0), 1)
        assert [account for account, _, _ in venue.requests] == ["alice", "bob"]

    def test_an_unknown_symbol_names_the_nearest(self) -> None:
        broker, _ = trading()
        with pytest.raises(ServerError, match="AAPL"):
            broker.handle("alice", new(symbol="APPL"), 1)

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"price": 175.2531}, "tick: the price 175.2531"),
            ({"quantity": 0.5}, "lot: "),
            ({"price": 300.0}, "price band: "),
            ({"quantity": 5_000.0}, "buying power: "),
            ({"price": None}, "terms: "),
        ],
    )
    def test_what_the_checks_refuse_never_reaches_the_venue(self, fields: dict[str, Any], reason: str) -> None:
        broker, venue = trading()
        (refused,) = of_order(broker.handle("alice", new(**fields), 1))
        assert (refused.status, refused.update_type) == ("REJECTED", "REJECT")
        assert (refused.reason or "").startswith(reason)
        assert venue.requests == []
        assert broker.orders("alice") == []

    def test_a_halted_instrument(self) -> None:
        broker, venue = trading()
        venue.phases["AAPL"] = MarketPhase.HALTED
        (refused,) = of_order(broker.handle("alice", new(), 1))
        assert (refused.reason or "").startswith("halted: AAPL")

    def test_open_orders_reserve_buying_power(self) -> None:
        """100,000 are enough for 500 at 175.25, and not for 100 more at once; a cancellation gives it back."""
        broker, venue = trading()
        broker.handle("alice", new("a", quantity=500.0), 1)
        venue.accept("ORD_1")
        (refused,) = of_order(broker.handle("alice", new("b", quantity=100.0), 2))[-1:]
        assert "12,375.00 USD are left" in (refused.reason or "")
        venue.cancel("ORD_1")
        broker.collect()
        assert broker.handle("alice", new("c", quantity=100.0), 3) == []
        assert len(venue.asked(New)) == 2

    @pytest.mark.parametrize(
        "terms",
        [
            {"order_type": OrderType.STOP, "price": None, "stop_price": 0.01},
            {"side": Side.SELL, "price": 0.01},
            {"side": Side.SELL, "order_type": OrderType.STOP_LIMIT, "price": 0.01, "stop_price": 176.0},
        ],
    )
    def test_a_price_behind_the_market_does_not_make_an_order_cheaper(self, terms: dict[str, Any]) -> None:
        limits = RiskLimits(price_band=None)
        broker, venue = trading(terms={"*": AccountTerms(cash=100_000, commissions=None, limits=limits)})
        (refused,) = of_order(broker.handle("alice", new(quantity=600.0, **terms), 1))
        assert (refused.reason or "").startswith("buying power: the order needs 105,")
        broker.handle("alice", new("b", quantity=300.0, **terms), 1)
        (refused,) = of_order(broker.handle("alice", new("c", quantity=300.0, **terms), 1))
        assert (refused.reason or "").startswith("buying power: the order needs 52,")
        assert len(venue.asked(New)) == 1

    def test_orders_that_close_a_position_reserve_nothing(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new("a"), 1)
        venue.accept("ORD_1")
        venue.fill("ORD_1", 100, 175.25)
        broker.handle("alice", new("b", side=Side.SELL), 2)
        venue.accept("ORD_2")
        broker.collect()
        portfolio = broker.snapshot("alice", 2)[-1].message
        assert isinstance(portfolio, PortfolioUpdate)
        assert portfolio.buying_power == 100_000 - 17_525


class TestCancels:
    def test_one(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        (pending,) = of_order(broker.handle("alice", cancel(), 5))
        assert (pending.status, pending.update_type) == ("PENDING_CANCEL", "CANCEL")
        venue.cancel("ORD_1")
        (done,) = of_order(broker.collect())
        assert (done.status, done.update_type, done.reason) == ("CANCELED", "CANCEL", "requested")
        assert broker.orders("alice") == []

    def test_one_that_comes_too_late(self) -> None:
        """The order is filled on the way: the venue does not know it any more."""
        broker, venue = led_to(OrderStatus.PENDING_CANCEL)
        venue.fill("ORD_1", 100, 175.25)
        venue.refuse("ORD_1", RequestKind.CANCEL, "unknown order")
        filled = of_order(broker.collect())
        assert [update.status for update in filled] == ["FILLED"]

    def test_one_that_is_refused_brings_the_status_back(self) -> None:
        broker, venue = led_to(OrderStatus.PENDING_CANCEL)
        venue.refuse("ORD_1", RequestKind.CANCEL, "the market is in an auction")
        (back,) = of_order(broker.collect())
        assert (back.status, back.update_type) == ("NEW", "REJECT")

    def test_a_strangers_is_unknown(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        with pytest.raises(ServerError, match="no order with the clientOrderId 'a'"):
            broker.handle("bob", cancel(), 5)
        assert venue.asked(Cancel) == []

    def test_all_or_those_of_a_symbol(self) -> None:
        broker, venue = trading()
        for name, symbol, price in [("a", "AAPL", 175.0), ("b", "MSFT", 335.0), ("c", "AAPL", 174.0)]:
            broker.handle("alice", new(name, symbol=symbol, price=price, quantity=1.0), 1)
        broker.handle("bob", new("a"), 1)
        broker.handle("alice", CancelAll(timestamp=1.0, symbol="AAPL"), 2)
        assert [one.order_id for one in venue.asked(Cancel)] == ["ORD_1", "ORD_3"]
        broker.handle("alice", CancelAll(timestamp=1.0), 3)
        assert {one.order_id for one in venue.asked(Cancel)} == {"ORD_1", "ORD_2", "ORD_3"}

    def test_at_the_end_of_a_connection(self) -> None:
        broker, venue = trading()
        broker.handle("alice", new("a", quantity=1.0), 1, entered_by="one")
        broker.handle("alice", new("b", quantity=1.0), 1, entered_by="two")
        broker.handle("alice", new("c", quantity=1.0), 1)
        broker.disconnect("one", 2)
        assert [one.order_id for one in venue.asked(Cancel)] == ["ORD_1"]


class TestReplacements:
    def test_one(self) -> None:
        broker, venue = led_to(OrderStatus.PARTIALLY_FILLED)
        assert broker.handle("alice", replace(price=175.3, quantity=120.0), 5) == []
        assert venue.asked(Replace) == [Replace("ORD_1", 120 * UNIT, 175_300_000_000, None)]
        venue.replace("ORD_1", 120, 175.3)
        (done,) = of_order(broker.collect())
        assert (done.update_type, done.status, done.client_order_id) == ("REPLACE", "PARTIALLY_FILLED", "b")
        assert (done.quantity, done.remaining_quantity, done.price) == (120.0, 80.0, 175.3)
        (order,) = broker.orders("alice")
        assert order.client_order_id == "b"
        assert of_order(broker.handle("alice", cancel("b"), 6))[0].status == "PENDING_CANCEL"

    def test_twice_does_nothing_twice(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        for _ in range(2):
            broker.handle("alice", replace(price=175.3), 5)
        assert len(venue.asked(Replace)) == 1
        venue.replace("ORD_1", 100, 175.3)
        broker.collect()
        assert broker.handle("alice", replace(price=175.3), 6) == []
        assert len(venue.asked(Replace)) == 1

    def test_an_earlier_id_of_the_order_is_an_error_and_not_one_that_comes_again(self) -> None:
        """Where a client has two ids in turns, nothing would happen to the order and nothing be said."""
        broker, venue = led_to(OrderStatus.NEW)
        broker.handle("alice", replace("a", "b", price=175.3), 5)
        broker.handle("alice", replace("b", "c", price=175.4), 6)
        assert broker.handle("alice", replace("a", "b", price=175.3), 7) == []
        for earlier in ("a", "b"):
            with pytest.raises(ServerError, match=f"newClientOrderId '{earlier}' has been an order's already"):
                broker.handle("alice", replace("c", earlier, price=175.5), 8)
        assert len(venue.asked(Replace)) == 2

    def test_a_refused_one_frees_its_id(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        broker.handle("alice", replace(price=175.3), 5)
        venue.refuse("ORD_1", RequestKind.REPLACE, "the price is outside of the band")
        (refused,) = of_order(broker.collect())
        assert (refused.update_type, refused.status, refused.client_order_id) == ("REJECT", "NEW", "a")
        broker.handle("alice", replace(price=175.29), 6)
        assert len(venue.asked(Replace)) == 2

    def test_a_reduction_by_the_venue_keeps_the_id(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        venue.update("ORD_1", UpdateType.REPLACE, quantity=60 * UNIT, reason="self-trade prevention")
        (reduced,) = of_order(broker.collect())
        assert (reduced.update_type, reduced.quantity, reduced.client_order_id) == ("REPLACE", 60.0, "a")

    def test_a_reduction_by_the_venue_does_not_answer_one_that_is_on_its_way(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        broker.handle("alice", replace(price=175.3), 5)
        venue.update("ORD_1", UpdateType.REPLACE, quantity=60 * UNIT, reason="self-trade prevention")
        (reduced,) = of_order(broker.collect())
        assert (reduced.update_type, reduced.quantity, reduced.client_order_id) == ("REPLACE", 60.0, "a")
        venue.replace("ORD_1", 60, 175.3)
        (done,) = of_order(broker.collect())
        assert (done.price, done.client_order_id) == (175.3, "b")

    def test_several_on_their_way_each_change_what_they_name(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        broker.handle("alice", replace(quantity=200.0), 5)
        broker.handle("alice", replace("b", "c", price=175.3), 6)
        assert venue.asked(Replace) == [Replace("ORD_1", 200 * UNIT), Replace("ORD_1", None, 175_300_000_000)]
        (refused,) = of_order(broker.handle("alice", replace("c", "d", price=180.0, quantity=600.0), 7))
        assert (refused.reason or "").startswith("buying power: the order needs 108,000.00 USD")

    def test_what_is_on_its_way_counts_for_other_orders(self) -> None:
        limits = {"*": AccountTerms(commissions=None, limits=RiskLimits(max_position=1_000))}
        broker, venue = trading(latency=1, terms=limits)
        broker.handle("alice", new(quantity=10.0), 1)
        venue.accept("ORD_1")
        broker.handle("alice", replace(quantity=1_000.0), 2)
        (refused,) = of_order(broker.handle("alice", new("other", quantity=10.0), 3))
        assert (refused.reason or "").startswith("position: 1,010 with all open orders")
        venue.refuse("ORD_1", RequestKind.REPLACE, "too late")
        broker.collect()
        assert broker.handle("alice", new("another", quantity=990.0), 4)[0].message.status == "PENDING_NEW"

    def test_an_id_of_another_order(self) -> None:
        broker, _ = led_to(OrderStatus.NEW)
        broker.handle("alice", new("b", quantity=1.0), 2)
        with pytest.raises(ServerError, match="newClientOrderId 'b'"):
            broker.handle("alice", replace(price=175.3), 5)

    def test_the_checks_hold(self) -> None:
        broker, venue = led_to(OrderStatus.NEW)
        (refused,) = of_order(broker.handle("alice", replace(quantity=5_000.0), 5))
        assert (refused.update_type, refused.status) == ("REJECT", "NEW")
        assert (refused.reason or "").startswith("buying power")
        assert venue.asked(Replace) == []
