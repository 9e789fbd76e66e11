"""Matching engine of many instruments: the Python class in front of the compiled kernels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.matching.book import MatchingBook, find_slot
from hftlab.book.matching.capacity import grow
from hftlab.book.matching.engine_state import NOBODY, EngineState, new_state
from hftlab.book.matching.entries import ENTRY, Action, EntryType, InForce, Prevention, new_entries
from hftlab.book.matching.kernel import drain, submit_many
from hftlab.book.matching.output import EVENTS, FILLS, UPDATES, Output, new_output
from hftlab.book.order_book import Side
from hftlab.errors import EventError
from hftlab.events import COLUMNS, EventBatch
from hftlab.instruments import Instrument

__all__ = ["MatchingEngine", "Result"]

Records = npt.NDArray[Any]


class Result(NamedTuple):
    """Outcome of a submission, in the order in which it happened."""

    updates: Records  # UPDATE_ROW: changes of orders other than trades, and of instruments
    fills: Records  # FILL_ROW: trades between two orders
    events: EventBatch  # public events


class MatchingEngine:
    """Matching engine for orders of many instruments: prices in ticks, sizes in lots, times given with each order.

    `submit()` takes whole arrays in one compiled call, `place()`, `cancel()` and `replace()` one order each.
    `engine["AAPL"]` is that book as it stands. The n-th new order of the engine's life has the id n. Every book starts
    in continuous trading; the actions CALL, UNCROSS, RESUME, HALT, CLOSE and BAND of `Action` lead it through a day.
    With `halts_at_band` an order that would trade outside the price band halts the instrument (and rests, if it may);
    without, limits outside are refused and what would trade outside is cancelled. Prices are positive, but those of
    `negative_prices` (True for all instruments, else the ones that are named) may be 0 and below, as of spreads and of
    some futures.

    Where venues differ, this one does the following: trades are at the price of the order that waited; each new part of
    an iceberg goes to the back of its price; a stop is released after the row whose trades reach it, as a step of its
    own; what a market or IOC order cannot fill is cancelled; during a call market orders wait unseen, and IOC, FOK and
    post-only orders are refused; a replaced order keeps its id, and its place if only its size falls.

    An order that is all or none waits unseen, behind the displayed orders of its price. An incoming order that fills it
    trades with it at its price, one that is too small passes it over; after each row it takes, at their prices, the
    others' orders that fill it together. It stays out of auctions. A stop's `trigger` says whether trades, quotes or
    either release it; with `trail` it follows the market, in steps of `trail_step`: `book.waiting()` shows where it is.

    Compiled code calls `hftlab.book.matching.kernel.submit()` with `state` and `output`; when that returns FULL, call
    `take()` for the rows written, then `grow()`, which replaces both attributes. Threads that share an engine need a
    lock.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        *,
        halts_at_band: bool = True,
        negative_prices: bool | Collection[str | Instrument] = False,
    ) -> None:
        self.instruments: Final = tuple(instruments)
        named = self.instruments if negative_prices is True else negative_prices or ()
        signed = [self._number(one) for one in named]
        ticks = [instrument.tick for instrument in self.instruments]
        self.state: EngineState = new_state(ticks, halts_at_band, signed=signed)
        self.output: Output = new_output()

    def submit(self, entries: Records) -> Result:
        """Take rows of ENTRY (see `new_entries()`) one after the other.

        A refused row is not an error: its update says REJECTED and why. Raises EventError for an array of
        another kind.
        """
        if entries.dtype != ENTRY or entries.ndim != 1:
            raise EventError(f"orders are rows of ENTRY, got {entries.dtype}: make them with new_entries()")
        # With one memory layout there is one compiled kernel.
        entries, row = np.require(entries, requirements=["C", "W"]), 0
        while (row := submit_many(self.state, self.output, entries, row)) < len(entries):
            self.grow()
        while not drain(self.state, self.output):
            self.grow()
        return self.take()

    def place(
        self,
        instrument: str | Instrument,
        side: Side,
        size: int,
        price: int = 0,
        *,
        type: EntryType = EntryType.LIMIT,  # noqa: A002 - what orders call it
        in_force: InForce = InForce.DAY,
        prevention: Prevention = Prevention.NONE,
        time: int = 0,
        **fields: int,
    ) -> Result:
        """Submit one order: price in ticks, size in lots; `fields` are others of ENTRY (owner, stop, trail, ...)."""
        fields |= {"instrument": self._number(instrument), "side": ord(side), "type": type}
        fields |= {"in_force": in_force, "prevention": prevention}
        return self.submit(new_entries(1, time=time, size=size, price=price, **fields))

    def cancel(self, order_id: int, *, owner: int = 0, time: int = 0) -> Result:
        """Cancel an order; if an owner is given, only an order of that owner."""
        return self.submit(new_entries(1, time=time, action=Action.CANCEL, id=order_id, owner=owner))

    def replace(
        self, order_id: int, size: int, price: int = 0, *, stop: int = 0, owner: int = 0, time: int = 0
    ) -> Result:
        """Change an order's price, stop price and open size. It keeps its place if only the size falls."""
        fields = {"id": order_id, "size": size, "price": price, "stop": stop, "owner": owner}
        return self.submit(new_entries(1, time=time, action=Action.REPLACE, **fields))

    def command(
        self, action: Action, instrument: str | Instrument, price: int = 0, size: int = 0, *, time: int = 0
    ) -> Result:
        """Perform one of the venue's own actions, as ENTRY describes them."""
        number = self._number(instrument)
        return self.submit(new_entries(1, time=time, action=action, instrument=number, price=price, size=size))

    def take(self) -> Result:
        """Return copies of the rows written to `output` since the last call, so that they can be overwritten."""
        output, used = self.output, self.output.used
        result = Result(output.updates[: used[UPDATES]].copy(), output.fills[: used[FILLS]].copy(), self.take_events())
        used[:] = 0
        return result

    def take_events(self) -> EventBatch:
        """Return copies of the public events alone; fills and updates stay in `output`, and the next ones follow."""
        rows = self.output.events[: self.output.used[EVENTS]]
        columns = {name: rows[name].copy() for name in COLUMNS}
        self.output.used[EVENTS] = 0
        return EventBatch(**columns, instruments=self.instruments)

    def grow(self) -> None:
        """Enlarge the arrays that the last step found too small."""
        self.state, self.output = grow(self.state, self.output)

    @property
    def next_id(self) -> int:
        """Id that the next new order gets."""
        return int(self.state.totals[0]["next_id"])

    def __getitem__(self, instrument: str | Instrument) -> MatchingBook:
        """Return the book of an instrument, or of a symbol that only one instrument has. Raises KeyError."""
        number = self._number(instrument)
        return MatchingBook(self, self.instruments[number], number)

    def __len__(self) -> int:
        """Number of live orders, waiting stops included."""
        return int(self.state.totals[0]["live"])

    def __contains__(self, order_id: int) -> bool:
        """Tell whether an order is live."""
        return find_slot(self.state, order_id) != NOBODY

    def __repr__(self) -> str:
        return f"MatchingEngine({', '.join(one.symbol for one in self.instruments)}: {len(self):,} orders)"

    def _number(self, key: str | Instrument) -> int:
        found = [number for number, one in enumerate(self.instruments) if key in (one, one.symbol)]
        if len(found) != 1:
            raise KeyError(f"{len(found)} instruments of the engine are called {key}" if found else key)
        return found[0]
