"""Open exposure of one account: the quantities of its open orders, and what they would cost."""

from __future__ import annotations

from hftlab.trading.orders import Order
from hftlab.trading.risk import Exposure

__all__ = ["OpenExposure"]

_NOTHING = (0, 0, 0)


class OpenExposure:
    """Open buy and sell quantities by symbol (1e-9 units), and the cost of all (1e-9 of the account's currency).

    Kept up to date order by order, so that a check need not look at every open order.
    """

    def __init__(self) -> None:
        self.notional = 0
        self._orders: dict[str, tuple[int, int, int]] = {}
        """Order id -> its open buy and sell quantity, and its cost."""
        self._symbols: dict[str, tuple[int, int]] = {}

    def set(self, order: Order, cost: int) -> None:
        """Count an open order by what is left of it, which would cost `cost`."""
        left = order.remaining
        self._change(order, (left, 0, cost) if order.sign > 0 else (0, left, cost))

    def drop(self, order: Order) -> None:
        """Count an order no more."""
        self._change(order, _NOTHING)
        self._orders.pop(order.order_id, None)

    def of(self, symbol: str, *, without: Order | None = None) -> Exposure:
        """Return what is open in a symbol, and the cost of all orders, without one of them if it is given."""
        buy, sell = self._symbols.get(symbol, (0, 0))
        less = _NOTHING if without is None else self._orders.get(without.order_id, _NOTHING)
        return Exposure(buy - less[0], sell - less[1], self.notional - less[2])

    def _change(self, order: Order, now: tuple[int, int, int]) -> None:
        before = self._orders.get(order.order_id, _NOTHING)
        self._orders[order.order_id] = now
        buy, sell = self._symbols.get(order.terms.symbol, (0, 0))
        self._symbols[order.terms.symbol] = buy + now[0] - before[0], sell + now[1] - before[1]
        self.notional += now[2] - before[2]
