"""Recorded market in which own orders have an impact: the recorded orders are re-matched with them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.blocks import MarketRows, event_end
from hftlab.backtest.core import Entry
from hftlab.backtest.rematch_kernel import FULL, PLAYED, REPORTED, STOP_REACHED, Columns, columns_of, play_rows
from hftlab.backtest.rematch_requests import OwnOrder, lots_ahead, take_rows
from hftlab.backtest.rematch_state import RematchState, copy_rematch, grow_rematch, new_rematch
from hftlab.backtest.reports import REPORT, Cause, ReportRow, Reports, Why, new_reports
from hftlab.book.matching import MatchingEngine
from hftlab.book.matching.book import MatchingBook
from hftlab.book.matching.engine_state import ASKS, BIDS, NO_PRICE, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import Action, EntryType, new_entries
from hftlab.book.matching.kernel import submit_many
from hftlab.book.matching.levels import find_order
from hftlab.errors import ArgumentError
from hftlab.events import BID
from hftlab.kernels.compiling import entry_point, in_place

__all__ = ["RematchCheckpoint", "RematchCore"]


_NOTHING: Final[npt.NDArray[Any]] = np.empty(0, REPORT)


class RematchCheckpoint(NamedTuple):
    """Copy of everything that changes in a RematchCore."""

    engine: EngineState
    market: RematchState
    own: dict[int, OwnOrder]
    reports: npt.NDArray[Any]
    block: int
    row: int
    reached: int


class RematchCore:
    """Core that re-matches recorded order-level events (L3) together with own orders, in one matching engine.

    What own orders take is missing for those who come later in the recording, and what they give is left over from
    those who gave it in the recording. Where own orders have no influence, the book is the recorded one after each
    event, as BookSet has it: rows that make no sense there are left out here too.

    - A new order (A) first trades with own orders that it reaches, the rest rests. A change (C, M) changes the order
      by as much as in the recording; the cancellation that ends an order ends it here, and there is none of an order
      that is gone. R removes an instrument's recorded orders.
    - A print (T with a side) is an order of the aggressor, limited to the print's price, for the lots of its fills
      (F). Each fill executes own orders that stand before the recorded order, by price and then by place in the queue,
      and then the very order that the recording names, even if others stand before it: those were passed over in
      the recording too. If own orders have taken from that one, the aggressor goes on within its limit to whatever
      stands first. Lots for which it finds nothing wait for the next print of the same aggressor, which has the same
      side and ts_event and perhaps a worse price, else they lapse. The C or M rows behind fills that only book them
      change nothing more; a fill that no row of its event books has taken its lots all the same.
    - A recorded order that was executed in the recording, and here was not, is a *survivor*. It stays where it is until
      recorded aggressors or orders that reach it, or own ones, trade with it, as with own orders.
    - A print without fills has met hidden liquidity: of the book it reaches own orders and survivors only, because it
      left the recorded orders alone.
    - A print without a side is a cross or an auction. Own orders and survivors that are strictly better than its price
      fill for up to its lots, at its price. Fills that belong to it, or to no print, only take lots off their order.

    Raises ArgumentError for rows that know only levels of an instrument.
    """

    def __init__(self, rows: MarketRows) -> None:
        _require_orders(rows)
        self._rows: Final = rows
        # Recorded prices are what they are, also of spreads; own ones are checked before they come here.
        self._engine: Final = MatchingEngine(rows.instruments, negative_prices=True)
        self._market = new_rematch(rows.instruments, len(self._engine.state.orders))
        self._reports = new_reports()
        self._own: dict[int, OwnOrder] = {}
        self._by_id: dict[int, OwnOrder] = {}
        self.reached = -(2**63)
        self._go_to(0, 0)
        self._bind()

    def _go_to(self, block: int, row: int) -> None:
        self._block, self._row = block, row
        found = self._rows.block(block)
        self._columns = None if found is None else columns_of(found)
        self._end = 0 if found is None else len(found.times)

    def _bind(self) -> None:
        """Look the compiled code up for the arrays, which takes longer than what it does for a request."""
        state = self._engine.state
        if self._columns is not None:
            self._play = entry_point(play_rows, state, self._market, self._reports, self._columns, 0, 0, False)
        self._submit = entry_point(submit_many, state, self._engine.output, new_entries(1), 0)
        self._find = entry_point(find_order, state, 0)
        self._lots_ahead = entry_point(lots_ahead, state, 0)
        self._best = entry_point(_best_recorded, state, 0)

    def play(self, until: int, *, stop: bool = False) -> int:
        """Play the recorded rows up to and including `until`; returns the time reached.

        With `stop` it ends with the first row that has made a report; and always with an event that has a trade which
        reaches a stop. The rows of the same time behind that are played by the next call.
        """
        while self._columns is not None:
            state, market, reports = self._engine.state, self._market, self._reports
            self._row, why = self._play(state, market, reports, self._columns, self._row, until, stop)
            if why == FULL:
                self._make_room()
                continue
            if why in (REPORTED, STOP_REACHED):
                self.reached = max(self.reached, int(self._columns.time[self._row - 1]))
                return self.reached
            if why == PLAYED:
                break
            self._go_to(self._block + 1, 0)
        self.reached = max(self.reached, until)
        return self.reached

    def end_event(self) -> bool:
        """Play what is left of the event that the last row was of, as far as that is of the same time.

        Always True, as a trade that reaches a stop ends play() behind its event.
        """
        columns = self._columns
        end = self._row if columns is None else event_end(columns.time, columns.flags, self._row)
        while columns is not None and self._row < end:
            until = Columns(*(column[:end] for column in columns))
            state, market, reports = self._engine.state, self._market, self._reports
            self._row, why = self._play(state, market, reports, until, self._row, int(columns.time[end - 1]), False)
            if why == FULL:
                self._make_room()
        return True

    def next_time(self) -> int | None:
        """Return the venue's time of the next recorded row; None at the end."""
        while self._columns is not None and self._row >= self._end:
            self._go_to(self._block + 1, 0)
        return None if self._columns is None else int(self._columns.time[self._row])

    def enter(self, entry: Entry, at: int) -> None:
        """Enter an order: it takes what it crosses, and what is left rests, or ends by its time in force.

        Raises ValueError for an order that no venue could take: an unknown instrument, side, type or time in force, a
        stop, and numbers that are not above 0 or not new.
        """
        if entry.number < 1 or entry.owner < 1 or entry.number in self._own:
            numbers = f"order {entry.number} of owner {entry.owner}"
            raise ValueError(f"{numbers}: give both numbers above 0, and each order a new one")
        if entry.type in (EntryType.STOP, EntryType.STOP_LIMIT):
            raise ValueError(f"order {entry.number} is a stop: enter it when it is released, as MARKET or LIMIT")
        side = SIDES * entry.instrument + (BIDS if entry.side == BID else ASKS)
        order = OwnOrder(entry.number, self._engine.next_id, NOBODY, side)
        fields = entry._asdict()
        del fields["number"]
        fields["size"] = fields.pop("lots")
        if entry.type == EntryType.LIMIT and entry.display > 0:
            fields["type"] = EntryType.ICEBERG
        self._request(order, at, Cause.REJECTED, action=Action.NEW, **fields)

    def cancel(self, number: int, at: int) -> None:
        """Cancel what is open of an order; a report REFUSED if it is not there."""
        order = self._live(number)
        if order is None:
            self._refuse(number, at)
            return
        self._market.others[order.side] -= 1
        ahead = self._lots_ahead(self._engine.state, order.slot)
        self._request(order, at, Cause.REFUSED, ahead, action=Action.CANCEL, id=order.id)

    def replace(self, number: int, lots: int, price: int, at: int) -> None:
        """Change an order's open lots and price (ticks). It keeps its place if only its lots fall."""
        order = self._live(number)
        if order is None:
            self._refuse(number, at)
            return
        self._market.others[order.side] -= 1
        self._request(order, at, Cause.REFUSED, action=Action.REPLACE, id=order.id, size=lots, price=price)

    def set_stops(self, instrument: int, buy: int | None, sell: int | None) -> None:
        """Set the nearest stop prices (ticks) of an instrument: play() ends with a recorded trade that reaches one."""
        self._market.buy_stops[instrument] = -NO_PRICE if buy is None else buy
        self._market.sell_stops[instrument] = NO_PRICE if sell is None else sell

    def take(self) -> npt.NDArray[Any]:
        """Return the reports since the last call, oldest first."""
        used = self._reports.used
        if not used[0]:
            return _NOTHING
        rows = self._reports.rows[: used[0]].copy()
        used[0] = 0
        for number in set(rows["number"].tolist()):
            if number in self._own and self._live(number) is None:
                del self._by_id[self._own.pop(number).id]
        return rows

    def take_rows(self) -> list[ReportRow]:
        """Return what take() would, as tuples of Python's numbers."""
        rows: list[ReportRow] = self.take().tolist()
        return rows

    def ahead(self, number: int) -> int:
        """Return the lots that stand ahead of a resting order now, at its price. Raises KeyError."""
        order = self._live(number)
        if order is None:
            raise KeyError(number)
        return self._lots_ahead(self._engine.state, order.slot)

    def best(self, instrument: int) -> tuple[int | None, int | None]:
        """Return the best bid and ask of the re-matched orders of the recording, in ticks; own orders do not count."""
        sides = (SIDES * instrument + BIDS, SIDES * instrument + ASKS)
        bid, ask = (self._best(self._engine.state, side) for side in sides)
        return None if bid == NO_PRICE else bid, None if ask == NO_PRICE else ask

    def last(self, instrument: int) -> int | None:
        """Return the price of the last recorded trade, in ticks (rounded down)."""
        price = int(self._market.last[instrument])
        return None if price == NO_PRICE else price

    def book(self, instrument: int) -> MatchingBook:
        """Return the book of an instrument as it is now, own orders in it: their `owner` is above 0."""
        return MatchingBook(self._engine, self._rows.instruments[instrument], instrument)

    def checkpoint(self) -> RematchCheckpoint:
        """Copy everything that changes, for restore()."""
        return RematchCheckpoint(
            _copy_engine(self._engine.state),
            copy_rematch(self._market),
            self._own.copy(),
            self._reports.rows[: self._reports.used[0]].copy(),
            self._block,
            self._row,
            self.reached,
        )

    def restore(self, checkpoint: RematchCheckpoint) -> None:
        """Go back, or forward, to a checkpoint of this core; it can be used any number of times."""
        self._engine.state = _copy_engine(checkpoint.engine)
        self._market = copy_rematch(checkpoint.market)
        self._own = checkpoint.own.copy()
        self._by_id = {order.id: order for order in self._own.values()}
        self._reports.used[0] = 0
        self._write(checkpoint.reports.tolist())
        self._go_to(checkpoint.block, checkpoint.row)
        self.reached = checkpoint.reached

    def _live(self, number: int) -> OwnOrder | None:
        order = self._own.get(number)
        return order if order is not None and self._find(self._engine.state, order.id) != NOBODY else None

    def _refuse(self, number: int, at: int) -> None:
        self._write([(at, Cause.REFUSED, number, 0, 0, Why.UNKNOWN_ORDER, 0, 0)])

    def _request(self, order: OwnOrder, at: int, refused: Cause, ahead: int = 0, **fields: int) -> None:
        """Submit a request for an order that is not counted among those that rest, and report what came of it."""
        before = self._open(order)
        self._own[order.number] = self._by_id[order.id] = order
        entries = new_entries(1, time=at, **fields)
        while self._submit(self._engine.state, self._engine.output, entries, 0) < 1:
            self._make_room()
        reports = take_rows(self._engine.output, order, refused, self._by_id, self._market)
        slot = self._find(self._engine.state, order.id)
        if slot != NOBODY:
            ahead = self._rest(order._replace(slot=slot), before)
        # The engine's first row is about the request itself.
        self._write([(*reports[0][:6], ahead, 0), *reports[1:]])

    def _open(self, order: OwnOrder) -> tuple[int, int]:
        """Return an order's price and open lots; zeros of one that is not there yet."""
        if order.slot == NOBODY:
            return 0, 0
        row = self._engine.state.orders[order.slot]
        return int(row["price"]), int(row["shown"] + row["hidden"])

    def _rest(self, order: OwnOrder, before: tuple[int, int]) -> int:
        """Note an order that rests, and return the lots ahead of it."""
        self._own[order.number] = self._by_id[order.id] = order
        self._market.others[order.side] += 1
        ahead = self._lots_ahead(self._engine.state, order.slot)
        price, lots = self._open(order)
        if price != before[0] or lots > before[1]:
            self._market.notes[order.slot] = order.number, ahead
        return ahead

    def _write(self, rows: list[ReportRow]) -> None:
        used = int(self._reports.used[0])
        self._reports = _with_room(self._reports, len(rows))
        self._reports.rows[used : used + len(rows)] = rows
        self._reports.used[0] += len(rows)

    def _make_room(self) -> None:
        """Enlarge whatever the loop found too small."""
        self._engine.grow()
        self._market = grow_rematch(self._market, len(self._engine.state.orders))
        self._reports = _with_room(self._reports, int(self._market.printed[0]["reports_needed"]))
        self._market.printed[0]["reports_needed"] = 0


def _require_orders(rows: MarketRows) -> None:
    for number, instrument in enumerate(rows.instruments):
        if rows.holds(number) in ("levels", "top"):
            raise ArgumentError(
                f"the recording has no orders of {instrument.wire_symbol}, only levels, and these cannot be matched "
                "again: use a fill model without impact"
            )


def _with_room(reports: Reports, rows: int) -> Reports:
    missing = int(reports.used[0]) + rows - len(reports.rows)
    if missing <= 0:
        return reports
    more = np.zeros(max(missing, len(reports.rows)), REPORT)
    return Reports(np.concatenate([reports.rows, more]), reports.used)


def _copy_engine(state: EngineState) -> EngineState:
    return EngineState(*(array.copy() for array in state))


@in_place
def _best_recorded(state: EngineState, side: int) -> int:
    """Return the best price at which a side has an order of the recording, or NO_PRICE."""
    side_row = state.sides[side]
    for at in range(side_row.start + side_row.length - 1, side_row.start - 1, -1):
        level = state.levels[state.slots[at]]
        slot = level.head
        while slot != NOBODY:
            if state.orders[slot].owner <= 0:
                return int(level.key * side_row.sign)
            slot = state.orders[slot].next
    return NO_PRICE
