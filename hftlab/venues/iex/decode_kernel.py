"""Compiled loop that decodes IEX-TP's segments into the columns of an EventBatch."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import (
    ADD,
    ASK,
    BID,
    CANCEL,
    CLEAR,
    F_LAST,
    F_MAYBE_BAD_BOOK,
    F_MBP,
    F_TOB,
    FILL,
    MODIFY,
    NO_SIDE,
    TRADE,
)
from hftlab.kernels.byte_order import load_little_u16, load_little_u32, load_little_u64
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import VALUE, find_place, insert_key
from hftlab.venues.event_rows import EventRows, put_row
from hftlab.venues.iex.decoder_state import (
    BAD_SYMBOL,
    EXCESS,
    MALFORMED,
    MESSAGES,
    REPEATED,
    DecoderState,
)
from hftlab.venues.iex.layouts import LEAST_SIZES
from hftlab.venues.iex.segment_headers import HEADER_SIZE, LENGTH_SIZE
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
from hftlab.venues.packet_cursor import AT, GAP, LEFT, RECEIVED, SEQUENCE, SKIP, STREAM, Packets, open_packet

__all__ = ["INPUT", "MOST_ROWS", "NAMES", "ORDERS", "ROWS", "decode", "keep_slot"]

Bytes = npt.NDArray[np.uint8]

INPUT, ROWS, ORDERS, NAMES = range(4)
"""Reasons why the kernel returned: it needs more packets, more rows, room for more orders, or a slot for the symbol of
the message at the cursor."""

MOST_ROWS: Final = 4
"""Largest number of rows that one message makes."""

_ADD, _MODIFY, _DELETE, _EXECUTED, _TRADE, _CLEAR, _BUY_LEVEL, _SELL_LEVEL, _QUOTE = b"aMRLTC85Q"
_HAS_ROWS: Final = np.zeros(256, np.bool_)
_HAS_ROWS[list(b"aMRLTC85Q")] = True
_BUY, _SELL = b"85"
_KEEPS_PLACE: Final = 1
_IS_COMPLETE: Final = 1  # bit of a level's event flags
_PRICE: Final = 100_000  # 1e-4 in 1e-9
_DAY: Final = 86_400 * 10**9
_EASTERN: Final = 5 * 3600 * 10**9  # ns by which the standard time of New York is behind; trading is far from midnight
_LARGEST_PRICE: Final = (2**63 - 1) // _PRICE


class MessageHead(NamedTuple):
    """Head of one message: where it begins, its type, slot, instrument, times, sequence number, and flag of a gap."""

    at: Any
    kind: Any
    slot: Any
    instrument: Any
    time: Any
    received: Any
    sequence: Any
    doubt: Any


@in_place
def decode(packets: Packets, state: DecoderState, rows: EventRows, row: int) -> tuple[int, int]:
    """Decode the packets from the cursor on, and write rows from `row` on.

    Returns (the next free row, why: INPUT, ROWS, ORDERS or NAMES).
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
        at = cursor[AT] + LENGTH_SIZE
        size, kind = i64(load_little_u16(data, cursor[AT])), i64(data[place_of(at)])
        if cursor[SKIP] > 0:
            _step(cursor, size)
            cursor[SKIP] -= 1
            continue
        is_whole, has_rows = size >= LEAST_SIZES[kind], _HAS_ROWS[kind]
        slot = i64(-1)
        if is_whole and has_rows:
            symbol = load_little_u64(data, at + 10)
            place = find_place(state.slots, symbol)
            if place == 0:
                state.wanted[0] = symbol
                return row, NAMES
            slot = i64(state.slots.entries[place, VALUE])
        _step(cursor, size)
        tallies[MESSAGES] += 1
        state.counts[kind] += 1
        if not is_whole:
            tallies[MALFORMED] += 1
        elif has_rows:
            instrument, time = state.instruments[place_of(slot)], i64(load_little_u64(data, at + 2))
            if instrument == BAD_SYMBOL:
                tallies[MALFORMED] += 1
            elif instrument >= 0:
                if kind in (_CLEAR, _QUOTE):
                    state.sound[place_of(slot)] = cursor[GAP]  # what they say does not depend on what was before
                received = cursor[RECEIVED] if cursor[RECEIVED] > 0 else time
                doubt = F_MAYBE_BAD_BOOK if cursor[GAP] > state.sound[place_of(slot)] else 0
                message = MessageHead(at, kind, slot, instrument, time, received, cursor[SEQUENCE] - 1, doubt)
                if state.sessions[cursor[STREAM]] >= state.session[place_of(slot)]:
                    row = _begin_session(message, state, rows, row)
                row = _decode_one(data, message, state, rows, row)


