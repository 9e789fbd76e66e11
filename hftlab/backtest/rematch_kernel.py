"""Compiled loop of the rematch core: plays recorded rows into the matching engine's book."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.blocks import Block
from hftlab.backtest.rematch_fills import Taker, meet_all, meet_others
from hftlab.backtest.rematch_orders import (
    clear_recorded,
    find_recorded,
    insert_recorded,
    remove_recorded,
    rest_recorded,
    settle,
    slot_of,
    take_away,
    take_lots,
)
from hftlab.backtest.rematch_state import RematchState
from hftlab.backtest.reports import Reports
from hftlab.book.matching.engine_state import ASKS, BIDS, NO_PRICE, NOBODY, SIDES, EngineState
from hftlab.book.matching.levels import dequeue, drop_order, has_place, resize
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, FILL, MODIFY, TRADE
from hftlab.kernels.compiling import IntArray, i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import LIVE

__all__ = ["END", "FULL", "PLAYED", "REPORTED", "STOP_REACHED", "Columns", "columns_of", "play_rows"]

PLAYED, REPORTED, STOP_REACHED, END, FULL = range(5)
"""Reasons why the loop ended: the time is reached; a row has made a report; an event with a trade that reaches a stop
is over; no row is left; an array is too small.
"""

_OTHER_SIDE: Final = 1  # sides of the engine come in pairs, bids even and asks odd


class Columns(NamedTuple):
    """Columns of a block of rows; `time` is the venue's, which never falls."""

    time: IntArray
    ts_event: IntArray
    instrument_id: npt.NDArray[Any]
    order_id: npt.NDArray[Any]
    action: npt.NDArray[Any]
    side: npt.NDArray[Any]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[Any]


def columns_of(block: Block) -> Columns:
    """Return the columns of a block, all of one kind of memory, for which there is one compiled kernel."""
    batch = block.batch
    times = np.ascontiguousarray(block.times).view()
    times.flags.writeable = False
    columns = (batch.instrument_id, batch.order_id, batch.action, batch.side, batch.price, batch.size, batch.flags)
    return Columns(times, batch.ts_event, *columns)


@in_place
def play_rows(
    state: EngineState,
    market: RematchState,
    reports: Reports,
    columns: Columns,
    first: int,
    until: int,
    stops: bool,
) -> tuple[int, int]:
    """Play the rows from `first` on whose time is up to `until`. Returns (the next row, why it ended).

    A row that finds an array too small has not been played. Only with `stops` does it end with a report.
    """
    begin = reports.used[0]
    for number in range(first, len(columns.time)):
        row = place_of(number)
        if columns.time[row] > until:
            return number, PLAYED
        instrument = i64(columns.instrument_id[row])
        if not _fits(state, market, reports, instrument):
            return number, FULL
        action = columns.action[row]
        if action == ADD:
            _add(state, market, reports, columns, row, instrument)
        elif action == CANCEL:
            _cancel(state, market, columns, row, instrument)
        elif action == FILL:
            _fill(state, market, reports, columns, row, instrument)
        elif action == MODIFY:
            _modify(state, market, reports, columns, row, instrument)
        elif action == TRADE:
            _trade(state, market, reports, columns, row, instrument)
        elif action == CLEAR:
            clear_recorded(state, market, instrument)
            market.printed[0].carry = 0
        if columns.flags[row] & F_LAST:
            market.printed[0].is_open = 0
            if market.printed[0].is_stop == 1:
                market.printed[0].is_stop = 0
                return number + 1, STOP_REACHED
        if stops and reports.used[0] > begin:
            return number + 1, REPORTED
    return len(columns.time), END


@inlined
def _fits(state: EngineState, market: RematchState, reports: Reports, instrument: int) -> bool:
    """Tell whether the arrays can hold what any row of the instrument may do, and note what is too small."""
    totals, printed = state.totals[0], market.printed[0]
    bids, asks = SIDES * instrument + BIDS, SIDES * instrument + ASKS
    fits = has_place(state, bids)
    fits = has_place(state, asks) and fits
    if totals.free_order == NOBODY and totals.orders_used == len(state.orders):
        totals.short_of_orders = 1
        fits = False
    if printed.free_row == NOBODY and printed.rows_used == len(market.recorded):
        fits = False
    if market.numbers.counts[LIVE] >= len(market.numbers.entries) - 1:
        fits = False
    if market.others[bids] > 0 or market.others[asks] > 0:
        # A row fills each part of each order once at most, and one of them in two steps.
        needed = state.sides[bids].chunks + state.sides[asks].chunks + 1
        if reports.used[0] + needed > len(reports.rows):
            printed.reports_needed = needed
            fits = False
    return fits


