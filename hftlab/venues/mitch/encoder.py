"""Encoder of EventBatches as MITCH's units, without I/O."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hftlab.events import ADD, CLEAR, NONE, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.venues.encodable_rows import require, require_orders, row_error, segments
from hftlab.venues.live_orders import has_room, live_count, new_orders, with_more_orders, with_more_slots
from hftlab.venues.message_columns import encode_message
from hftlab.venues.mitch.encode_kernel import COUNTERS, SKIPPED, Live, encode
from hftlab.venues.mitch.layouts import FORMAT, HEADER
from hftlab.venues.mitch.listings import PRICE_UNIT, directory_message
from hftlab.venues.mitch.london import as_midnight, midnight_of
from hftlab.venues.mitch.message_tables import message_bytes
from hftlab.venues.mitch.unit_headers import HEADER_SIZE, MOST_MESSAGES
from hftlab.venues.mitch.unit_writers import (
    END,
    GROUP,
    LONGEST_UNIT,
    OUTPUT_FIELDS,
    SECOND,
    SEQUENCE,
    UNITS,
    Events,
    Output,
)
from hftlab.venues.pcap import Datagrams, Flow

__all__ = ["FLOW", "Encoder"]

FLOW: Final = Flow("192.0.2.1", 60_000, "233.252.0.3", 60_000)
"""Flow of the units that are written, in addresses reserved for documentation (RFC 5737, 5771)."""

_DAY: Final = 86_400 * UNIT
_FEED: Final = "MITCH"
_MOST_BYTES: Final = 8 + 6 + 8 + 44  # of a row: unit, time message, perhaps in a unit of its own, message


class Encoder:
    """Encoder of order-level events as units of MITCH 11.9, all of market data group A.

    | rows | message |
    |---|---|
    | A | 0x41 |
    | T F C of one order and size | 0x45, or 0x43 if T's price is not the order's |
    | F C | 0x43, not printable |
    | T F M, F M | 0x43 with what the order then displays; 0x55 behind it if its price changes |
    | C | 0x44 if nothing is left, else 0x55 with the shares left |
    | C of all, and A of the same order, as one event | 0x55 that loses its place if no more is added |
    | M | 0x55; it keeps its place if only the size falls |
    | T alone, or with an F that no row takes off the book | 0x50 |
    | R | 0x79 |

    N rows, and F rows without any of these, have no message: `skipped` counts them. The first batch is preceded by the
    start of the day (0x53), an instrument's first batch by its symbol directory (0x52): instruments are numbered from
    1, with their ISIN and SEDOL if hftlab knows them, else with the symbol in place of the SEDOL. A time message (0x54)
    precedes the first message of each second. Times count from the midnight in London of `date`, by default the first
    row's day; those of 1970-01-01 UTC are taken as they are, as `read()` gives them where it knows no day. A unit has
    the messages of rows in a row that have one `ts_recv`, as many as fit. What it decodes back to is the batch, if
    every event has one of these forms without a C that leaves shares, and T's side and order_id are what a decoder can
    know; `sequence` becomes the message's number.

    A row that MITCH cannot express raises EventError naming it; the encoder cannot be used afterwards.
    """

    def __init__(self, date: dt.date | str | None = None) -> None:
        self._midnight = as_midnight(date)
        self._numbers: dict[Instrument, int] = {}
        self._fields = np.zeros(OUTPUT_FIELDS, np.int64)
        self._fields[SEQUENCE], self._fields[SECOND] = 1, -1
        self._time = self._received = 0
        self._live = Live(with_more_slots(new_orders(), 1), np.zeros(COUNTERS, np.int64))

    @property
    def skipped(self) -> int:
        """Number of rows that have no message."""
        return int(self._live.counters[SKIPPED])

    @property
    def live_orders(self) -> int:
        """Number of live orders."""
        return live_count(self._live.orders)

    def encode(self, batch: EventBatch) -> Iterator[Datagrams]:
        """Encode a batch. Raises EventError from the iterator."""
        if not len(batch):
            return
        first = int(batch.ts_event[0])
        if self._midnight is None:
            self._midnight = 0 if 0 <= first < _DAY else midnight_of(first)
        _check(batch, self._midnight)
        self._time, self._received = first - self._midnight, int(batch.ts_recv[0])
        if head := self._start(batch):
            yield self._datagrams(head)
        for start, stop in segments(batch.flags):
            yield self._encode(batch, start, stop)
        self._time, self._received = int(batch.ts_event[-1]) - self._midnight, int(batch.ts_recv[-1])

    def end(self) -> Datagrams:
        """Encode the end of the day."""
        return self._datagrams(self._packed([*self._second(), self._event("C")]))

    def _encode(self, batch: EventBatch, start: int, stop: int) -> Datagrams:
        count = stop - start
        self._reserve(count)
        # A time message may need a unit of its own, so that a row makes two.
        output = Output(
            data=np.empty(count * _MOST_BYTES, np.uint8),
            starts=np.empty(2 * count, np.int64),
            ends=np.empty(2 * count, np.int64),
            received=np.empty(2 * count, np.int64),
            fields=self._fields,
        )
        self._fields[END] = self._fields[UNITS] = 0
        row, problem = encode(self._events(batch[start:stop]), self._live, output)
        if problem:
            raise row_error(batch, start + row, problem)
        units, end = int(self._fields[UNITS]), int(self._fields[END])
        return Datagrams(
            output.data[:end],
            output.received[:units],
            output.starts[:units],
            output.ends[:units],
            np.zeros(units, np.int32),
            (FLOW,),
        )

    def _start(self, batch: EventBatch) -> list[bytes]:
        """Encode what comes before the rows: the start of the day, and the directory of new instruments."""
        messages = []
        new = [one for one in batch.instruments if one not in self._numbers]
        if not self._numbers or new:
            messages += self._second()
        if not self._numbers:
            messages.append(self._event("O"))
        for instrument in new:
            number = self._numbers[instrument] = len(self._numbers) + 1
            messages.append(directory_message(number, instrument, self._time % UNIT))
        return self._packed(messages)

    def _second(self) -> list[bytes]:
        """Encode a time message, if the second is new."""
        second = self._time // UNIT
        if self._fields[SECOND] == second:
            return []
        self._fields[SECOND] = second
        return [message_bytes("0x54", seconds=second)]

    def _event(self, code: str) -> bytes:
        return message_bytes("0x53", nanosecond=self._time % UNIT, event_code=code)

    def _packed(self, messages: Sequence[bytes]) -> list[bytes]:
        """Put messages into units."""
        units: list[list[bytes]] = []
        room = 0
        for message in messages:
            if not units or len(message) > room or len(units[-1]) == MOST_MESSAGES:
                units.append([])
                room = LONGEST_UNIT - HEADER_SIZE
            units[-1].append(message)
            room -= len(message)
        return [self._unit(some) for some in units]

    def _unit(self, messages: Sequence[bytes]) -> bytes:
        body, sequence = b"".join(messages), int(self._fields[SEQUENCE])
        self._fields[SEQUENCE] += len(messages)
        head = encode_message(
            HEADER,
            FORMAT.order,
            length=HEADER.size + len(body),
            message_count=len(messages),
            market_data_group=chr(GROUP),
            sequence_number=sequence,
        )
        return head + body

    def _datagrams(self, units: Sequence[bytes]) -> Datagrams:
        return Datagrams.of(units, self._received, FLOW)

    def _events(self, batch: EventBatch) -> Events:
        return Events(
            time=batch.ts_event - (self._midnight or 0),
            received=batch.ts_recv,
            instrument_id=batch.instrument_id,
            order_id=batch.order_id,
            action=batch.action,
            side=batch.side,
            price=batch.price // PRICE_UNIT,
            size=batch.size.astype(np.uint64),
            flags=batch.flags,
            numbers=np.array([self._numbers[one] for one in batch.instruments], np.uint64),
        )

    def _reserve(self, rows: int) -> None:
        orders = with_more_slots(self._live.orders, len(self._numbers) + 1)
        while not has_room(orders, rows):
            orders = with_more_orders(orders)
        self._live = self._live._replace(orders=orders)


def _check(batch: EventBatch, midnight: int) -> None:
    """Raise EventError for the first row with a value that does not fit into a message."""
    times, action = batch.ts_event - midnight, batch.action
    speaks = (action != NONE) & (action != CLEAR)
    adds = action == ADD
    # A day on which the clocks go back has 25 hours.
    is_of_day = (times >= 0) & (times < _DAY + _DAY // 24)
    require(_FEED, "ts_event", batch.ts_event, is_of_day, "times of one day in London, or `date`")
    require_orders(_FEED, batch)
    require(_FEED, "price", batch.price, ~speaks | (batch.price % PRICE_UNIT == 0), "multiples of 0.00000001")
    shares = (batch.size < 1 << 32) & ((batch.size > 0) | ~adds)
    require(_FEED, "size", batch.size, ~speaks | shares, "1 to 4294967295 shares")
