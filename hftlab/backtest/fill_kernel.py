"""Compiled loop of the fill core: recorded rows change the books and fill own orders."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.backtest.fill_orders import fill_own, queue_ahead
from hftlab.backtest.fill_state import FIFO, NO_PRICE, FillState
from hftlab.backtest.own_queue import best_own, has_ample_room, has_room
from hftlab.backtest.queue_models import front_after_change, front_after_trade
from hftlab.backtest.reports import Why
from hftlab.book.anomalies import FINE
from hftlab.book.book_state import HOLDS_LEVELS, HOLDS_ORDERS
from hftlab.book.changes import apply_order, clear_book, note_fill
from hftlab.book.known_levels import NOWHERE, empty_levels, set_known_level
from hftlab.book.levels import can_add_level, is_there, position, side_of
from hftlab.book.order_table import find_row, tag_of
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, F_SNAPSHOT, FILL, MODIFY, TRADE
from hftlab.kernels.compiling import IntArray, in_place, inlined, place_of

__all__ = ["FULL", "PLAYED", "REPORTED", "STOP_REACHED", "Rows", "play_rows"]

PLAYED, FULL, REPORTED, STOP_REACHED = range(4)
_QUEUE, _CROSS, _THROUGH, _AUCTION = int(Why.QUEUE), int(Why.CROSS), int(Why.TRADE_THROUGH), int(Why.AUCTION)
_ALL: Final = 2**62


class Rows(NamedTuple):
    """Columns of a block of recorded rows, and the venue's time of each (ns, ascending)."""

    time: IntArray
    instrument_id: npt.NDArray[np.int32]
    order_id: IntArray  # the bits of the uint64
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]
    place: npt.NDArray[np.uint32]  # of the level of a row flagged F_MBP, see hftlab.book.known_levels


@in_place
def play_rows(state: FillState, rows: Rows, exponent: float, first: int, until: int, stop: bool) -> tuple[int, int]:
    """Play the rows from `first` on whose time is not after `until`.

    Returns the next row, and why it ended: PLAYED as far as asked; FULL before a row for which there is no room;
    REPORTED (with `stop`) after a row that has made a report; STOP_REACHED after a trade that reaches a stop.
    """
    books, reports = state.books, state.reports
    is_ample = has_ample_room(state)
    for number in range(first, len(rows.time)):
        if rows.time[number] > until:
            return number, PLAYED
        row = place_of(number)
        action = rows.action[row]
        book = place_of(rows.instrument_id[row])
        if not is_ample and not has_room(state, 0, rows.size[row], 0):
            return number, FULL
        before = reports.used[0]
        if action in (ADD, CANCEL, MODIFY):
            is_ask = rows.side[row] == ASK
            if rows.flags[row] & F_MBP:
                if rows.place[row] != NOWHERE:
                    _play_level(state, rows, exponent, row, book, is_ask)
            elif rows.side[row] in (ASK, BID):
                if action != CANCEL and not can_add_level(books, side_of(book, is_ask)):
                    return number, FULL
                _play_order(state, rows, exponent, row, book, is_ask)
        elif action == TRADE:
            _play_trade(state, rows, number, book)
            one = state.instruments[book]
            if one.last != NO_PRICE and (one.last >= one.buy_stop or one.last <= one.sell_stop):
                return number + 1, STOP_REACHED
        elif action == FILL:
            _play_fill(state, rows, row, book)
        elif action == CLEAR:
            _clear(state, book)
        if reports.used[0] != before:
            if stop:
                return number + 1, REPORTED
            is_ample = has_ample_room(state)
    return len(rows.time), PLAYED


