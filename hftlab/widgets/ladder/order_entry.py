"""Orders that a page asks for: checked, placed and cancelled."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

from hftlab.errors import HftlabError
from hftlab.protocol.enums import OrderStatus
from hftlab.widgets.core.account import Account, Order
from hftlab.widgets.core.freshness import check_fresh
from hftlab.widgets.ladder.own_orders import OwnOrders

__all__ = ["OrderEntry"]

_log = logging.getLogger(__name__)

WATCHED: Final = 100
"""Orders whose refusal is told, at most at a time."""


class OrderEntry:
    """Places and cancels the orders that a page asks for.

    `tell` says something to the pages: of a refusal that comes after the order was sent.
    """

    def __init__(self, account: Account, orders: OwnOrders, tell: Callable[[str], None]) -> None:
        self._account = account
        self._orders = orders
        self._tell = tell
        self._watched: dict[Order, None] = {}

    def place(self, symbol: str, asked: Mapping[str, Any], age: float) -> int:
        """Place a limit order and return its key, before the venue has said anything about it.

        `asked` has `symbol`, which must be the one shown, `side` (BUY or SELL), `price` and `size`; `age` in seconds.
        Raises ValueError, and HftlabError where it cannot be sent.
        """
        check_fresh(age, "the order was not sent")
        if asked.get("symbol") != symbol:
            raise ValueError(f"the order was not sent: it was for {asked.get('symbol')}, and {symbol} is shown")
        price, size = _number(asked, "price"), _number(asked, "size")
        if size <= 0:
            raise ValueError(f"the size must be above 0, got {size:g}")
        calls = {"BUY": self._account.buy, "SELL": self._account.sell}
        if (call := calls.get(str(asked.get("side")))) is None:
            raise ValueError(f"side must be BUY or SELL, got {asked.get('side')!r}")
        order = call(symbol, size, price=price, wait=False)
        self._watched[order] = None
        while len(self._watched) > WATCHED:
            del self._watched[next(iter(self._watched))]
        return self._orders.key(order)

    def cancel(self, key: Any) -> None:
        """Cancel an order by its key, without waiting for the venue. Raises ValueError.

        A cancellation that is heard late is done all the same: an order that nobody wants is the greater harm.
        """
        order = self._orders.find(key)
        # The call waits for the server, and the caller holds up every view of the widget.
        threading.Thread(target=self._cancel, args=(order,), name="hftlab cancel", daemon=True).start()

    def watch(self) -> None:
        """Tell the pages of orders that were refused after they had been sent; called at each refresh."""
        for order in list(self._watched):
            record = order.record
            if record.status is OrderStatus.REJECTED:
                self._tell(record.reason or "the order was rejected")
            if record.status is not OrderStatus.PENDING_NEW:
                del self._watched[order]

    def _cancel(self, order: Order) -> None:
        try:
            self._account.cancel(order.record.client_order_id)
        except (HftlabError, ValueError) as error:
            _log.warning("%r could not be cancelled: %s", order, error)
            self._tell(str(error))


def _number(asked: Mapping[str, Any], name: str) -> float:
    value = asked.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return float(value)
