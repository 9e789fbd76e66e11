"""Compiled loop that decides which rows of a batch are implausible."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, CLEAR, F_BAD_TS_RECV, F_LAST, F_SNAPSHOT, MODIFY, TRADE
from hftlab.kernels.compiling import compiled

__all__ = ["DUPLICATE", "KEPT", "OPEN", "Limits", "Memory", "Rows", "judge_rows"]

IntArray = npt.NDArray[np.int64]

KEPT, PRICE, OFF_TICK, OUTSIDE_BANDS, STALE, DUPLICATE = range(6)

OPEN, DROPPING = range(2)
"""Places in Memory.event: 1 while an event is open, and why all of it is dropped (KEPT if it is not)."""

_WINDOW: Final = 4096
_MIXER: Final = 0x1E3779B97F4A7C15  # any large odd number; products wrap around


class Memory(NamedTuple):
    """Memory of the filters from batch to batch, a row per instrument; trades and books have sequences of their own."""

    sequences: IntArray  # (2 * instruments, 2 * window), ascending, the oldest half forgotten when it is full
    prints: IntArray  # the fingerprint of the row that goes with each
    counts: IntArray  # (2 * instruments,): how many there are
    newest: IntArray  # the latest ts_event so far
    reference: IntArray  # the last trade's price; 0 before the first
    event: IntArray  # see OPEN and DROPPING

    @classmethod
    def of(cls, instruments: int) -> Memory:
        windows = (2 * instruments, 2 * _WINDOW)
        return cls(
            sequences=np.zeros(windows, np.int64),
            prints=np.zeros(windows, np.int64),
            counts=np.zeros(2 * instruments, np.int64),
            newest=np.zeros(instruments, np.int64),
            reference=np.zeros(instruments, np.int64),
            event=np.zeros(2, np.int64),
        )


class Rows(NamedTuple):
    """Columns that the loop reads, all of equal length."""

    ts_event: IntArray
    ts_recv: IntArray
    sequence: IntArray
    book: IntArray  # the instrument's row in Memory
    order_id: npt.NDArray[np.uint64]
    action: npt.NDArray[np.uint8]
    side: npt.NDArray[np.uint8]
    price: IntArray
    size: IntArray
    flags: npt.NDArray[np.uint8]
    on_tick: npt.NDArray[np.bool_]


class Limits(NamedTuple):
    """Limits of the filters, negative for none. `band` is a fraction of the reference; times are in ns."""

    band: float
    delay: int
    step_back: int
    duplicates: int
    positive: int


@compiled
def judge_rows(rows: Rows, mids: IntArray, limits: Limits, memory: Memory) -> npt.NDArray[np.uint8]:
    """Return why each row is dropped, KEPT if it is not. `mids` are the references before the first trade, or 0."""
    # Tuples of arrays are unpacked here: handed to a function row by row, they cost more than all the rest.
    ts_event, ts_recv, sequence, book, order_id, action, side, price, size, flags, on_tick = rows
    band, delay, step_back, duplicates, positive = limits
    sequences, prints, counts, newest, reference, event = memory
    reasons = np.zeros(len(book), np.uint8)
    for row in range(len(book)):
        number, kind, time = book[row], action[row], ts_event[row]
        if not event[OPEN]:
            # A snapshot repeats what is old and may repeat a number; a clearing must never be lost.
            exempt = kind == CLEAR or flags[row] & F_SNAPSHOT
            reason = KEPT
            if not exempt and duplicates and sequence[row] != 0:
                stream = 2 * number + (kind == TRADE)
                mixed = _mix(_mix(time, np.int64(order_id[row])), 256 * np.int64(kind) + side[row])
                mixed = _mix(_mix(mixed, price[row]), size[row])
                if _has_been(sequences[stream], prints[stream], counts, stream, sequence[row], mixed):
                    reason = DUPLICATE
            if not exempt and reason == KEPT:
                late = delay >= 0 and not flags[row] & F_BAD_TS_RECV and ts_recv[row] - time > delay
                if late or (step_back >= 0 and newest[number] - time > step_back):
                    reason = STALE
            if reason == KEPT:
                newest[number] = max(newest[number], time)
            event[OPEN], event[DROPPING] = 1, reason
        reason = event[DROPPING]
        if reason == KEPT and kind in (ADD, MODIFY, TRADE):
            around = reference[number] or mids[number]
            if positive and price[row] <= 0:
                reason = PRICE
            # Trades may print between ticks: the rule is for quotes.
            elif kind != TRADE and not on_tick[row]:
                reason = OFF_TICK
            elif band >= 0 and around != 0 and abs(price[row] - around) > band * abs(around):
                reason = OUTSIDE_BANDS
            elif kind == TRADE:
                reference[number] = price[row]
        reasons[row] = reason
        if flags[row] & F_LAST:
            event[OPEN] = 0
    return reasons


@compiled
def _mix(so_far: Any, value: Any) -> Any:
    mixed = (so_far ^ value) * _MIXER
    return mixed ^ (mixed >> 29)


@compiled
def _has_been(
    sequences: IntArray, prints: IntArray, counts: IntArray, stream: int, sequence: int, fingerprint: int
) -> bool:
    """Tell whether this row has been seen, and remember it unless it is older than all that are remembered."""
    count = counts[stream]
    place = count
    while place > 0 and (sequences[place - 1], prints[place - 1]) > (sequence, fingerprint):
        place -= 1
    if place > 0 and sequences[place - 1] == sequence and prints[place - 1] == fingerprint:
        return True
    if place == 0 and count > 0:
        return False
    if count == len(sequences):
        sequences[:_WINDOW] = sequences[_WINDOW:]
        prints[:_WINDOW] = prints[_WINDOW:]
        count, place = _WINDOW, place - _WINDOW
        if place <= 0:
            counts[stream] = count
            return False
    for later in range(count, place, -1):
        sequences[later], prints[later] = sequences[later - 1], prints[later - 1]
    sequences[place], prints[place] = sequence, fingerprint
    counts[stream] = count + 1
    return False