@inlined
def _add(
    state: EngineState, market: RematchState, reports: Reports, columns: Columns, row: Any, instrument: int
) -> None:
    letter, lots, tick = columns.side[row], columns.size[row], market.ticks[instrument]
    if (letter != BID and letter != ASK) or lots == 0 or columns.price[row] % tick != 0:
        return
    if find_recorded(market, instrument, columns.order_id[row]) != NOBODY:
        return
    side = SIDES * instrument + (BIDS if letter == BID else ASKS)
    price = columns.price[row] // tick
    number = insert_recorded(market, instrument, columns.order_id[row], side, price, lots)
    _enter(state, market, reports, market.recorded[number], lots, NOBODY, columns.time[row])


@in_place
def _enter(
    state: EngineState, market: RematchState, reports: Reports, recorded: Any, lots: int, slot: int, time: int
) -> None:
    """Enter a recorded order, new or with its slot in no queue: it meets others, and the rest rests."""
    other = recorded.side ^ _OTHER_SIDE
    if market.others[other] > 0:
        lots = meet_others(state, market, reports, Taker(time, other, recorded.price, NO_PRICE, NO_PRICE), lots, NOBODY)
    if lots > 0:
        rest_recorded(state, recorded, lots, slot)
    elif slot != NOBODY:
        drop_order(state, slot)


@inlined
def _cancel(state: EngineState, market: RematchState, columns: Columns, row: Any, instrument: int) -> None:
    """Take off what is cancelled; lots that a fill has executed before are gone already."""
    number = find_recorded(market, instrument, columns.order_id[row])
    if number == NOBODY:
        return
    recorded, lots = market.recorded[number], columns.size[row]
    if not _is_at(recorded, columns, row) or columns.price[row] != recorded.price * market.ticks[instrument]:
        return
    if lots > recorded.left:
        return
    booked = min(lots, recorded.booked)
    recorded.booked -= booked
    recorded.left -= lots
    slot = slot_of(state, recorded)
    if slot != NOBODY and lots > booked:
        if recorded.left == 0:
            take_away(state, market, slot)
        else:
            take_lots(state, market, slot, lots - booked)
    if recorded.left == 0:
        remove_recorded(market, number)
    else:
        settle(state, market, recorded, slot_of(state, recorded))


@inlined
def _is_at(recorded: Any, columns: Columns, row: Any) -> bool:
    """Tell whether a row names the side on which its order is."""
    return bool(columns.side[row] == (BID if recorded.side % SIDES == BIDS else ASK))


@in_place
def _modify(
    state: EngineState, market: RematchState, reports: Reports, columns: Columns, row: Any, instrument: int
) -> None:
    """Change an order's price and lots by as much as in the recording; it keeps its place if only its lots fall."""
    number, tick = find_recorded(market, instrument, columns.order_id[row]), market.ticks[instrument]
    if number == NOBODY:
        return
    recorded, size = market.recorded[number], columns.size[row]
    if not _is_at(recorded, columns, row):
        return
    slot = slot_of(state, recorded)
    if size == 0:
        if slot != NOBODY:
            take_away(state, market, slot)
        remove_recorded(market, number)
        return
    if columns.price[row] % tick != 0:
        return
    price, expected = columns.price[row] // tick, recorded.left - recorded.booked
    keeps = price == recorded.price and size <= expected
    recorded.left = size
    recorded.booked = 0
    recorded.price = price
    if slot == NOBODY:
        if size > expected:
            _enter(state, market, reports, recorded, size - expected, NOBODY, columns.time[row])
        return
    order = state.orders[slot]
    lots = order.shown + size - expected
    if order.owner != 0:
        # The recording has lots of it again: a next part of an iceberg.
        order.owner = 0
        market.others[order.side] -= 1
    if lots <= 0:
        take_away(state, market, slot)
    elif keeps:
        resize(state, slot, lots, 0)
    else:
        dequeue(state, slot)
        _enter(state, market, reports, recorded, lots, slot, columns.time[row])