@in_place
def keep_slot(state: DecoderState, symbol: Any, slot: int) -> None:
    """Give a symbol a slot."""
    insert_key(state.slots, symbol, np.uint64(slot))


@inlined
def _step(cursor: Any, size: Any) -> None:
    cursor[AT] += LENGTH_SIZE + size
    cursor[LEFT] -= 1
    cursor[SEQUENCE] += 1


@in_place
def _begin_session(message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Begin a symbol's book anew if its session is another day's; there is nothing to clear before the first."""
    slot, day = place_of(message.slot), (message.time - _EASTERN) // _DAY
    is_first, is_later = state.session[slot] == 0, day > state.day[slot]
    state.session[slot] = state.sessions[state.cursor[STREAM]] + 1
    if not is_first and not is_later:
        return row
    state.day[slot] = day
    if is_first:
        return row
    clear_orders(state.orders, message.slot, 0, 0)
    state.tops[slot] = 0
    _put(rows, row, message, 0, CLEAR, NO_SIDE, 0, 0, F_LAST)
    return row + 1


@inlined
def _is_price(price: Any) -> bool:
    return bool(-_LARGEST_PRICE <= price <= _LARGEST_PRICE)


@inlined
def _decode_one(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    kind = message.kind
    if kind == _ADD:
        return _add(data, message, state, rows, row)
    if kind not in (_MODIFY, _DELETE, _EXECUTED):
        return _decode_other(data, message, state, rows, row)
    place = find_order(state.orders, load_little_u64(data, message.at + 18))
    if place == 0 or slot_of(state.orders, place) != message.slot:
        state.unknown[kind] += 1
        return row
    if kind == _MODIFY:
        return _modify(data, message, state, rows, row, place)
    if kind == _EXECUTED:
        return _execute(data, message, state, rows, row, place)
    return _delete(message, state, rows, row, place)


@in_place
def _decode_other(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Decode a message that is not about one order of the book."""
    kind = message.kind
    if kind == _TRADE:
        return _trade(data, message, state, rows, row)
    if kind == _CLEAR:
        clear_orders(state.orders, message.slot, 0, 0)
        _put(rows, row, message, 0, CLEAR, NO_SIDE, 0, 0, F_LAST)
        return row + 1
    if kind in (_BUY_LEVEL, _SELL_LEVEL):
        return _level(data, message, state, rows, row)
    return _quote(data, message, state, rows, row)


@inlined
def _add(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    at = message.at
    letter, order = data[place_of(at + 1)], load_little_u64(data, at + 18)
    size, price = i64(load_little_u32(data, at + 26)), i64(load_little_u64(data, at + 30))
    if (letter != _BUY and letter != _SELL) or size == 0 or not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    marks = SELL if letter == _SELL else 0
    state.tallies[REPEATED] += keep_order(state.orders, order, message.slot, marks, price, size)
    _put(rows, row, message, order, ADD, _side(marks), price, size, F_LAST)
    return row + 1


@inlined
def _modify(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
    at, orders = message.at, state.orders
    size, price = i64(load_little_u32(data, at + 26)), i64(load_little_u64(data, at + 30))
    if size == 0 or not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    order, side = orders.table.entries[place, 0], _side(marks_of(orders, place))
    old, left = price_of(orders, place), size_of(orders, place)
    set_order(orders, place, price, size)
    if not data[place_of(at + 1)] & _KEEPS_PLACE and price == old and size <= left:
        # A book would leave it its place.
        _put(rows, row, message, order, CANCEL, side, old, left, 0)
        _put(rows, row + 1, message, order, ADD, side, price, size, F_LAST)
        return row + 2
    _put(rows, row, message, order, MODIFY, side, price, size, F_LAST)
    return row + 1


@inlined
def _delete(message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
    orders = state.orders
    order, side = orders.table.entries[place, 0], _side(marks_of(orders, place))
    _put(rows, row, message, order, CANCEL, side, price_of(orders, place), size_of(orders, place), F_LAST)
    forget_order(orders, place)
    return row + 1


@inlined
def _execute(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int, place: Any) -> int:
    at, orders = message.at, state.orders
    size, paid = i64(load_little_u32(data, at + 26)), i64(load_little_u64(data, at + 30))
    if size == 0 or not _is_price(paid):
        state.tallies[MALFORMED] += 1
        return row
    order, side = orders.table.entries[place, 0], _side(marks_of(orders, place))
    price, left = price_of(orders, place), size_of(orders, place)
    if size < left:
        set_order(orders, place, price, left - size)
    else:
        state.tallies[EXCESS] += size > left
        forget_order(orders, place)
    _put(rows, row, message, 0, TRADE, BID if side == ASK else ASK, paid, size, 0)
    _put(rows, row + 1, message, order, FILL, side, price, size, 0)
    _put(rows, row + 2, message, order, CANCEL, side, price, size, F_LAST)
    return row + 3


@in_place
def _trade(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Write a trade that changes no book; the venue does not report the aggressor."""
    size, price = i64(load_little_u32(data, message.at + 18)), i64(load_little_u64(data, message.at + 22))
    if size == 0 or not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    _put(rows, row, message, 0, TRADE, NO_SIDE, price, size, F_LAST)
    return row + 1


@in_place
def _level(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Write the new total of a price level."""
    at = message.at
    size, price = i64(load_little_u32(data, at + 18)), i64(load_little_u64(data, at + 22))
    if not _is_price(price):
        state.tallies[MALFORMED] += 1
        return row
    side = BID if message.kind == _BUY_LEVEL else ASK
    flags = F_MBP | (F_LAST if data[place_of(at + 1)] & _IS_COMPLETE else 0)
    _put(rows, row, message, 0, MODIFY if size > 0 else CANCEL, side, price, size, flags)
    return row + 1


@in_place
def _quote(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Write what a quote changes of the last one."""
    at, top = message.at, state.tops[place_of(message.slot)]
    bid, ask = i64(load_little_u64(data, at + 22)), i64(load_little_u64(data, at + 30))
    if not (_is_price(bid) and _is_price(ask)):
        state.tallies[MALFORMED] += 1
        return row
    first = row
    row = _quote_side(message, rows, row, top, 0, BID, bid, i64(load_little_u32(data, at + 18)))
    row = _quote_side(message, rows, row, top, 2, ASK, ask, i64(load_little_u32(data, at + 38)))
    if row > first:
        rows.flags[place_of(row - 1)] |= F_LAST
    return row


@inlined
def _quote_side(
    message: MessageHead, rows: EventRows, row: int, top: Any, field: int, side: Any, price: Any, size: Any
) -> int:
    """Write a side's old level as gone if it is, and its new one if it is new. Returns the next free row."""
    if size == 0:
        price = i64(0)
    old, left = top[field], top[field + 1]
    if left > 0 and (size == 0 or old != price):
        _put(rows, row, message, 0, CANCEL, side, old, left, F_MBP | F_TOB)
        row += 1
    if size > 0 and (old != price or left != size):
        _put(rows, row, message, 0, MODIFY, side, price, size, F_MBP | F_TOB)
        row += 1
    top[field], top[field + 1] = price, size
    return row


@inlined
def _side(marks: Any) -> Any:
    return ASK if marks & SELL else BID


@inlined
def _put(
    rows: EventRows,
    row: int,
    message: MessageHead,
    order: Any,
    action: Any,
    side: Any,
    price: Any,
    size: Any,
    flags: Any,
) -> None:
    time, received, sequence, flags = message.time, message.received, message.sequence, flags | message.doubt
    put_row(rows, row, time, received, sequence, message.instrument, order, action, side, price * _PRICE, size, flags)
