"""Decoder of ITCH bytes into EventBatches, without I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.events import CLEAR, COLUMNS, F_LAST, NO_SIDE, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument, find_instrument
from hftlab.kernels.integer_map import LIVE, new_map, with_capacity
from hftlab.venues.arbitration import ArbitrationStats
from hftlab.venues.itch.decode_kernel import EVENT, INPUT, MOST_ROWS, ROWS, RunColumns, decode, gather_runs, name_runs
from hftlab.venues.itch.decoder_state import (
    EMPTY,
    EXCESS,
    INSTRUMENTS,
    MALFORMED,
    MESSAGES,
    REPEATED,
    TALLIES,
    UNKNOWN_LOCATE,
    DecoderState,
    Rows,
)
from hftlab.venues.itch.message_layouts import LAYOUTS
from hftlab.venues.moldudp64 import Runs

__all__ = ["CHUNK", "Decoder", "Stats", "find_stock", "listed"]

IntArray = npt.NDArray[np.int64]

CHUNK: Final = 3 << 14
"""Rows of a batch: so many that its own cost is small, so few that its columns stay in the processor's cache."""
_FIRST_ORDERS: Final = 1 << 12
_LOCATES: Final = 1 << 16
_NO_STOCK: Final = 0  # eight zeros, where a stock is padded with spaces
_TICK: Final = UNIT // 10_000
_GAP: Final = 7 * 64  # bytes
_EVENT: Final = 12  # bytes of a system event
_STAMP: Final = slice(5, 11)
_START, _END = b"O", b"C"


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of what a decoder has met so far."""

    messages: Counter[str]  # by type
    unknown_types: Counter[str]  # letters that ITCH 5.0 does not have
    unknown_references: Counter[str]  # by type: messages about orders that nothing added or replaced, dropped
    sideless_references: Counter[str]  # by type: about orders whose side a U of an unknown one hid, dropped
    repeated_references: int  # added, and live already: the new order takes the old one's place
    excess_shares: int  # messages that take more shares off an order than it has left
    malformed: int  # not as long as their type is, an unknown side, a stock or number that cannot be; dropped
    empty: int  # frames of no bytes
    live_orders: int
    truncated_bytes: int  # at the end of the file: part of a message
    is_torn: bool  # a file that ends too early: its packed stream, or within a packet
    gaps: int = 0  # of the messages' numbers, in packets: no line had them
    missing: int = 0  # messages in those gaps
    duplicates: int = 0  # messages that another packet had brought, as those of a B line
    days_begun_anew: int = 0  # starts of messages behind an end of messages, in files that do not say the day


class Decoder:
    """Decoder of one stream of length-prefixed messages into EventBatches of at most `chunk` rows.

    `midnight` (ns since 1970 UTC) is added to the messages' times; `symbols` are the only ones kept, None keeps all.
    A symbol that Nasdaq cannot have, because it is not 1 to 8 characters of ASCII, keeps nothing. `truncated_bytes`,
    `is_torn` and `arbitration` are for the caller to set. Raises ValueError for a chunk below 3 rows.

    With a start of messages (S with the code O) behind an end of messages (C) another day begins, whose date nothing
    tells: no order or locate code is left, every instrument has an R, and times go on to count from the same midnight.
    """

    def __init__(self, *, symbols: Iterable[str] | None = None, midnight: int = 0, chunk: int = CHUNK) -> None:
        if chunk < MOST_ROWS:
            raise ValueError(f"chunk must be {MOST_ROWS} or more rows, got {chunk}")
        self.truncated_bytes, self.is_torn = 0, False
        self.arbitration: ArbitrationStats | None = None
        self.midnight, self._chunk = midnight, chunk
        self._instruments: tuple[Instrument, ...] = ()
        self._rows, self._row = _new_rows(chunk), 0
        self._received: IntArray | None = None
        self._session, self._others = 0, dict[int, DecoderState]()
        self._has_ended, self._days_begun_anew = False, 0
        self._state = DecoderState(
            orders=new_map(_FIRST_ORDERS),
            locates=_new_locates(),
            symbols=np.zeros(_LOCATES, np.uint64),
            others=np.zeros(_LOCATES, np.uint64),
            wanted=np.array([_word_of(symbol) for symbol in listed(symbols)], np.uint64),
            counts=np.zeros(256, np.int64),
            unknown=np.zeros(256, np.int64),
            sideless=np.zeros(256, np.int64),
            tallies=np.zeros(TALLIES, np.int64),
        )

    def feed(self, data: npt.NDArray[np.uint8], end: int) -> Generator[EventBatch, None, int]:
        """Decode the whole messages of data[:end], yield each batch that is full, return how many bytes they were."""
        at, why = 0, ROWS
        while why != INPUT:
            at, self._row, why = decode(data, at, end, self._state, self._rows, self._row, self.midnight)
            if why == ROWS:
                yield self.flush()
            elif why == EVENT:
                yield from self._take_event(data[at - _EVENT : at].tobytes())
            elif why != INPUT:
                self._make_room()
        return at

    def begin_day(self, midnight: int, ts_recv: int, sequence: int) -> Iterator[EventBatch]:
        """Begin the day whose times count from `midnight`: no order or locate code of the days before is left.

        Yields the rows decoded since the last batch, and an R for each instrument, all at `ts_recv`.
        """
        if self._row:
            yield self.flush()
        cleared = _cleared(self.instruments, ts_recv, sequence)
        for start in range(0, len(cleared), self._chunk):
            yield cleared[start : start + self._chunk]
        self._others.clear()
        self._state = self._state._replace(orders=new_map(_FIRST_ORDERS), locates=_new_locates())
        self.midnight = midnight

    def feed_runs(self, runs: Runs) -> Iterator[EventBatch]:
        """Decode runs of messages out of packets, and yield each batch that is full.

        Each session has orders and locate codes of its own. `ts_recv` is the packet's, `sequence` the session's number
        of the message; rows behind a gap of their session have the flag F_MAYBE_BAD_BOOK.
        """
        columns = RunColumns(runs.start, runs.end, runs.count, runs.sequence, runs.ts_recv, runs.is_after_gap)
        borders = [*(np.flatnonzero(np.diff(runs.session)) + 1).tolist(), len(runs)]
        out, run = np.empty(int((runs.end - runs.start).sum()), np.uint8), 0
        for border in borders:
            if run < border:
                self._enter(int(runs.session[run]))
            while run < border:
                first = run
                self._state.tallies[MESSAGES] = runs.sequence[run] - 1
                run, end = gather_runs(runs.data, columns, run, border, out)
                yield from self._feed_together(columns, first, out, end)

    def _feed_together(self, runs: RunColumns, run: int, data: npt.NDArray[np.uint8], end: int) -> Iterator[EventBatch]:
        """Decode runs that were gathered, the first of which is `run`."""
        at, why = 0, ROWS
        while why != INPUT:
            if self._received is None:
                self._received = np.empty(self._chunk, np.int64)
            before = self._row
            at, self._row, why = decode(data, at, end, self._state, self._rows, before, self.midnight)
            name_runs(runs, run, self._rows, self._received, before, self._row)
            if why == ROWS:
                yield self.flush()
            elif why == EVENT:
                if not runs.ts_recv[run]:
                    yield from self._take_event(data[at - _EVENT : at].tobytes())
            elif why != INPUT:
                self._make_room()

    def flush(self) -> EventBatch:
        """Return the rows decoded since the last batch."""
        columns = {name: values[: self._row] for name, values in self._rows._asdict().items()}
        columns["ts_recv"] = columns["ts_event"] if self._received is None else self._received[: self._row]
        self._rows, self._row, self._received = _new_rows(self._chunk), 0, None
        return EventBatch._trusted(columns, self.instruments)

    def decode(self, data: bytes) -> EventBatch:
        """Decode some length-prefixed messages; bytes after the last whole one add to `truncated_bytes`."""
        array = np.frombuffer(data, np.uint8).copy()
        batches, feeding = [], self.feed(array, len(array))
        try:
            while True:
                batches.append(next(feeding))
        except StopIteration as done:
            self.truncated_bytes += len(array) - done.value
        batches.append(self.flush())
        return EventBatch.concat(batches) if len(batches) > 1 else batches[0]

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments met so far, in the order of their numbers; the same tuple until there is a new one."""
        known = int(self._state.tallies[INSTRUMENTS])
        if known > len(self._instruments):
            words = self._state.symbols[len(self._instruments) : known].tolist()
            self._instruments += tuple(find_stock(_symbol_of(word)) for word in words)
        return self._instruments

    @property
    def others(self) -> list[str]:
        """Symbols met so far that are not among those to keep."""
        return [_symbol_of(word) for word in np.unique(self._state.others[self._state.others > 0]).tolist()]

    @property
    def stats(self) -> Stats:
        """Counts so far."""
        counts, tallies = _by_letter(self._state.counts), self._state.tallies
        return Stats(
            messages=Counter({letter: n for letter, n in counts.items() if letter in LAYOUTS}),
            unknown_types=Counter({letter: n for letter, n in counts.items() if letter not in LAYOUTS}),
            unknown_references=_by_letter(self._state.unknown),
            sideless_references=_by_letter(self._state.sideless),
            repeated_references=int(tallies[REPEATED]),
            excess_shares=int(tallies[EXCESS]),
            malformed=int(tallies[MALFORMED]),
            empty=int(tallies[EMPTY]),
            live_orders=sum(int(one.orders.counts[LIVE]) for one in (self._state, *self._others.values())),
            truncated_bytes=self.truncated_bytes,
            is_torn=self.is_torn,
            gaps=self.arbitration.gaps if self.arbitration else 0,
            missing=self.arbitration.missing if self.arbitration else 0,
            duplicates=self.arbitration.duplicates if self.arbitration else 0,
            days_begun_anew=self._days_begun_anew,
        )

    def _take_event(self, message: bytes) -> Iterator[EventBatch]:
        """Begin another day at a start of messages behind the end of others."""
        is_start, self._has_ended = message[-1:] == _START and self._has_ended, message[-1:] == _END
        if is_start:
            self._days_begun_anew += 1
            time = self.midnight + int.from_bytes(message[_STAMP], "big")
            yield from self.begin_day(self.midnight, time, int(self._state.tallies[MESSAGES]))

    def _make_room(self) -> None:
        orders = self._state.orders
        self._state = self._state._replace(orders=with_capacity(orders, 2 * len(orders.entries)))

    def _enter(self, session: int) -> None:
        """Go on with the orders and locate codes of a session; instruments and counts are those of all."""
        if session != self._session:
            self._others[self._session] = self._state
            self._session = session
            known = self._others.pop(session, None)
            self._state = known or self._state._replace(orders=new_map(_FIRST_ORDERS), locates=_new_locates())


