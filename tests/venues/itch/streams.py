"""Hypothesis strategies for streams of ITCH messages and for batches that ITCH can say."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument
from hftlab.venues.itch import message_bytes
from hftlab.venues.itch.message_layouts import LAYOUTS

SYMBOLS = ("AAPL", "ABCDEFGH", "Z")
MISTAKEN = ("", "\x1b[2J", "A\0", "A\x7f")
STOCKS = tuple(Instrument(symbol, NASDAQ, UNIT // 10_000, UNIT, "USD") for symbol in ("ABC", "DEFGHIJK"))

_REFERENCES = st.integers(0, 9) | st.sampled_from([2**63, 2**64 - 1])
_SHARES = st.sampled_from([0, 1, 2, 5, 100, 2**30 - 1, 2**30, 2**31, 2**32 - 1])
_PRICES = st.sampled_from([0, 1, 9900, 10_000, 10_100, 2**32 - 1])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """One message of a type that touches orders or trades: few references and locate codes, so that they meet."""
    letter = draw(st.sampled_from("AAAAFUUDEECXPQR"))
    locate = draw(st.integers(0, 3))
    drawn: dict[str, Any] = {
        "order_reference_number": _REFERENCES,
        "original_order_reference_number": _REFERENCES,
        "new_order_reference_number": _REFERENCES,
        "buy_sell_indicator": st.sampled_from("BSBSBSx"),
        "shares": _SHARES,
        "executed_shares": _SHARES,
        "cancelled_shares": _SHARES,
        "price": _PRICES,
        "execution_price": _PRICES,
        "cross_price": _PRICES,
        "printable": st.sampled_from("YN"),
        "stock": st.sampled_from(SYMBOLS + MISTAKEN) if draw(st.booleans()) else st.just(SYMBOLS[locate % 3]),
        "timestamp": st.sampled_from([0, 34_200_000_000_001, 2**48 - 1]),
    }
    if letter == "Q":
        drawn["shares"] = st.sampled_from([0, 1, 2**40, 2**63 - 1, 2**63])
    names = [field.name for field in LAYOUTS[letter].fields]
    fields = {name: draw(strategy) for name, strategy in drawn.items() if name in names}
    return message_bytes(letter, stock_locate=locate, **fields)


OTHERS = st.sampled_from([message_bytes(letter) for letter in LAYOUTS if letter not in "AFUDECXPQR"])

FRAMES = st.binary(max_size=60).map(lambda body: len(body).to_bytes(2, "big") + body)

STREAMS = st.lists(messages() | messages() | messages() | OTHERS | FRAMES, max_size=60).map(b"".join)


class EventWriter:
    """Builds a batch event by event, as a venue would send them: sizes never more than what is left."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, str, str, int, int, int]] = []
        self.live: dict[int, list[Any]] = {}  # stock, side, price, shares
        self.time, self.last_order = 34_200 * UNIT, 0

    def put(self, stock: int, order: int, action: str, side: str, price: int, size: int, flags: int) -> None:
        self.rows.append((self.time, stock, order, action, side, price, size, flags))

    def add(self, stock: int, side: str, price: int, size: int) -> None:
        self.last_order += 3
        self.live[self.last_order] = [stock, side, price, size]
        self.put(stock, self.last_order, "A", side, price, size, F_LAST)

    def take(self, order: int, size: int, flags: int = F_LAST) -> None:
        stock, side, price, left = self.live[order]
        self.put(stock, order, "C", side, price, size, flags)
        self.live[order][3] = left - size
        if size == left:
            del self.live[order]

    def execute(self, order: int, size: int, paid: int | None) -> None:
        stock, side, price, _ = self.live[order]
        if paid is not None:
            self.put(stock, 0, "T", "A" if side == "B" else "B", paid, size, 0)
        self.put(stock, order, "F", side, price, size, 0)
        self.take(order, size)

    def replace(self, order: int, price: int, size: int) -> None:
        stock, side, _, left = self.live[order]
        self.take(order, left, 0)
        self.add(stock, side, price, size)

    def batch(self) -> EventBatch:
        times, stocks, orders, actions, sides, prices, sizes, flags = zip(*self.rows, strict=True)
        return EventBatch(
            ts_event=np.array(times),
            ts_recv=np.array(times),
            sequence=np.arange(len(times)),
            instrument_id=list(stocks),
            order_id=np.array(orders, np.uint64),
            action=[ord(one) for one in actions],
            side=[ord(one) for one in sides],
            price=np.array(prices) * (UNIT // 10_000),
            size=list(sizes),
            flags=list(flags),
            instruments=STOCKS,
        )


@st.composite
def batches(draw: st.DrawFn) -> EventBatch:
    """Events of the forms that an ITCH message has, one each."""
    writer = EventWriter()
    for _ in range(draw(st.integers(1, 40))):
        writer.time += draw(st.sampled_from([0, 1, 1_000_000]))
        stock, price, size = draw(st.integers(0, 1)), draw(st.integers(0, 2**32 - 1)), draw(st.integers(1, 2**30 - 1))
        kind = draw(st.sampled_from("AAATCEXU")) if writer.live else "A"
        order = draw(st.sampled_from(sorted(writer.live))) if writer.live else 0
        part = draw(st.integers(1, writer.live[order][3])) if order else 0
        match kind:
            case "A":
                writer.add(stock, draw(st.sampled_from("BA")), price, size)
            case "T":
                writer.put(stock, 0, "T", "N", price, size, F_LAST)
            case "C":
                writer.take(order, draw(st.sampled_from([part, writer.live[order][3]])))
            case "E":
                writer.execute(order, part, writer.live[order][2])
            case "X":
                writer.execute(order, part, draw(st.sampled_from([None, price])))
            case "U":
                writer.replace(order, price, size)
    return writer.batch()