@in_place
def _clear(state: FillState, book: Any) -> None:
    """Empty a book, and forget what own orders have taken of it."""
    books = state.books
    if state.marks[0].taken > 0:
        for is_ask in (False, True):
            place = books.sides[side_of(book, is_ask)]
            for at in range(place.start, place.start + place.length):
                slot = books.slots[at]
                state.marks[0].taken -= state.level_taken[slot] > 0
                state.level_taken[slot] = 0
                order = place_of(books.levels[slot].head)
                while order != 0:
                    _settle_taken(state, order, 0)
                    order = place_of(books.orders[order].next)
    if books.books[book].holds == HOLDS_LEVELS:
        empty_levels(books, side_of(book, False))
        empty_levels(books, side_of(book, True))
    else:
        clear_book(books, book)
    books.books[book].holds = 0


@inlined
def _play_level(state: FillState, rows: Rows, exponent: float, row: Any, book: Any, is_ask: bool) -> None:
    """Set a level's total."""
    books, price = state.books, rows.price[row]
    key, side, other = -price if is_ask else price, side_of(book, is_ask), side_of(book, not is_ask)
    books.books[book].holds = HOLDS_LEVELS
    lots = 0 if rows.action[row] == CANCEL else rows.size[row]
    place = place_of(rows.place[row])
    slot = place_of(books.slots[place])
    before = books.levels[slot].lots
    set_known_level(books, side, place, lots)
    if state.marks[0].taken > 0 and lots < state.level_taken[slot]:
        state.level_taken[slot] = lots
        state.marks[0].taken -= lots == 0
    own = state.sides[side]
    if own.count > 0 and own.far <= key <= own.near:
        _change_fronts(state, exponent, side, key, before, lots, -1)
    if lots > 0 and state.sides[other].count > 0 and state.sides[other].near + key >= 0:
        _meet_level(state, side, other, key, rows.time[row])


@inlined
def _level_of(state: FillState, side: Any, key: int) -> tuple[int, Any]:
    """Return the lots of a recorded level and its slot; 0 and 0 if there is none."""
    books = state.books
    at = position(books, side, key)
    if not is_there(books, side, at, key):
        return 0, place_of(0)
    slot = place_of(books.slots[place_of(at)])
    return int(books.levels[slot].lots), slot


@in_place
def _change_fronts(
    state: FillState, exponent: float, side: Any, key: int, before: int, after: int, traded: int
) -> None:
    """Move own orders at a level whose total has changed, by so many lots because they traded.

    Below 0 that is not known: it is what prints since the last change have traded.
    """
    row, least, one = state.sides[side].head, 0.0, state.instruments[side >> place_of(1)]
    while row != 0:
        own = state.own[row]
        if own.key == key:
            known = own.traded if traded < 0 else float(traded)
            front, own.traded = front_after_change(one.model, exponent, own.front, before, after, known, one.lot)
            # Who came later does not overtake.
            own.front = least = max(front, least)
        row = own.next


@in_place
def _meet_level(state: FillState, side: Any, other: Any, key: int, time: int) -> None:
    """Fill own orders that a level of the other side has come to, with what it has."""
    lots, slot = _level_of(state, side, key)
    lots -= state.level_taken[slot]
    while lots > 0:
        row = best_own(state, other, -key, _ALL, 0)
        if row == 0:
            return
        part = min(lots, state.own[row].shown)
        state.marks[0].taken += state.level_taken[slot] == 0
        state.level_taken[slot] += part
        lots -= part
        fill_own(state, row, part, time, state.own[row].ticks, _CROSS)


