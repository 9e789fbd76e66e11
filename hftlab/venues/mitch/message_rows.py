"""Rows that MITCH's messages of each type make, compiled. Each function returns the next free row."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MAYBE_BAD_BOOK, FILL, MODIFY, NO_SIDE, TRADE
from hftlab.kernels.byte_order import load_little_u32, load_little_u64
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import VALUE, find_place
from hftlab.venues.event_rows import EventRows, put_row
from hftlab.venues.live_orders import (
    SELL,
    clear_orders,
    forget_order,
    keep_order,
    marks_of,
    price_of,
    set_order,
    size_of,
    slot_of,
)
from hftlab.venues.mitch.decoder_state import (
    BEGUN,
    CORRECTIONS,
    EXCESS,
    MALFORMED,
    NO_DAY,
    OTHER_BOOKS,
    REPEATED,
    DecoderState,
)
from hftlab.venues.packet_cursor import GAP, STREAM

__all__ = [
    "ADD_TYPE",
    "EXECUTION_AT_TYPE",
    "TRADE_TYPE",
    "MessageHead",
    "begin_book",
    "is_of_day_before",
    "write_add",
    "write_clear",
    "write_delete",
    "write_execution",
    "write_modify",
    "write_trade",
]

Bytes = npt.NDArray[np.uint8]

ADD_TYPE: Final = 0x41
EXECUTION_AT_TYPE: Final = 0x43
TRADE_TYPE: Final = 0x50

_BUY, _SELL, _PRINTABLE = b"BSY"
_UNPRICED: Final = 2
_OTHER: Final = 12  # the marks of orders of other books
_MARKET, _FIRM, _PRIVATE = 16, 32, 64  # bits of an order's flags: without a price, firm quote, private RFQ
_KEEPS_PLACE: Final = 1
_CORRECTED: Final = 3  # bits of a trade's flags: cancelled, amended
_PRICE: Final = 10  # 1e-8 in 1e-9
_LARGEST_PRICE: Final = (2**63 - 1) // _PRICE


class MessageHead(NamedTuple):
    """Head of one message: where it begins, its type, time, receive time and sequence number."""

    at: Any
    kind: Any
    time: Any
    received: Any
    sequence: Any


@inlined
def is_of_day_before(state: DecoderState, slot: Any) -> bool:
    """Tell whether the book of a slot is of a day before that of the open packet's group."""
    return bool(state.days[state.cursor[STREAM], BEGUN] > state.day[place_of(slot)])


@in_place
def begin_book(message: MessageHead, state: DecoderState, slot: Any, rows: EventRows, row: int) -> int:
    """Begin a book anew in the day of its group; there is nothing to clear before its first message."""
    is_first = state.day[place_of(slot)] == NO_DAY
    state.day[place_of(slot)] = state.days[state.cursor[STREAM], BEGUN]
    if is_first:
        return row
    clear_orders(state.orders, slot, 0, 0)
    if not _is_shown(state, slot, 0):
        return row
    _put(rows, row, message, state, slot, 0, CLEAR, NO_SIDE, 0, 0, F_LAST)
    return row + 1


@inlined
def _slot_of(data: Bytes, at: Any, state: DecoderState) -> Any:
    return i64(state.slots.entries[find_place(state.slots, load_little_u32(data, at)), VALUE])


@inlined
def _is_price(price: Any) -> bool:
    return bool(-_LARGEST_PRICE <= price <= _LARGEST_PRICE)


