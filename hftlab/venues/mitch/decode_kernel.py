"""Compiled loop that decodes MITCH's units into the columns of an EventBatch."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.byte_order import load_little_u32, load_little_u64
from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import find_place, insert_key
from hftlab.venues.event_rows import EventRows
from hftlab.venues.live_orders import find_order, has_room, slot_of
from hftlab.venues.mitch.decoder_state import (
    BEGUN,
    CAME_ON,
    HAS_ENDED,
    HEARD,
    MALFORMED,
    MESSAGES,
    NO_TIME,
    NUMBER,
    UNTIMED,
    DecoderState,
)
from hftlab.venues.mitch.layouts import LEAST_SIZES
from hftlab.venues.mitch.message_rows import (
    ADD_TYPE,
    EXECUTION_AT_TYPE,
    TRADE_TYPE,
    MessageHead,
    begin_book,
    is_of_day_before,
    write_add,
    write_clear,
    write_delete,
    write_execution,
    write_modify,
    write_trade,
)
from hftlab.venues.mitch.unit_headers import HEADER_SIZE
from hftlab.venues.packet_cursor import (
    AT,
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
IntArray = npt.NDArray[np.int64]

INPUT, ROWS, ORDERS, NAMES, DIRECTORY = range(5)
"""Reasons why the kernel returned: it needs more packets, more rows, room for more orders, a slot for the instrument of
the message at the cursor, or somebody who reads the directory message that it has passed."""

MOST_ROWS: Final = 3
"""Largest number of rows that one message makes."""

_TIME, _EVENT, _DIRECTORY, _ADD_ATTRIBUTED, _DELETED, _MODIFIED, _CLEAR = 0x54, 0x53, 0x52, 0x46, 0x44, 0x55, 0x79
_EXECUTED, _AUCTION_TRADE = 0x45, 0x51
_START, _END = b"OC"
_UNIT: Final = 1_000_000_000
_HOUR: Final = 3600 * _UNIT
_DAY: Final = 86_400 * _UNIT


@in_place
def decode(
    packets: Packets, state: DecoderState, rows: EventRows, row: int, midnights: IntArray, dates: IntArray
) -> tuple[int, int]:
    """Decode the packets from the cursor on, and write rows from `row` on.

    Returns (the next free row, why: INPUT, ROWS, ORDERS, NAMES or DIRECTORY). `midnights` are those from which the
    times of each datagram count, `dates` tell the day of its reception, 0 where that is not known.
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
        number = packets.packet[cursor[NEXT] - 1]
        row = _decode_one(data, at, kind, state, rows, row, midnights[number], dates[number])


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
    if kind in (ADD_TYPE, _ADD_ATTRIBUTED):
        return 19
    if kind in (TRADE_TYPE, _AUCTION_TRADE):
        return 10
    return 6 if kind == _CLEAR else 0


@inlined
def _decode_one(
    data: Bytes, at: Any, kind: Any, state: DecoderState, rows: EventRows, row: int, midnight: Any, date: Any
) -> int:
    cursor = state.cursor
    if kind == _TIME:
        _take_time(data, at, state, midnight)
        return row
    if kind == _EVENT:
        _take_event(data[place_of(at + 6)], state)
        return row
    has_rows = kind in (ADD_TYPE, _ADD_ATTRIBUTED, _DELETED, _MODIFIED, _CLEAR)
    if not has_rows and kind not in (_EXECUTED, EXECUTION_AT_TYPE, TRADE_TYPE, _AUCTION_TRADE):
        return row
    _take_date(state, date)
    time = _time_of(data, at, state, midnight)
    received = cursor[RECEIVED] if cursor[RECEIVED] > 0 else time
    message = MessageHead(at, kind, time, received, cursor[SEQUENCE] - 1)
    if kind in (ADD_TYPE, _ADD_ATTRIBUTED):
        return write_add(data, message, state, rows, row)
    if kind == _CLEAR:
        return write_clear(data, message, state, rows, row)
    if kind in (TRADE_TYPE, _AUCTION_TRADE):
        return write_trade(data, message, state, rows, row)
    place = find_order(state.orders, load_little_u64(data, at + 6))
    if place == 0:
        state.unknown[kind] += 1
        return row
    if is_of_day_before(state, slot_of(state.orders, place)):
        state.unknown[kind] += 1
        return begin_book(message, state, slot_of(state.orders, place), rows, row)
    if kind == _DELETED:
        return write_delete(message, state, rows, row, place)
    if kind == _MODIFIED:
        return write_modify(data, message, state, rows, row, place)
    return write_execution(data, message, state, rows, row, place)


@in_place
def _take_event(code: Any, state: DecoderState) -> None:
    """Begin a day of a group at a start of day behind an end of day."""
    day = state.days[state.cursor[STREAM]]
    if code == _START and day[HAS_ENDED]:
        day[BEGUN] += 1
    if code in (_START, _END):
        day[HAS_ENDED] = code == _END


@inlined
def _take_date(state: DecoderState, date: Any) -> None:
    """Begin a day of a group if its message was received on a later one, and does not go on with that before.

    Numbers go on without an hour of silence where an old day is sent again at night.
    """
    day, number, received = state.days[state.cursor[STREAM]], state.cursor[SEQUENCE], state.cursor[RECEIVED]
    if date > day[CAME_ON] and (number <= day[NUMBER] or received - day[HEARD] > _HOUR):
        day[BEGUN] += day[CAME_ON] > 0
        day[CAME_ON] = date
    day[NUMBER], day[HEARD] = number, received


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
