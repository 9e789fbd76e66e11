"""Decoder of packets of the NYSE Integrated Feed into EventBatches, without I/O."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import ArgumentError
from hftlab.events import EventBatch
from hftlab.instruments import Instrument
from hftlab.kernels.integer_map import LIVE, new_map, with_capacity
from hftlab.venues.arbitration import Ordered
from hftlab.venues.event_rows import CHUNK, new_rows, packed
from hftlab.venues.nyse import decoder_state as tally
from hftlab.venues.nyse.decode_kernel import INPUT, MOST_ROWS, NAMES, ROWS, SLOTS, decode
from hftlab.venues.nyse.decoder_state import NO_TIME, TALLIES, DecoderState, Packets
from hftlab.venues.nyse.layouts import LEAST_SIZES
from hftlab.venues.nyse.listing import Listing
from hftlab.venues.nyse.packet_cursor import AT, END, FIELDS, LEFT, NEXT, all_of
from hftlab.venues.nyse.symbol_table import SymbolTable
from hftlab.venues.pcap import Datagrams

__all__ = ["Decoder", "Mapped", "Stats"]

Mapped = Mapping[int, Listing | tuple[str, int]]

_FIRST_ORDERS: Final = 1 << 12
_TYPES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts of what a decoder has met so far; messages are counted by type, as in "100"."""

    packets: int  # heartbeats among them
    heartbeats: int
    other_datagrams: int  # not packets of the feed, by size and delivery flag
    messages: Counter[str]
    unknown_types: Counter[str]
    unknown_orders: Counter[str]  # about orders that nothing added, dropped
    unmapped: Counter[str]  # about symbols whose index no mapping has named, dropped
    seen_before: int  # messages that another line has brought already, dropped
    missing: int  # sequence numbers of symbols that never came
    stale_refreshes: int  # orders of refreshes that are older than the book, dropped
    timed_by_packet: int  # messages before a time reference: their second is that of the packet
    repeated_orders: int  # added, and live already: the new order takes the old one's place
    excess_shares: int  # executions of more shares than the order has left
    malformed: int  # shorter than their type is, an unknown side, no shares, a symbol that cannot be; dropped
    live_orders: int


class Decoder:
    """Decoder of a feed's packets into EventBatches of at most `chunk` rows.

    `symbols` are the only ones kept, None keeps all. `mapping` and `price_scale` name symbols that the packets do not
    name, as `hftlab.venues.nyse.read()` explains. Raises ArgumentError for a chunk below 4 rows, a mapping or scale
    that cannot be, and if none of several symbols is named.
    """

    def __init__(
        self,
        *,
        symbols: Iterable[str] | str | None = None,
        mapping: Mapped | None = None,
        price_scale: int | None = None,
        chunk: int = CHUNK,
    ) -> None:
        if chunk < MOST_ROWS:
            raise ArgumentError(f"chunk must be {MOST_ROWS} or more rows, got {chunk}")
        wanted = None if symbols is None else [symbols] if isinstance(symbols, str) else list(symbols)
        if wanted is not None and not wanted:
            raise ArgumentError("symbols is empty: name the symbols to keep, or None to keep all")
        self._table = SymbolTable(wanted, mapping, price_scale)
        self._chunk = chunk
        self._rows, self._row = new_rows(chunk), 0
        self._state = DecoderState(
            orders=new_map(_FIRST_ORDERS),
            symbols=self._table.columns,
            day=np.full(1, NO_TIME, np.int64),
            seconds=np.full(256, NO_TIME, np.int64),
            cursor=np.zeros(FIELDS, np.int64),
            counts=np.zeros(_TYPES, np.int64),
            unknown=np.zeros(256, np.int64),
            unmapped=np.zeros(256, np.int64),
            tallies=np.zeros(TALLIES, np.int64),
        )

    def feed(self, datagrams: Datagrams | Ordered) -> Iterator[EventBatch]:
        """Decode datagrams, or those that an Arbiter has put in order, and yield each batch that is full."""
        packets = _in_order(datagrams) if isinstance(datagrams, Ordered) else all_of(datagrams)
        self._state.cursor[NEXT] = 0
        why = ROWS
        while why != INPUT:
            self._row, why = decode(packets, self._state, self._rows, self._row, self._table.names_all)
            if why == ROWS:
                yield self.flush()
            elif why == SLOTS:
                orders = self._state.orders
                self._state = self._state._replace(orders=with_capacity(orders, 2 * len(orders.entries)))
            elif why == NAMES:
                self._name(packets.data)

    def flush(self) -> EventBatch:
        """Return the rows decoded since the last batch."""
        batch = packed(self._rows, self._row, self.instruments)
        self._rows, self._row = new_rows(self._chunk), 0
        return batch

    def decode(self, datagrams: Datagrams) -> EventBatch:
        """Decode datagrams into one batch."""
        return EventBatch.concat([*self.feed(datagrams), self.flush()])

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Instruments named so far, in the order of their numbers."""
        return self._table.instruments

    @property
    def others(self) -> list[str]:
        """Symbols named so far that are not among those to keep."""
        return self._table.others

    @property
    def listings(self) -> Mapping[int, Listing]:
        """Listings named so far by symbol index."""
        return self._table.listings

    @property
    def stats(self) -> Stats:
        """Counts so far."""
        state, tallies = self._state, self._state.tallies
        counts = _by_type(state.counts)
        return Stats(
            packets=int(tallies[tally.PACKETS]),
            heartbeats=int(tallies[tally.HEARTBEATS]),
            other_datagrams=int(tallies[tally.OTHERS]),
            messages=Counter({kind: n for kind, n in counts.items() if _is_known(int(kind))}),
            unknown_types=Counter({kind: n for kind, n in counts.items() if not _is_known(int(kind))}),
            unknown_orders=_by_type(state.unknown),
            unmapped=_by_type(state.unmapped),
            seen_before=int(tallies[tally.SEEN]),
            missing=int(tallies[tally.MISSING]),
            stale_refreshes=int(tallies[tally.STALE]),
            timed_by_packet=int(tallies[tally.TIMED_BY_PACKET]),
            repeated_orders=int(tallies[tally.REPEATED]),
            excess_shares=int(tallies[tally.EXCESS]),
            malformed=int(tallies[tally.MALFORMED]) + self._table.malformed,
            live_orders=int(state.orders.counts[LIVE]),
        )

    def _name(self, data: npt.NDArray[np.uint8]) -> None:
        """Name the symbol that the message at the cursor is about, and those of mappings behind it in the packet.

        A day begins with packets full of mappings: the loop need not return for each.
        """
        at, end, left = (int(self._state.cursor[field]) for field in (AT, END, LEFT))
        packet, place = data[at:end].tobytes(), 0
        for number in range(left):
            size = int.from_bytes(packet[place : place + 2], "little")
            message = packet[place : place + size]
            if number > 0 and not self._table.is_first_mapping(message, size):
                break
            self._table.name_message(message)
            place += size
        self._state = self._state._replace(symbols=self._table.columns)


def _in_order(ordered: Ordered) -> Packets:
    whole, packet = ordered.datagrams, ordered.packet
    return Packets(
        whole.data, whole.ts_recv[packet], whole.start[packet], whole.end[packet], ordered.skip, ordered.count
    )


def _is_known(kind: int) -> bool:
    return kind < len(LEAST_SIZES) and LEAST_SIZES[kind] > 0


def _by_type(counts: npt.NDArray[np.int64]) -> Counter[str]:
    return Counter({str(kind): int(counts[kind]) for kind in np.flatnonzero(counts)})
