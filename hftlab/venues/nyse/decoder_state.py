"""State of the decoding loop from call to call, and the packets that it reads."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import i64, in_place, inlined, place_of
from hftlab.kernels.integer_map import IntegerMap, find_place, insert_key, remove_place
from hftlab.venues.nyse.order_keys import key_of

__all__ = [
    "EXCESS",
    "HEARTBEATS",
    "INDEXES",
    "MALFORMED",
    "MESSAGES",
    "MISSING",
    "NO_TIME",
    "OTHERS",
    "PACKETS",
    "REPEATED",
    "SEEN",
    "STALE",
    "TALLIES",
    "TIMED_BY_PACKET",
    "DecoderState",
    "Packets",
    "Symbols",
    "clear_orders",
    "find_order",
    "forget_order",
    "is_sell",
    "keep_order",
]

Bytes = npt.NDArray[np.uint8]
IntArray = npt.NDArray[np.int64]

(PACKETS, HEARTBEATS, OTHERS, MESSAGES, MALFORMED, REPEATED, EXCESS, SEEN, MISSING, STALE, TIMED_BY_PACKET) = range(11)
TALLIES: Final = 11

INDEXES: Final = 1 << 20
"""Symbol indexes from here on are taken for damage; the highest in use are some tens of thousands."""
NO_TIME: Final = -1

_TAG: Final = 3  # the word of an entry that the map leaves to its user
_HALF: Final = np.uint64(32)
_ONE: Final = np.uint64(1)


class Packets(NamedTuple):
    """Datagrams that the loop reads, as `hftlab.venues.pcap.Datagrams` has them, and which of their messages.

    Of each it passes over `skip` messages and reads up to `most`.
    """

    data: Bytes
    ts_recv: IntArray
    start: IntArray
    end: IntArray
    skip: IntArray
    most: IntArray


class Symbols(NamedTuple):
    """Symbols by slot, numbered as they are named; `slots` leads from an index to 1 + its slot, 0 if it has none."""

    slots: npt.NDArray[np.int32]  # (INDEXES,)
    instruments: npt.NDArray[np.int32]  # number of the instrument, -1 for one that is not wanted
    names: npt.NDArray[np.uint64]  # (slots, 2): the symbol's bytes in message 3, as little-endian integers
    scales: IntArray  # price_scale_code
    units: IntArray  # unit of prices in 1e-9
    systems: npt.NDArray[np.int32]  # partition of the matching engine, -1 if it is not known
    fixed: npt.NDArray[np.bool_]  # named by the user: message 3 does not change it
    last: IntArray  # symbol sequence number of the last message, 0 before the first
    cleared: IntArray  # ns of the last clear, NO_TIME before the first
    live: IntArray  # orders
    is_bad: npt.NDArray[np.bool_]  # messages are missing that nothing has made good
    day: IntArray  # trading day of the last message, see DecoderState


class DecoderState(NamedTuple):
    """State that the kernel keeps from call to call."""

    orders: IntegerMap  # from a key to price and volume; the entry's last word has slot and side
    symbols: Symbols
    day: IntArray  # (1,): trading day, in days since 1970 of New York's standard time; NO_TIME before the first
    seconds: IntArray  # (256,): the last time reference of each partition, NO_TIME before the first
    cursor: IntArray  # where the loop is, see packet_cursor
    counts: IntArray  # (65536,): messages by type
    unknown: IntArray  # (256,): messages by type about an order that is not there
    unmapped: IntArray  # (256,): messages by type about a symbol without a mapping
    tallies: IntArray


@inlined
def find_order(state: DecoderState, order: Any, index: Any, slot: Any) -> Any:
    """Return the place of an order of a symbol in the map, 0 if it is not there."""
    place = find_place(state.orders, key_of(order, index))
    if place != 0 and i64(state.orders.entries[place, _TAG] >> _ONE) != slot + 1:
        return np.uint64(0)
    return place


@inlined
def is_sell(state: DecoderState, place: Any) -> bool:
    """Tell whether the order at a place sells."""
    return bool(state.orders.entries[place, _TAG] & _ONE)


@inlined
def keep_order(state: DecoderState, order: Any, index: Any, slot: Any, sells: bool, price: Any, volume: Any) -> None:
    """Remember an order. One with the same number goes, and is counted."""
    key = key_of(order, index)
    place = find_place(state.orders, key)
    if place != 0:
        state.tallies[REPEATED] += 1
        forget_order(state, place)
    place = insert_key(state.orders, key, (price << _HALF) | volume)
    state.orders.entries[place, _TAG] = (np.uint64(slot + 1) << _ONE) | np.uint64(sells)
    state.symbols.live[place_of(slot)] += 1


@inlined
def forget_order(state: DecoderState, place: Any) -> None:
    """Forget the order at a place."""
    slot = state.orders.entries[place, _TAG] >> _ONE
    state.symbols.live[slot - _ONE] -= 1
    state.orders.entries[place, _TAG] = np.uint64(0)
    remove_place(state.orders, place)


@in_place
def clear_orders(state: DecoderState, slot: Any) -> None:
    """Forget all orders of a symbol."""
    if state.symbols.live[slot] == 0:
        return
    entries = state.orders.entries
    for number in range(1, len(entries)):
        if i64(entries[number, _TAG] >> _ONE) == slot + 1:
            forget_order(state, np.uint64(number))
