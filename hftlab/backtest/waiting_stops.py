"""Stop orders that wait for the market to reach them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hftlab.simulator.live_orders import LiveOrder

__all__ = ["WaitingStops"]


class WaitingStops:
    """Stop orders by instrument, released by trades: buy stops at or above their price, sell stops at or below."""

    def __init__(self) -> None:
        self.orders: dict[int, dict[int, LiveOrder]] = {}
        """Those that wait, by their numbers, by the numbers of their instruments."""

    def __len__(self) -> int:
        return sum(map(len, self.orders.values())) if self.orders else 0

    def copied(self, orders: Mapping[int, LiveOrder]) -> WaitingStops:
        """Return the same with other objects for the orders, given by their numbers."""
        stops = WaitingStops()
        stops.orders = {
            instrument: {number: orders[number] for number in waiting} for instrument, waiting in self.orders.items()
        }
        return stops

    def add(self, order: LiveOrder) -> None:
        """Let an order wait."""
        self.orders.setdefault(order.listing.number, {})[order.number] = order

    def remove(self, order: LiveOrder) -> None:
        """Take an order away that waits no more."""
        orders = self.orders.get(order.listing.number, {})
        orders.pop(order.number, None)
        if not orders:
            self.orders.pop(order.listing.number, None)

    def instruments(self) -> list[int]:
        """Return the numbers of instruments that have stop orders."""
        return list(self.orders)

    def nearest(self, instrument: int) -> tuple[int | None, int | None]:
        """Return the lowest price of a buy stop and the highest of a sell stop, in ticks."""
        orders = self.orders.get(instrument, {}).values()
        buys, sells = [one.stop for one in orders if one.is_buy], [one.stop for one in orders if not one.is_buy]
        return min(buys, default=None), max(sells, default=None)

    def take_reached(self, instrument: int, last: int | None) -> Iterable[LiveOrder]:
        """Take the orders that a trade at a price reaches, in the order in which they came."""
        orders = self.orders.get(instrument, {})
        reached = [one for one in orders.values() if self.is_reached(one, last)]
        for order in reached:
            self.remove(order)
        return reached

    @staticmethod
    def is_reached(order: LiveOrder, last: int | None) -> bool:
        """Tell whether a trade at a price (ticks) releases an order."""
        return last is not None and (last >= order.stop if order.is_buy else last <= order.stop)
