"""Compiled loop that puts the packets of several lines into the order of their numbers, each message once."""

from __future__ import annotations

from typing import Any, Final

from hftlab.kernels.compiling import in_place, inlined
from hftlab.venues.arbitration.arbiter_state import (
    DELIVERED,
    DONE,
    DUPLICATES,
    END,
    EPOCH,
    EXPECTED,
    GAP_FROM,
    GAP_TO,
    GAPS,
    HEAD,
    HEARD,
    HELD_EPOCH,
    HIGHEST,
    INDEX,
    LATE,
    LINE_EPOCH,
    LINE_STREAM,
    MISSING,
    NO_GAPS,
    NO_ROOM,
    NOTICED,
    PACKETS,
    RESTARTS,
    ROWS,
    SEQUENCE,
    SINCE,
    TAIL,
    ArbiterState,
    Arrivals,
    Order,
)

__all__ = ["FAR", "LONG", "flush", "put_in_order"]

FAR: Final = 1000
"""Count of numbers by which a line that falls back has begun anew, though no packet says so."""

LONG: Final = 3600 * 10**9
"""Silence of a line, in ns, after which it has begun anew if it falls back at all: no copy comes so late."""

_FIRST: Final = 1
"""Number of the first message of a session, and of the first after a restart."""


@in_place
def put_in_order(
    arrivals: Arrivals, at: int, state: ArbiterState, order: Order, wait: int, most: int, restarts: bool
) -> tuple[int, int]:
    """Take the arrivals from `at` on. Returns (the first one not taken, why).

    A stream waits `wait` ns, and for `most` packets, for what is missing. With `restarts` numbers may begin anew.
    """
    for row in range(at, len(arrivals.stream)):
        name = arrivals.stream[row]
        if name < 0:
            continue
        stream = state.streams[name]
        while stream[HEAD] < stream[TAIL] and (arrivals.ts_recv[row] - stream[NOTICED] > wait or stream[SINCE] >= most):
            if order.counts[GAPS] == len(order.gaps):
                return row, NO_GAPS
            _give_up(name, arrivals.ts_recv[row], arrivals, state, order)
        if stream[TAIL] == state.held.shape[1]:
            if stream[HEAD] == 0:
                return row, NO_ROOM
            _move_to_front(name, state)
        _take(row, name, arrivals, state, order, restarts)
    return len(arrivals.stream), DONE


@in_place
def flush(now: int, arrivals: Arrivals, state: ArbiterState, order: Order) -> int:
    """Give up all that is missing, and deliver what is held. Returns DONE or NO_GAPS."""
    for name in range(len(state.streams)):
        while state.streams[name, HEAD] < state.streams[name, TAIL]:
            if order.counts[GAPS] == len(order.gaps):
                return NO_GAPS
            _give_up(name, now, arrivals, state, order)
    return DONE


@inlined
def _take(row: int, name: Any, arrivals: Arrivals, state: ArbiterState, order: Order, restarts: bool) -> None:
    stream, first, count = state.streams[name], arrivals.sequence[row], arrivals.messages[row]
    end = first + count
    state.tallies[PACKETS] += 1
    stream[SINCE] += 1
    epoch = _epoch_of(row, name, end, arrivals, state, restarts)
    if epoch > stream[EPOCH]:
        _hold(row, name, epoch, arrivals, state)
        _release(name, arrivals, state, order)
    elif epoch < stream[EPOCH] or end <= stream[EXPECTED]:
        is_late = epoch == stream[EPOCH] and first < stream[GAP_TO] and end > stream[GAP_FROM]
        state.tallies[LATE if is_late else DUPLICATES] += count
    elif first <= max(stream[EXPECTED], _FIRST):
        if stream[EXPECTED] < 0:
            stream[EXPECTED] = first
        _deliver(row, name, first, end, state, order)
        if stream[HEAD] < stream[TAIL]:
            _release(name, arrivals, state, order)
    else:
        _hold(row, name, epoch, arrivals, state)


@inlined
def _epoch_of(row: int, name: Any, end: Any, arrivals: Arrivals, state: ArbiterState, restarts: bool) -> Any:
    """Return how often the packet's line has begun anew; one that is met for the first time is where its stream is."""
    line = state.lines[arrivals.line[row]]
    if line[LINE_STREAM] != name + 1:
        line[LINE_STREAM], line[LINE_EPOCH], line[HIGHEST] = name + 1, state.streams[name, EPOCH], 0
        line[HEARD] = 0
    if restarts:
        # A restart may be told twice; the second time the line has nothing beyond it yet.
        is_told = arrivals.restart[row] and line[HIGHEST] > end
        is_later = line[HEARD] > 0 and arrivals.ts_recv[row] - line[HEARD] > LONG
        if is_told or line[HIGHEST] - end > FAR or (is_later and line[HIGHEST] > arrivals.sequence[row]):
            line[LINE_EPOCH] += 1
            line[HIGHEST] = 0
        line[HIGHEST], line[HEARD] = max(line[HIGHEST], end), arrivals.ts_recv[row]
    return line[LINE_EPOCH]


