"""Open exposure of one account: the quantities of its open orders, and what they would cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from hftlab.trading.orders import Order
from hftlab.trading.position import Position
from hftlab.trading.risk import Exposure

__all__ = ["OpenExposure"]


class _Open(NamedTuple):
    """Open quantities of buy and sell orders (1e-9 units), and their costs."""

    buys: int = 0
    sells: int = 0
    bought: int = 0
    sold: int = 0

    def changed(self, now: _Open, before: _Open) -> _Open:
        return _Open(*(all_of + one - other for all_of, one, other in zip(self, now, before, strict=True)))

    def notional(self, held: int) -> int:
        """Return the cost of what would increase a position of `held`; what only closes it costs nothing."""
        buys = max(0, self.buys - max(0, -held))
        sells = max(0, self.sells - max(0, held))
        return _part(self.bought, buys, self.buys) + _part(self.sold, sells, self.sells)


_NOTHING: Final = _Open()


class OpenExposure:
    """Open quantities by symbol, and what all orders would cost (1e-9 of the account's currency).

    Kept up to date order by order, so that a check need not look at every open order.
    """

    def __init__(self) -> None:
        self._orders: dict[str, _Open] = {}
        """By order id."""
        self._symbols: dict[str, _Open] = {}

    def set(self, order: Order, cost: int) -> None:
        """Count an open order by what is left of it, which would cost `cost`."""
        left = order.remaining
        self._change(order, _Open(buys=left, bought=cost) if order.sign > 0 else _Open(sells=left, sold=cost))

    def drop(self, order: Order) -> None:
        """Count an order no more."""
        self._change(order, _NOTHING)
        self._orders.pop(order.order_id, None)

    def notional(self, positions: Mapping[str, Position], *, without: Order | None = None) -> int:
        """Return what the orders would cost that increase the positions, without one order if it is given."""
        total = 0
        for symbol, all_of in self._symbols.items():
            position = positions.get(symbol)
            held = 0 if position is None else position.quantity
            if without is not None and without.terms.symbol == symbol:
                all_of = all_of.changed(_NOTHING, self._orders.get(without.order_id, _NOTHING))
            total += all_of.notional(held)
        return total

    def of(self, symbol: str, positions: Mapping[str, Position], *, without: Order | None = None) -> Exposure:
        """Return what is open in a symbol and what all orders would cost, without one of the symbol's if it is given."""
        all_of = self._symbols.get(symbol, _NOTHING)
        if without is not None:
            all_of = all_of.changed(_NOTHING, self._orders.get(without.order_id, _NOTHING))
        return Exposure(all_of.buys, all_of.sells, self.notional(positions, without=without))

    def _change(self, order: Order, now: _Open) -> None:
        before = self._orders.get(order.order_id, _NOTHING)
        self._orders[order.order_id] = now
        symbol = order.terms.symbol
        changed = self._symbols.get(symbol, _NOTHING).changed(now, before)
        if changed == _NOTHING:
            self._symbols.pop(symbol, None)
        else:
            self._symbols[symbol] = changed


def _part(cost: int, quantity: int, whole: int) -> int:
    return cost * quantity // whole if whole else 0
