"""Decoder of MITCH's units into EventBatches, without I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import ArgumentError
from hftlab.events import EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.kernels.integer_map import new_map, with_capacity
from hftlab.venues.arbitration import Arbiter, Gap, Ordered
from hftlab.venues.event_rows import CHUNK, new_rows, packed
from hftlab.venues.live_orders import live_count, new_orders, with_more_orders, with_more_slots
from hftlab.venues.mitch import decoder_state as tally
from hftlab.venues.mitch.decode_kernel import DIRECTORY, INPUT, MOST_ROWS, NAMES, ORDERS, ROWS, decode, keep_slot
from hftlab.venues.mitch.decoder_state import DAY_FIELDS, GROUPS, NO_DAY, NO_TIME, TALLIES, DecoderState
from hftlab.venues.mitch.layouts import LEAST_SIZES
from hftlab.venues.mitch.listings import Listing, instrument_of, listing_in, symbol_of
from hftlab.venues.mitch.london import Days
from hftlab.venues.mitch.unit_headers import unit_headers
from hftlab.venues.packet_cursor import FIELDS, NEXT, GapNumbers, ended, packets_of
from hftlab.venues.pcap.datagrams import Datagrams

__all__ = ["Decoder", "Stats"]

_FIRST_SLOTS: Final = 1 << 10
_HOUR: Final = 3600 * UNIT
"""Time of a night until which what is received is still of the day before."""
_UNKNOWN: Final = Listing("", "", "")


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of what a decoder has met so far; messages are counted by type, as in "0x41"."""

    units: int  # heartbeats among them
    heartbeats: int
    other_datagrams: int  # not units whose messages fill them
    unnumbered: int  # units without a sequence number, of which nothing is read
    messages: Counter[str]
    unknown_types: Counter[str]
    unknown_orders: Counter[str]  # about orders that nothing added, dropped
    duplicates: int  # messages that another line has brought already, dropped
    late: int  # messages that came after they were given up, dropped
    missing: int  # messages that no line had, in `gaps` gaps
    gaps: int
    timed_by_capture: int  # messages before a time message: their second is that in which they were received
    other_books: int  # messages about orders of firm quotes and private requests for quotes, which make no rows
    corrections: int  # trades that are cancelled or amended, which make no rows
    repeated_orders: int  # added, and live already: the new order takes the old one's place
    excess_shares: int  # executions of more shares than the order displays
    malformed: int  # shorter than their type is, an unknown side, no shares, a price that cannot be; dropped
    live_orders: int


