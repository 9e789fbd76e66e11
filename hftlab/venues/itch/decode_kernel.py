"""Compiled loop that decodes ITCH bytes into the columns of an EventBatch."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, F_LAST, F_MAYBE_BAD_BOOK, FILL, NO_SIDE, TRADE
from hftlab.kernels.byte_copy import copy_bytes
from hftlab.kernels.byte_order import load_u16, load_u32, load_u64
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import LIVE, VALUE, find_place, insert_key, prefetch_entry, prefetch_head, remove_place
from hftlab.venues.itch.decoder_state import (
    EMPTY,
    EXCESS,
    MALFORMED,
    MESSAGES,
    REPEATED,
    UNWANTED_LOCATE,
    DecoderState,
    Rows,
    register,
)
from hftlab.venues.itch.message_layouts import SIZES
from hftlab.venues.itch.order_words import LARGEST_SHARES, SELL, SIDELESS, pack

__all__ = ["EVENT", "INPUT", "MOST_ROWS", "ROWS", "SLOTS", "RunColumns", "decode", "gather_runs", "name_runs"]

Bytes = npt.NDArray[np.uint8]

INPUT, ROWS, SLOTS, EVENT = range(4)
"""Reasons why the kernel returned: it needs more bytes, more rows, a larger map of orders, or somebody who
looks at the system event (S) that it has passed."""

MOST_ROWS: Final = 3
"""Largest number of rows that one message makes."""

_ADD, _ADD_ATTRIBUTED, _EXECUTED, _EXECUTED_AT, _CANCEL, _DELETE, _REPLACE, _TRADE, _CROSS, _DIRECTORY = b"AFECXDUPQR"
_BUY, _SELL, _PRINTABLE = b"BSY"
_SYSTEM: Final = ord("S")
_STAMP: Final = np.uint64((1 << 48) - 1)
_MOST_SHARES: Final = np.uint64(LARGEST_SHARES)
_PRICE: Final = 100_000  # 1e-4 in 1e-9
_HALF: Final = np.uint64(32)
_REFERENCE: Final = 2 + 11  # from a message's length; where every message about an order has its reference
_AHEAD: Final = 6  # messages
_NO_MARKS: Final = np.uint64(0)
_TOP: Final = np.uint64(63)


class MessageHead(NamedTuple):
    """Head of one message: where it begins, and the fields that all types have."""

    at: Any
    kind: Any
    locate: Any
    instrument: Any
    time: Any
    number: Any


class RunColumns(NamedTuple):
    """Runs of messages that follow each other: where they are, the first one's number, and what is known of them."""

    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    messages: npt.NDArray[np.int64]
    sequence: npt.NDArray[np.int64]
    ts_recv: npt.NDArray[np.int64]
    is_after_gap: npt.NDArray[np.bool_]


@in_place
def gather_runs(data: Bytes, runs: RunColumns, run: int, last: int, out: Bytes) -> tuple[int, int]:
    """Copy the runs from `run` to `last` to `out`, as far as their numbers follow each other.

    Together they are decoded faster than one by one. Returns (the first run not copied, where the messages end).
    """
    first, end = run, i64(0)
    while run < last and (run == first or runs.sequence[run] == runs.sequence[run - 1] + runs.messages[run - 1]):
        size = runs.end[run] - runs.start[run]
        copy_bytes(data, runs.start[run], size, out, end)
        end += size
        run += 1
    return run, end


@in_place
def name_runs(runs: RunColumns, run: int, rows: Rows, received: npt.NDArray[np.int64], row: int, last: int) -> None:
    """Write to each row from `row` to `last` what is known of its run: the time (else the event's), and a flag.

    `run` is the first of the runs that were decoded together.
    """
    for place in range(row, last):
        while rows.sequence[place] >= runs.sequence[run] + runs.messages[run]:
            run += 1
        received[place] = runs.ts_recv[run] if runs.ts_recv[run] != 0 else rows.ts_event[place]
        if runs.is_after_gap[run]:
            rows.flags[place] |= F_MAYBE_BAD_BOOK


