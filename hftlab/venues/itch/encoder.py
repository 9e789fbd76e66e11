"""Encoder of EventBatches as ITCH bytes, without I/O."""

from __future__ import annotations

import datetime as dt
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import EventError
from hftlab.events import ADD, NONE, EventBatch
from hftlab.instruments import UNIT, Instrument
from hftlab.kernels.integer_map import LIVE, new_map, with_capacity
from hftlab.venues.encodable_rows import require, require_orders, row_error, segments
from hftlab.venues.itch.blocks import midnight, midnight_before
from hftlab.venues.itch.encode_kernel import COUNTERS, SKIPPED, TABLE_FIELDS, Live, encode
from hftlab.venues.itch.message_tables import message_bytes
from hftlab.venues.itch.message_writers import Events
from hftlab.venues.itch.order_words import LARGEST_SHARES

__all__ = ["Encoder"]

_DAY: Final = 86_400 * UNIT
_FIRST_ORDERS: Final = 1 << 12
_FEED: Final = "ITCH"
_MOST_BYTES: Final = 2 + 44  # of a row, the orders aside that a later R deletes
_DELETE_BYTES: Final = 2 + 19
_PRICE: Final = UNIT // 10_000
"""ITCH's unit of price in units of an EventBatch."""


class Encoder:
    """Encoder of order-level events as a stream of length-prefixed ITCH 5.0 messages.

    | rows | message |
    |---|---|
    | A | A |
    | T F C of one order and size | E, or C if T's price is not the order's |
    | F C | C, not printable |
    | C | X, or D if nothing is left |
    | C of all, and A on the same side, as one event | U |
    | M | X if only the size falls, else U with a reference of the encoder's own |
    | T F M | E and what the M asks for; an A with a new reference if the order was used up, as reserve orders do |
    | T alone, or with an F that no row takes off the book | P |
    | R | D of every order of the instrument |

    N rows, and F rows without any of these, have no ITCH message: `skipped` counts them. An instrument's first batch
    is preceded by its stock directory and trading action messages, the first of all by the system events up to the
    start of market hours. Times are counted from the midnight in New York of `date`, by default the first row's day;
    those of 1970-01-01 UTC are taken as they are, as `read()` gives them where it knows no day. What it decodes back to
    is the batch, if every event has one of these forms without M or R, T's side and order_id are what a decoder can
    know and `ts_recv` is `ts_event`; `sequence` becomes the message's number.

    A row that ITCH cannot express raises EventError naming it; the encoder cannot be used afterwards.
    """

    def __init__(self, date: dt.date | None = None) -> None:
        self._midnight = None if date is None else midnight(date)
        self._locates: dict[Instrument, int] = {}
        self._time = 0
        self._live = Live(
            orders=new_map(_FIRST_ORDERS),
            table=np.zeros((_FIRST_ORDERS + 1, TABLE_FIELDS), np.uint64),
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

    def encode(self, batch: EventBatch) -> bytes:
        """Encode a batch. Raises EventError."""
        return self.encode_rows(batch)[0]

    def encode_rows(self, batch: EventBatch) -> tuple[bytes, npt.NDArray[np.int64]]:
        """Encode a batch, and return with its bytes where the messages of each row end. Raises EventError."""
        ends = np.zeros(len(batch), np.int64)
        if not len(batch):
            return b"", ends
        if self._midnight is None:
            self._midnight = midnight_before(int(batch.ts_event[0]))
        _check(batch, self._midnight)
        parts = [self._start(batch)]
        size = len(parts[0])
        for start, stop in segments(batch.flags):
            parts.append(self._encode(batch, start, stop, ends[start:stop]))
            ends[start:stop] += size
            size += len(parts[-1])
        self._time = int(batch.ts_event[-1]) - self._midnight
        return b"".join(parts), ends

    def message(self, letter: str, instrument: Instrument | None = None, **fields: int | str) -> bytes:
        """Encode another message, such as ("H", instrument, trading_state="H"), with the fields of `message_bytes()`.

        `timestamp` is by default that of the last row; `instrument`, one of those encoded so far, gives the locate code
        and the stock.
        """
        fields.setdefault("timestamp", self._time)
        if instrument is not None:
            fields.setdefault("stock", instrument.symbol)
            fields.setdefault("stock_locate", self._locates[instrument])
        return message_bytes(letter, **fields)

    def end(self) -> bytes:
        """Encode the system events that end a day: end of market hours, of system hours, of messages."""
        return b"".join(self.message("S", event_code=code) for code in "MEC")

    def _encode(self, batch: EventBatch, start: int, stop: int, ends: npt.NDArray[np.int64]) -> bytes:
        self._reserve(stop - start)
        size = (stop - start) * (_MOST_BYTES + _DELETE_BYTES) + self.live_orders * _DELETE_BYTES
        out = np.empty(size, np.uint8)
        row, end, problem = encode(self._events(batch[start:stop]), self._live, out, ends)
        if problem:
            raise row_error(batch, start + row, problem)
        return out[:end].tobytes()

    def _start(self, batch: EventBatch) -> bytes:
        """Encode what comes before the rows: the day's first system events, and descriptions of new instruments."""
        new = [instrument for instrument in batch.instruments if instrument not in self._locates]
        if self._locates:
            return b"".join(self._describe(instrument) for instrument in new)
        self._time = int(batch.ts_event[0]) - (self._midnight or 0)
        described = [self._describe(instrument) for instrument in new]
        opened = [self.message("S", event_code=code) for code in "OSQ"]
        return b"".join([opened[0], *described, *opened[1:]])

    def _describe(self, instrument: Instrument) -> bytes:
        self._locates[instrument] = len(self._locates) + 1
        return self._directory(instrument) + self.message("H", instrument, trading_state="T")

    def _directory(self, instrument: Instrument) -> bytes:
        symbol = instrument.symbol
        if not (symbol.isascii() and 1 <= len(symbol) <= 8) or instrument.lot != UNIT:
            raise EventError(
                f"{symbol!r} with a lot of {instrument.lot / UNIT:g} is not a stock that ITCH can name: "
                f"encode symbols of 1 to 8 characters of ASCII and lots of one share"
            )
        return self.message(
            "R",
            instrument,
            market_category="Q",
            financial_status_indicator="N",
            round_lot_size=100,
            round_lots_only="N",
            issue_classification="C",
            issue_sub_type="Z",
            authenticity="P",
            short_sale_threshold_indicator="N",
            ipo_flag="N",
            luld_reference_price_tier="1",
            etp_flag="N",
            inverse_indicator="N",
        )

    def _events(self, batch: EventBatch) -> Events:
        symbols = [int.from_bytes(one.symbol.encode().ljust(8), "big") for one in batch.instruments]
        return Events(
            time=(batch.ts_event - (self._midnight or 0)).astype(np.uint64),
            instrument_id=batch.instrument_id,
            order_id=batch.order_id,
            action=batch.action,
            side=batch.side,
            price=(batch.price // _PRICE).astype(np.uint64),
            size=batch.size.astype(np.uint64),
            flags=batch.flags,
            locates=np.array([self._locates[one] for one in batch.instruments], np.uint64),
            symbols=np.array(symbols, np.uint64),
        )

    def _reserve(self, rows: int) -> None:
        orders = with_capacity(self._live.orders, self.live_orders + rows)
        missing = len(orders.entries) - len(self._live.table)
        table = np.concatenate([self._live.table, np.zeros((missing, TABLE_FIELDS), np.uint64)])
        self._live = self._live._replace(orders=orders, table=table)


def _check(batch: EventBatch, start: int) -> None:
    """Raise EventError for the first row with a value that does not fit into an ITCH message."""
    times, action = batch.ts_event - start, batch.action
    speaks = action != NONE
    adds = action == ADD
    require(_FEED, "ts_event", batch.ts_event, (times >= 0) & (times < _DAY), "times of one day in New York, or `date`")
    require_orders(_FEED, batch)
    fits = (batch.price >= 0) & (batch.price % _PRICE == 0) & (batch.price // _PRICE < 1 << 32)
    require(_FEED, "price", batch.price, ~speaks | fits, "multiples of $0.0001 below $429,496.7296")
    shares = (batch.size <= LARGEST_SHARES) & ((batch.size > 0) | ~adds)
    require(_FEED, "size", batch.size, ~speaks | shares, f"1 to {LARGEST_SHARES} shares")
