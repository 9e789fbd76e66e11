"""Orders of a client: handles that await what becomes of them."""

from __future__ import annotations

from typing import Protocol

from hftlab.trading.blotter import TrackedOrder
from hftlab.trading.order_handle import OrderHandle

__all__ = ["Order", "OrderActions"]


class OrderActions(Protocol):
    """Actions on an order, which hftlab.client.trading.Trading performs."""

    async def wait(self, order: OrderHandle, *statuses: str, timeout: float | None = None) -> Order:
        """Wait until the order has one of these statuses, or is final."""

    async def cancel(self, order: OrderHandle | str, *, timeout: float = 10.0) -> Order | None:
        """Cancel what is left of it."""

    async def replace(
        self,
        order: OrderHandle | str,
        *,
        quantity: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
        new_client_order_id: str | None = None,
        timeout: float = 10.0,
    ) -> Order | None:
        """Change its quantity or prices."""


class Order(OrderHandle):
    """An order of an hftlab.Client: a handle that awaits what becomes of it."""

    def __init__(self, tracked: TrackedOrder, trading: OrderActions) -> None:
        super().__init__(tracked)
        self._trading = trading

    async def wait(self, *statuses: str, timeout: float | None = None) -> Order:
        """Wait until the order has had one of these statuses since the call, or is final; returns the order.

        Without statuses it waits for the end: FILLED, CANCELED, REJECTED or EXPIRED. An order that ends otherwise than
        was waited for is returned as well: look at its `status`. Raises HftlabError after `timeout` seconds (None is
        no limit), and NetworkError when the connection has ended for good.
        """
        return await self._trading.wait(self, *statuses, timeout=timeout)

    async def cancel(self, *, timeout: float = 10.0) -> Order:
        """Cancel what is left of the order; see Trading.cancel."""
        await self._trading.cancel(self, timeout=timeout)
        return self

    async def replace(
        self,
        *,
        quantity: float | None = None,
        price: float | None = None,
        stop_price: float | None = None,
        new_client_order_id: str | None = None,
        timeout: float = 10.0,
    ) -> Order:
        """Change the order's quantity or prices; see Trading.replace."""
        await self._trading.replace(
            self,
            quantity=quantity,
            price=price,
            stop_price=stop_price,
            new_client_order_id=new_client_order_id,
            timeout=timeout,
        )
        return self