@in_place
def decode(
    data: Bytes, at: int, end: int, state: DecoderState, rows: Rows, row: int, midnight: int
) -> tuple[int, int, int]:
    """Decode the length-prefixed messages in data[at:end], and write rows from `row` on.

    Returns (where the first message not decoded begins, the next free row, why: INPUT, ROWS, SLOTS or EVENT). The
    `midnight` is added to every time.
    """
    tallies = state.tallies
    last_row, most_live = len(rows.ts_event) - MOST_ROWS, len(state.orders.entries) - 1
    near = far = at
    for _ in range(_AHEAD):
        near, far = _step(data, near, end), _step(data, _step(data, far, end), end)
    while at + 2 <= end:
        size = i64(load_u16(data, at))
        if at + 2 + size > end:
            break
        if row > last_row:
            return at, row, ROWS
        if state.orders.counts[LIVE] == most_live:
            return at, row, SLOTS
        start = at + 2
        at = start + size
        near, far = _step(data, near, end), _step(data, far, end)
        if far + _REFERENCE + 8 <= end:
            prefetch_head(state.orders, load_u64(data, far + _REFERENCE))
            prefetch_entry(state.orders, load_u64(data, near + _REFERENCE))
        tallies[MESSAGES] += 1
        if size == 0:
            tallies[EMPTY] += 1
            continue
        kind = data[place_of(start)]
        state.counts[kind] += 1
        expected = SIZES[kind]
        if size == expected:
            locate = load_u16(data, start + 1)
            time = midnight + i64(load_u64(data, start + 3) & _STAMP)
            message = MessageHead(start, kind, locate, i64(state.locates[locate]), time, tallies[MESSAGES])
            row = _decode_one(data, message, state, rows, row)
            if kind == _SYSTEM:
                return at, row, EVENT
        elif expected > 0:
            tallies[MALFORMED] += 1
    return at, row, INPUT


@inlined
def _step(data: Bytes, at: Any, end: int) -> Any:
    """Return where the next message begins; the same place, if that is beyond the end."""
    if at + 2 > end:
        return at
    return min(at + 2 + i64(load_u16(data, at)), end)


@inlined
def _decode_one(data: Bytes, message: MessageHead, state: DecoderState, rows: Rows, row: int) -> int:
    kind = message.kind
    if kind in (_ADD, _ADD_ATTRIBUTED):
        return _add(data, message, state, rows, row)
    if kind == _REPLACE:
        return _replace(data, message, state, rows, row)
    if kind in (_DELETE, _EXECUTED, _CANCEL, _EXECUTED_AT):
        return _take(data, message, state, rows, row)
    if kind == _TRADE:
        at = message.at
        shares, price, symbol = load_u32(data, at + 20), load_u32(data, at + 32), load_u64(data, at + 24)
        return _trade(message, state, rows, row, symbol, price, shares)
    if kind == _CROSS:
        at = message.at
        shares, price, symbol = load_u64(data, at + 11), load_u32(data, at + 27), load_u64(data, at + 19)
        return _trade(message, state, rows, row, symbol, price, shares) if shares > 0 else row
    if kind == _DIRECTORY:
        register(state, message.locate, load_u64(data, message.at + 11), True)
    return row


@inlined
def _add(data: Bytes, message: MessageHead, state: DecoderState, rows: Rows, row: int) -> int:
    at, instrument = message.at, message.instrument
    if instrument < 0:
        instrument = register(state, message.locate, load_u64(data, at + 24), False)
    if instrument == UNWANTED_LOCATE:
        return row
    letter, shares = data[place_of(at + 19)], load_u32(data, at + 20)
    if (letter != _BUY and letter != _SELL) or shares > _MOST_SHARES:
        state.tallies[MALFORMED] += 1
        return row
    reference, price = load_u64(data, at + 11), load_u32(data, at + 32)
    _keep(state, reference, price, SELL if letter == _SELL else _NO_MARKS, shares)
    side = ASK if letter == _SELL else BID
    _put(rows, row, message, instrument, reference, ADD, side, price, shares, F_LAST)
    return row + 1