@inlined
def _deliver(packet: Any, name: Any, first: Any, end: Any, state: ArbiterState, order: Order) -> None:
    """Deliver what a packet has from the expected number on."""
    stream, row = state.streams[name], order.counts[ROWS]
    skip = stream[EXPECTED] - first
    state.tallies[DUPLICATES] += skip
    if end == stream[EXPECTED]:
        return  # a heartbeat
    order.packet[row] = packet
    order.skip[row] = skip
    order.messages[row] = end - stream[EXPECTED]
    order.sequence[row] = stream[EXPECTED]
    order.stream[row] = name
    order.counts[ROWS] = row + 1
    state.tallies[DELIVERED] += end - stream[EXPECTED]
    stream[EXPECTED] = end


@in_place
def _hold(row: int, name: Any, epoch: Any, arrivals: Arrivals, state: ArbiterState) -> None:
    """Keep a packet for later, unless the same one is kept."""
    stream, held = state.streams[name], state.held[name]
    first, end = arrivals.sequence[row], arrivals.sequence[row] + arrivals.messages[row]
    place = stream[TAIL]
    while place > stream[HEAD] and (
        held[place - 1, HELD_EPOCH] > epoch
        or (held[place - 1, HELD_EPOCH] == epoch and held[place - 1, SEQUENCE] > first)
    ):
        place -= 1
    if place > stream[HEAD]:
        before = held[place - 1]
        if before[HELD_EPOCH] == epoch and before[SEQUENCE] == first and before[END] >= end:
            state.tallies[DUPLICATES] += end - first
            return
    if stream[HEAD] == stream[TAIL]:
        stream[NOTICED], stream[SINCE] = arrivals.ts_recv[row], 0
    for behind in range(stream[TAIL], place, -1):
        for field in range(held.shape[1]):
            held[behind, field] = held[behind - 1, field]
    held[place, HELD_EPOCH], held[place, SEQUENCE] = epoch, first
    held[place, END], held[place, INDEX] = end, row
    stream[TAIL] += 1


@in_place
def _release(name: Any, arrivals: Arrivals, state: ArbiterState, order: Order) -> None:
    """Deliver those that are held as far as nothing is missing before them."""
    stream, held, old = state.streams[name], state.held[name], state.streams[name, HEAD]
    while stream[HEAD] < stream[TAIL]:
        one = held[stream[HEAD]]
        if one[HELD_EPOCH] > stream[EPOCH]:
            if not _have_all_restarted(name, one[HELD_EPOCH], state):
                break
            _begin_anew(name, one[HELD_EPOCH], state)
        if one[SEQUENCE] > stream[EXPECTED]:
            break
        stream[HEAD] += 1
        if one[END] >= stream[EXPECTED]:
            _deliver(one[INDEX], name, one[SEQUENCE], one[END], state, order)
        else:
            state.tallies[DUPLICATES] += one[END] - one[SEQUENCE]
    if stream[HEAD] == stream[TAIL]:
        stream[HEAD] = stream[TAIL] = 0
    elif stream[HEAD] != old:
        # What is missing now was noticed when the first of those behind it came.
        noticed = arrivals.ts_recv[held[stream[HEAD], INDEX]]
        for place in range(stream[HEAD], stream[TAIL]):
            noticed = min(noticed, arrivals.ts_recv[held[place, INDEX]])
        stream[NOTICED], stream[SINCE] = noticed, stream[TAIL] - stream[HEAD]


@in_place
def _have_all_restarted(name: Any, epoch: Any, state: ArbiterState) -> bool:
    for number in range(len(state.lines)):
        if state.lines[number, LINE_STREAM] == name + 1 and state.lines[number, LINE_EPOCH] < epoch:
            return False
    return True


@in_place
def _begin_anew(name: Any, epoch: Any, state: ArbiterState) -> None:
    stream = state.streams[name]
    stream[EPOCH], stream[EXPECTED] = epoch, _FIRST
    stream[GAP_FROM], stream[GAP_TO] = 0, 0
    state.tallies[RESTARTS] += 1


@in_place
def _give_up(name: Any, now: Any, arrivals: Arrivals, state: ArbiterState, order: Order) -> None:
    """Go on with the first one that is held, and declare what is missing before it."""
    stream = state.streams[name]
    one = state.held[name, stream[HEAD]]
    if one[HELD_EPOCH] > stream[EPOCH]:
        _begin_anew(name, one[HELD_EPOCH], state)
    if stream[EXPECTED] < 0:
        # The capture began in the middle: what comes late from before its first message is not wanted.
        stream[GAP_FROM], stream[GAP_TO] = 0, one[SEQUENCE]
    elif one[SEQUENCE] > stream[EXPECTED]:
        gap = order.gaps[order.counts[GAPS]]
        gap[0], gap[1], gap[2] = name, stream[EXPECTED], one[SEQUENCE] - 1
        gap[3], gap[4], gap[5] = stream[NOTICED], now, order.counts[ROWS]
        order.counts[GAPS] += 1
        state.tallies[MISSING] += one[SEQUENCE] - stream[EXPECTED]
        stream[GAP_FROM], stream[GAP_TO] = stream[EXPECTED], one[SEQUENCE]
    stream[EXPECTED] = max(stream[EXPECTED], one[SEQUENCE])
    _release(name, arrivals, state, order)


@in_place
def _move_to_front(name: Any, state: ArbiterState) -> None:
    stream, held = state.streams[name], state.held[name]
    size = stream[TAIL] - stream[HEAD]
    for place in range(size):
        for field in range(held.shape[1]):
            held[place, field] = held[stream[HEAD] + place, field]
    stream[HEAD], stream[TAIL] = 0, size
