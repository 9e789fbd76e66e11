"""Writers of packets and of the messages about one order, compiled."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ASK
from hftlab.kernels.byte_order import store_little_u16, store_little_u32, store_little_u64
from hftlab.kernels.compiling import in_place

__all__ = [
    "COUNT",
    "END",
    "HEADER",
    "LONGEST_PACKET",
    "MOST_MESSAGES",
    "OUTPUT_FIELDS",
    "PACKETS",
    "SECOND",
    "SEQUENCE",
    "Events",
    "Output",
    "close_packet",
    "write_add",
    "write_clear",
    "write_delete",
    "write_execution",
    "write_modify",
    "write_replace",
    "write_trade",
]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]
WordArray = npt.NDArray[np.uint64]

END, COUNT, PACKETS, SEQUENCE, SECOND = range(5)
"""Fields of an output: where free bytes begin, the messages of the open packet, the packets closed, the next message's
sequence number, and the last time reference."""
OUTPUT_FIELDS: Final = 5

LONGEST_PACKET: Final = 1400
MOST_MESSAGES: Final = 255
HEADER: Final = 16
_ORIGINAL: Final = 11  # delivery flag
_SYSTEM: Final = 1
_UNIT: Final = 1_000_000_000
_REFERENCE: Final = 16
_AT, _SPACE = 0x40, 0x20


class Events(NamedTuple):
    """Columns of an EventBatch that the kernel reads, with prices in the feed's units, and what each instrument has."""

    time: IntArray
    received: IntArray
    instrument_id: npt.NDArray[np.int32]
    order_id: WordArray
    action: Bytes
    side: Bytes
    price: WordArray
    size: WordArray
    flags: Bytes
    indexes: WordArray  # symbol index per instrument
    numbers: IntArray  # symbol sequence number of each index's last message


class Output(NamedTuple):
    """Bytes of packets, and where each begins and ends and when it is received."""

    data: Bytes
    starts: IntArray
    ends: IntArray
    received: IntArray
    fields: IntArray
    is_2_5: bool


