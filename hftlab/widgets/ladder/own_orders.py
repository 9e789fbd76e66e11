"""One's own open orders of a symbol, as a ladder shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final, NamedTuple

from hftlab.protocol.enums import OrderStatus, Side
from hftlab.trading.order_record import OrderRecord
from hftlab.widgets.core.account import Account, Order

__all__ = ["STATES", "OwnOrder", "OwnOrders"]

STATES: Final = (
    OrderStatus.PENDING_NEW,
    OrderStatus.NEW,
    OrderStatus.PARTIALLY_FILLED,
    OrderStatus.PENDING_CANCEL,
)
"""Statuses of open orders; a frame has the number of one."""

KEYS: Final = 10_000
"""Orders whose keys are remembered."""


class OwnOrder(NamedTuple):
    """One's own open order: `sign` 1 to buy, -1 to sell; `ahead` is the estimated size before it, None if unknown."""

    key: int
    price: float
    sign: int
    status: OrderStatus
    remaining: float
    is_stop: bool = False
    ahead: float | None = None


class OwnOrders:
    """The open orders of an account in one symbol at a time; each has a number, its key, by which a page names it.

    A replaced order has another client order id and the same server's id; a key stays with the order.
    """

    def __init__(self, account: Account) -> None:
        self._account = account
        self._numbers = count(1)
        self._keys: dict[Order, int] = {}
        self._orders: dict[int, Order] = {}

    def read(self, symbol: str, ahead: Mapping[str, float]) -> Sequence[OwnOrder]:
        """Return the open orders in a symbol that have a price, those of market orders left out.

        `ahead` is the estimated size ahead of orders, by the server's order id.
        """
        found = ((order, order.record) for order in self._account.open_orders)
        return [
            self._own(order, record, price, ahead.get(record.order_id or ""))
            for order, record in found
            if record.symbol == symbol and record.status in STATES
            if (price := record.stop_price if record.price is None else record.price) is not None
        ]

    def _own(self, order: Order, record: OrderRecord, price: float, ahead: float | None) -> OwnOrder:
        sign = 1 if record.side is Side.BUY else -1
        is_stop = record.price is None
        return OwnOrder(self.key(order), price, sign, record.status, record.remaining_quantity, is_stop, ahead)

    def key(self, order: Order) -> int:
        """Return the key of an order."""
        key = self._keys.get(order)
        if key is None:
            key = self._keys[order] = next(self._numbers)
            self._orders[key] = order
            if len(self._orders) > KEYS:
                oldest = next(iter(self._orders))
                del self._keys[self._orders.pop(oldest)]
        return key

    def find(self, key: Any) -> Order:
        """Return the order of a key. Raises ValueError."""
        order = self._orders.get(key) if isinstance(key, int) else None
        if order is None:
            raise ValueError("this order is not known any more")
        return order
