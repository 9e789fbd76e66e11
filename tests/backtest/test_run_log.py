"""Log of a run: which orders stand, by what the strategy has heard."""

from __future__ import annotations

from hftlab.backtest.run_log import RunLog
from hftlab.instruments import UNIT
from hftlab.protocol import NewOrder, OrderStatus, ReplaceOrder
from hftlab.protocol.enums import SelfTradePrevention, UpdateType
from hftlab.trading.venue import New
from hftlab.trading.wire import terms_of
from tests.protocol.conftest import market_data, symbol
from tests.trading.updates import new_order, order_update


def sent(log: RunLog, request: NewOrder, order_id: str, at: int) -> None:
    """Note a new order that the broker has taken."""
    log.send("backtest", request, at)
    log.arrive(New(order_id, terms_of(request, SelfTradePrevention.NONE)), at, at + 5)


def test_orders_are_open_from_when_they_are_sent_to_when_their_end_is_heard() -> None:
    log = RunLog()
    for number, name in enumerate("abc", 1):
        request = new_order(name)
        log.send("backtest", request, number)
        if name != "c":
            log.arrive(New(f"ORD_{name}", terms_of(request, SelfTradePrevention.NONE)), number, number + 5)
    assert log.open_order_ids == ["ORD_a", "ORD_b"]
    log.hear(order_update("a", status=OrderStatus.FILLED, order_id="ORD_a"), 10)
    log.hear(order_update("b", status=OrderStatus.NEW, order_id="ORD_b"), 11)
    log.hear(order_update("c", status=OrderStatus.REJECTED, order_id="ORD_c"), 12)
    assert log.open_order_ids == ["ORD_b"]
    assert log.tables()["orders"]["ended"].to_list() == [10, None, 12]


def test_a_name_that_a_refused_replacement_has_left_free_is_another_orders() -> None:
    log = RunLog()
    sent(log, new_order("a"), "ORD_1", 1)
    log.send("backtest", ReplaceOrder(timestamp=1.0, client_order_id="a", new_client_order_id="b", price=0.001), 2)
    sent(log, new_order("b"), "ORD_2", 3)
    log.hear(order_update("b", status=OrderStatus.FILLED, order_id="ORD_2"), 10)
    orders = log.tables()["orders"]
    assert orders.select("client_order_id", "order_id", "ended").rows() == [("a", "ORD_1", None), ("b", "ORD_2", 10)]
    assert log.open_order_ids == ["ORD_1"]


def test_a_quote_beyond_what_orders_may_have_is_an_empty_side() -> None:
    log = RunLog()
    log.quote(market_data(symbol(bid=10.0, ask=1.9e10)), 1)
    assert log.tables()["quotes"].rows() == [(1, "AAPL", 10 * UNIT, None)]


def test_an_order_goes_on_when_another_one_of_its_name_is_refused() -> None:
    log = RunLog()
    sent(log, new_order("a"), "ORD_1", 1)
    log.send("backtest", new_order("a"), 2)
    log.refuse("a", "the clientOrderId 'a' is that of another order", 2)
    assert log.tables()["orders"].select("ended", "reason").rows() == [(None, None)]


def test_an_order_that_was_not_taken_may_come_once_more() -> None:
    log = RunLog()
    log.send("backtest", new_order("a", price=1.0), 1)
    log.refuse("a", "the venue does not trade it", 1)
    log.send("backtest", new_order("b"), 2)
    sent(log, new_order("a"), "ORD_1", 3)
    assert log.open_order_ids == ["ORD_1"]
    log.hear(order_update("a", status=OrderStatus.FILLED, order_id="ORD_1"), 10)
    orders = log.tables()["orders"]
    assert orders.select("client_order_id", "order_id", "price", "created", "ended").rows() == [
        ("a", "ORD_1", 100 * UNIT, 3, 10),
        ("b", None, 100 * UNIT, 2, None),
    ]


def test_an_order_that_is_over_does_not_end_later_when_its_cancel_is_refused() -> None:
    log = RunLog()
    sent(log, new_order("a"), "ORD_1", 1)
    log.hear(order_update("a", status=OrderStatus.FILLED, order_id="ORD_1"), 10)
    log.hear(order_update("a", status=OrderStatus.FILLED, order_id="ORD_1", update_type=UpdateType.REJECT), 20)
    assert log.tables()["orders"]["ended"].to_list() == [10]