@in_place
def _play_order(state: FillState, rows: Rows, exponent: float, row: Any, book: Any, is_ask: bool) -> None:
    """Add, cancel or modify a recorded order."""
    books, price, lots, action = state.books, rows.price[row], rows.size[row], rows.action[row]
    key, side, other = -price if is_ask else price, side_of(book, is_ask), side_of(book, not is_ask)
    books.books[book].holds = HOLDS_ORDERS
    tag = tag_of(book, rows.order_id[row])
    at = find_row(books.heads, books.orders, books.levels, tag, book, rows.order_id[row])
    old_key, old_lots, pending = 0, 0, 0
    if at != 0:
        order = books.orders[at]
        old_key, old_lots, pending = books.levels[order.level].key, order.lots, books.filled[at]
    own = state.sides[side]
    is_watched = state.instruments[book].model != FIFO and own.count > 0
    before = _level_of(state, side, key)[0] if is_watched else 0
    left = _level_of(state, side, old_key)[0] if is_watched and at != 0 and old_key != key else 0
    tick = state.instruments[book].tick
    if apply_order(books, book, action, rows.side[row], tag, rows.order_id[row], price, tick, lots) != FINE:
        return
    if is_watched:
        traded = min(pending, lots) if action == CANCEL else pending
        after = _level_of(state, side, key)[0]
        if after != before:
            _change_fronts(state, exponent, side, key, before, after, traded if old_key == key else 0)
        if left > 0:
            _change_fronts(state, exponent, side, old_key, left, _level_of(state, side, old_key)[0], traded)
    if action == CANCEL:
        if at != 0 and state.taken[at] > 0:
            _settle_taken(state, at, old_lots - lots)
        return
    is_new = at == 0
    if is_new:
        at = find_row(books.heads, books.orders, books.levels, tag, book, rows.order_id[row])
        state.taken[at] = 0
    elif state.taken[at] > 0:
        _settle_taken(state, at, lots)
    if lots == 0:
        return
    # An order keeps its place if only its size falls, unless it shows the next part of an iceberg.
    if is_new or old_key != key or lots > old_lots or (pending > 0 and lots > old_lots - pending):
        state.marks[0].joins += 1
        # A snapshot tells orders that were there before: own orders lose their places to them.
        state.joined[at] = 0 if rows.flags[row] & F_SNAPSHOT else state.marks[0].joins
        if state.sides[other].count > 0 and state.sides[other].near + key >= 0:
            _meet_order(state, at, other, key, rows.time[row])


@inlined
def _settle_taken(state: FillState, at: Any, left: int) -> None:
    """Note that a recorded order, of which own orders have taken some, has so many lots left."""
    if left < state.taken[at]:
        state.taken[at] = max(left, 0)
        state.marks[0].taken -= left <= 0


@in_place
def _meet_order(state: FillState, at: Any, other: Any, key: int, time: int) -> None:
    """Fill own orders that a recorded order would have traded with as it came."""
    lots = state.books.orders[at].lots - state.taken[at]
    while lots > 0:
        row = best_own(state, other, -key, _ALL, 0)
        if row == 0:
            return
        part = min(lots, state.own[row].shown)
        state.marks[0].taken += state.taken[at] == 0
        state.taken[at] += part
        lots -= part
        fill_own(state, row, part, time, state.own[row].ticks, _CROSS)


