"""Open exposure of one account: the quantities of its open orders, and what they would cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hftlab.trading.orders import Order
from hftlab.trading.position import Position
from hftlab.trading.risk import Exposure

__all__ = ["OpenExposure"]


_BUYS, _SELLS, _BOUGHT, _SOLD = range(4)
"""Open quantities of a symbol's buy and sell orders (1e-9 units), and their costs."""
_NOTHING: Final = (0, 0, 0, 0)


class OpenExposure:
    """Open quantities by symbol, and what all orders would cost (1e-9 of the account's currency).

    Kept up to date order by order, so that a check need not look at every open order.
    """

    def __init__(self) -> None:
        self._orders: dict[str, tuple[str, int, int, int]] = {}
        """Order id -> its symbol, `_BUYS` or `_SELLS`, its open quantity and cost."""
        self._symbols: dict[str, list[int]] = {}

    def set(self, order: Order, quantity: int, cost: int) -> None:
        """Count an open order by the quantity of it that may still trade, which would cost `cost`."""
        counted = self._orders.get(order.order_id)
        if counted is None:
            symbol, side, quantity_before, cost_before = order.terms.symbol, _side(order), 0, 0
        else:
            symbol, side, quantity_before, cost_before = counted
        sums = self._symbols.get(symbol)
        if sums is None:
            sums = self._symbols[symbol] = [0, 0, 0, 0]
        sums[side] += quantity - quantity_before
        sums[side + _BOUGHT] += cost - cost_before
        self._orders[order.order_id] = symbol, side, quantity, cost

    def drop(self, order: Order) -> None:
        """Count an order no more."""
        counted = self._orders.pop(order.order_id, None)
        if counted is None:
            return
        symbol, side, quantity, cost = counted
        sums = self._symbols.get(symbol)
        if sums is None:  # of an order that counts as nothing
            return
        sums[side] -= quantity
        sums[side + _BOUGHT] -= cost
        if not any(sums):
            del self._symbols[symbol]

    def notional(self, positions: Mapping[str, Position]) -> int:
        """Return the cost of the orders that increase positions: what only closes one costs nothing."""
        total = 0
        for symbol, sums in self._symbols.items():
            position = positions.get(symbol)
            held = 0 if position is None else position.quantity
            buys, sells, bought, sold = sums
            if buys:
                total += bought if held >= 0 else _part(bought, buys + held, buys)
            if sells:
                total += sold if held <= 0 else _part(sold, sells - held, sells)
        return total

    def of(self, symbol: str, positions: Mapping[str, Position], *, without: Order | None = None) -> Exposure:
        """Return what is open in a symbol and what all orders would cost, without one order if it is given."""
        counted = None if without is None else self._orders.get(without.order_id)
        if counted is not None:
            its_symbol, side, quantity, cost = counted
            # An order that counts as nothing may have no sums.
            counting = self._symbols.get(its_symbol, [0, 0, 0, 0])
            counting[side] -= quantity
            counting[side + _BOUGHT] -= cost
        sums = self._symbols.get(symbol, _NOTHING)
        exposure = Exposure(sums[_BUYS], sums[_SELLS], self.notional(positions), len(self._orders))
        if counted is not None:
            counting[side] += quantity
            counting[side + _BOUGHT] += cost
        return exposure


def _side(order: Order) -> int:
    return _BUYS if order.sign > 0 else _SELLS


def _part(cost: int, quantity: int, whole: int) -> int:
    return cost * quantity // whole if quantity > 0 else 0
