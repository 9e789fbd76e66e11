"""Recorded market in which own orders fill by a model: the fill core."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.blocks import event_end
from hftlab.backtest.core import Entry
from hftlab.backtest.fill_kernel import FULL, REPORTED, STOP_REACHED, play_rows
from hftlab.backtest.fill_orders import feed_ahead
from hftlab.backtest.fill_rows import block_rows
from hftlab.backtest.fill_state import (
    FIFO,
    NO_PRICE,
    FillState,
    copy_fill_state,
    fitted_to,
    grow_fill_state,
    new_fill_state,
    without_empty_levels,
)
from hftlab.backtest.market_rows import MarketRows
from hftlab.backtest.order_kernel import cancel_order, enter_order, replace_order
from hftlab.backtest.queue_models import QueueModel
from hftlab.backtest.reports import REPORT, ReportRow
from hftlab.kernels.compiling import IntArray, entry_point

__all__ = ["FillCore", "models_of"]

_FOR_EVER: Final = 2**63 - 1
_UNREAD: Final = -(2**63)
_BUY_STOP, _SELL_STOP = 2**62, -(2**62)
_MOST_LEVELS: Final = 1 << 14
"""Places of levels from which on those of a market that goes on for ever are cleared of the empty ones."""
_WITHOUT_ORDERS = int(QueueModel.RISK_AVERSE)


_NOTHING: Final[npt.NDArray[Any]] = np.empty(0, REPORT)
_NO_TIMES: Final = np.empty(0, np.int64)


def _numbers(array: Any) -> memoryview[int]:
    """Return a view whose items are Python's numbers: to read one takes a fraction of the time that numpy takes."""
    view: memoryview[int] = memoryview(array)
    return view


def models_of(rows: MarketRows, model: int) -> list[int]:
    """Return the code of each instrument's fill model: without recorded orders there are no queues for FIFO."""
    numbers = range(len(rows.instruments))
    return [model if model != FIFO or rows.holds(one) == "orders" else _WITHOUT_ORDERS for one in numbers]


class _Checkpoint(NamedTuple):
    state: FillState
    block: int
    row: int
    time: int


