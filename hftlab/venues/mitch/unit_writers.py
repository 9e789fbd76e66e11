"""Writers of units and of the messages about one order, compiled."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ASK
from hftlab.kernels.byte_order import store_little_u16, store_little_u32, store_little_u64
from hftlab.kernels.compiling import in_place
from hftlab.venues.mitch.unit_headers import HEADER_SIZE, MOST_MESSAGES

__all__ = [
    "COUNT",
    "END",
    "GROUP",
    "LONGEST_UNIT",
    "OUTPUT_FIELDS",
    "SECOND",
    "SEQUENCE",
    "UNITS",
    "Events",
    "Output",
    "close_unit",
    "write_add",
    "write_clear",
    "write_delete",
    "write_execution",
    "write_execution_at",
    "write_modify",
    "write_trade",
]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]

END, COUNT, UNITS, SEQUENCE, SECOND = range(5)
"""Fields of an output: where free bytes begin, the messages of the open unit, the units closed, the next message's
sequence number, and the last time message's second."""
OUTPUT_FIELDS: Final = 5

LONGEST_UNIT: Final = 1400
GROUP: Final = 65
"""Market data group of all units: A."""

_UNIT: Final = 1_000_000_000
_TIME_SIZE: Final = 6
_SPACE: Final = 0x20
_BUY, _SELL, _YES, _NO = b"BSYN"


class Events(NamedTuple):
    """Columns of an EventBatch that the kernel reads, with MITCH's prices and times since midnight."""

    time: IntArray
    received: IntArray
    instrument_id: npt.NDArray[np.int32]
    order_id: WordArray
    action: Bytes
    side: Bytes
    price: IntArray
    size: WordArray
    flags: Bytes
    numbers: WordArray  # the feed's number of each instrument


class Output(NamedTuple):
    """Bytes of units, and where each begins and ends and when it is received."""

    data: Bytes
    starts: IntArray
    ends: IntArray
    received: IntArray
    fields: IntArray


@in_place
def close_unit(output: Output) -> None:
    """Write the header of the open unit, if there is one."""
    fields, data = output.fields, output.data
    if fields[COUNT] == 0:
        return
    unit = fields[UNITS]
    start = output.starts[unit]
    store_little_u16(data, start, np.uint64(fields[END] - start))
    data[start + 2] = fields[COUNT]
    data[start + 3] = GROUP
    store_little_u32(data, start + 4, np.uint64(fields[SEQUENCE] - fields[COUNT]))
    output.ends[unit] = fields[END]
    fields[UNITS] += 1
    fields[COUNT] = 0


@in_place
def _begin(output: Output, events: Events, row: int, kind: int, size: int) -> int:
    """Write length and type of a message of a row, in a unit that has room for it. Returns where it begins."""
    fields = output.fields
    if fields[COUNT] > 0:
        unit = fields[UNITS]
        is_full = fields[END] + size - output.starts[unit] > LONGEST_UNIT or fields[COUNT] == MOST_MESSAGES
        if is_full or output.received[unit] != events.received[row]:
            close_unit(output)
    if fields[COUNT] == 0:
        unit = fields[UNITS]
        output.starts[unit] = fields[END]
        output.received[unit] = events.received[row]
        fields[END] += HEADER_SIZE
    at = int(fields[END])
    fields[END] += size
    fields[COUNT] += 1
    fields[SEQUENCE] += 1
    output.data[at] = size
    output.data[at + 1] = kind
    return at


@in_place
def _head(output: Output, events: Events, row: int, kind: int, size: int) -> int:
    """Write length, type and time of a message, behind a time message if its second is new."""
    data, fields, second = output.data, output.fields, events.time[row] // _UNIT
    if fields[SECOND] != second:
        fields[SECOND] = second
        at = _begin(output, events, row, 0x54, _TIME_SIZE)
        store_little_u32(data, at + 2, np.uint64(second))
    at = _begin(output, events, row, kind, size)
    store_little_u32(data, at + 2, np.uint64(events.time[row] % _UNIT))
    return at


@in_place
def _instrument(output: Output, events: Events, row: int, at: int) -> None:
    """Write the instrument and the two reserved bytes behind it."""
    store_little_u32(output.data, at, events.numbers[events.instrument_id[row]])
    output.data[at + 4 : at + 6] = _SPACE


@in_place
def write_add(output: Output, events: Events, row: int) -> None:
    """Write an add order message."""
    at, data = _head(output, events, row, 0x41, 44), output.data
    store_little_u64(data, at + 6, events.order_id[row])
    data[at + 14] = _SELL if events.side[row] == ASK else _BUY
    store_little_u32(data, at + 15, events.size[row])
    _instrument(output, events, row, at + 19)
    store_little_u64(data, at + 25, np.uint64(events.price[row]))
    data[at + 33] = 0
    data[at + 34 : at + 44] = _SPACE


@in_place
def write_delete(output: Output, events: Events, row: int) -> None:
    """Write an order deleted message."""
    at, data = _head(output, events, row, 0x44, 19), output.data
    store_little_u64(data, at + 6, events.order_id[row])
    data[at + 14] = 0
    store_little_u32(data, at + 15, events.numbers[events.instrument_id[row]])


@in_place
def write_modify(output: Output, events: Events, row: int, price: Any, size: Any, keeps_place: bool) -> None:
    """Write an order modified message."""
    at, data = _head(output, events, row, 0x55, 27), output.data
    store_little_u64(data, at + 6, events.order_id[row])
    store_little_u32(data, at + 14, np.uint64(size))
    store_little_u64(data, at + 18, np.uint64(price))
    data[at + 26] = keeps_place


@in_place
def write_execution(output: Output, events: Events, fill: int, trade: Any) -> None:
    """Write an order executed message: at the order's price."""
    at, data = _head(output, events, fill, 0x45, 26), output.data
    store_little_u64(data, at + 6, events.order_id[fill])
    store_little_u32(data, at + 14, events.size[fill])
    store_little_u64(data, at + 18, np.uint64(trade))


@in_place
def write_execution_at(
    output: Output, events: Events, fill: int, trade: Any, price: Any, shown: Any, printable: bool
) -> None:
    """Write an order executed with price/size message; `shown` is what the order displays after it."""
    at, data = _head(output, events, fill, 0x43, 39), output.data
    store_little_u64(data, at + 6, events.order_id[fill])
    store_little_u32(data, at + 14, events.size[fill])
    store_little_u32(data, at + 18, np.uint64(shown))
    store_little_u64(data, at + 22, np.uint64(trade))
    data[at + 30] = _YES if printable else _NO
    store_little_u64(data, at + 31, np.uint64(price))


@in_place
def write_trade(output: Output, events: Events, row: int, trade: Any) -> None:
    """Write a trade message."""
    at, data = _head(output, events, row, 0x50, 35), output.data
    store_little_u32(data, at + 6, events.size[row])
    _instrument(output, events, row, at + 10)
    store_little_u64(data, at + 16, np.uint64(events.price[row]))
    store_little_u64(data, at + 24, np.uint64(trade))
    data[at + 32 : at + 35] = 0


@in_place
def write_clear(output: Output, events: Events, row: int) -> None:
    """Write an order book clear message."""
    at = _head(output, events, row, 0x79, 13)
    _instrument(output, events, row, at + 6)
    output.data[at + 12] = 0