def _cleared(instruments: tuple[Instrument, ...], time: int, sequence: int) -> EventBatch:
    """Return an R for each instrument."""
    count = len(instruments)
    return EventBatch(
        ts_event=np.full(count, time),
        ts_recv=np.full(count, time),
        sequence=np.full(count, sequence),
        instrument_id=np.arange(count, dtype=np.int32),
        order_id=np.zeros(count, np.uint64),
        action=np.full(count, CLEAR, np.uint8),
        side=np.full(count, NO_SIDE, np.uint8),
        price=np.zeros(count, np.int64),
        size=np.zeros(count, np.int64),
        flags=np.full(count, F_LAST, np.uint8),
        instruments=instruments,
    )


def _new_locates() -> npt.NDArray[np.int32]:
    return np.full(_LOCATES, UNKNOWN_LOCATE, np.int32)


def _new_rows(count: int) -> Rows:
    """Make the columns of a batch, in one block of memory with gaps.

    Without them the columns would begin at the same place of a page and compete for the same lines of the cache.
    """
    sizes = [count * np.dtype(COLUMNS[name]).itemsize for name in Rows._fields]
    starts = [0, *accumulate(size + -size % _GAP + _GAP for size in sizes)]
    block = np.empty(starts[-1], np.uint8)
    columns = zip(Rows._fields, starts, sizes, strict=False)
    return Rows(**{name: block[start : start + size].view(COLUMNS[name]) for name, start, size in columns})


