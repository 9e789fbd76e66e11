"""Rules by which hftbacktest's market depths take an event array, row by row: slow and obvious.

Source: hftbacktest 2.4, "Data", and what its hash-map depth and its queue model of L3 do with each kind of event.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hftlab.venues.hftbacktest import event_format as form


class Levels:
    """Totals of price levels, by price, of bids and asks."""

    def __init__(self, rows: np.ndarray[Any, Any]) -> None:
        self.sides: dict[int, dict[float, float]] = {form.BUY: {}, form.SELL: {}}
        for row in rows:
            kind, side = int(row["ev"]) & form.KIND, int(row["ev"]) & (form.BUY | form.SELL)
            if kind == form.DEPTH_CLEAR:
                for levels in self.sides.values():
                    levels.clear()
            elif kind in (form.DEPTH, form.DEPTH_SNAPSHOT):
                self.sides[side][float(row["px"])] = float(row["qty"])
                if row["qty"] == 0:
                    del self.sides[side][float(row["px"])]

    def best_first(self, side: int) -> list[tuple[float, float]]:
        return sorted(self.sides[side].items(), reverse=side == form.BUY)


class Queues:
    """Orders at each price in their order. An order that is not known, or known already, is an error."""

    def __init__(self, rows: np.ndarray[Any, Any]) -> None:
        self.orders: dict[int, tuple[int, float]] = {}
        self.queues: dict[tuple[int, float], list[tuple[int, float]]] = {}
        for row in rows:
            kind, order, at = int(row["ev"]) & form.KIND, int(row["order_id"]), float(row["px"])
            if kind == form.DEPTH_CLEAR:
                self.orders.clear()
                self.queues.clear()
            elif kind == form.ADD_ORDER:
                assert order not in self.orders
                self._join(order, (int(row["ev"]) & (form.BUY | form.SELL), at), float(row["qty"]))
            elif kind == form.CANCEL_ORDER:
                self._leave(order)
            elif kind == form.MODIFY_ORDER:
                side, price = place = self.orders[order]
                queue = self.queues[place]
                index = [number for number, _ in queue].index(order)
                if price == at and row["qty"] <= queue[index][1]:
                    queue[index] = (order, float(row["qty"]))
                else:
                    self._leave(order)
                    self._join(order, (side, at), float(row["qty"]))
            elif kind == form.FILL:
                assert order in self.orders

    def _join(self, order: int, place: tuple[int, float], quantity: float) -> None:
        assert quantity > 0
        self.orders[order] = place
        self.queues.setdefault(place, []).append((order, quantity))

    def _leave(self, order: int) -> None:
        place = self.orders.pop(order)
        self.queues[place] = [one for one in self.queues[place] if one[0] != order]
        if not self.queues[place]:
            del self.queues[place]
