"""Compiled loop that decodes MITCH's units into the columns of an EventBatch."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MAYBE_BAD_BOOK, FILL, MODIFY, NO_SIDE, TRADE
from hftlab.kernels.byte_order import load_little_u32, load_little_u64
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import VALUE, find_place, insert_key
from hftlab.venues.event_rows import EventRows, put_row
from hftlab.venues.live_orders import (
    SELL,
    clear_orders,
    find_order,
    forget_order,
    has_room,
    keep_order,
    marks_of,
    price_of,
    set_order,
    size_of,
    slot_of,
)
from hftlab.venues.mitch.decoder_state import (
    CORRECTIONS,
    EXCESS,
    MALFORMED,
    MESSAGES,
    NO_TIME,
    OTHER_BOOKS,
    REPEATED,
    UNTIMED,
    DecoderState,
)
from hftlab.venues.mitch.layouts import LEAST_SIZES
from hftlab.venues.mitch.unit_headers import HEADER_SIZE
from hftlab.venues.packet_cursor import (
    AT,
    GAP,
    LEFT,
    NEXT,
    RECEIVED,
    SEQUENCE,
    SKIP,
    STREAM,
    Packets,
    open_packet,
)

__all__ = ["DIRECTORY", "INPUT", "MOST_ROWS", "NAMES", "ORDERS", "ROWS", "decode", "keep_slot"]

Bytes = npt.NDArray[np.uint8]

INPUT, ROWS, ORDERS, NAMES, DIRECTORY = range(5)
"""Reasons why the kernel returned: it needs more packets, more rows, room for more orders, a slot for the instrument of
the message at the cursor, or somebody who reads the directory message that it has passed."""

MOST_ROWS: Final = 3
"""Largest number of rows that one message makes."""

_TIME, _DIRECTORY, _ADD, _ADD_ATTRIBUTED, _DELETED, _MODIFIED, _CLEAR = 0x54, 0x52, 0x41, 0x46, 0x44, 0x55, 0x79
_EXECUTED, _EXECUTED_AT, _TRADE, _AUCTION_TRADE = 0x45, 0x43, 0x50, 0x51
_BUY, _SELL, _PRINTABLE = b"BSY"
_UNPRICED: Final = 2
_OTHER: Final = 12  # the marks of orders of other books
_MARKET, _FIRM, _PRIVATE = 16, 32, 64  # bits of an order's flags: without a price, firm quote, private RFQ
_KEEPS_PLACE: Final = 1
_CORRECTED: Final = 3  # bits of a trade's flags: cancelled, amended
_UNIT: Final = 1_000_000_000
_DAY: Final = 86_400 * _UNIT
_PRICE: Final = 10  # 1e-8 in 1e-9
_LARGEST_PRICE: Final = (2**63 - 1) // _PRICE


class MessageHead(NamedTuple):
    """Head of one message: where it begins, its type, time, receive time and sequence number."""

    at: Any
    kind: Any
    time: Any
    received: Any
    sequence: Any


@in_place
def decode(
    packets: Packets, state: DecoderState, rows: EventRows, row: int, midnights: npt.NDArray[np.int64]
) -> tuple[int, int]:
    """Decode the packets from the cursor on, and write rows from `row` on.

    Returns (the next free row, why: INPUT, ROWS, ORDERS, NAMES or DIRECTORY). `midnights` are those from which the
    times of each datagram count.
    """
    data, cursor, tallies = packets.data, state.cursor, state.tallies
    last_row = len(rows.ts_event) - MOST_ROWS
    while True:
        if cursor[LEFT] == 0 and not open_packet(packets, cursor, HEADER_SIZE):
            return row, INPUT
        if row > last_row:
            return row, ROWS
        if not has_room(state.orders, 1):
            return row, ORDERS
        at = cursor[AT]
        size, kind = i64(data[place_of(at)]), i64(data[place_of(at + 1)])
        if cursor[SKIP] > 0:
            _step(cursor, size)
            cursor[SKIP] -= 1
            continue
        least = LEAST_SIZES[kind]
        place = _instrument_at(kind)
        if size >= least and place > 0:
            instrument = load_little_u32(data, at + place)
            if find_place(state.slots, instrument) == 0:
                state.wanted[0] = i64(instrument)
                return row, NAMES
        _step(cursor, size)
        tallies[MESSAGES] += 1
        state.counts[kind] += 1
        if size < least:
            tallies[MALFORMED] += 1
            continue
        if kind == _DIRECTORY:
            state.wanted[0] = at
            return row, DIRECTORY
        midnight = midnights[packets.packet[cursor[NEXT] - 1]]
        row = _decode_one(data, at, kind, state, rows, row, midnight)


@in_place
def keep_slot(state: DecoderState, number: int, slot: int) -> None:
    """Give the instrument of a number a slot."""
    insert_key(state.slots, np.uint64(number), np.uint64(slot))


@inlined
def _step(cursor: Any, size: Any) -> None:
    cursor[AT] += size
    cursor[LEFT] -= 1
    cursor[SEQUENCE] += 1


@inlined
def _instrument_at(kind: Any) -> Any:
    """Return where messages of a type have the instrument without whose slot they cannot be decoded, else 0."""
    if kind in (_ADD, _ADD_ATTRIBUTED):
        return 19
    if kind in (_TRADE, _AUCTION_TRADE):
        return 10
    return 6 if kind == _CLEAR else 0


@inlined
def _decode_one(data: Bytes, at: Any, kind: Any, state: DecoderState, rows: EventRows, row: int, midnight: Any) -> int:
    cursor = state.cursor
    if kind == _TIME:
        _take_time(data, at, state, midnight)
        return row
    has_rows = kind in (_ADD, _ADD_ATTRIBUTED, _DELETED, _MODIFIED, _CLEAR)
    if not has_rows and kind not in (_EXECUTED, _EXECUTED_AT, _TRADE, _AUCTION_TRADE):
        return row
    time = _time_of(data, at, state, midnight)
    received = cursor[RECEIVED] if cursor[RECEIVED] > 0 else time
    message = MessageHead(at, kind, time, received, cursor[SEQUENCE] - 1)
    if kind in (_ADD, _ADD_ATTRIBUTED):
        return _add(data, message, state, rows, row)
    if kind == _CLEAR:
        return _clear(data, message, state, rows, row)
    if kind in (_TRADE, _AUCTION_TRADE):
        return _trade(data, message, state, rows, row)
    place = find_order(state.orders, load_little_u64(data, at + 6))
    if place == 0:
        state.unknown[kind] += 1
        return row
    if kind == _DELETED:
        return _delete(message, state, rows, row, place)
    if kind == _MODIFIED:
        return _modify(data, message, state, rows, row, place)
    return _execute(data, message, state, rows, row, place)


@inlined
def _take_time(data: Bytes, at: Any, state: DecoderState, midnight: Any) -> None:
    """Remember the second of a group; one of before the midnight after which it was received is of the day before."""
    time, received = midnight + i64(load_little_u32(data, at + 2)) * _UNIT, state.cursor[RECEIVED]
    if received > 0 and midnight <= received < midnight + _DAY and time - received > _DAY // 2:
        time -= _DAY
    state.seconds[state.cursor[STREAM]] = time


@inlined
def _time_of(data: Bytes, at: Any, state: DecoderState, midnight: Any) -> Any:
    """Return the time of a message: of its group's second, before the first of them that of its capture."""
    nanos, second = i64(load_little_u32(data, at + 2)), state.seconds[state.cursor[STREAM]]
    if second != NO_TIME:
        return second + nanos
    state.tallies[UNTIMED] += 1
    received = state.cursor[RECEIVED]
    if received <= 0:
        return midnight + nanos
    # A message is received less than a second after what it tells of.
    return (received // _UNIT - (nanos > received % _UNIT)) * _UNIT + nanos


@inlined
def _slot_of(data: Bytes, at: Any, state: DecoderState) -> Any:
    return i64(state.slots.entries[find_place(state.slots, load_little_u32(data, at)), VALUE])


@inlined
def _is_price(price: Any) -> bool:
    return bool(-_LARGEST_PRICE <= price <= _LARGEST_PRICE)


@inlined
def _add(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    at = message.at
    letter, size, price = (
        data[place_of(at + 14)],
        i64(load_little_u32(data, at + 15)),
        i64(load_little_u64(data, at + 25)),
    )
    if (letter != _BUY and letter != _SELL) or size == 0 or not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    flags = data[place_of(at + (33 if message.kind == _ADD else 44))]
    marks = SELL if letter == _SELL else 0
    marks |= _UNPRICED if message.kind == _ADD and flags & _MARKET else 0
    marks |= _other_book(flags)
    slot, order = _slot_of(data, at + 19, state), load_little_u64(data, at + 6)
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
def _delete(message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
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
def _modify(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
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
def _execute(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
    at, orders = message.at, state.orders
    slot, marks, price, left = (
        slot_of(orders, place),
        marks_of(orders, place),
        price_of(orders, place),
        size_of(orders, place),
    )
    order, size = orders.table.entries[place, 0], i64(load_little_u32(data, at + 14))
    has_price = message.kind == _EXECUTED_AT
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
def _trade(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Write a trade of orders that were not displayed or of an auction; the venue does not report the aggressor."""
    at = message.at
    slot, size, price = (
        _slot_of(data, at + 10, state),
        i64(load_little_u32(data, at + 6)),
        i64(load_little_u64(data, at + 16)),
    )
    flags = data[place_of(at + (34 if message.kind == _TRADE else 33))]
    if flags & _CORRECTED:
        state.tallies[CORRECTIONS] += 1
        return row
    if not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    if size == 0 or state.instruments[place_of(slot)] < 0:
        return row
    _put(rows, row, message, state, slot, 0, TRADE, NO_SIDE, price, size, F_LAST)
    return row + 1


@in_place
def _clear(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    slot, book = _slot_of(data, message.at + 6, state), _other_book(data[place_of(message.at + 12)])
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
