"""Order book of one instrument inside the matching engine, as market participants and as the venue see it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from hftlab.book.matching.auction import auction_price, reference_price
from hftlab.book.matching.engine_state import ASKS, BIDS, MARKET_KEY, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import TradingPhase
from hftlab.book.matching.levels import find_order
from hftlab.book.order_book import Level, Side
from hftlab.instruments import Instrument

__all__ = ["Auction", "MatchingBook", "Resting", "find_slot"]


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
        """Return the lots displayed ahead of an order at its price. Raises KeyError if it is not queued here."""
        state = self._engine.state
        slot = find_slot(state, order_id)
        if slot == NOBODY or state.orders[slot]["book"] != self._number:
            raise KeyError(order_id)
        lots = 0
        for order in self._orders(state.levels[state.orders[slot]["level"]]):
            if order["id"] == order_id:
                return lots
            lots += int(order["shown"])
        raise AssertionError(f"order {order_id} is not in the queue of its level")

    def auction(self, reference: int = 0) -> Auction:
        """Return what an uncrossing would give now; `reference` in ticks, 0 for the last trade's price."""
        state = self._engine.state
        return Auction._make(
            map(int, auction_price(state, self._number, reference_price(state, self._number, reference)))
        )

    @property
    def phase(self) -> TradingPhase:
        return TradingPhase(int(self._record["phase"]))

    @property
    def last(self) -> int | None:
        """Price of the last trade in ticks, None before the first."""
        return int(self._record["last"]) or None

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
        state = self._engine.state
        side_row = state.sides[SIDES * self._number + which]
        start, length = int(side_row["start"]), int(side_row["length"])
        for row in state.slots[start : start + length][::-1]:
            if state.levels[row]["key"] != MARKET_KEY:
                yield state.levels[row]

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
