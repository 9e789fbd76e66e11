"""Decoder of IEX-TP's segments into EventBatches, without I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import ArgumentError
from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.integer_map import new_map, with_capacity
from hftlab.venues.arbitration import Arbiter, Gap, Ordered
from hftlab.venues.event_rows import CHUNK, new_rows, whole_events
from hftlab.venues.iex import decoder_state as tally
from hftlab.venues.iex.decode_kernel import INPUT, MOST_ROWS, NAMES, ORDERS, ROWS, decode, keep_slot
from hftlab.venues.iex.decoder_state import BAD_SYMBOL, TALLIES, TOP_FIELDS, UNWANTED, DecoderState
from hftlab.venues.iex.layouts import LEAST_SIZES, PROTOCOLS, Protocol
from hftlab.venues.iex.segment_headers import SegmentHeaders, segment_headers
from hftlab.venues.iex.symbols import stock_of, symbol_in
from hftlab.venues.live_orders import live_count, new_orders, with_more_orders, with_more_slots
from hftlab.venues.packet_cursor import FIELDS, NEXT, GapNumbers, ended, packets_of
from hftlab.venues.pcap.datagrams import Datagrams

__all__ = ["Decoder", "Stats"]

_FIRST_SLOTS: Final = 1 << 8
_MOST_STREAMS: Final = 1024
"""Streams of a capture from which on more are taken for damage: the exchange has one a day and feed."""
_SESSION: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of what a decoder has met so far; messages are counted by type, as in "a"."""

    segments: int  # heartbeats among them
    heartbeats: int
    other_datagrams: int  # not segments whose messages fill them, or of the 1,025th stream and those after it
    other_feeds: int  # segments of another feed than the one that is read
    messages: Counter[str]
    unknown_types: Counter[str]
    unknown_orders: Counter[str]  # about orders that nothing added, dropped
    duplicates: int  # messages that another line has brought already, dropped
    late: int  # messages that came after they were given up, dropped
    missing: int  # messages that no line had, in `gaps` gaps
    gaps: int
    repeated_orders: int  # added, and live already: the new order takes the old one's place
    excess_shares: int  # executions of more shares than the order has left
    malformed: int  # shorter than their type is, an unknown side, no shares, a price or symbol that cannot be; dropped
    live_orders: int


