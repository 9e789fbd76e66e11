"""An account without a server, which keeps what it is asked for."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from hftlab.protocol.enums import OrderStatus, OrderType, Side
from tests.widgets.market import Trading


@dataclass(eq=False)
class Order:
    symbol: str
    side: Side
    price: float | None
    remaining_quantity: float = 1.0
    status: OrderStatus = OrderStatus.PENDING_NEW
    order_type: OrderType = OrderType.LIMIT
    stop_price: float | None = None
    reason: str | None = None
    client_order_id: str = "one"

    @property
    def record(self) -> Order:
        return self


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
