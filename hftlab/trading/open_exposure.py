"""Open exposure of one account: the quantities of its open orders, and what they would cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        self._orders: dict[str, tuple[int, int]] = {}
        """Order id -> its open quantity and cost."""
        self._symbols: dict[str, list[int]] = {}

    def set(self, order: Order, quantity: int, cost: int) -> None:
        """Count an open order by the quantity of it that may still trade, which would cost `cost`."""
        self._add(order, quantity, cost)
        self._orders[order.order_id] = quantity, cost

    def drop(self, order: Order) -> None:
        """Count an order no more."""
        self._add(order, 0, 0)
        self._orders.pop(order.order_id, None)

    def notional(self, positions: Mapping[str, Position], *, without: Order | None = None) -> int:
        """Return the cost of the orders that increase positions, without one order if it is given.

        What only closes a position costs nothing.
        """
        total = 0
        for symbol, sums in self._symbols.items():
            position = positions.get(symbol)
            held = 0 if position is None else position.quantity
            buys, sells, bought, sold = sums if without is None else self._sums(symbol, without)
            total += _part(bought, buys - max(0, -held), buys) + _part(sold, sells - max(0, held), sells)
        return total

    def of(self, symbol: str, positions: Mapping[str, Position], *, without: Order | None = None) -> Exposure:
        """Return what is open in a symbol and what all orders would cost, without one order if it is given."""
        buys, sells, _, _ = self._sums(symbol, without)
        return Exposure(buys, sells, self.notional(positions, without=without), len(self._orders))

    def _sums(self, symbol: str, without: Order | None) -> Sequence[int]:
        sums = self._symbols.get(symbol, _NOTHING)
        if without is None or without.terms.symbol != symbol or without.order_id not in self._orders:
            return sums
        less, (quantity, cost) = list(sums), self._orders[without.order_id]
        side = _BUYS if without.sign > 0 else _SELLS
        less[side] -= quantity
        less[side + _BOUGHT] -= cost
        return less

    def _add(self, order: Order, quantity: int, cost: int) -> None:
        """Replace what is counted of an order by these."""
        symbol, side = order.terms.symbol, _BUYS if order.sign > 0 else _SELLS
        sums = self._symbols.get(symbol)
        if sums is None:
            sums = self._symbols[symbol] = [0, 0, 0, 0]
        quantity_before, cost_before = self._orders.get(order.order_id, (0, 0))
        sums[side] += quantity - quantity_before
        sums[side + _BOUGHT] += cost - cost_before
        if not any(sums):
            del self._symbols[symbol]


def _part(cost: int, quantity: int, whole: int) -> int:
    return cost * quantity // whole if quantity > 0 else 0