@in_place
def close_packet(output: Output, sent: int) -> None:
    """Write the header of the open packet, if there is one."""
    fields, data = output.fields, output.data
    if fields[COUNT] == 0:
        return
    packet = fields[PACKETS]
    start = output.starts[packet]
    store_little_u16(data, start, np.uint64(fields[END] - start))
    data[start + 2] = _ORIGINAL
    data[start + 3] = fields[COUNT]
    store_little_u32(data, start + 4, np.uint64(fields[SEQUENCE] - fields[COUNT]))
    store_little_u32(data, start + 8, np.uint64(sent // _UNIT))
    store_little_u32(data, start + 12, np.uint64(sent % _UNIT))
    output.ends[packet] = fields[END]
    fields[PACKETS] += 1
    fields[COUNT] = 0


@in_place
def _begin(output: Output, events: Events, row: int, size: int) -> int:
    """Make room for a message of a row in a packet. Returns where it begins."""
    fields = output.fields
    if fields[COUNT] > 0:
        packet = fields[PACKETS]
        is_full = fields[END] + size - output.starts[packet] > LONGEST_PACKET or fields[COUNT] == MOST_MESSAGES
        if is_full or output.received[packet] != events.received[row]:
            close_packet(output, events.time[row - 1])
    if fields[COUNT] == 0:
        packet = fields[PACKETS]
        output.starts[packet] = fields[END]
        output.received[packet] = events.received[row]
        fields[END] += HEADER
    at = int(fields[END])
    fields[END] += size
    fields[COUNT] += 1
    fields[SEQUENCE] += 1
    return at


@in_place
def _begin_message(output: Output, events: Events, row: int, kind: int, size: int) -> int:
    """Write size, type and time of a message, behind a time reference if its second is new. Returns where it begins."""
    data, fields, second = output.data, output.fields, events.time[row] // _UNIT
    if fields[SECOND] != second:
        fields[SECOND] = second
        at = _begin(output, events, row, _REFERENCE)
        store_little_u32(data, at, np.uint64(_REFERENCE | 2 << 16))
        store_little_u32(data, at + 4, np.uint64(_SYSTEM))
        store_little_u32(data, at + 8, np.uint64(0))
        store_little_u32(data, at + 12, np.uint64(second))
    at = _begin(output, events, row, size)
    store_little_u32(data, at, np.uint64(size | kind << 16))
    return at


@in_place
def _write_head(output: Output, events: Events, row: int, kind: int, size: int) -> int:
    """Write what messages about one order have in common up to the symbol's sequence number."""
    at = _begin_message(output, events, row, kind, size)
    index = events.indexes[events.instrument_id[row]]
    events.numbers[index] += 1
    store_little_u32(output.data, at + 4, np.uint64(events.time[row] % _UNIT))
    store_little_u32(output.data, at + 8, index)
    store_little_u32(output.data, at + 12, np.uint64(events.numbers[index]))
    return at


@in_place
def _side_of(events: Events, row: int) -> int:
    return 83 if events.side[row] == ASK else 66


@in_place
def write_add(output: Output, events: Events, row: int) -> None:
    """Write a 100."""
    at, data = _write_head(output, events, row, 100, 39), output.data
    store_little_u64(data, at + 16, events.order_id[row])
    store_little_u32(data, at + 24, events.price[row])
    store_little_u32(data, at + 28, events.size[row])
    data[at + 32] = _side_of(events, row)
    data[at + 33 : at + 38] = _SPACE
    data[at + 38] = 0


@in_place
def write_modify(output: Output, events: Events, row: int, price: Any, volume: Any, loses_place: bool) -> None:
    """Write a 101."""
    at, data = _write_head(output, events, row, 101, 35), output.data
    store_little_u64(data, at + 16, events.order_id[row])
    store_little_u32(data, at + 24, price)
    store_little_u32(data, at + 28, volume)
    data[at + 32] = loses_place
    data[at + 33] = _side_of(events, row) if output.is_2_5 else 0
    data[at + 34] = 0


@in_place
def write_delete(output: Output, events: Events, row: int) -> None:
    """Write a 102."""
    at = _write_head(output, events, row, 102, 25)
    store_little_u64(output.data, at + 16, events.order_id[row])
    output.data[at + 24] = 0


@in_place
def write_execution(output: Output, events: Events, fill: int, price: Any, printable: bool, trade: int) -> None:
    """Write a 103."""
    at, data = _write_head(output, events, fill, 103, 42), output.data
    store_little_u64(data, at + 16, events.order_id[fill])
    store_little_u32(data, at + 24, np.uint64(trade))
    store_little_u32(data, at + 28, price)
    store_little_u32(data, at + 32, events.size[fill])
    data[at + 36] = printable
    data[at + 37] = 0
    _write_conditions(output, at + 38)


@in_place
def write_replace(output: Output, events: Events, row: int, new: int) -> None:
    """Write a 104: the order of `row` becomes that of the row `new`."""
    at, data = _write_head(output, events, new, 104, 42), output.data
    store_little_u64(data, at + 16, events.order_id[row])
    store_little_u64(data, at + 24, events.order_id[new])
    store_little_u32(data, at + 32, events.price[new])
    store_little_u32(data, at + 36, events.size[new])
    data[at + 40] = _side_of(events, new) if output.is_2_5 else 0
    data[at + 41] = 0


@in_place
def write_trade(output: Output, events: Events, row: int, trade: int) -> None:
    """Write a 110."""
    at, data = _write_head(output, events, row, 110, 33), output.data
    store_little_u32(data, at + 16, np.uint64(trade))
    store_little_u32(data, at + 20, events.price[row])
    store_little_u32(data, at + 24, events.size[row])
    data[at + 28] = 1
    _write_conditions(output, at + 29)


@in_place
def write_clear(output: Output, events: Events, row: int) -> None:
    """Write a 32."""
    at, data = _begin_message(output, events, row, 32, 20), output.data
    index = events.indexes[events.instrument_id[row]]
    store_little_u32(data, at + 4, np.uint64(events.time[row] // _UNIT))
    store_little_u32(data, at + 8, np.uint64(events.time[row] % _UNIT))
    store_little_u32(data, at + 12, index)
    store_little_u32(data, at + 16, np.uint64(events.numbers[index] + 1))


@in_place
def _write_conditions(output: Output, at: int) -> None:
    """Write the conditions of a regular trade, before Pillar an execution ID of 0."""
    output.data[at] = _AT if output.is_2_5 else 0
    output.data[at + 1 : at + 4] = _SPACE if output.is_2_5 else 0
