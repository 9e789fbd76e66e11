"""Order book of one instrument inside the matching engine, as market participants and as the venue see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from hftlab.book.matching.auction import auction_price, reference_price
from hftlab.book.matching.engine_state import (
    ASKS,
    BIDS,
    BUY_STOPS,
    MARKET_KEY,
    NO_PRICE,
    NOBODY,
    SIDES,
    EngineState,
)
from hftlab.book.matching.entries import EntryType, TradingPhase
from hftlab.book.matching.levels import find_order
from hftlab.book.order_book import Level, Side
from hftlab.instruments import Instrument

__all__ = ["Auction", "MatchingBook", "Resting", "Waiting", "find_slot"]


class Auction(NamedTuple):
    """Result of an auction held now: ticks, lots, and the lots that buyers want beyond it (negative: sellers)."""

    price: int
    volume: int
    surplus: int


class Resting(NamedTuple):
    """Queued order as other participants see it: `size` is the displayed one, in lots."""

    id: int
    owner: int
    price: int
    size: int


class Waiting(NamedTuple):
    """Stop, or order that is all or none, which waits unseen: prices in ticks, size in lots."""

    id: int
    owner: int
    side: Side
    stop: int | None  # where it is now; None for all or none
    price: int | None  # None for a stop that becomes a market order
    size: int


class _Owner(Protocol):
    @property
    def state(self) -> EngineState: ...


def find_slot(state: EngineState, order_id: int) -> int:
    """Return the row of `state.orders` of a live order, or NOBODY, also for numbers that no order can have."""
    return find_order(state, int(order_id)) if 0 < order_id < state.totals[0]["next_id"] else NOBODY


class MatchingBook:
    """Order book of one instrument as it is now: a view that follows the engine."""

    __slots__ = ("_engine", "_number", "instrument")

    def __init__(self, engine: _Owner, instrument: Instrument, number: int) -> None:
        self._engine, self.instrument, self._number = engine, instrument, number

    def bids(self, depth: int = 10) -> list[Level]:
        """Return the best `depth` bids, highest first: (price, size, orders) as displayed, in currency and units."""
        return self._levels(BIDS, depth)

    def asks(self, depth: int = 10) -> list[Level]:
        """Return the best `depth` asks, lowest first: (price, size, orders)."""
        return self._levels(ASKS, depth)

    def best(self) -> tuple[Level | None, Level | None]:
        """Return the best bid and the best ask; None for an empty side."""
        return next(iter(self.bids(1)), None), next(iter(self.asks(1)), None)

    def queue(self, side: Side) -> list[Resting]:
        """Return all visible orders of a side, first to trade first, in ticks and lots."""
        which = BIDS if side == "B" else ASKS
        return [
            Resting(int(order["id"]), int(order["owner"]), int(order["price"]), int(order["shown"]))
            for level in self._rows(which)
            for order in self._orders(level)
        ]

    def ahead(self, order_id: int) -> int:
        """Return the lots displayed ahead of an order at its price. Raises KeyError if it is not in a queue here."""
        state = self._engine.state
        slot = find_slot(state, order_id)
        if slot == NOBODY or state.orders[slot]["side"] not in (
            SIDES * self._number + BIDS,
            SIDES * self._number + ASKS,
        ):
            raise KeyError(order_id)
        lots = 0
        for order in self._orders(state.levels[state.orders[slot]["level"]]):
            if order["id"] == order_id:
                return lots
            lots += int(order["shown"])
        raise AssertionError(f"order {order_id} is not in the queue of its level")

    def waiting(self) -> list[Waiting]:
        """Return the stops, and the orders that are all or none, that wait; those of one kind and side best first."""
        sides = range(SIDES * self._number + BUY_STOPS, SIDES * (self._number + 1))
        return [_waiting(order) for side in sides for level in self._levels_of(side) for order in self._orders(level)]

    def auction(self, reference: int | None = None) -> Auction:
        """Return what an uncrossing would give now; `reference` in ticks, None for the last trade's price.

        0 is None where prices must be positive.
        """
        state, number = self._engine.state, self._number
        is_given = reference is not None and (reference != 0 or self._record["lowest"] <= 0)
        price = reference_price(state, number, reference or 0, is_given)
        return Auction._make(map(int, auction_price(state, number, price)))

    @property
    def phase(self) -> TradingPhase:
        return TradingPhase(int(self._record["phase"]))

    @property
    def last(self) -> int | None:
        """Price of the last trade in ticks, None before the first."""
        last = int(self._record["last"])
        return None if last == NO_PRICE else last

    @property
    def band(self) -> tuple[int, int] | None:
        """Lowest and highest price at which trades are allowed, in ticks; None without a band."""
        record = self._record
        return (int(record["lower"]), int(record["upper"])) if record["width"] else None

    def __repr__(self) -> str:
        bid, ask = self.best()
        sides = " / ".join(f"{level[1]:g} @ {level[0]:.12g}" if level else "-" for level in (bid, ask))
        return f"MatchingBook({self.instrument.symbol} at {self.instrument.venue.name}: {sides}, {self.phase.name})"

    @property
    def _record(self) -> Any:
        return self._engine.state.books[self._number]

    def _rows(self, which: int) -> Iterator[Any]:
        """Yield the visible levels of a side, best first."""
        return (level for level in self._levels_of(SIDES * self._number + which) if level["key"] != MARKET_KEY)

    def _levels_of(self, side: int) -> Iterator[Any]:
        state = self._engine.state
        start, length = int(state.sides[side]["start"]), int(state.sides[side]["length"])
        return (state.levels[row] for row in state.slots[start : start + length][::-1])

    def _orders(self, level: Any) -> Iterator[Any]:
        orders, slot = self._engine.state.orders, int(level["head"])
        while slot != NOBODY:
            yield orders[slot]
            slot = int(orders[slot]["next"])

    def _levels(self, which: int, depth: int) -> list[Level]:
        sign = 1 if which == BIDS else -1
        levels: list[Level] = []
        for level in self._rows(which):
            if len(levels) >= depth:
                break
            price, size = sign * int(level["key"]), int(level["shown"])
            levels.append((self.instrument.price(price), self.instrument.size(size), int(level["orders"])))
        return levels


def _waiting(order: Any) -> Waiting:
    is_whole, is_market = bool(order["all_or_none"]), order["type"] == EntryType.STOP
    return Waiting(
        int(order["id"]),
        int(order["owner"]),
        "B" if order["bid"] else "A",
        None if is_whole else int(order["stop"]),
        None if is_market else int(order["price"]),
        int(order["shown"]),
    )
