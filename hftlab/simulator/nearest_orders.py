"""Orders of accounts that are nearest to the market, by which it is known whether any can trade soon."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final, Protocol

__all__ = ["NearestOrders"]

_SPARE: Final = 64


class _Order(Protocol):
    number: int

    @property
    def reach(self) -> int: ...


class NearestOrders:
    """Orders of one direction in one listing: `nearest()` is the price at which the first of them is reached.

    `falling` are those that a falling market reaches: buy limits and sell stops, the highest first; else those that a
    rising one reaches. An order's `reach` is that price now; its `number` is 0 when it has ended.
    """

    def __init__(self, *, falling: bool) -> None:
        self._sign = -1 if falling else 1
        self._heap: list[tuple[int, int, int, _Order]] = []
        self._added = 0

    def add(self, order: _Order, live: int) -> None:
        """Add an order, or its new price; `live` is the number of orders that are live now, at least of this kind."""
        self._added += 1
        heappush(self._heap, (self._sign * order.reach, self._added, order.number, order))
        if len(self._heap) > 2 * live + _SPARE:
            kept = {entry[2]: entry for entry in self._heap if self._is_valid(entry)}
            self._heap = list(kept.values())
            heapify(self._heap)

    def nearest(self) -> int | None:
        """Return the price of the order that the market reaches first, in ticks; None if there is none."""
        heap = self._heap
        while heap and not self._is_valid(heap[0]):
            heappop(heap)
        return self._sign * heap[0][0] if heap else None

    def __len__(self) -> int:
        """Number of entries, of which some may be of orders that have ended."""
        return len(self._heap)

    def _is_valid(self, entry: tuple[int, int, int, _Order]) -> bool:
        key, _, number, order = entry
        return order.number == number and self._sign * order.reach == key