@inlined
def _replace(data: Bytes, message: MessageHead, state: DecoderState, rows: Rows, row: int) -> int:
    at, orders = message.at, state.orders
    old, new = load_u64(data, at + 11), load_u64(data, at + 19)
    shares, price = load_u32(data, at + 27), load_u32(data, at + 31)
    if message.instrument == UNWANTED_LOCATE:
        return row
    if shares > _MOST_SHARES:
        state.tallies[MALFORMED] += 1
        return row
    place = find_place(orders, old)
    if place == 0:
        state.unknown[message.kind] += 1
        _keep(state, new, price, SIDELESS, shares)
        return row
    word = orders.entries[place, VALUE]
    if message.instrument < 0 and not word & SIDELESS:
        state.unknown[message.kind] += 1
        return row
    remove_place(orders, place)
    _keep(state, new, price, word & (SELL | SIDELESS), shares)
    if word & SIDELESS:
        state.sideless[message.kind] += 1
        return row
    side = ASK if word & SELL else BID
    _put(rows, row, message, message.instrument, old, CANCEL, side, word >> _HALF, word & _MOST_SHARES, 0)
    _put(rows, row + 1, message, message.instrument, new, ADD, side, price, shares, F_LAST)
    return row + 2


@inlined
def _take(data: Bytes, message: MessageHead, state: DecoderState, rows: Rows, row: int) -> int:
    at, kind, orders = message.at, message.kind, state.orders
    if message.instrument == UNWANTED_LOCATE:
        return row
    reference = load_u64(data, at + 11)
    place = find_place(orders, reference)
    if place == 0:
        state.unknown[kind] += 1
        return row
    word = orders.entries[place, VALUE]
    if message.instrument < 0 and not word & SIDELESS:
        # The order has another locate code, and no message has named the stock of this one.
        state.unknown[kind] += 1
        return row
    price, left = word >> _HALF, word & _MOST_SHARES
    shares = left if kind == _DELETE else load_u32(data, at + 19)
    if shares < left:
        orders.entries[place, VALUE] = word - shares
    else:
        state.tallies[EXCESS] += shares > left
        remove_place(orders, place)
    if word & SIDELESS:
        state.sideless[kind] += 1
        return row
    side = ASK if word & SELL else BID
    if kind in (_EXECUTED, _EXECUTED_AT):
        if kind == _EXECUTED or data[place_of(at + 31)] == _PRINTABLE:
            paid = price if kind == _EXECUTED else load_u32(data, at + 32)
            taker = BID if side == ASK else ASK
            _put(rows, row, message, message.instrument, 0, TRADE, taker, paid, shares, 0)
            row += 1
        _put(rows, row, message, message.instrument, reference, FILL, side, price, shares, 0)
        row += 1
    _put(rows, row, message, message.instrument, reference, CANCEL, side, price, shares, F_LAST)
    return row + 1


@in_place
def _trade(
    message: MessageHead, state: DecoderState, rows: Rows, row: int, symbol: Any, price: Any, shares: Any
) -> int:
    """Write a trade that changes no book; the venue does not report the aggressor."""
    instrument = message.instrument
    if shares >> _TOP:
        state.tallies[MALFORMED] += 1
        return row
    if instrument < 0:
        instrument = register(state, message.locate, symbol, False)
    if instrument == UNWANTED_LOCATE:
        return row
    _put(rows, row, message, instrument, 0, TRADE, NO_SIDE, price, shares, F_LAST)
    return row + 1


@inlined
def _keep(state: DecoderState, reference: Any, price: Any, marks: Any, shares: Any) -> None:
    """Remember an order, unless it has no shares."""
    if shares == 0:
        return
    place = find_place(state.orders, reference)
    if place == 0:
        insert_key(state.orders, reference, pack(price, marks, shares))
        return
    state.orders.entries[place, VALUE] = pack(price, marks, shares)
    state.tallies[REPEATED] += 1


@inlined
def _put(
    rows: Rows,
    row: int,
    message: MessageHead,
    instrument: Any,
    reference: Any,
    action: int,
    side: Any,
    price: Any,
    shares: Any,
    flags: int,
) -> None:
    place = place_of(row)
    rows.ts_event[place] = message.time
    rows.sequence[place] = message.number
    rows.instrument_id[place] = instrument
    rows.order_id[place] = reference
    rows.action[place] = action
    rows.side[place] = side
    rows.price[place] = i64(price) * _PRICE
    rows.size[place] = shares
    rows.flags[place] = flags