@inlined
def _play_trade(state: FillState, rows: Rows, number: int, book: Any) -> None:
    """Spend a print on own orders, but for what the fills that follow it say of recorded orders."""
    price, lots, letter, time = rows.price[number], rows.size[number], rows.side[number], rows.time[number]
    tick = state.instruments[book].tick
    if price % tick == 0:
        state.instruments[book].last = price // tick
    bids, asks = side_of(book, False), side_of(book, True)
    if state.sides[bids].count + state.sides[asks].count == 0:
        return
    is_fifo = state.instruments[book].model == FIFO
    if letter != ASK and letter != BID:
        lots -= _filled_lots(rows, number, book) if is_fifo else 0
        _auction(state, bids, price, lots, time, price // tick)
        _auction(state, asks, -price, lots, time, price // tick)
        return
    side = bids if letter == ASK else asks
    key = -price if letter == BID else price
    own = state.sides[side]
    if own.count == 0 or own.near < key:
        return
    if is_fifo:
        lots -= _filled_lots(rows, number, book)
        if lots > 0:
            _print(state, side, key, lots, time)
        return
    lots -= _trade_through(state, side, key, lots, time)
    _print_by_model(state, side, key, lots, rows.size[number], time)


@in_place
def _filled_lots(rows: Rows, number: int, book: Any) -> int:
    """Return the lots of the fills that the event of a print tells behind it, up to the book's next print."""
    lots, time = 0, rows.time[number]
    while number + 1 < len(rows.time) and not rows.flags[number] & F_LAST:
        number += 1
        if rows.time[number] != time:
            break
        if rows.instrument_id[number] == book:
            if rows.action[number] == TRADE:
                break
            if rows.action[number] == FILL:
                lots += rows.size[number]
    return lots


@in_place
def _auction(state: FillState, side: Any, key: int, lots: int, time: int, ticks: int) -> None:
    """Fill own orders whose limit is better than an auction's price, at that price."""
    while lots > 0:
        row = best_own(state, side, key + 1, _ALL, 0)
        if row == 0:
            return
        part = min(lots, state.own[row].shown)
        lots -= part
        fill_own(state, row, part, time, ticks, _AUCTION)


@in_place
def _trade_through(state: FillState, side: Any, key: int, lots: int, time: int) -> int:
    """Fill own orders at better prices than that of a print; returns the lots that they have had."""
    spent = 0
    while spent < lots:
        row = best_own(state, side, key + 1, _ALL, 0)
        if row == 0:
            break
        part = min(lots - spent, state.own[row].shown)
        spent += part
        fill_own(state, row, part, time, state.own[row].ticks, _THROUGH)
    return spent


@in_place
def _print(state: FillState, side: Any, key: int, lots: int, time: int) -> None:
    """Spend a print that names no recorded order: it passes those that stand ahead."""
    lots -= _trade_through(state, side, key, lots, time)
    passed, place = 0, 0
    while lots > 0:
        row = best_own(state, side, key, key, place)
        if row == 0 or state.own[row].key != key:
            return
        own = state.own[row]
        place = own.joined
        ahead = max(queue_ahead(state, row) - passed, 0)
        passed += ahead
        lots -= ahead
        if lots <= 0:
            return
        part = min(lots, own.shown)
        lots -= part
        fill_own(state, row, part, time, own.ticks, _QUEUE)


@in_place
def _print_by_model(state: FillState, side: Any, key: int, lots: int, printed: int, time: int) -> None:
    """Spend a print on own orders by what is thought to stand ahead of each."""
    row, spent = state.sides[side].head, 0
    while row != 0:
        own = state.own[row]
        behind = own.next
        if own.key == key:
            own.front = front_after_trade(own.front, own.traded, lots - spent)[0]
            own.traded += printed
            # Halves are rounded away from 0, as in hftbacktest.
            part = min(math.floor(0.5 - own.front), own.shown, lots - spent)
            if part > 0:
                own.front = 0.0
                spent += part
                shows_more = own.shown == part and own.lots > part
                fill_own(state, row, part, time, own.ticks, _QUEUE)
                if shows_more and behind == 0:
                    behind = row
        row = behind


@inlined
def _play_fill(state: FillState, rows: Rows, row: Any, book: Any) -> None:
    """Spend the execution of a recorded order on the own orders that stand ahead of it."""
    books, order_id, is_ask = state.books, rows.order_id[row], rows.side[row] == ASK
    tag = tag_of(book, order_id)
    side = side_of(book, is_ask)
    key = -rows.price[row] if is_ask else rows.price[row]
    is_fifo = state.instruments[book].model == FIFO and rows.side[row] in (ASK, BID)
    if is_fifo and state.sides[side].count > 0 and state.sides[side].near >= key:
        at = find_row(books.heads, books.orders, books.levels, tag, book, order_id)
        if at == 0:
            _print(state, side, key, rows.size[row], rows.time[row])
        else:
            _spend_fill(state, side, key, rows.size[row], state.joined[at], rows.time[row])
    note_fill(books, tag, book, order_id, rows.size[row])


@in_place
def _spend_fill(state: FillState, side: Any, key: int, lots: int, joined: int, time: int) -> None:
    lots -= _trade_through(state, side, key, lots, time)
    while lots > 0:
        row = best_own(state, side, key, key, 0)
        if row == 0 or state.own[row].key != key or state.own[row].joined > joined:
            return
        part = min(lots, state.own[row].shown)
        lots -= part
        fill_own(state, row, part, time, state.own[row].ticks, _QUEUE)
