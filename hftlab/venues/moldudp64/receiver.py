"""Receiver of MoldUDP64: datagrams of one or several lines in, messages in order out; without I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.venues.arbitration.arbiter import MOST_PACKETS, WAIT, Arbiter, ArbitrationStats, Gap, Ordered
from hftlab.venues.moldudp64.packet_kernel import (
    DATA,
    ENDS,
    HEARTBEATS,
    KINDS,
    OTHERS,
    UNNUMBERED,
    UNWANTED,
    Headers,
    SessionTable,
    find_messages,
    find_runs,
    read_headers,
)
from hftlab.venues.moldudp64.packets import MOST_MESSAGES, SESSION, request_packet, session_bytes
from hftlab.venues.pcap.datagrams import Datagrams

__all__ = ["MoldStats", "Receiver", "Runs"]

IntArray = npt.NDArray[np.int64]

_FIRST_SESSIONS: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Messages in order, by runs that follow each other in `data`, each message behind its length in two bytes.

    A run has `count` messages in data[start:end], the first with the number `sequence` of its session, whose number
    is `session`. `ts_recv` is when its packet came, or the one before it if that came later; 0 where nothing tells it.
    `is_after_gap` marks runs of sessions of which messages before them are missing.
    """

    data: npt.NDArray[np.uint8]
    start: IntArray
    end: IntArray
    count: IntArray
    sequence: IntArray
    session: npt.NDArray[np.int32]
    ts_recv: IntArray
    is_after_gap: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.start)

    def messages(self) -> tuple[IntArray, IntArray, IntArray]:
        """Find every message. Returns where each begins and ends in `data`, without its length, and its run."""
        start, end, run = np.empty((3, int(self.count.sum())), np.int64)
        find_messages(self.data, self.start, self.count, start, end, run)
        return start, end, run


@dataclass(frozen=True, slots=True)
class MoldStats:
    """Counts so far: each datagram is counted as a packet with messages, a heartbeat, an end, unwanted or another."""

    packets: int  # with messages
    heartbeats: int
    ends: int  # packets that end a session
    unnumbered: int  # packets whose first message has the number 0: their messages are taken as they come
    unwanted: int  # of another session than the one asked for
    others: int  # datagrams that are not packets of MoldUDP64
    arbitration: ArbitrationStats


class Receiver:
    """Receiver of any number of lines, as an Arbiter has them: each message of a session once, in order.

    `session` is the only one to keep, by default every session; `wait` and `packets` are those of an Arbiter.
    Packets of more than 1,024 sessions are taken for damage, and counted as others.
    """

    def __init__(self, *, session: str | None = None, wait: int = WAIT, packets: int = MOST_PACKETS) -> None:
        wanted = [] if session is None else [_words_of(session_bytes(session))]
        self._table = SessionTable(
            words=np.zeros((_FIRST_SESSIONS, 2), np.uint64),
            numbers=np.zeros(_FIRST_SESSIONS, np.int64),
            known=np.zeros(1, np.int64),
            wanted=np.array(wanted, np.uint64).reshape(-1, 2),
        )
        self._arbiter = Arbiter(wait=wait, packets=packets)
        self._counts = np.zeros(KINDS, np.int64)
        self._gaps: list[Gap] = []
        self._last = 0

    def feed(self, datagrams: Datagrams) -> Runs:
        """Take datagrams in the order of their capture, and return the messages that are in order now."""
        count = len(datagrams)
        headers = Headers(np.empty(count, np.int32), np.empty(count, np.int64), np.empty(count, np.int64))
        at = 0
        while (
            at := read_headers(datagrams.data, datagrams.start, datagrams.end, at, self._table, headers, self._counts)
        ) < count:
            self._table = _with_more_sessions(self._table)
        return self._runs(self._arbiter.feed(datagrams, headers.stream, headers.sequence, headers.messages))

    def flush(self) -> Runs:
        """Return the messages that are held; what is missing before them is given up."""
        return self._runs(self._arbiter.flush())

    @property
    def sessions(self) -> tuple[str, ...]:
        """Names of the sessions met so far, by their numbers; packets without numbers have a session of their own."""
        words = self._table.words[: self._table.known[0]].tolist()
        return tuple(
            (first.to_bytes(8, "big") + (last & 0xFFFF).to_bytes(2, "big")).decode().strip("\0 ")
            for first, last in words
        )

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Messages that no line had; a gap's stream is the number of its session."""
        return tuple(self._gaps)

    def requests(self, gap: Gap) -> Iterator[bytes]:
        """Yield the packets with which a client would ask a venue's request server for what is missing."""
        for first in range(gap.first, gap.last + 1, MOST_MESSAGES):
            yield request_packet(self.sessions[gap.stream], first, min(MOST_MESSAGES, gap.last + 1 - first))

    @property
    def stats(self) -> MoldStats:
        """Counts so far."""
        counts = self._counts.tolist()
        return MoldStats(
            packets=counts[DATA],
            heartbeats=counts[HEARTBEATS],
            ends=counts[ENDS],
            unnumbered=counts[UNNUMBERED],
            unwanted=counts[UNWANTED],
            others=counts[OTHERS],
            arbitration=self._arbiter.stats,
        )

    def _runs(self, ordered: Ordered) -> Runs:
        whole, (start, end) = ordered.datagrams, np.empty((2, len(ordered)), np.int64)
        find_runs(whole.data, whole.start, ordered.packet, ordered.skip, ordered.count, start, end)
        times = np.maximum.accumulate(np.maximum(whole.ts_recv[ordered.packet], self._last))
        if len(times):
            self._last = int(times[-1])
        after = self._after_gaps(ordered)
        return Runs(whole.data, start, end, ordered.count, ordered.sequence, ordered.stream, times, after)

    def _after_gaps(self, ordered: Ordered) -> npt.NDArray[np.bool_]:
        """Mark what comes after a gap of its session."""
        if not self._gaps and not ordered.gaps:
            return np.zeros(len(ordered), np.bool_)
        marks = np.isin(ordered.stream, list({gap.stream for gap in self._gaps}))
        for gap, row in zip(ordered.gaps, ordered.gap_row.tolist(), strict=True):
            marks[row:] |= ordered.stream[row:] == gap.stream
        self._gaps += ordered.gaps
        return marks


def _words_of(name: bytes) -> tuple[int, int]:
    return int.from_bytes(name[:8], "big"), int.from_bytes(name[8:SESSION], "big")


def _with_more_sessions(table: SessionTable) -> SessionTable:
    return table._replace(
        words=np.concatenate([table.words, np.zeros_like(table.words)]),
        numbers=np.concatenate([table.numbers, np.zeros_like(table.numbers)]),
    )
