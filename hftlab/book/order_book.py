"""Order book of one instrument, read-only."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from hftlab.book.anomalies import KINDS, Kind
from hftlab.book.book_state import BookState, Records
from hftlab.book.level_columns import copy_levels
from hftlab.book.queues import ahead_of, find_order, read_queue
from hftlab.instruments import Instrument
from hftlab.kernels.compiling import IntArray

__all__ = ["Level", "OrderBook", "QueuePosition"]

Level: TypeAlias = tuple[float, float, int]
"""(price in the currency, size in units, number of orders); 0 orders where the venue does not say how many."""

Side: TypeAlias = Literal["B", "A"]


class QueuePosition(NamedTuple):
    """Position of an order in the queue of its price, sizes in units; what is `ahead` is executed before it."""

    side: Side
    price: float
    size: float
    orders_ahead: int
    size_ahead: float
    level_orders: int
    level_size: float


class _Owner(Protocol):
    """Holder of the memory that a book is a view of: a BookSet, which replaces it when it grows."""

    @property
    def state(self) -> BookState: ...


class OrderBook:
    """Order book of one instrument as it is now: a view into its BookSet, which follows every later batch."""

    __slots__ = ("_books", "_number", "instrument")

    def __init__(self, books: _Owner, instrument: Instrument, number: int) -> None:
        self._books, self.instrument, self._number = books, instrument, number

    def bids(self, depth: int = 10) -> list[Level]:
        """Return the best `depth` bids, highest first: (price, size, orders)."""
        return self._levels("B", depth)

    def asks(self, depth: int = 10) -> list[Level]:
        """Return the best `depth` asks, lowest first: (price, size, orders)."""
        return self._levels("A", depth)

    def level_arrays(self, side: Side, depth: int | None = None) -> tuple[IntArray, IntArray]:
        """Return the best `depth` levels of a side, all for None, best first: ticks and lots, copies."""
        state = self._state
        place = state.sides[2 * self._number + (side == "A")]
        length = int(place["length"])
        ticks, lots = np.empty((2, length if depth is None else min(length, max(depth, 0))), np.int64)
        copy_levels(state.levels, state.slots, int(place["start"]) + length - 1, ticks, lots)
        return ticks, lots

    def best(self) -> tuple[Level | None, Level | None]:
        """Return the best bid and the best ask; None for an empty side."""
        return next(iter(self.bids(1)), None), next(iter(self.asks(1)), None)

    @property
    def levels(self) -> tuple[int, int]:
        """Number of price levels of the bids and of the asks."""
        length = self._state.sides["length"]
        return int(length[2 * self._number]), int(length[2 * self._number + 1])

    def queue_position(self, order_id: int) -> QueuePosition:
        """Return where an order is in the queue of its price. Raises KeyError if it is not in the book."""
        state = self._state
        row = find_order(state, self._number, _bits(order_id))
        if row == 0:
            raise KeyError(f"order {order_id} is not in the book of {self.instrument.symbol}")
        order = state.orders[row]
        level = state.levels[order["level"]]
        orders_ahead, lots_ahead = ahead_of(state.orders, row)
        return QueuePosition(
            side="A" if level["side"] % 2 else "B",
            price=self.instrument.price(int(level["ticks"])),
            size=self.instrument.size(int(order["lots"])),
            orders_ahead=orders_ahead,
            size_ahead=self.instrument.size(lots_ahead),
            level_orders=int(level["orders"]),
            level_size=self.instrument.size(int(level["lots"])),
        )

    def orders(self, side: Side, price: float) -> list[tuple[int, float]]:
        """Return the queue at a price, first to be executed first: (order id, size).

        It is empty where the venue names no orders.
        """
        levels = self._best_levels(side)
        found = levels[levels["ticks"] == self.instrument.ticks(price)]
        if not len(found):
            return []
        ids, lots = np.empty((2, int(found["orders"][0])), np.int64)
        read_queue(self._state.orders, int(found["head"][0]), ids, lots)
        return list(zip(ids.view(np.uint64).tolist(), self.instrument.size(lots).tolist(), strict=True))

    def cumulative_volume(self, side: Side, *, price: float | None = None, depth: int | None = None) -> float:
        """Return the size on a side: at `price` and better, or in its best `depth` levels, or in all levels.

        Raises ValueError if both are given.
        """
        if price is not None and depth is not None:
            raise ValueError("give cumulative_volume a price or a depth, not both")
        levels = self._best_levels(side, depth)
        if price is not None:
            limit = self.instrument.ticks(price)
            levels = levels[levels["ticks"] >= limit if side == "B" else levels["ticks"] <= limit]
        return self.instrument.size(int(levels["lots"].sum()))

    def checksum(self, depth: int = 10) -> int:
        """Return the CRC32 of the best `depth` levels of the bids, then of the asks.

        A level is two little-endian int64, ticks and lots, best level first; levels that are not there are zeros, so
        that 32 bytes go in for each of `depth`.
        """
        table = np.zeros((2, max(depth, 0), 2), "<i8")
        for place, side in enumerate(("B", "A")):
            levels = self._best_levels(side, depth)
            table[place, : len(levels), 0], table[place, : len(levels), 1] = levels["ticks"], levels["lots"]
        return zlib.crc32(table.tobytes())

    @property
    def anomalies(self) -> Counter[Kind]:
        """Number of anomalies of each kind."""
        width = len(KINDS) + 1
        counts = self._state.tallies[self._number * width + 1 : (self._number + 1) * width].tolist()
        return Counter({kind: count for kind, count in zip(KINDS, counts, strict=True) if count})

    @property
    def unknown_levels(self) -> int:
        """Number of removals of a level that was not there. They are normal at venues that cap their snapshots."""
        return self.anomalies["unknown_level"]

    @property
    def crossed(self) -> int:
        """Number of events after which the best bid was at or above the best ask."""
        return self.anomalies["crossed"]

    @property
    def clears(self) -> int:
        """Number of events (action R) that cleared the book, snapshots included."""
        return int(self._state.books["clears"][self._number])

    def __repr__(self) -> str:
        bid, ask = self.best()
        sides = " / ".join(f"{level[1]:g} @ {level[0]:.12g}" if level else "-" for level in (bid, ask))
        return f"OrderBook({self.instrument.symbol} at {self.instrument.venue.name}: {sides})"

    @property
    def _state(self) -> BookState:
        return self._books.state

    def _levels(self, side: Side, depth: int) -> list[Level]:
        levels = self._best_levels(side, depth)
        prices, sizes = self.instrument.price(levels["ticks"]).tolist(), self.instrument.size(levels["lots"]).tolist()
        return list(zip(prices, sizes, levels["orders"].tolist(), strict=True))

    def _best_levels(self, side: str, depth: int | None = None) -> Records:
        """Rows of `levels`, best first."""
        if side not in ("B", "A"):
            raise ValueError(f"side must be B or A, got {side!r}")
        state = self._state
        place = state.sides[2 * self._number + (side == "A")]
        start, length = int(place["start"]), int(place["length"])
        first = start if depth is None else start + max(length - max(depth, 0), 0)
        return state.levels[state.slots[first : start + length][::-1]]


def _bits(order_id: int) -> int:
    """Return the bits of a uint64 as the int64 that the kernels hold. Raises KeyError for a number out of range."""
    if not 0 <= order_id < 1 << 64:
        raise KeyError(f"order ids are 0 to 2^64 - 1, got {order_id}")
    return order_id - (1 << 64) if order_id >= 1 << 63 else order_id