class FillCore:
    """Fill core of a recorded market, see hftlab.backtest.core.Core.

    The recorded market goes on as if own orders were not there. What own orders take of it, others of them cannot take
    again: a print, a recorded order and the size of a level are spent once. `model` is FIFO, by which own orders stand
    in the recorded queues, or a QueueModel, by which it is estimated what stands ahead; `exponent` is the model's n. It
    begins with the books of `market` (of the same instruments), or with empty ones.

    - With FIFO, the execution of a recorded order goes to own orders that stand ahead of it. What a print has beyond
      the fills of its event was hidden: it passes what is displayed ahead of an own order. Instruments whose recording
      tells no orders are RISK_AVERSE.
    - A print at a worse price than an own order's fills it first, as does an order or a level that comes to the other
      side at its price; a print without a side, as of an auction, fills orders with a better limit at its price.
    - Own orders trade with each other as in the matching engine (hftlab.book.matching), each in its place.
    - After the book was cleared own orders rest on. The orders of a snapshot stand ahead of them; by a model they keep
      what stood ahead, as far as the new level has it.
    - Rows that do not fit what is there change nothing, as in a BookSet that skips anomalies.
    """

    def __init__(self, rows: MarketRows, model: int, exponent: float = 1.0, *, market: FillCore | None = None) -> None:
        self._rows = rows
        self._exponent = float(exponent)
        self._state: FillState
        self._state = new_fill_state(rows.instruments) if market is None else copy_fill_state(market._state)
        self._state.instruments["model"] = models_of(rows, model)
        self._most_levels = _MOST_LEVELS
        self._entry: IntArray = np.zeros(len(Entry._fields), np.int64)
        self._go_to(0, 0)
        self.reached = -(2**63)
        self._bind(market)

    def _go_to(self, block: int, row: int) -> None:
        found = self._rows.block(block)
        self._block, self._columns = block, None
        if found is not None:
            self._forget_levels()
            books, self._columns = block_rows(self._state.books, found, found.times)
            self._state = fitted_to(self._state, books)
        self._times = _numbers(_NO_TIMES if self._columns is None else self._columns.time)
        self._lasts = _numbers(self._state.instruments["last"])
        self._used = _numbers(self._state.reports.used)
        self._end = len(self._times)
        self._move(row)

    def _forget_levels(self) -> None:
        """Keep the places of levels that have gone within bounds, where more and more would come."""
        if self._rows.is_endless and int(self._state.books.marks[0]["levels"]) > self._most_levels:
            self._state = without_empty_levels(self._state)
            self._most_levels = max(_MOST_LEVELS, 4 * int(self._state.books.marks[0]["levels"]))

    def _move(self, row: int) -> None:
        """Go on with a row of the block."""
        self._row = row
        if row < self._end:
            self._due: int = self._times[row]
        else:
            self._due = _FOR_EVER if self._columns is None else _UNREAD

    def _bind(self, other: FillCore | None) -> None:
        """Look the compiled code up for the state's arrays, which takes a while, or take another core's."""
        state = self._state
        self._play: Any
        self._enter: Any
        self._cancel: Any
        self._replace: Any
        if other is not None:
            self._play, self._enter = other._play, other._enter
            self._cancel, self._replace = other._cancel, other._replace
            return
        if self._columns is not None:
            self._play = entry_point(play_rows, state, self._columns, self._exponent, 0, 0, False)
        self._enter = entry_point(enter_order, state, self._entry, 0)
        self._cancel = entry_point(cancel_order, state, 0, 0)
        self._replace = entry_point(replace_order, state, 0, 0, 0, 0)

    # --- recorded rows ---

    def go_on(self) -> None:
        """Look for rows that have come since the last one was played, as those of a live market do.

        There must have been a block from the beginning.
        """
        if self._columns is None:
            self._go_to(self._block, 0)

    def play(self, until: int, *, stop: bool = False) -> int:
        """Play the recorded rows up to and including `until`; returns the time reached.

        With `stop` it ends with the first row that has made a report; and always with a trade that reaches a stop.
        """
        while self._due <= until and self._columns is not None:
            row, why = self._play(self._state, self._columns, self._exponent, self._row, until, stop)
            self._move(row)
            if why == FULL:
                self._state = grow_fill_state(self._state)
            elif why in (REPORTED, STOP_REACHED):
                until = self._times[row - 1]
                break
            elif row == self._end:
                self._go_to(self._block + 1, 0)
        if until > self.reached:
            self.reached = until
        return self.reached

    def play_rows(self, count: int) -> None:
        """Play the next `count` rows, whatever their times, or those that the block still has."""
        if self._columns is None:
            return
        end = min(self._row + count, self._end)
        sliced: list[Any] = [column[:end] for column in self._columns]
        columns = type(self._columns)(*sliced)
        while self._row < end:
            row, why = self._play(self._state, columns, self._exponent, self._row, _FOR_EVER, False)
            self._move(row)
            if why == FULL:
                self._grow(0)

    def end_event(self) -> bool:
        """Play what is left of the event that the last row was of, as far as that is of the same time.

        It ends before with a trade that reaches a stop, and then returns False.
        """
        columns = self._columns
        end = self._row if columns is None else event_end(columns.time, columns.flags, self._row)
        while columns is not None and self._row < end:
            sliced: list[Any] = [column[:end] for column in columns]
            row, why = self._play(self._state, type(columns)(*sliced), self._exponent, self._row, _FOR_EVER, False)
            self._move(row)
            if why == FULL:
                self._grow(0)
            elif why == STOP_REACHED and self._row < end:
                return False
        return True

    def next_time(self) -> int | None:
        """Return the venue's time of the next recorded row; None at the end."""
        while self._due == _UNREAD:
            self._go_to(self._block + 1, 0)
        return None if self._columns is None else self._due

    # --- own orders ---

    def enter(self, entry: Entry, at: int) -> None:
        """Enter an order: it takes what it crosses, and what is left rests, or ends by its time in force."""
        self._entry[:] = entry
        while not self._enter(self._state, self._entry, at):
            self._grow(entry.number)

    def cancel(self, number: int, at: int) -> None:
        """Cancel what is open of an order; a report REFUSED if it is not there."""
        while not self._cancel(self._state, number, at):
            self._grow(0)

    def replace(self, number: int, lots: int, price: int, at: int) -> None:
        """Change an order's open lots and price (ticks). It keeps its place if only its lots fall."""
        while not self._replace(self._state, number, lots, price, at):
            self._grow(0)

    def _grow(self, number: int) -> None:
        self._state = grow_fill_state(self._state, number)

    def set_stops(self, instrument: int, buy: int | None, sell: int | None) -> None:
        """Set the nearest stop prices (ticks) of an instrument: play() ends with a trade that reaches one."""
        row = self._state.instruments[instrument]
        row["buy_stop"] = _BUY_STOP if buy is None else buy
        row["sell_stop"] = _SELL_STOP if sell is None else sell

    def take(self) -> npt.NDArray[Any]:
        """Return the reports since the last call, oldest first: rows of REPORT."""
        used = self._used[0]
        if not used:
            return _NOTHING
        rows = self._state.reports.rows[:used].copy()
        self._used[0] = 0
        return rows

    def take_rows(self) -> list[ReportRow]:
        """Return what take() would, as tuples of Python's numbers, in a sixth of the time."""
        used = self._used[0]
        if not used:
            return []
        rows: list[ReportRow] = self._state.reports.rows[:used].tolist()
        self._used[0] = 0
        return rows

    def ahead(self, number: int) -> int:
        """Return the lots that stand ahead of a resting order now, as far as the model knows. Raises KeyError."""
        row = int(self._state.where[number]) if 0 < number < len(self._state.where) else 0
        if row == 0:
            raise KeyError(number)
        return feed_ahead(self._state, row)

    def open_lots(self, number: int) -> int:
        """Return the open lots of an order; 0 if it is over."""
        row = int(self._state.where[number]) if 0 < number < len(self._state.where) else 0
        return int(self._state.own[row]["lots"]) if row else 0

    # --- the recorded market ---

    def best(self, instrument: int) -> tuple[int | None, int | None]:
        """Return the best bid and ask of the recorded book, in ticks."""
        return self._best(2 * instrument), self._best(2 * instrument + 1)

    def _best(self, side: int) -> int | None:
        books = self._state.books
        place = books.sides[side]
        if not place["length"]:
            return None
        return int(books.levels[books.slots[place["start"] + place["length"] - 1]]["ticks"])

    def last(self, instrument: int) -> int | None:
        """Return the price of the last recorded trade, in ticks."""
        last: int = self._lasts[instrument]
        return None if last == NO_PRICE else last

    # --- checkpoints ---

    def checkpoint(self) -> _Checkpoint:
        """Copy everything that changes, for restore()."""
        return _Checkpoint(copy_fill_state(self._state), self._block, self._row, self.reached)

    def restore(self, checkpoint: _Checkpoint) -> None:
        """Go to a checkpoint of this core."""
        self._state = copy_fill_state(checkpoint.state)
        self._go_to(checkpoint.block, checkpoint.row)
        self.reached = checkpoint.time