class Decoder:
    """Decoder of segments into EventBatches of at most `chunk` rows; lines of the same stream are put together.

    `symbols` are the only ones kept, None keeps all; `feed` is "deep+", "deep" or "tops", None the first one that
    comes. A batch that begins with the rest of an event of "deep" may be larger. A symbol that goes on in another
    session, on another day, begins with an R. After the last datagrams come `end()`'s batches. Raises ArgumentError for
    a chunk below 4 rows, for another feed, and for no symbols.
    """

    def __init__(
        self,
        *,
        symbols: Iterable[str] | str | None = None,
        feed: Protocol | None = None,
        chunk: int = CHUNK,
    ) -> None:
        if chunk < MOST_ROWS:
            raise ArgumentError(f"chunk must be {MOST_ROWS} or more rows, got {chunk}")
        if feed is not None and feed not in PROTOCOLS:
            raise ArgumentError(f"feed is {feed!r}: give one of {', '.join(PROTOCOLS)}")
        wanted = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        if wanted is not None and not wanted:
            raise ArgumentError("symbols is empty: name the symbols to keep, or None to keep all")
        self._wanted = None if wanted is None else set(wanted)
        self._protocol = None if feed is None else PROTOCOLS[feed]
        self._chunk = chunk
        self._rows, self._row = new_rows(chunk), 0
        self._arbiter, self._gap_numbers = Arbiter(), GapNumbers()
        self._streams: dict[int, int] = {}
        self._sessions: dict[int, int] = {}
        self._segments = self._heartbeats = self._others = self._other_feeds = 0
        self._slots = 0
        self.instruments: tuple[Instrument, ...] = ()
        """Instruments met so far, in the order of their numbers."""
        self.others: list[str] = []
        """Symbols met so far that are not among those to keep."""
        self.gaps: tuple[Gap, ...] = ()
        """Messages that no line had; streams are numbered as they come."""
        self._state = DecoderState(
            orders=new_orders(),
            slots=new_map(_FIRST_SLOTS),
            instruments=np.zeros(0, np.int32),
            tops=np.zeros((0, TOP_FIELDS), np.int64),
            session=np.zeros(0, np.int64),
            day=np.zeros(0, np.int64),
            sound=np.zeros(0, np.int64),
            sessions=np.zeros(_MOST_STREAMS, np.int64),
            cursor=np.zeros(FIELDS, np.int64),
            wanted=np.zeros(1, np.uint64),
            counts=np.zeros(256, np.int64),
            unknown=np.zeros(256, np.int64),
            tallies=np.zeros(TALLIES, np.int64),
        )

    def feed(self, datagrams: Datagrams) -> Iterator[EventBatch]:
        """Decode datagrams, and yield each batch that is full."""
        headers = segment_headers(datagrams)
        streams = self._streams_of(headers)
        whole = ended(datagrams, headers.end)
        yield from self._decode(self._arbiter.feed(whole, streams, headers.sequence, headers.messages))

    def end(self) -> Iterator[EventBatch]:
        """Decode what was held back for messages that are still missing, and yield the last batches."""
        yield from self._decode(self._arbiter.flush())
        if self._row:
            yield self.flush()

    def flush(self) -> EventBatch:
        """Return the rows decoded since the last batch."""
        batch, self._rows, self._row = whole_events(self._rows, self._row, self._row, self._chunk, self.instruments)
        return batch

    def decode(self, datagrams: Datagrams) -> EventBatch:
        """Decode datagrams, of which no more come, into one batch."""
        return EventBatch.concat([*self.feed(datagrams), *self.end(), self.flush()])

    @property
    def stats(self) -> Stats:
        """Counts so far."""
        state, tallies, lines = self._state, self._state.tallies, self._arbiter.stats
        counts = _by_type(state.counts)
        return Stats(
            segments=self._segments,
            heartbeats=self._heartbeats,
            other_datagrams=self._others,
            other_feeds=self._other_feeds,
            messages=Counter({letter: n for letter, n in counts.items() if LEAST_SIZES[ord(letter)]}),
            unknown_types=Counter({letter: n for letter, n in counts.items() if not LEAST_SIZES[ord(letter)]}),
            unknown_orders=_by_type(state.unknown),
            duplicates=lines.duplicates,
            late=lines.late,
            missing=lines.missing,
            gaps=lines.gaps,
            repeated_orders=int(tallies[tally.REPEATED]),
            excess_shares=int(tallies[tally.EXCESS]),
            malformed=int(tallies[tally.MALFORMED]),
            live_orders=live_count(state.orders),
        )

    def _streams_of(self, headers: SegmentHeaders) -> npt.NDArray[np.int32]:
        """Return the number of each segment's stream, -1 for what is not of the feed."""
        is_segment = headers.is_segment
        if self._protocol is None and is_segment.any():
            self._protocol = int(headers.protocol[np.argmax(is_segment)])
        is_ours = is_segment & (headers.protocol == (self._protocol or 0))
        self._segments += int(is_segment.sum())
        self._heartbeats += int((is_segment & (headers.messages == 0)).sum())
        self._others += int((~is_segment).sum())
        self._other_feeds += int((is_segment & ~is_ours).sum())
        # Both are of 32 bits: one number is looked for much faster than a pair.
        names = headers.channel << 32 | headers.session
        streams = np.full(len(is_ours), -1, np.int32)
        for name in np.unique(names[is_ours]).tolist():
            if name in self._streams or len(self._streams) < _MOST_STREAMS:
                number = self._streams.setdefault(name, len(self._streams))
                self._state.sessions[number] = self._sessions.setdefault(name & _SESSION, len(self._sessions))
                streams[is_ours & (names == name)] = number
        self._others += int((is_ours & (streams < 0)).sum())
        return streams

    def _decode(self, ordered: Ordered) -> Iterator[EventBatch]:
        self.gaps += ordered.gaps
        packets = packets_of(ordered, self._gap_numbers.before(ordered))
        self._state.cursor[NEXT] = 0
        why = ROWS
        while why != INPUT:
            self._row, why = decode(packets, self._state, self._rows, self._row)
            if why == ROWS:
                done, count = _ends(self._rows.flags, self._row), self._row
                batch, self._rows, self._row = whole_events(self._rows, done, count, self._chunk, self.instruments)
                if len(batch):
                    yield batch
            elif why == ORDERS:
                self._state = self._state._replace(orders=with_more_orders(self._state.orders))
            elif why == NAMES:
                self._name(int(self._state.wanted[0]))

    def _name(self, word: int) -> None:
        """Give a symbol a slot."""
        slot, state = self._slots, self._state
        self._slots += 1
        if slot == len(state.instruments):
            more = len(state.instruments) or _FIRST_SLOTS
            state = state._replace(
                slots=with_capacity(state.slots, slot + more),
                instruments=np.concatenate([state.instruments, np.full(more, UNWANTED, np.int32)]),
                tops=np.concatenate([state.tops, np.zeros((more, TOP_FIELDS), np.int64)]),
                session=np.concatenate([state.session, np.zeros(more, np.int64)]),
                day=np.concatenate([state.day, np.zeros(more, np.int64)]),
                sound=np.concatenate([state.sound, np.zeros(more, np.int64)]),
                orders=with_more_slots(state.orders, slot + more),
            )
        state.instruments[slot] = self._number_of(symbol_in(word))
        keep_slot(state, np.uint64(word), slot)
        self._state = state

    def _number_of(self, symbol: str | None) -> int:
        """Return the number of a symbol's instrument."""
        if symbol is None:
            return BAD_SYMBOL
        if self._wanted is not None and symbol not in self._wanted:
            self.others.append(symbol)
            return UNWANTED
        self.instruments += (stock_of(symbol),)
        return len(self.instruments) - 1


def _ends(flags: npt.NDArray[np.uint8], count: int) -> int:
    """Return how many of the first rows are of whole events."""
    ends = np.flatnonzero(flags[:count] & F_LAST)
    return int(ends[-1]) + 1 if len(ends) else 0


def _by_type(counts: npt.NDArray[np.int64]) -> Counter[str]:
    return Counter({chr(kind): int(counts[kind]) for kind in np.flatnonzero(counts)})
