"""Rows that the messages of each type make, compiled. Each function returns the next free row."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from hftlab.events import (
    ADD,
    ASK,
    BID,
    CANCEL,
    CLEAR,
    F_LAST,
    F_MAYBE_BAD_BOOK,
    F_SNAPSHOT,
    FILL,
    MODIFY,
    NO_SIDE,
    TRADE,
)
from hftlab.kernels.byte_order import load_little_u32, load_little_u64
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import VALUE
from hftlab.venues.event_rows import EventRows, put_row
from hftlab.venues.nyse.decoder_state import (
    EXCESS,
    MALFORMED,
    SEEN,
    STALE,
    DecoderState,
    clear_orders,
    find_order,
    forget_order,
    is_sell,
    keep_order,
)
from hftlab.venues.nyse.message_types import (
    ADD_TYPE,
    CROSS_TYPE,
    DELETE_TYPE,
    EXECUTION_TYPE,
    MODIFY_TYPE,
    NON_DISPLAYED_TYPE,
    REPLACE_TYPE,
    STATUS_TYPE,
)
from hftlab.venues.nyse.packet_cursor import REFRESHED, Bytes, is_refresh

__all__ = ["MessageHead", "write_clear", "write_day_begin", "write_refresh", "write_rows"]

_BUY, _SELL, _CLOSED = b"BSX"
_HALF: Final = np.uint64(32)
_VOLUME: Final = np.uint64((1 << 32) - 1)


class MessageHead(NamedTuple):
    """Head of one message: where it begins, its type, symbol, time, receive time and sequence number."""

    at: Any
    kind: Any
    index: Any
    slot: Any
    time: Any
    received: Any
    sequence: Any


@inlined
def write_rows(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Write the rows of a message that has not come before. Returns the next free row."""
    kind, at = message.kind, message.at
    if kind == ADD_TYPE:
        return _add(data, message, at + 16, state, rows, row, F_LAST)
    if kind == MODIFY_TYPE:
        return _modify(data, message, state, rows, row)
    if kind in (DELETE_TYPE, EXECUTION_TYPE):
        return _take(data, message, state, rows, row)
    if kind == REPLACE_TYPE:
        return _replace(data, message, state, rows, row)
    if kind == NON_DISPLAYED_TYPE:
        if data[place_of(at + 28)] == 0:
            return row
        return _trade(data, message, state, rows, row)
    if kind == CROSS_TYPE:
        return _trade(data, message, state, rows, row)
    if kind == STATUS_TYPE and data[place_of(at + 20)] == _CLOSED:
        return _empty(message, state, rows, row)
    return row


@inlined
def _add(data: Bytes, message: MessageHead, at: Any, state: DecoderState, rows: EventRows, row: int, flags: int) -> int:
    """Add the order whose number is at `at`."""
    order, price, volume = load_little_u64(data, at), load_little_u32(data, at + 8), load_little_u32(data, at + 12)
    letter = data[place_of(at + 16)]
    if (letter != _BUY and letter != _SELL) or volume == 0:
        state.tallies[MALFORMED] += 1
        return row
    sells = letter == _SELL
    keep_order(state, order, message.index, message.slot, sells, price, volume)
    _put(rows, row, message, state, order, ADD, ASK if sells else BID, price, volume, flags)
    return row + 1


@in_place
def write_refresh(
    data: Bytes, message: MessageHead, number: Any, state: DecoderState, rows: EventRows, row: int
) -> int:
    """Add an order of a refresh, if it is not there and the refresh is not older than the book."""
    last, slot, at = state.symbols.last, message.slot, message.at
    if is_refresh(state.cursor):
        if state.cursor[REFRESHED] > 0:
            number = state.cursor[REFRESHED]
        if last[slot] > number:
            state.tallies[STALE] += 1
            return row
    last[slot] = max(last[slot], number)
    if find_order(state, load_little_u64(data, at + 20), message.index, slot) != 0:
        state.tallies[SEEN] += 1
        return row
    return _add(data, message, at + 20, state, rows, row, F_LAST | F_SNAPSHOT)


