"""The compiled loop from ITCH bytes to the columns of an EventBatch."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.kernels import compiled, inlined
from hftlab.events import ADD, ASK, BID, CANCEL, F_LAST, FILL, NO_SIDE, TRADE
from hftlab.venues.itch_bytes import i64, load_u16, load_u32, load_u64
from hftlab.venues.itch_layout import SIZES
from hftlab.venues.itch_orders import LARGEST_SHARES, LIVE, SELL, WORD, Orders, find, insert, pack, remove

__all__ = ["INPUT", "MOST_ROWS", "ROOM", "SLOTS", "UNKNOWN_LOCATE", "UNWANTED_LOCATE", "Rows", "State", "decode"]

IntArray = npt.NDArray[np.int64]

INPUT, ROOM, SLOTS = range(3)
"""Why the kernel returned: it needs more bytes, more rows, or a larger map of orders."""

MOST_ROWS: Final = 3
"""The most rows that one message makes."""

UNKNOWN_LOCATE, UNWANTED_LOCATE = -1, -2
MESSAGES, INSTRUMENTS, MALFORMED, REPEATED, OVER_EXECUTED, EMPTY = range(6)
TALLIES: Final = 6

_STAMP: Final = np.uint64((1 << 48) - 1)
_MOST_SHARES: Final = np.uint64(LARGEST_SHARES)
_PRICE: Final = 100_000  # 1e-4 in 1e-9
_HALF: Final = np.uint64(32)


class Rows(NamedTuple):
    """The columns of an EventBatch, to be written."""

    ts_event: IntArray
    ts_recv: IntArray
    sequence: IntArray
    instrument_id: npt.NDArray[np.int32]
    order_id: npt.NDArray[np.uint64]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]


class State(NamedTuple):
    """What the kernel keeps from call to call."""

    orders: Orders
    locates: npt.NDArray[np.int32]  # (65536,): per stock locate its instrument's number, or one of the two above
    symbols: npt.NDArray[np.uint64]  # per instrument its eight bytes as a big-endian integer
    wanted: npt.NDArray[np.uint64]  # the symbols to keep, in the same form; none is all
    counts: IntArray  # (256,): messages by type
    unknown: IntArray  # (256,): messages by type that name an order which is not there
    tallies: IntArray


@compiled
def decode(
    data: npt.NDArray[np.uint8], at: int, end: int, state: State, rows: Rows, row: int, midnight: int
) -> tuple[int, int, int]:
    """Decode the length-prefixed messages in data[at:end], and write rows from `row` on.

    Returns (where the first message not decoded begins, the next free row, why: INPUT, ROOM or SLOTS). `midnight` is
    added to every time.
    """
    orders, tallies = state.orders, state.tallies
    last_row = len(rows.ts_event) - MOST_ROWS
    most_live = len(orders.entries) - 1
    number = tallies[MESSAGES]
    why = INPUT
    while at + 2 <= end:
        size = i64(load_u16(data, at))
        if at + 2 + size > end:
            break
        if row > last_row:
            why = ROOM
            break
        if orders.counts[LIVE] == most_live:
            why = SLOTS
            break
        message = at + 2
        at = message + size
        number += 1
        if size == 0:
            tallies[EMPTY] += 1
            continue
        kind = data[message]
        state.counts[kind] += 1
        expected = SIZES[kind]
        if expected == 0:
            continue
        if size < expected:
            tallies[MALFORMED] += 1
            continue
        time = midnight + i64(load_u64(data, message + 3) & _STAMP)
        locate = load_u16(data, message + 1)
        instrument = i64(state.locates[locate])

        if kind == 65 or kind == 70:  # A, F
            if instrument < 0:
                instrument = _register(state, locate, load_u64(data, message + 24), False)
            side, shares = data[message + 19], load_u32(data, message + 20)
            if instrument == UNWANTED_LOCATE:
                continue
            if (side != 66 and side != 83) or shares > _MOST_SHARES:
                tallies[MALFORMED] += 1
                continue
            reference, price = load_u64(data, message + 11), load_u32(data, message + 32)
            if shares > 0:
                place = find(orders, reference)
                if place == 0:
                    insert(orders, reference, pack(price, side == 83, shares))
                else:
                    orders.entries[place, WORD] = pack(price, side == 83, shares)
                    tallies[REPEATED] += 1
            _put(rows, row, time, number, instrument, reference, ADD, BID if side == 66 else ASK, price, shares, F_LAST)
            row += 1
        elif kind == 68 or kind == 69 or kind == 85 or kind == 88 or kind == 67:  # D, E, U, X, C
            if instrument == UNWANTED_LOCATE:
                continue
            reference = load_u64(data, message + 11)
            place = find(orders, reference)
            if place == 0 or instrument < 0:
                state.unknown[kind] += 1
                continue
            word = orders.entries[place, WORD]
            price, left = word >> _HALF, word & _MOST_SHARES
            side = ASK if word & SELL else BID
            if kind == 85:
                shares = load_u32(data, message + 27)
                if shares > _MOST_SHARES:
                    tallies[MALFORMED] += 1
                    continue
                remove(orders, place)
                _put(rows, row, time, number, instrument, reference, CANCEL, side, price, left, 0)
                reference, price = load_u64(data, message + 19), load_u32(data, message + 31)
                if shares > 0:
                    place = find(orders, reference)
                    if place == 0:
                        insert(orders, reference, pack(price, side == ASK, shares))
                    else:
                        orders.entries[place, WORD] = pack(price, side == ASK, shares)
                        tallies[REPEATED] += 1
                _put(rows, row + 1, time, number, instrument, reference, ADD, side, price, shares, F_LAST)
                row += 2
                continue
            shares = left if kind == 68 else load_u32(data, message + 19)
            if shares < left:
                orders.entries[place, WORD] = word - shares
            else:
                tallies[OVER_EXECUTED] += shares > left
                remove(orders, place)
            if kind == 69 or kind == 67:
                if kind == 69 or data[message + 31] == 89:
                    paid = price if kind == 69 else load_u32(data, message + 32)
                    taker = BID if side == ASK else ASK
                    _put(rows, row, time, number, instrument, 0, TRADE, taker, paid, shares, 0)
                    row += 1
                _put(rows, row, time, number, instrument, reference, FILL, side, price, shares, 0)
                row += 1
            _put(rows, row, time, number, instrument, reference, CANCEL, side, price, shares, F_LAST)
            row += 1
        elif kind == 80:  # P
            if instrument < 0:
                instrument = _register(state, locate, load_u64(data, message + 24), False)
            if instrument != UNWANTED_LOCATE:
                shares, price = load_u32(data, message + 20), load_u32(data, message + 32)
                _put(rows, row, time, number, instrument, 0, TRADE, NO_SIDE, price, shares, F_LAST)
                row += 1
        elif kind == 81:  # Q
            shares = load_u64(data, message + 11)
            if shares >> np.uint64(63):
                tallies[MALFORMED] += 1
                continue
            if instrument < 0:
                instrument = _register(state, locate, load_u64(data, message + 19), False)
            if shares > 0 and instrument != UNWANTED_LOCATE:
                price = load_u32(data, message + 27)
                _put(rows, row, time, number, instrument, 0, TRADE, NO_SIDE, price, shares, F_LAST)
                row += 1
        elif kind == 82:  # R
            _register(state, locate, load_u64(data, message + 11), True)
    tallies[MESSAGES] = number
    return at, row, why


@inlined
def _put(
    rows: Rows,
    row: int,
    time: int,
    number: int,
    instrument: int,
    reference: Any,
    action: int,
    side: Any,
    price: Any,
    shares: Any,
    flags: int,
) -> None:
    rows.ts_event[row] = time
    rows.ts_recv[row] = time
    rows.sequence[row] = number
    rows.instrument_id[row] = instrument
    rows.order_id[row] = reference
    rows.action[row] = action
    rows.side[row] = side
    rows.price[row] = i64(price) * _PRICE
    rows.size[row] = shares
    rows.flags[row] = flags


@compiled
def _register(state: State, locate: Any, symbol: Any, renames: bool) -> int:
    """The number of the instrument that has this locate code from now on."""
    known = i64(state.locates[locate])
    if known != UNKNOWN_LOCATE and not (renames and known >= 0 and state.symbols[known] != symbol):
        return known
    if len(state.wanted) > 0:
        is_wanted = False
        for one in state.wanted:
            is_wanted |= one == symbol
        if not is_wanted:
            state.locates[locate] = UNWANTED_LOCATE
            return UNWANTED_LOCATE
    number = state.tallies[INSTRUMENTS]
    if number == len(state.symbols):
        state.tallies[MALFORMED] += 1
        return UNWANTED_LOCATE
    state.symbols[number] = symbol
    state.locates[locate] = number
    state.tallies[INSTRUMENTS] = number + 1
    return number
