"""Encoder of EventBatches as packets of the NYSE Integrated Feed, without I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import EventError
from hftlab.events import ADD, CLEAR, NONE, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.kernels.integer_map import LIVE, new_map, with_capacity
from hftlab.venues.encodable_rows import require, require_orders, row_error, segments
from hftlab.venues.message_columns import encode_message
from hftlab.venues.nyse.encode_kernel import COUNTERS, SKIPPED, SUMMARY_FIELDS, TABLE_FIELDS, Live, encode
from hftlab.venues.nyse.layouts import HEADER, Version
from hftlab.venues.nyse.listing import LARGEST_SCALE, LONGEST_NAME, name_of
from hftlab.venues.nyse.message_tables import layouts_of, message_bytes
from hftlab.venues.nyse.packet_writers import (
    END,
    LONGEST_PACKET,
    MOST_MESSAGES,
    OUTPUT_FIELDS,
    PACKETS,
    SECOND,
    SEQUENCE,
    Events,
    Output,
)
from hftlab.venues.pcap import Datagrams, Flow

__all__ = ["FLOWS", "Encoder"]

FLOWS: Final = (
    Flow("192.0.2.1", 20_000, "233.252.0.1", 20_000),
    Flow("192.0.2.1", 20_000, "233.252.0.2", 20_001),
)
"""Flows of the main channel and of that of stock summaries, in addresses for documentation (RFC 5737, 5771)."""

_FIRST_ORDERS: Final = 1 << 12
_FIRST_SYMBOLS: Final = 64
_FEED: Final = "the Integrated Feed"
_MOST_BYTES: Final = 16 + 16 + 16 + 42  # of a row: packet, time reference, perhaps in a packet of its own, message
_SECONDS: Final = 1 << 32
_USUAL_SCALE, _COARSE_SCALE = 4, 3
_HIGH_PRICE: Final = 200_000 * UNIT
"""Prices from which on a symbol gets the coarser scale: four decimals end at $429,496."""
_PRODUCT, _CHANNEL, _SYSTEM = 11, 1, 1
_ORIGINAL, _RESET = 11, 12


class Encoder:
    """Encoder of order-level events as packets of the Integrated Feed of `version` "2.5" or "2.1".

    | rows | message |
    |---|---|
    | A | 100 |
    | T F C of one order and size | 103, printed |
    | F C | 103, not printed |
    | C | 102 if nothing is left, else 101 with the shares left |
    | C of all, and A on the same side, as one event | 104; 101 that loses its place if the order is the same |
    | M | 101 |
    | T F M | 103 and the 101 that the M asks for; a 100 if the order was used up, as reserve orders do |
    | T alone, or with an F that no row takes off the book | 110 |
    | R | 32 |

    N rows, and F rows without any of these, have no message: `skipped` counts them. The first batch is preceded by a
    sequence number reset, an instrument's first batch by its symbol index mapping: indexes count from 1, prices have
    four decimals, or three if they are above $200,000. All symbols are of one partition of the matching engine, whose
    time reference precedes the first message of each second. A packet has the messages of rows in a row that have one
    `ts_recv`, as many as fit. What it decodes back to is the batch, if every event has one of these forms without a C
    that leaves shares, T's side and order_id are what a decoder can know; `sequence` becomes the message's number.

    A row that the feed cannot express raises EventError naming it; the encoder cannot be used afterwards. Raises
    ArgumentError for an unknown version.
    """

    def __init__(self, version: Version = "2.5") -> None:
        layouts_of(version)
        self._version: Version = version
        self._indexes: dict[Instrument, int] = {}
        self._scales: dict[Instrument, int] = {}
        self._fields = np.zeros(OUTPUT_FIELDS, np.int64)
        self._fields[SEQUENCE], self._fields[SECOND] = 1, -1
        self._numbers = np.zeros(_FIRST_SYMBOLS, np.int64)
        self._time = self._received = 0
        self._live = Live(
            orders=new_map(_FIRST_ORDERS),
            table=np.zeros((_FIRST_ORDERS + 1, TABLE_FIELDS), np.uint64),
            summaries=np.zeros((_FIRST_SYMBOLS, SUMMARY_FIELDS), np.uint64),
            counters=np.zeros(COUNTERS, np.int64),
        )

    @property
    def skipped(self) -> int:
        """Number of rows that have no message."""
        return int(self._live.counters[SKIPPED])

    @property
    def live_orders(self) -> int:
        """Number of live orders."""
        return int(self._live.orders.counts[LIVE])

    def encode(self, batch: EventBatch) -> Iterator[Datagrams]:
        """Encode a batch. Raises EventError from the iterator."""
        if not len(batch):
            return
        _require_times(batch)
        self._time, self._received = int(batch.ts_event[0]), int(batch.ts_recv[0])
        head = self._start(batch)
        _check(batch, self._units(batch))
        if head:
            yield self._datagrams(head, 0)
        for start, stop in segments(batch.flags):
            yield self._encode(batch, start, stop)
        self._time, self._received = int(batch.ts_event[-1]), int(batch.ts_recv[-1])

    def end(self) -> Datagrams:
        """Encode the stock summaries of all symbols, on a channel of their own."""
        messages = []
        for instrument, index in self._indexes.items():
            high, low, first, last, volume = self._live.summaries[index].tolist()
            messages.append(
                self._message(
                    "223",
                    source_time=self._time // UNIT,
                    source_time_ns=self._time % UNIT,
                    symbol_index=self._indexes[instrument],
                    high_price=high,
                    low_price=low,
                    open=first,
                    close=last,
                    total_volume=volume % _SECONDS,
                )
            )
        return self._datagrams(self._packed(messages, 1), 1)

    def _message(self, kind: str, **fields: int | str) -> bytes:
        return message_bytes(kind, self._version, **fields)

    def _encode(self, batch: EventBatch, start: int, stop: int) -> Datagrams:
        count = stop - start
        self._reserve(count)
        # A time reference may need a packet of its own, so that a row makes two.
        output = Output(
            data=np.empty(count * _MOST_BYTES, np.uint8),
            starts=np.empty(2 * count, np.int64),
            ends=np.empty(2 * count, np.int64),
            received=np.empty(2 * count, np.int64),
            fields=self._fields,
            is_2_5=self._version == "2.5",
        )
        self._fields[END] = self._fields[PACKETS] = 0
        row, problem = encode(self._events(batch[start:stop]), self._live, output)
        if problem:
            raise row_error(batch, start + row, problem)
        packets, end = int(self._fields[PACKETS]), int(self._fields[END])
        return Datagrams(
            output.data[:end],
            output.received[:packets],
            output.starts[:packets],
            output.ends[:packets],
            np.zeros(packets, np.int32),
            FLOWS,
        )

    def _start(self, batch: EventBatch) -> list[bytes]:
        """Encode what comes before the rows: the reset of sequence numbers, and mappings of new instruments."""
        packets = []
        if not self._indexes:
            at = {"source_time": self._time // UNIT, "source_time_ns": self._time % UNIT}
            reset = self._message("1", **at, product_id=_PRODUCT, channel_id=_CHANNEL)
            packets.append(self._packet([reset], 1, _RESET))
            self._fields[SEQUENCE] += 1
        new = [number for number, one in enumerate(batch.instruments) if one not in self._indexes]
        mappings = [self._mapping(batch, number) for number in new]
        packets += self._packed(mappings, int(self._fields[SEQUENCE]))
        self._fields[SEQUENCE] += len(mappings)
        return packets

    def _mapping(self, batch: EventBatch, number: int) -> bytes:
        instrument = batch.instruments[number]
        symbol = instrument.symbol
        if not (symbol.isascii() and len(symbol) <= LONGEST_NAME) or instrument.lot != UNIT:
            raise EventError(
                f"{symbol!r} with a lot of {instrument.lot / UNIT:g} is not a stock that the feed can name: encode "
                f"symbols of 1 to {LONGEST_NAME} characters of ASCII and lots of one share"
            )
        prices = batch.price[batch.instrument_id == number]
        self._indexes[instrument] = len(self._indexes) + 1
        is_high = bool(len(prices)) and int(prices.max()) > _HIGH_PRICE
        self._scales[instrument] = _COARSE_SCALE if is_high else _USUAL_SCALE
        return self._message(
            "3",
            symbol_index=self._indexes[instrument],
            symbol=name_of(symbol).decode("latin-1"),
            market_id=1,
            system_id=_SYSTEM,
            exchange_code="N",
            price_scale_code=self._scales[instrument],
            security_type="A",
            lot_size=100,
            round_lot="N",
            mpv=1,
            unit_of_trade=1,
        )

    def _packed(self, messages: Sequence[bytes], sequence: int) -> list[bytes]:
        """Put messages of one size into packets, whose sequence numbers begin with `sequence`."""
        if not messages:
            return []
        most = min((LONGEST_PACKET - HEADER.size) // len(messages[0]), MOST_MESSAGES)
        starts = range(0, len(messages), most)
        return [self._packet(messages[at : at + most], sequence + at, _ORIGINAL) for at in starts]

    def _packet(self, messages: Sequence[bytes], sequence: int, flag: int) -> bytes:
        body = b"".join(messages)
        head = encode_message(
            HEADER,
            "little",
            pkt_size=HEADER.size + len(body),
            delivery_flag=flag,
            number_msgs=len(messages),
            seq_num=sequence,
            send_time=self._time // UNIT,
            send_time_ns=self._time % UNIT,
        )
        return head + body

    def _datagrams(self, packets: Sequence[bytes], flow: int) -> Datagrams:
        ends = np.cumsum([0, *map(len, packets)], dtype=np.int64)
        return Datagrams(
            np.frombuffer(bytearray(b"".join(packets)), np.uint8),  # can be written to, as all data of datagrams
            np.full(len(packets), self._received, np.int64),
            ends[:-1],
            ends[1:],
            np.full(len(packets), flow, np.int32),
            FLOWS,
        )

    def _units(self, batch: EventBatch) -> npt.NDArray[np.int64]:
        """Return the unit of prices (1e-9) of each instrument of a batch."""
        return np.array([10 ** (LARGEST_SCALE - self._scales[one]) for one in batch.instruments], np.int64)

    def _events(self, batch: EventBatch) -> Events:
        return Events(
            time=batch.ts_event,
            received=batch.ts_recv,
            instrument_id=batch.instrument_id,
            order_id=batch.order_id,
            action=batch.action,
            side=batch.side,
            price=(batch.price // self._units(batch)[batch.instrument_id]).astype(np.uint64),
            size=batch.size.astype(np.uint64),
            flags=batch.flags,
            indexes=np.array([self._indexes[one] for one in batch.instruments], np.uint64),
            numbers=self._numbers,
        )

    def _reserve(self, rows: int) -> None:
        orders = with_capacity(self._live.orders, self.live_orders + rows)
        missing = len(orders.entries) - len(self._live.table)
        table = np.concatenate([self._live.table, np.zeros((missing, TABLE_FIELDS), np.uint64)])
        more = max(len(self._indexes) + 1 - len(self._numbers), 0)
        summaries = np.concatenate([self._live.summaries, np.zeros((more, SUMMARY_FIELDS), np.uint64)])
        self._numbers = np.concatenate([self._numbers, np.zeros(more, np.int64)])
        self._live = self._live._replace(orders=orders, table=table, summaries=summaries)


def _require_times(batch: EventBatch) -> None:
    times = batch.ts_event
    require(_FEED, "ts_event", times, (times >= 0) & (times // UNIT < _SECONDS), "times from 1970 up to February 2106")


def _check(batch: EventBatch, units: npt.NDArray[np.int64]) -> None:
    """Raise EventError for the first row with a value that does not fit into a message."""
    action, unit = batch.action, units[batch.instrument_id]
    speaks = (action != NONE) & (action != CLEAR)
    adds = action == ADD
    require_orders(_FEED, batch)
    fits = (batch.price >= 0) & (batch.price % unit == 0) & (batch.price // unit < 1 << 32)
    wanted = "multiples of $0.0001 below $429,496, or of $0.001 for a symbol above $200,000 from the start"
    require(_FEED, "price", batch.price, ~speaks | fits, wanted)
    shares = (batch.size < 1 << 32) & ((batch.size > 0) | ~adds)
    require(_FEED, "size", batch.size, ~speaks | shares, "1 to 4294967295 shares")
