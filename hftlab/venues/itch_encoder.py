"""EventBatches to ITCH bytes: what the compiled loop needs around it, without I/O."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from hftlab.errors import EventError
from hftlab.events import ADD, ASK, BID, F_MBP, NONE, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument
from hftlab.venues.itch_encode import COUNTERS, FREE, LIVE, PROBLEMS, SKIPPED, Events, Live, encode
from hftlab.venues.itch_file import midnight
from hftlab.venues.itch_messages import message_bytes
from hftlab.venues.itch_orders import LARGEST_SHARES, grown, new_slots

__all__ = ["Encoder"]

_DAY: Final = 86_400 * UNIT
_FIRST_SLOTS: Final = 1 << 14
_MOST_BYTES: Final = 2 + 44  # of a row, the orders aside that a later R deletes
_DELETE_BYTES: Final = 2 + 19
_PRICE: Final = UNIT // 10_000
"""ITCH's unit of price in an EventBatch's."""


class Encoder:
    """Turns batches of order-level events into a stream of length-prefixed ITCH 5.0 messages.

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

    N rows, and F rows without any of these, say nothing in ITCH: `skipped` counts them. An instrument's first batch
    is preceded by its stock directory and trading action messages, the first of all by the system events up to the
    start of market hours. Times are counted from the midnight in New York of `date`, by default the first row's day;
    those of 1970-01-01 UTC are taken as they are, as `read()` gives them where it knows no day. What it decodes back to
    is the batch, if every event has one of these forms without M or R, T's side and order_id are what a decoder can
    know and `ts_recv` is `ts_event`; `sequence` becomes the message's number.

    A row that ITCH cannot say raises EventError naming it; then the encoder is of no more use.
    """

    def __init__(self, date: dt.date | None = None) -> None:
        self._midnight = None if date is None else midnight(date)
        self._locates: dict[Instrument, int] = {}
        self._time = 0
        self._live = Live(
            slots=new_slots(_FIRST_SLOTS),
            orders=np.zeros((0, 5), np.uint64),
            free=np.zeros(0, np.int64),
            counters=np.zeros(COUNTERS, np.int64),
        )

    @property
    def skipped(self) -> int:
        """Rows that no message says."""
        return int(self._live.counters[SKIPPED])

    @property
    def live_orders(self) -> int:
        return int(self._live.counters[LIVE])

    def encode(self, batch: EventBatch) -> bytes:
        """The messages of a batch. Raises EventError."""
        if not len(batch):
            return b""
        if self._midnight is None:
            self._midnight = _midnight_before(int(batch.ts_event[0]))
        _check(batch, self._midnight)
        head = self._start(batch)
        self._make_room(len(batch))
        out = np.empty(len(batch) * (_MOST_BYTES + _DELETE_BYTES) + self.live_orders * _DELETE_BYTES, np.uint8)
        row, end, problem = encode(self._events(batch), self._live, out)
        if problem:
            raise EventError(
                f"row {row} of the batch, {chr(batch.action[row])} of order {batch.order_id[row]} of "
                f"{batch.instruments[batch.instrument_id[row]].symbol}, {PROBLEMS[problem]}"
            )
        self._time = int(batch.ts_event[-1]) - self._midnight
        return head + out[:end].tobytes()

    def message(self, letter: str, instrument: Instrument | None = None, **fields: int | str) -> bytes:
        """Any other message, such as a halt ("H", instrument, trading_state="H"); its fields as in `message_bytes()`.

        `timestamp` is by default that of the last row; `instrument` gives the locate code and the stock.
        """
        fields.setdefault("timestamp", self._time)
        if instrument is not None:
            fields.setdefault("stock", instrument.symbol)
            fields.setdefault("stock_locate", self._locates.setdefault(instrument, len(self._locates) + 1))
        return message_bytes(letter, **fields)

    def end(self) -> bytes:
        """The system events that end a day: of market hours, of system hours, of the messages."""
        return b"".join(self.message("S", event_code=code) for code in "MEC")

    def _start(self, batch: EventBatch) -> bytes:
        new = [instrument for instrument in batch.instruments if instrument not in self._locates]
        is_first = not self._locates
        if is_first:
            self._time = int(batch.ts_event[0]) - (self._midnight or 0)
        opening = [self.message("S", event_code="O")] if is_first else []
        for instrument in new:
            opening += [self._directory(instrument), self.message("H", instrument, trading_state="T")]
        if is_first:
            opening += [self.message("S", event_code=code) for code in "SQ"]
        return b"".join(opening)

    def _directory(self, instrument: Instrument) -> bytes:
        symbol = instrument.symbol
        if not (symbol.isascii() and 1 <= len(symbol) <= 8) or instrument.lot != UNIT:
            raise EventError(
                f"{symbol!r} with a lot of {instrument.lot / UNIT:g} is no stock of ITCH: "
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

    def _make_room(self, rows: int) -> None:
        live, most = self._live, self.live_orders + rows
        while len(live.slots) < 2 * most:
            live = live._replace(slots=grown(live.slots))
        if (have := len(live.orders)) < most:
            more = max(most, 2 * have)
            free = np.empty(more, np.int64)
            height = int(live.counters[FREE])
            free[:height] = live.free[:height]
            free[height : height + more - have] = np.arange(have, more)
            live.counters[FREE] += more - have
            live = live._replace(orders=np.resize(live.orders, (more, 5)), free=free)
        self._live = live


def _midnight_before(time: int) -> int:
    if 0 <= time < _DAY:
        return 0
    return midnight(dt.datetime.fromtimestamp(time // UNIT, ZoneInfo(NASDAQ.timezone)).date())


def _check(batch: EventBatch, start: int) -> None:
    """Raise EventError for the first row with a value that has no place in an ITCH message."""
    times, action = batch.ts_event - start, batch.action
    speaks = action != NONE
    names_order = np.isin(action, list(b"ACMF"))
    adds = action == ADD
    _require("ts_event", batch.ts_event, (times >= 0) & (times < _DAY), "times of one day in New York, or `date`")
    _require("flags", batch.flags, ~(names_order & (batch.flags & F_MBP != 0)), "orders: ITCH has no price levels")
    _require("side", batch.side, ~names_order | np.isin(batch.side, [BID, ASK]), "B or A for an order")
    fits = (batch.price >= 0) & (batch.price % _PRICE == 0) & (batch.price // _PRICE < 1 << 32)
    _require("price", batch.price, ~speaks | fits, "multiples of $0.0001 below $429,496.7296")
    shares = (batch.size <= LARGEST_SHARES) & ((batch.size > 0) | ~adds)
    _require("size", batch.size, ~speaks | shares, f"1 to {LARGEST_SHARES} shares")


def _require(name: str, values: npt.NDArray[Any], good: npt.NDArray[np.bool_], wanted: str) -> None:
    if not good.all():
        row = int(np.argmin(good))
        raise EventError(f"column {name} has {values[row]} in row {row}: ITCH needs {wanted}")
