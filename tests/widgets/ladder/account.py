"""An account without a server, which keeps what it is asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hftlab.protocol.enums import OrderStatus, OrderType, Side
from hftlab.trading.order_record import OrderRecord
from tests.widgets.market import NOON, Trading


class Order:
    """An order whose record the test sets."""

    def __init__(self, symbol: str, side: Side, price: float | None, quantity: float = 1.0, **changes: Any) -> None:
        fields = {
            "client_order_id": "one",
            "order_type": OrderType.LIMIT,
            "status": OrderStatus.PENDING_NEW,
            "filled_quantity": 0.0,
            "remaining_quantity": quantity,
            "created": NOON,
            "updated": NOON,
        }
        self.record = OrderRecord(
            **{"symbol": symbol, "side": side, "price": price, "quantity": quantity, **fields, **changes}
        )

    def set(self, **changes: Any) -> None:
        self.record = msgspec.structs.replace(self.record, **changes)


@dataclass
class Account(Trading):
    """Trading that keeps what it is asked for."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)
    cancelled: list[Any] = field(default_factory=list)
    failure: Exception | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.buy, self.sell, self.cancel = self._buy, self._sell, self._cancel

    def _buy(self, symbol: str, size: float, *, price: float, wait: bool) -> Order:
        return self._place(Side.BUY, symbol, size, price, wait)

    def _sell(self, symbol: str, size: float, *, price: float, wait: bool) -> Order:
        return self._place(Side.SELL, symbol, size, price, wait)

    def _place(self, side: Side, symbol: str, size: float, price: float, wait: bool) -> Order:
        assert wait is False  # the refresh of every view would wait as well
        if self.failure:
            raise self.failure
        self.asked.append((side, symbol, size, price))
        order = Order(symbol, side, price, size)
        self.open_orders.append(order)
        return order

    def _cancel(self, order: str) -> None:
        self.cancelled.append(order)
        self.done.set()
        if self.failure:
            raise self.failure
