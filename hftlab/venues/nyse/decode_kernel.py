"""Compiled loop that decodes packets of the NYSE Integrated Feed into the columns of an EventBatch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hftlab.kernels.byte_order import load_little_u16, load_little_u32, load_little_u64
from hftlab.kernels.compiling import i64, in_place, inlined
from hftlab.kernels.integer_map import LIVE
from hftlab.venues.event_rows import EventRows
from hftlab.venues.nyse.decoder_state import (
    INDEXES,
    MALFORMED,
    MESSAGES,
    MISSING,
    NO_TIME,
    SEEN,
    TIMED_BY_PACKET,
    DecoderState,
    Packets,
)
from hftlab.venues.nyse.layouts import LEAST_SIZES
from hftlab.venues.nyse.message_rows import MessageHead, write_clear, write_day_begin, write_refresh, write_rows
from hftlab.venues.nyse.message_types import (
    ADD_TYPE,
    CLEAR_TYPE,
    IMBALANCE_TYPE,
    MAPPING_TYPE,
    NON_DISPLAYED_TYPE,
    REFRESH_HEADER_TYPE,
    REFRESH_TYPE,
    REPLACE_TYPE,
    RESET_TYPE,
    RETAIL_TYPE,
    STATUS_TYPE,
    TIME_REFERENCE_TYPE,
)
from hftlab.venues.nyse.packet_cursor import (
    AT,
    END,
    LEFT,
    RECEIVED,
    REFRESHED,
    SENT,
    SENT_NS,
    SEQUENCE,
    Bytes,
    is_refresh,
    open_packet,
)

__all__ = ["INPUT", "MOST_ROWS", "NAMES", "ROWS", "SLOTS", "decode", "index_at"]

INPUT, ROWS, SLOTS, NAMES = range(4)
"""Reasons why the kernel returned: it needs more packets, more rows, a larger map of orders, or the name of the symbol
that the message at the cursor is about."""

MOST_ROWS: Final = 4
"""Largest number of rows that one message makes."""

_HEAD: Final = 4
_UNIT: Final = 1_000_000_000
_DAY: Final = 86_400
_EASTERN: Final = 5 * 3600  # s by which the standard time of New York is behind; trading is far from midnight
_NAME_END: Final = np.uint64((1 << 24) - 1)  # the last three of the eleven bytes of a symbol


@in_place
def decode(packets: Packets, state: DecoderState, rows: EventRows, row: int, names_all: bool) -> tuple[int, int]:
    """Decode the packets from the cursor on, and write rows from `row` on.

    Returns (the next free row, why: INPUT, ROWS, SLOTS or NAMES). With `names_all` it also returns for symbols of which
    a message comes before their mapping.
    """
    data, cursor, tallies = packets.data, state.cursor, state.tallies
    last_row, most_live = len(rows.ts_event) - MOST_ROWS, len(state.orders.entries) - 1
    while True:
        if cursor[LEFT] == 0 and not open_packet(packets, cursor, tallies):
            return row, INPUT
        if state.day[0] == NO_TIME:
            state.day[0] = _day_of(cursor[SENT])
        if row > last_row:
            return row, ROWS
        if state.orders.counts[LIVE] == most_live:
            return row, SLOTS
        at, end = cursor[AT], cursor[END]
        size = i64(load_little_u16(data, at)) if at + _HEAD <= end else 0
        if size < _HEAD or at + size > end:
            # Without a size nobody knows where the rest of the packet begins.
            tallies[MALFORMED] += cursor[LEFT]
            cursor[LEFT] = 0
            continue
        kind = i64(load_little_u16(data, at + 2))
        least = LEAST_SIZES[kind] if kind < 256 else 0
        if size >= least and _needs_name(data, at, kind, state, names_all):
            return row, NAMES
        cursor[AT] = at + size
        cursor[LEFT] -= 1
        cursor[SEQUENCE] += 1
        tallies[MESSAGES] += 1
        state.counts[kind] += 1
        if least == 0:
            continue
        if size < least:
            tallies[MALFORMED] += 1
            continue
        row = _decode_one(data, at, kind, state, rows, row)


@inlined
def index_at(kind: int) -> int:
    """Return where messages of a type that belong to the book of a symbol have its index, 0 for other types."""
    if ADD_TYPE <= kind <= REPLACE_TYPE or NON_DISPLAYED_TYPE <= kind <= RETAIL_TYPE:
        return 8
    if kind in (STATUS_TYPE, CLEAR_TYPE, REFRESH_TYPE, IMBALANCE_TYPE):
        return 12
    return 0


@inlined
def _needs_name(data: Bytes, at: Any, kind: Any, state: DecoderState, names_all: bool) -> bool:
    """Tell whether a message gives a symbol another name than it has, or is about one without a name."""
    symbols = state.symbols
    if kind == MAPPING_TYPE:
        index = load_little_u32(data, at + 4)
        if index >= INDEXES:
            return False
        slot = i64(symbols.slots[index]) - 1
        if slot < 0:
            return True
        if symbols.fixed[slot]:
            return False
        first, second = load_little_u64(data, at + 8), load_little_u32(data, at + 16) & _NAME_END
        is_same = symbols.names[slot, 0] == first and symbols.names[slot, 1] == second
        return not (is_same and symbols.scales[slot] == i64(data[at + 24]))
    if not names_all:
        return False
    place = index_at(kind)
    if place == 0:
        return False
    index = load_little_u32(data, at + place)
    return bool(index < INDEXES and symbols.slots[index] == 0)


@inlined
def _decode_one(data: Bytes, at: Any, kind: Any, state: DecoderState, rows: EventRows, row: int) -> int:
    if kind == TIME_REFERENCE_TYPE:
        system = load_little_u32(data, at + 4)
        if system < len(state.seconds):
            state.seconds[system] = i64(load_little_u32(data, at + 12))
        return row
    if kind == RESET_TYPE:
        day = _day_of(i64(load_little_u32(data, at + 4)))
        state.day[0] = max(state.day[0], day)
        return row
    if kind == REFRESH_HEADER_TYPE:
        state.cursor[REFRESHED] = i64(load_little_u32(data, at + 12))
        return row
    place = index_at(kind)
    if place == 0:
        return row
    index = load_little_u32(data, at + place)
    if index >= INDEXES:
        state.tallies[MALFORMED] += 1
        return row
    slot = i64(state.symbols.slots[index]) - 1
    if slot < 0:
        state.unmapped[kind] += 1
        return row
    if state.symbols.instruments[slot] < 0:
        return row
    time = _own_time(data, at) if place == 12 else _time_of(data, at, state, slot)
    cursor = state.cursor
    received = cursor[RECEIVED] if cursor[RECEIVED] > 0 else time
    message = MessageHead(at, kind, index, slot, time, received, cursor[SEQUENCE] - 1)
    if state.symbols.day[slot] != state.day[0]:
        row = write_day_begin(message, state, rows, row)
    if kind == CLEAR_TYPE:
        return write_clear(data, message, state, rows, row)
    number = i64(load_little_u32(data, at + place + 4))
    if kind == REFRESH_TYPE:
        return write_refresh(data, message, number, state, rows, row)
    if is_refresh(cursor) or not _is_next(state, slot, number):
        return row
    return write_rows(data, message, state, rows, row)


@inlined
def _day_of(second: Any) -> Any:
    return (second - _EASTERN) // _DAY


@inlined
def _own_time(data: Bytes, at: Any) -> Any:
    return i64(load_little_u32(data, at + 4)) * _UNIT + i64(load_little_u32(data, at + 8))


@inlined
def _time_of(data: Bytes, at: Any, state: DecoderState, slot: Any) -> Any:
    """Return the time of a message that has only the ns: of the second its partition is in, or that of the packet."""
    nanos, system = i64(load_little_u32(data, at + 4)), state.symbols.systems[slot]
    if system >= 0 and state.seconds[system] >= 0:
        return state.seconds[system] * _UNIT + nanos
    # A packet is sent less than a second after what it tells of.
    state.tallies[TIMED_BY_PACKET] += 1
    cursor = state.cursor
    return (cursor[SENT] - (nanos > cursor[SENT_NS])) * _UNIT + nanos


@inlined
def _is_next(state: DecoderState, slot: Any, number: Any) -> bool:
    """Tell whether a symbol's message is new, by its sequence number, and count those that came before or never."""
    if number == 0:
        return True
    last = state.symbols.last
    if number <= last[slot]:
        state.tallies[SEEN] += 1
        return False
    if last[slot] > 0 and number > last[slot] + 1:
        state.tallies[MISSING] += number - last[slot] - 1
        state.symbols.is_bad[slot] = True
    last[slot] = number
    return True
