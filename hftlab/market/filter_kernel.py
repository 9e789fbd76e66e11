"""The compiled loop that says which rows of a batch are not to be believed."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.kernels import compiled
from hftlab.events import ADD, CLEAR, F_BAD_TS_RECV, F_LAST, F_SNAPSHOT, MODIFY, TRADE

__all__ = ["DUPLICATE", "KEPT", "OPEN", "Limits", "Memory", "Rows", "judge_rows"]

IntArray = npt.NDArray[np.int64]

KEPT, PRICE, OFF_TICK, OUTSIDE_BANDS, STALE, DUPLICATE = range(6)

OPEN, DROPPING = range(2)
"""Places in Memory.event: whether an event is open, and why all of it is dropped (KEPT: it is not)."""

_WINDOW: Final = 4096
_MIXER: Final = 0x1E3779B97F4A7C15  # any large odd number; products wrap around


class Memory(NamedTuple):
    """What is remembered from batch to batch; a row per instrument. Sequences are kept apart for trades and books."""

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
    """The columns that the loop reads, all of equal length."""

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
    """Negative: no limit. `band` is a fraction of the reference, times in ns, `duplicates` 0 or 1."""

    band: float
    delay: int
    step_back: int
    duplicates: int


@compiled
def judge_rows(rows: Rows, mids: IntArray, limits: Limits, memory: Memory) -> npt.NDArray[np.uint8]:
    """Why each row is to be dropped (KEPT: it is not). `mids` are the references while there is no trade, or 0."""
    reasons = np.zeros(len(rows.book), np.uint8)
    for row in range(len(rows.book)):
        book = rows.book[row]
        if not memory.event[OPEN]:
            memory.event[OPEN] = 1
            memory.event[DROPPING] = _judge_event(rows, row, book, limits, memory)
        reason = memory.event[DROPPING]
        if reason == KEPT:
            reason = _judge_price(rows, row, book, mids, limits, memory)
        reasons[row] = reason
        if rows.flags[row] & F_LAST:
            memory.event[OPEN] = 0
    return reasons


@compiled
def _judge_event(rows: Any, row: int, book: int, limits: Any, memory: Any) -> int:
    flags, time, sequence = rows.flags[row], rows.ts_event[row], rows.sequence[row]
    # A snapshot tells old things anew and may repeat a number; a clearing must never be lost.
    if flags & F_SNAPSHOT or rows.action[row] == CLEAR:
        memory.newest[book] = max(memory.newest[book], time)
        return KEPT
    if limits.duplicates and sequence != 0:
        stream = 2 * book + (rows.action[row] == TRADE)
        if _has_been(memory, stream, sequence, _fingerprint(rows, row)):
            return DUPLICATE
    if limits.delay >= 0 and not flags & F_BAD_TS_RECV and rows.ts_recv[row] - time > limits.delay:
        return STALE
    if limits.step_back >= 0 and memory.newest[book] - time > limits.step_back:
        return STALE
    memory.newest[book] = max(memory.newest[book], time)
    return KEPT


@compiled
def _fingerprint(rows: Any, row: int) -> int:
    """One number of what a row says, its time of capture aside."""
    mixed = _mix(rows.ts_event[row], np.int64(rows.order_id[row]))
    mixed = _mix(mixed, 256 * np.int64(rows.action[row]) + rows.side[row])
    mixed = _mix(mixed, rows.price[row])
    return _mix(mixed, rows.size[row])


@compiled
def _mix(so_far: int, value: int) -> int:
    mixed = (so_far ^ value) * _MIXER
    return mixed ^ (mixed >> 29)


@compiled
def _has_been(memory: Any, stream: int, sequence: int, fingerprint: int) -> bool:
    """Whether this row is remembered; it is from now on, unless it is older than all that are."""
    sequences, prints, count = memory.sequences[stream], memory.prints[stream], memory.counts[stream]
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
            memory.counts[stream] = count
            return False
    sequences[place + 1 : count + 1] = sequences[place:count].copy()
    prints[place + 1 : count + 1] = prints[place:count].copy()
    sequences[place], prints[place] = sequence, fingerprint
    memory.counts[stream] = count + 1
    return False


@compiled
def _judge_price(rows: Any, row: int, book: int, mids: IntArray, limits: Any, memory: Any) -> int:
    action, price = rows.action[row], rows.price[row]
    if action != ADD and action != MODIFY and action != TRADE:
        return KEPT
    if price <= 0:
        return PRICE
    # Trades may print between ticks: the rule is for quotes.
    if action != TRADE and not rows.on_tick[row]:
        return OFF_TICK
    reference = memory.reference[book] or mids[book]
    if limits.band >= 0 and reference > 0 and abs(price - reference) > limits.band * reference:
        return OUTSIDE_BANDS
    if action == TRADE:
        memory.reference[book] = price
    return KEPT
