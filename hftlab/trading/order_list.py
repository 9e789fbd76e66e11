"""Orders of one account: by their client's ids, the open ones, and the newest of those that are over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final

from hftlab.trading.orders import Order

__all__ = ["OrderList"]

_MOST_FINISHED: Final = 10_000
_MOST_IDS: Final = 100
"""Newest clientOrderIds that one order keeps besides its first: a market maker may replace it without end."""


class OrderList:
    """Orders of an account in the order of their entry; of those that are over it keeps the newest `most_finished`.

    An order has one clientOrderId, and another one after each replacement; its first and the newest hundred find it.
    """

    def __init__(self, most_finished: int = _MOST_FINISHED) -> None:
        self._most_finished = most_finished
        self._open: dict[str, Order] = {}
        """By order id."""
        self._finished: deque[Order] = deque()
        self._by_client_id: dict[str, Order] = {}
        self._client_ids: dict[str, list[str]] = {}
        """Order id -> the clientOrderIds that find the order, the first one first."""

    def __iter__(self) -> Iterator[Order]:
        """Iterate over the open orders."""
        return iter(self._open.values())

    def __len__(self) -> int:
        """Number of open orders."""
        return len(self._open)

    @property
    def finished(self) -> list[Order]:
        """Orders that are over, the oldest first."""
        return list(self._finished)

    def find(self, client_order_id: str) -> Order | None:
        """Return the order that has, or has had, this clientOrderId."""
        return self._by_client_id.get(client_order_id)

    def is_later(self, order: Order, client_order_id: str, than: str) -> bool:
        """Tell whether an order has got one of its clientOrderIds after another."""
        names = self._client_ids[order.order_id]
        return names.index(client_order_id) > names.index(than)

    def add(self, order: Order) -> None:
        """Add a new order."""
        self._open[order.order_id] = order
        self.name(order, order.client_order_id)

    def name(self, order: Order, client_order_id: str) -> None:
        """Let a clientOrderId find an order, unless it finds one already."""
        if client_order_id in self._by_client_id:
            return
        self._by_client_id[client_order_id] = order
        names = self._client_ids.get(order.order_id)
        if names is None:
            self._client_ids[order.order_id] = [client_order_id]
            return
        names.append(client_order_id)
        if len(names) > 1 + _MOST_IDS:
            del self._by_client_id[names.pop(1)]

    def unname(self, order: Order, client_order_id: str) -> None:
        """Let a clientOrderId be free again, as after a replacement that was refused."""
        if self._by_client_id.get(client_order_id) is order:
            del self._by_client_id[client_order_id]
            self._client_ids[order.order_id].remove(client_order_id)

    def close(self, order: Order) -> None:
        """Move an order that is over to the finished ones, and forget the oldest beyond their number."""
        if self._open.pop(order.order_id, None) is None:
            return
        self._finished.append(order)
        while len(self._finished) > self._most_finished:
            forgotten = self._finished.popleft()
            for client_order_id in self._client_ids.pop(forgotten.order_id, ()):
                self._by_client_id.pop(client_order_id, None)