@inlined
def write_add(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    at = message.at
    letter, size, price = (
        data[place_of(at + 14)],
        i64(load_little_u32(data, at + 15)),
        i64(load_little_u64(data, at + 25)),
    )
    if (letter != _BUY and letter != _SELL) or size == 0 or not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    flags = data[place_of(at + (33 if message.kind == ADD_TYPE else 44))]
    marks = SELL if letter == _SELL else 0
    marks |= _UNPRICED if message.kind == ADD_TYPE and flags & _MARKET else 0
    marks |= _other_book(flags)
    slot, order = _slot_of(data, at + 19, state), load_little_u64(data, at + 6)
    if is_of_day_before(state, slot):
        row = begin_book(message, state, slot, rows, row)
    state.tallies[REPEATED] += keep_order(state.orders, order, slot, marks, price, size)
    if not _is_shown(state, slot, marks):
        return row
    side = ASK if letter == _SELL else BID
    _put(rows, row, message, state, slot, order, ADD, side, price, size, F_LAST)
    return row + 1


@inlined
def _other_book(flags: Any) -> Any:
    """Return the mark of the book that a flags field names: 4 firm quotes, 8 private requests for quotes."""
    if flags & _PRIVATE:
        return 8
    return 4 if flags & _FIRM else 0


@inlined
def _is_shown(state: DecoderState, slot: Any, marks: Any) -> bool:
    """Tell whether an order makes rows: its instrument is wanted, and it has a price in the order book."""
    if state.instruments[place_of(slot)] < 0:
        return False
    if marks & _OTHER:
        state.tallies[OTHER_BOOKS] += 1
        return False
    return bool(marks & _UNPRICED == 0)


@inlined
def write_delete(message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
    orders = state.orders
    slot, marks, price, left = (
        slot_of(orders, place),
        marks_of(orders, place),
        price_of(orders, place),
        size_of(orders, place),
    )
    order = orders.table.entries[place, 0]
    forget_order(orders, place)
    if not _is_shown(state, slot, marks):
        return row
    _put(rows, row, message, state, slot, order, CANCEL, _side(marks), price, left, F_LAST)
    return row + 1


@inlined
def write_modify(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
    at, orders = message.at, state.orders
    size, price = i64(load_little_u32(data, at + 14)), i64(load_little_u64(data, at + 18))
    if size == 0 or not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    slot, marks, old, left = (
        slot_of(orders, place),
        marks_of(orders, place),
        price_of(orders, place),
        size_of(orders, place),
    )
    order = orders.table.entries[place, 0]
    set_order(orders, place, price, size)
    if not _is_shown(state, slot, marks):
        return row
    side = _side(marks)
    if not data[place_of(at + 26)] & _KEEPS_PLACE and price == old and size <= left:
        # A book would leave it its place.
        _put(rows, row, message, state, slot, order, CANCEL, side, old, left, 0)
        _put(rows, row + 1, message, state, slot, order, ADD, side, price, size, F_LAST)
        return row + 2
    _put(rows, row, message, state, slot, order, MODIFY, side, price, size, F_LAST)
    return row + 1


@inlined
def write_execution(
    data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any
) -> int:
    at, orders = message.at, state.orders
    slot, marks, price, left = (
        slot_of(orders, place),
        marks_of(orders, place),
        price_of(orders, place),
        size_of(orders, place),
    )
    order, size = orders.table.entries[place, 0], i64(load_little_u32(data, at + 14))
    has_price = message.kind == EXECUTION_AT_TYPE
    paid = i64(load_little_u64(data, at + 31)) if has_price else price
    shown = i64(load_little_u32(data, at + 18)) if has_price else max(left - size, 0)
    if size == 0 or not _is_price(paid):
        state.tallies[MALFORMED] += 1
        return row
    # More than was displayed may come of an iceberg's hidden part, which only the other type tells.
    state.tallies[EXCESS] += not has_price and size > left
    if shown == 0:
        forget_order(orders, place)
    else:
        set_order(orders, place, price, shown)
    if state.instruments[place_of(slot)] < 0:
        return row
    side, has_order = _side(marks), marks & (_UNPRICED | _OTHER) == 0
    if not has_price or data[place_of(at + 30)] == _PRINTABLE:
        taker = BID if side == ASK else ASK
        _put(rows, row, message, state, slot, 0, TRADE, taker, paid, size, 0 if has_order else F_LAST)
        row += 1
    if not has_order:
        return row
    _put(rows, row, message, state, slot, order, FILL, side, price, size, 0)
    if shown == 0:
        # Of an order of which less was left, no more can be cancelled; of one whose rest is gone, all.
        taken = size if not has_price else left
        _put(rows, row + 1, message, state, slot, order, CANCEL, side, price, taken, F_LAST)
    elif shown == left - size:
        _put(rows, row + 1, message, state, slot, order, CANCEL, side, price, size, F_LAST)
    else:
        _put(rows, row + 1, message, state, slot, order, MODIFY, side, price, shown, F_LAST)
    return row + 2


@in_place
def write_trade(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Write a trade of orders that were not displayed or of an auction; the venue does not report the aggressor."""
    at = message.at
    slot, size, price = (
        _slot_of(data, at + 10, state),
        i64(load_little_u32(data, at + 6)),
        i64(load_little_u64(data, at + 16)),
    )
    flags = data[place_of(at + (34 if message.kind == TRADE_TYPE else 33))]
    if flags & _CORRECTED:
        state.tallies[CORRECTIONS] += 1
        return row
    if not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    if size == 0 or state.instruments[place_of(slot)] < 0:
        return row
    if is_of_day_before(state, slot):
        row = begin_book(message, state, slot, rows, row)
    _put(rows, row, message, state, slot, 0, TRADE, NO_SIDE, price, size, F_LAST)
    return row + 1


@in_place
def write_clear(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    slot, book = _slot_of(data, message.at + 6, state), _other_book(data[place_of(message.at + 12)])
    if is_of_day_before(state, slot):
        row = begin_book(message, state, slot, rows, row)
    clear_orders(state.orders, slot, _OTHER, book)
    if book == 0:
        state.sound[place_of(slot)] = state.cursor[GAP]
    if not _is_shown(state, slot, book):
        return row
    _put(rows, row, message, state, slot, 0, CLEAR, NO_SIDE, 0, 0, F_LAST)
    return row + 1


@inlined
def _side(marks: Any) -> Any:
    return ASK if marks & SELL else BID


@inlined
def _put(
    rows: EventRows,
    row: int,
    message: MessageHead,
    state: DecoderState,
    slot: Any,
    order: Any,
    action: Any,
    side: Any,
    price: Any,
    size: Any,
    flags: Any,
) -> None:
    instrument = state.instruments[place_of(slot)]
    time, received, sequence = message.time, message.received, message.sequence
    if state.cursor[GAP] > state.sound[place_of(slot)]:
        flags |= F_MAYBE_BAD_BOOK
    put_row(rows, row, time, received, sequence, instrument, order, action, side, price * _PRICE, size, flags)