class Decoder:
    """Decoder of units into EventBatches of at most `chunk` rows; lines of the same groups are put together.

    `symbols` are the only ones kept, None keeps all; `names` gives symbols to instruments, by number, SEDOL or ISIN.
    `midnight` is that from which the feed's times count, in ns since 1970 UTC; None takes that of the London day on
    which each unit was received. An instrument begins a further day with an R: one on which units are received whose
    numbers begin anew or that come behind an hour of silence, or one that begins with a start of day (0x53) behind an
    end of day. Behind a gap the rows of its group have the flag F_MAYBE_BAD_BOOK, until their instrument's book is
    cleared. After the last datagrams come `end()`'s batches. Raises ArgumentError for a chunk below 3 rows, and if none
    of several symbols is named.
    """

    def __init__(
        self,
        *,
        symbols: Iterable[str] | str | None = None,
        names: Mapping[int | str, str] | None = None,
        midnight: int | None = None,
        chunk: int = CHUNK,
    ) -> None:
        if chunk < MOST_ROWS:
            raise ArgumentError(f"chunk must be {MOST_ROWS} or more rows, got {chunk}")
        wanted = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        if wanted is not None and not wanted:
            raise ArgumentError("symbols is empty: name the symbols to keep, or None to keep all")
        self._wanted = None if wanted is None else set(wanted)
        self._names, self._chunk = dict(names or {}), chunk
        self._days, self._dates = Days(midnight), Days(None)
        self._rows, self._row = new_rows(chunk), 0
        self._arbiter, self._gap_numbers = Arbiter(restarts=True), GapNumbers()
        self._units = self._heartbeats = self._others = self._unnumbered = 0
        self._slots: dict[int, str] = {}
        self._numbers: dict[str, int] = {}
        self.instruments: tuple[Instrument, ...] = ()
        """Instruments met so far, in the order of their numbers."""
        self.others: list[str] = []
        """Symbols met so far that are not among those to keep."""
        self.gaps: tuple[Gap, ...] = ()
        """Messages that no line had; the stream of a gap is the market data group as a number."""
        self._state = DecoderState(
            orders=new_orders(),
            slots=new_map(_FIRST_SLOTS),
            instruments=np.zeros(0, np.int32),
            day=np.zeros(0, np.int64),
            sound=np.zeros(0, np.int64),
            days=np.zeros((GROUPS, DAY_FIELDS), np.int64),
            seconds=np.full(GROUPS, NO_TIME, np.int64),
            cursor=np.zeros(FIELDS, np.int64),
            wanted=np.zeros(1, np.int64),
            counts=np.zeros(256, np.int64),
            unknown=np.zeros(256, np.int64),
            tallies=np.zeros(TALLIES, np.int64),
        )

    def feed(self, datagrams: Datagrams) -> Iterator[EventBatch]:
        """Decode datagrams, and yield each batch that is full."""
        headers = unit_headers(datagrams)
        is_beat = headers.is_unit & (headers.messages == 0)
        self._units += int(headers.is_unit.sum())
        self._heartbeats += int(is_beat.sum())
        self._others += int((~headers.is_unit).sum())
        self._unnumbered += int((headers.is_unit & ~is_beat & (headers.group < 0)).sum())
        whole = ended(datagrams, headers.end)
        yield from self._decode(self._arbiter.feed(whole, headers.group, headers.sequence, headers.messages))

    def end(self) -> Iterator[EventBatch]:
        """Decode what was held back for messages that are still missing, and yield the last batches."""
        yield from self._decode(self._arbiter.flush())
        if self._row:
            yield self.flush()

    def flush(self) -> EventBatch:
        """Return the rows decoded since the last batch."""
        batch = packed(self._rows, self._row, self.instruments)
        self._rows, self._row = new_rows(self._chunk), 0
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
            units=self._units,
            heartbeats=self._heartbeats,
            other_datagrams=self._others,
            unnumbered=self._unnumbered,
            messages=Counter({kind: n for kind, n in counts.items() if LEAST_SIZES[int(kind, 16)]}),
            unknown_types=Counter({kind: n for kind, n in counts.items() if not LEAST_SIZES[int(kind, 16)]}),
            unknown_orders=_by_type(state.unknown),
            duplicates=lines.duplicates,
            late=lines.late,
            missing=lines.missing,
            gaps=lines.gaps,
            timed_by_capture=int(tallies[tally.UNTIMED]),
            other_books=int(tallies[tally.OTHER_BOOKS]),
            corrections=int(tallies[tally.CORRECTIONS]),
            repeated_orders=int(tallies[tally.REPEATED]),
            excess_shares=int(tallies[tally.EXCESS]),
            malformed=int(tallies[tally.MALFORMED]),
            live_orders=live_count(state.orders),
        )

    def _decode(self, ordered: Ordered) -> Iterator[EventBatch]:
        self.gaps += ordered.gaps
        packets = packets_of(ordered, self._gap_numbers.before(ordered))
        received = ordered.datagrams.ts_recv
        midnights, dates = self._days.midnights(received), self._dates.midnights(received - _HOUR)
        self._state.cursor[NEXT] = 0
        why = ROWS
        while why != INPUT:
            self._row, why = decode(packets, self._state, self._rows, self._row, midnights, dates)
            if why == ROWS:
                yield self.flush()
            elif why == ORDERS:
                self._state = self._state._replace(orders=with_more_orders(self._state.orders))
            elif why == NAMES:
                self._name(int(self._state.wanted[0]), _UNKNOWN)
            elif why == DIRECTORY:
                at = int(self._state.wanted[0])
                message = packets.data[at : at + int(LEAST_SIZES[0x52])].tobytes()
                self._name(int.from_bytes(message[6:10], "little"), listing_in(message))

    def _name(self, number: int, listing: Listing) -> None:
        """Give an instrument a slot, unless it has one: an instrument keeps its name for the day."""
        if number in self._slots:
            return
        codes = (number, listing.sedol, listing.isin)
        symbol = next((self._names[code] for code in codes if code in self._names), None)
        symbol = symbol or symbol_of(number, listing)
        slot = len(self._slots)
        self._slots[number] = symbol
        state = self._state
        if slot == len(state.instruments):
            more = np.full(len(state.instruments) or _FIRST_SLOTS, -1, np.int32)
            state = state._replace(
                slots=with_capacity(state.slots, slot + len(more)),
                instruments=np.concatenate([state.instruments, more]),
                day=np.concatenate([state.day, np.full(len(more), NO_DAY, np.int64)]),
                sound=np.concatenate([state.sound, np.zeros(len(more), np.int64)]),
                orders=with_more_slots(state.orders, slot + len(more)),
            )
        state.instruments[slot] = self._number_of(symbol, listing.currency)
        keep_slot(state, number, slot)
        self._state = state

    def _number_of(self, symbol: str, currency: str) -> int:
        """Return the number of a symbol's instrument, -1 for one that is not wanted."""
        if self._wanted is not None and symbol not in self._wanted:
            self.others.append(symbol)
            return -1
        number = self._numbers.get(symbol)
        if number is None:
            number = self._numbers[symbol] = len(self.instruments)
            self.instruments += (instrument_of(symbol, currency),)
        return number


def _by_type(counts: npt.NDArray[np.int64]) -> Counter[str]:
    return Counter({f"0x{kind:02x}": int(counts[kind]) for kind in np.flatnonzero(counts)})
