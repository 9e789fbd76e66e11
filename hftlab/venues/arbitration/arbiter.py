"""Arbitration of the lines on which a venue sends the same numbered messages (A and B), without I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import ArgumentError
from hftlab.venues.arbitration.arbiter_kernel import flush, put_in_order
from hftlab.venues.arbitration.arbiter_state import (
    DELIVERED,
    DONE,
    DUPLICATES,
    GAP_FIELDS,
    GAPS,
    HEAD,
    INDEX,
    LATE,
    MISSING,
    NO_GAPS,
    NO_ROOM,
    PACKETS,
    RESTARTS,
    ROWS,
    TAIL,
    Arrivals,
    Order,
    new_state,
    with_more_room,
)
from hftlab.venues.pcap.datagrams import Datagrams

__all__ = ["MOST_PACKETS", "WAIT", "Arbiter", "ArbitrationStats", "Gap", "Ordered"]

IntArray = npt.NDArray[np.int64]

WAIT: Final = 100_000_000
"""Time of the capture, in ns, for which a message that is missing is waited for."""
MOST_PACKETS: Final = 4096
"""Packets of a stream for which a message that is missing is waited for."""

_FIRST_GAPS: Final = 64


@dataclass(frozen=True, slots=True)
class Gap:
    """Messages that no line had: numbers `first` to `last` of a stream; times are those of the capture."""

    stream: int
    first: int
    last: int
    noticed: int  # when the first packet beyond them came
    declared: int  # when they were given up

    @property
    def count(self) -> int:
        """Number of the messages."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """Packets in order: a column each, a row for a packet of which messages are delivered.

    `packet` is the datagram's number in `datagrams`, `skip` how many of its messages have been delivered before,
    `count` how many follow, the first of which has the number `sequence` in its `stream`. `gaps` were declared, each
    before the row of the same place in `gap_row`.
    """

    datagrams: Datagrams
    packet: IntArray
    skip: IntArray
    count: IntArray
    sequence: IntArray
    stream: npt.NDArray[np.int32]
    gaps: tuple[Gap, ...]
    gap_row: IntArray

    def __len__(self) -> int:
        return len(self.packet)


@dataclass(frozen=True, slots=True)
class ArbitrationStats:
    """Counts so far. Each message of a packet is delivered, held, a duplicate or late."""

    packets: int
    delivered: int  # messages
    duplicates: int  # messages that another packet had brought
    late: int  # messages that came after they were given up
    missing: int  # messages that no line had in time
    gaps: int
    restarts: int  # of numbers that began anew


class Arbiter:
    """Arbiter of any number of lines: each message once, in order, from the line that had it first.

    A packet that is ahead is held until the messages before it come, on whatever line. After `wait` ns of the capture's
    time, or `packets` packets of the stream, what is still missing is declared a gap. A stream that does not begin with
    number 1 begins with the lowest that comes within that time. With `restarts` the numbers of a stream may begin anew
    with 1: where a packet says so, where a line falls back by more than 1000, or where it falls back behind an hour of
    silence; the stream follows when all of its lines have, or after the wait. A line is a flow of the datagrams.
    """

    def __init__(self, *, wait: int = WAIT, packets: int = MOST_PACKETS, restarts: bool = False) -> None:
        if wait < 0 or packets < 1:
            raise ArgumentError(f"wait {wait} and packets {packets} cannot be: give ns from 0, and packets from 1 on")
        self._wait, self._most, self._restarts = wait, packets, restarts
        self._state = new_state()
        self._held: Datagrams | None = None
        self._gaps, self._now = 0, 0

    @property
    def stats(self) -> ArbitrationStats:
        """Counts so far."""
        tallies = self._state.tallies.tolist()
        return ArbitrationStats(
            packets=tallies[PACKETS],
            delivered=tallies[DELIVERED],
            duplicates=tallies[DUPLICATES],
            late=tallies[LATE],
            missing=tallies[MISSING],
            gaps=self._gaps,
            restarts=tallies[RESTARTS],
        )

    def feed(
        self,
        datagrams: Datagrams,
        stream: npt.NDArray[np.int32],
        sequence: IntArray,
        count: IntArray,
        restart: npt.NDArray[np.bool_] | None = None,
    ) -> Ordered:
        """Take datagrams in the order of their capture, and return what can be delivered.

        `stream` is the number of each one's stream from 0 on, or -1 for what is to be left out; `sequence` the number
        of its first message, from 0 on; `count` how many it has: 0 for a heartbeat, whose number is the next one's.
        `restart` tells packets with which the numbers begin anew.
        """
        before = 0 if self._held is None else len(self._held)
        whole = datagrams if self._held is None else _joined(self._held, datagrams)
        none = np.zeros(before, np.int64)
        arrivals = Arrivals(
            stream=np.concatenate([none - 1, stream]).astype(np.int32),
            sequence=np.concatenate([none, sequence]),
            messages=np.concatenate([none, count]),
            restart=np.concatenate([none, np.zeros(len(stream)) if restart is None else restart]).astype(np.bool_),
            line=whole.flow,
            ts_recv=whole.ts_recv,
        )
        self._state = with_more_room(
            self._state, streams=int(stream.max(initial=-1)) + 1, lines=len(whole.flows), held=0
        )
        if len(whole):
            self._now = int(whole.ts_recv[-1])
        return self._ordered(whole, arrivals, before, is_last=False)

    def flush(self) -> Ordered:
        """Return what is held; what is missing before it is declared missing."""
        held = self._held or Datagrams.of([], 0)
        none = np.zeros(len(held), np.int64)
        arrivals = Arrivals(none.astype(np.int32), none, none, none.astype(np.bool_), held.flow, held.ts_recv)
        return self._ordered(held, arrivals, len(held), is_last=True)

    def _ordered(self, whole: Datagrams, arrivals: Arrivals, at: int, *, is_last: bool) -> Ordered:
        rows = len(whole)
        packet, skip, messages, sequence = np.empty((4, rows), np.int64)
        gaps, counts = np.empty((_FIRST_GAPS, GAP_FIELDS), np.int64), np.zeros(2, np.int64)
        order = Order(packet, skip, messages, sequence, np.empty(rows, np.int32), gaps, counts)
        why = -1
        while why != DONE:
            if is_last:
                why = flush(self._now, arrivals, self._state, order)
            else:
                at, why = put_in_order(arrivals, at, self._state, order, self._wait, self._most, self._restarts)
            if why == NO_ROOM:
                self._state = with_more_room(self._state, held=2 * self._state.held.shape[1])
            elif why == NO_GAPS:
                order = order._replace(gaps=np.concatenate([order.gaps, np.empty_like(order.gaps)]))
        self._keep(whole)
        row, gaps = order.counts[ROWS], order.gaps[: order.counts[GAPS]]
        self._gaps += len(gaps)
        return Ordered(
            datagrams=whole,
            packet=order.packet[:row],
            skip=order.skip[:row],
            count=order.messages[:row],
            sequence=order.sequence[:row],
            stream=order.stream[:row],
            gaps=tuple(Gap(*fields[:5]) for fields in gaps.tolist()),
            gap_row=gaps[:, 5],
        )

    def _keep(self, whole: Datagrams) -> None:
        """Keep the datagrams that are held, of which the next part's are to be the continuation."""
        streams, held = self._state.streams, self._state.held
        parts = [held[name, fields[HEAD] : fields[TAIL]] for name, fields in enumerate(streams) if fields[TAIL]]
        kept = np.sort(np.concatenate([part[:, INDEX] for part in parts])) if parts else np.zeros(0, np.int64)
        if not len(kept):
            self._held = None
            return
        for part in parts:
            part[:, INDEX] = np.searchsorted(kept, part[:, INDEX])
        self._held = _chosen(whole, kept)


def _joined(first: Datagrams, second: Datagrams) -> Datagrams:
    """Join two parts of one capture."""

    def both(name: str, shift: int = 0) -> npt.NDArray[Any]:
        return np.concatenate([getattr(first, name), getattr(second, name) + np.int64(shift)])

    size = len(first.data)
    return Datagrams(
        data=np.concatenate([first.data, second.data]),
        ts_recv=both("ts_recv"),
        start=both("start", size),
        end=both("end", size),
        flow=both("flow").astype(np.int32),
        flows=second.flows,
    )


def _chosen(datagrams: Datagrams, numbers: IntArray) -> Datagrams:
    """Copy some datagrams, without the bytes of the others."""
    start, end = datagrams.start[numbers], datagrams.end[numbers]
    ends = np.cumsum(end - start)
    return Datagrams(
        data=np.concatenate([datagrams.data[at:stop] for at, stop in zip(start.tolist(), end.tolist(), strict=True)]),
        ts_recv=datagrams.ts_recv[numbers],
        start=ends - (end - start),
        end=ends,
        flow=datagrams.flow[numbers],
        flows=datagrams.flows,
    )