@in_place
def _trade(
    state: EngineState, market: RematchState, reports: Reports, columns: Columns, row: Any, instrument: int
) -> None:
    """Begin a print, whose fills follow; without fills it has met what was hidden, without a side it is a cross."""
    printed, price, letter = market.printed[0], columns.price[row], columns.side[row]
    tick, time = market.ticks[instrument], columns.time[row]
    last = market.last[instrument] = price // tick
    if last >= market.buy_stops[instrument] or last <= market.sell_stops[instrument]:
        printed.is_stop = 1
    if letter != BID and letter != ASK:
        printed.is_open = 0
        _cross(state, market, reports, SIDES * instrument, price, columns.size[row], time)
        return
    is_same = printed.instrument == instrument and printed.side == letter and printed.time == columns.ts_event[row]
    if not is_same:
        printed.instrument = instrument
        printed.side = letter
        printed.time = columns.ts_event[row]
        printed.carry = 0
    printed.price = price
    printed.is_open = 1
    if not columns.flags[row] & F_LAST and _is_fill(columns, row + place_of(1), columns.instrument_id[row]):
        return
    taker = _taker(market, instrument, time)
    meet_others(state, market, reports, taker, columns.size[row], NOBODY)
    printed.carry = meet_all(state, market, reports, taker, printed.carry)


@inlined
def _is_fill(columns: Columns, row: Any, instrument_id: int) -> bool:
    """Tell whether a row, which may be behind the last, is a fill of an instrument."""
    return bool(
        row < len(columns.action) and columns.action[row] == FILL and columns.instrument_id[row] == instrument_id
    )


@inlined
def _taker(market: RematchState, instrument: int, time: int) -> Taker:
    """Return the aggressor of the last print: its limit is the print's price."""
    printed, tick = market.printed[0], market.ticks[instrument]
    if printed.side == BID:
        return Taker(time, SIDES * instrument + ASKS, printed.price // tick, printed.price, NO_PRICE)
    return Taker(time, SIDES * instrument + BIDS, -(-printed.price // tick), printed.price, NO_PRICE)


@in_place
def _cross(
    state: EngineState, market: RematchState, reports: Reports, bids: int, price: int, lots: int, time: int
) -> None:
    """Fill what is strictly better than the price of a cross, at that price."""
    tick = market.ticks[bids // SIDES]
    below, above = price // tick, -(-price // tick)
    meet_others(state, market, reports, Taker(time, bids + BIDS, below + 1, price, above), lots, NOBODY)
    meet_others(state, market, reports, Taker(time, bids + ASKS, above - 1, price, below), lots, NOBODY)


@inlined
def _fill(
    state: EngineState, market: RematchState, reports: Reports, columns: Columns, row: Any, instrument: int
) -> None:
    """Execute an order that the recording has executed, after whatever of others now stands before it.

    A fill that belongs to no print, or to a cross, only takes the lots off its order.
    """
    printed = market.printed[0]
    number = find_recorded(market, instrument, columns.order_id[row])
    has_taker = printed.is_open == 1 and printed.instrument == instrument
    if number == NOBODY:
        if has_taker:
            taker = _taker(market, instrument, columns.time[row])
            meet_others(state, market, reports, taker, columns.size[row], NOBODY)
        return
    recorded = market.recorded[number]
    lots = min(columns.size[row], recorded.left - recorded.booked)
    recorded.booked += lots
    slot = slot_of(state, recorded)
    has_taker = has_taker and printed.side == (ASK if recorded.side % SIDES == BIDS else BID)
    if has_taker:
        lots += printed.carry
        if market.others[recorded.side] > 0:
            taker = _taker(market, instrument, columns.time[row])
            lots = meet_others(state, market, reports, taker, lots, slot)
    if slot != NOBODY:
        taken = min(lots, state.orders[slot].shown)
        lots -= taken
        if taken > 0:
            take_lots(state, market, slot, taken)
    if has_taker:
        if lots > 0:
            # Own orders have taken from it: the aggressor goes on to what is left within its limit.
            lots = meet_all(state, market, reports, _taker(market, instrument, columns.time[row]), lots)
        printed.carry = lots
    settle(state, market, recorded, slot_of(state, recorded))