@inlined
def _modify(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    at = message.at
    order = load_little_u64(data, at + 16)
    price, volume = load_little_u32(data, at + 24), load_little_u32(data, at + 28)
    place = find_order(state, order, message.index, message.slot)
    if place == 0:
        state.unknown[message.kind] += 1
        return row
    if volume == 0:
        state.tallies[MALFORMED] += 1
        return row
    entry = state.orders.entries[place]
    old_price, left = entry[VALUE] >> _HALF, entry[VALUE] & _VOLUME
    entry[VALUE] = (price << _HALF) | volume
    side = ASK if is_sell(state, place) else BID
    if data[place_of(at + 32)] and price == old_price and volume <= left:
        # A book would leave it its place.
        _put(rows, row, message, state, order, CANCEL, side, old_price, left, 0)
        _put(rows, row + 1, message, state, order, ADD, side, price, volume, F_LAST)
        return row + 2
    _put(rows, row, message, state, order, MODIFY, side, price, volume, F_LAST)
    return row + 1


@inlined
def _take(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    at = message.at
    order = load_little_u64(data, at + 16)
    place = find_order(state, order, message.index, message.slot)
    if place == 0:
        state.unknown[message.kind] += 1
        return row
    is_execution = message.kind == EXECUTION_TYPE
    word = state.orders.entries[place, VALUE]
    price, left, side = word >> _HALF, word & _VOLUME, ASK if is_sell(state, place) else BID
    volume = load_little_u32(data, at + 32) if is_execution else left
    if volume == 0:
        state.tallies[MALFORMED] += 1
        return row
    if volume < left:
        state.orders.entries[place, VALUE] = word - volume
    else:
        state.tallies[EXCESS] += volume > left
        forget_order(state, place)
    if is_execution:
        if data[place_of(at + 36)]:
            taker, paid = BID if side == ASK else ASK, load_little_u32(data, at + 28)
            _put(rows, row, message, state, 0, TRADE, taker, paid, volume, 0)
            row += 1
        _put(rows, row, message, state, order, FILL, side, price, volume, 0)
        row += 1
    _put(rows, row, message, state, order, CANCEL, side, price, volume, F_LAST)
    return row + 1


@inlined
def _replace(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    at = message.at
    old, new = load_little_u64(data, at + 16), load_little_u64(data, at + 24)
    price, volume = load_little_u32(data, at + 32), load_little_u32(data, at + 36)
    place = find_order(state, old, message.index, message.slot)
    if place == 0:
        state.unknown[message.kind] += 1
        return row
    if volume == 0:
        state.tallies[MALFORMED] += 1
        return row
    word, sells = state.orders.entries[place, VALUE], is_sell(state, place)
    side = ASK if sells else BID
    forget_order(state, place)
    keep_order(state, new, message.index, message.slot, sells, price, volume)
    _put(rows, row, message, state, old, CANCEL, side, word >> _HALF, word & _VOLUME, 0)
    _put(rows, row + 1, message, state, new, ADD, side, price, volume, F_LAST)
    return row + 2


@inlined
def _trade(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Write a trade that changes no book; the venue does not report the aggressor."""
    price, volume = load_little_u32(data, message.at + 20), load_little_u32(data, message.at + 24)
    if volume == 0:
        return row
    _put(rows, row, message, state, 0, TRADE, NO_SIDE, price, volume, F_LAST)
    return row + 1


@in_place
def write_clear(data: Bytes, message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Clear a symbol's book, unless another line told of it."""
    symbols, slot = state.symbols, message.slot
    if message.time <= symbols.cleared[slot]:
        state.tallies[SEEN] += 1
        return row
    symbols.cleared[slot] = message.time
    symbols.last[slot] = max(i64(load_little_u32(data, message.at + 16)) - 1, 0)
    return _empty(message, state, rows, row)


@in_place
def write_day_begin(message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    """Begin a symbol's day: its numbers begin anew, and orders that the day before has left are gone."""
    symbols, slot = state.symbols, message.slot
    symbols.day[slot], symbols.last[slot] = state.day[0], 0
    return _empty(message, state, rows, row) if symbols.live[slot] > 0 or symbols.is_bad[slot] else row


@in_place
def _empty(message: MessageHead, state: DecoderState, rows: EventRows, row: int) -> int:
    clear_orders(state, message.slot)
    state.symbols.is_bad[message.slot] = False
    _put(rows, row, message, state, 0, CLEAR, NO_SIDE, 0, 0, F_LAST)
    return row + 1


@inlined
def _put(
    rows: EventRows,
    row: int,
    message: MessageHead,
    state: DecoderState,
    order: Any,
    action: int,
    side: Any,
    price: Any,
    volume: Any,
    flags: int,
) -> None:
    symbols, slot = state.symbols, place_of(message.slot)
    instrument, amount = symbols.instruments[slot], i64(price) * symbols.units[slot]
    flags |= F_MAYBE_BAD_BOOK if symbols.is_bad[slot] else 0
    time, received, sequence = message.time, message.received, message.sequence
    put_row(rows, row, time, received, sequence, instrument, order, action, side, amount, volume, flags)