def listed(symbols: Iterable[str] | str | None) -> list[str]:
    """Return the symbols to keep as a list, empty for all. Raises ValueError if none of several is named."""
    listed = [symbols] if isinstance(symbols, str) else list(symbols or ())
    if symbols is not None and not listed:
        raise ValueError("symbols is empty: name the symbols to keep, or None to keep all")
    return listed


def _word_of(symbol: str) -> int:
    if not (symbol.isascii() and 1 <= len(symbol) <= 8):
        return _NO_STOCK
    return int.from_bytes(symbol.encode().ljust(8), "big")


def find_stock(symbol: str) -> Instrument:
    """Return the instrument that hftlab knows at Nasdaq by that symbol, else one with a tick of $0.0001."""
    known = find_instrument(symbol, NASDAQ)
    # ITCH counts whole shares.
    if known is not None and known.lot == UNIT:
        return known
    return Instrument(symbol, NASDAQ, tick=_TICK, lot=UNIT, currency=NASDAQ.currency)


def _symbol_of(word: int) -> str:
    return word.to_bytes(8, "big").decode("ascii").rstrip(" ")


def _by_letter(counts: npt.NDArray[np.int64]) -> Counter[str]:
    return Counter({chr(code): int(counts[code]) for code in np.flatnonzero(counts)})
