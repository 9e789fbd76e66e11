"""Log of a run: which orders stand, by what the strategy has heard."""

from __future__ import annotations

from hftlab.backtest.run_log import RunLog
from hftlab.protocol import OrderStatus
from hftlab.protocol.enums import SelfTradePrevention
from hftlab.trading.venue import New
from hftlab.trading.wire import terms_of
from tests.trading.updates import new_order, order_update


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
