"""Writers of the messages about one order, compiled. Each returns where the next message goes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ASK
from hftlab.kernels.byte_order import store_u16, store_u32, store_u64
from hftlab.kernels.compiling import in_place
from hftlab.venues.itch.message_layouts import SIZES

__all__ = ["Events", "write_add", "write_cancel", "write_delete", "write_head", "write_replace"]

Bytes = npt.NDArray[np.uint8]
WordArray = npt.NDArray[np.uint64]


class Events(NamedTuple):
    """Columns of an EventBatch that the kernel reads, in ITCH's units, and each instrument's locate code and symbol."""

    time: WordArray  # ns since midnight
    instrument_id: npt.NDArray[np.int32]
    order_id: WordArray
    action: Bytes
    side: Bytes
    price: WordArray  # 1e-4
    size: WordArray  # shares
    flags: Bytes
    locates: WordArray
    symbols: WordArray  # eight bytes as a big-endian integer


@in_place
def write_head(events: Events, out: Bytes, at: int, row: int, letter: int) -> int:
    """Write length, type, locate, tracking number 0 and time. Returns where the message begins."""
    store_u16(out, at, np.uint64(SIZES[letter]))
    out[at + 2] = letter
    store_u16(out, at + 3, events.locates[events.instrument_id[row]])
    store_u64(out, at + 5, events.time[row])
    return at + 2


@in_place
def write_add(events: Events, out: Bytes, at: int, row: int, reference: Any) -> int:
    """Write an A."""
    message = write_head(events, out, at, row, 65)
    store_u64(out, message + 11, reference)
    out[message + 19] = 83 if events.side[row] == ASK else 66
    store_u32(out, message + 20, events.size[row])
    store_u64(out, message + 24, events.symbols[events.instrument_id[row]])
    store_u32(out, message + 32, events.price[row])
    return message + 36


@in_place
def write_cancel(events: Events, out: Bytes, at: int, row: int, reference: Any, shares: Any) -> int:
    """Write an X."""
    message = write_head(events, out, at, row, 88)
    store_u64(out, message + 11, reference)
    store_u32(out, message + 19, shares)
    return message + 23


@in_place
def write_delete(events: Events, out: Bytes, at: int, row: int, reference: Any) -> int:
    """Write a D."""
    message = write_head(events, out, at, row, 68)
    store_u64(out, message + 11, reference)
    return message + 19


@in_place
def write_replace(events: Events, out: Bytes, at: int, row: int, old: Any, new: Any) -> int:
    """Write a U."""
    message = write_head(events, out, at, row, 85)
    store_u64(out, message + 11, old)
    store_u64(out, message + 19, new)
    store_u32(out, message + 27, events.size[row])
    store_u32(out, message + 31, events.price[row])
    return message + 35
