"""Hypothesis strategies for packets of the Integrated Feed and for batches that it can say."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import NYSE, UNIT, Instrument
from hftlab.venues.nyse import message_bytes
from hftlab.venues.nyse.layouts import LAYOUTS
from hftlab.venues.pcap import Datagrams, Flow
from tests.venues.nyse.oracle import SECOND

STOCKS = tuple(Instrument(symbol, NYSE, UNIT // 10_000, UNIT, "USD") for symbol in ("ABC", "DEF.A"))
FLOW = Flow("192.0.2.1", 1, "233.252.0.1", 2)

# What agrees comes first and often, so that messages meet; what cannot be comes seldom.
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "symbol_index": st.sampled_from([1] * 12 + [2, 2, 3, 4]),
    "symbol": st.sampled_from(["ABC", "BRK A", "ABCDEFGHIJ"]),
    "symbol_seq_num": st.sampled_from([0] * 15 + [7, 8]),
    "next_source_seq_num": st.integers(0, 3),
    "last_symbol_seq_num": st.integers(0, 40),
    "price_scale_code": st.sampled_from([4, 4, 4, 3, 6, 9]),
    "system_id": st.integers(1, 2),
    "id": st.sampled_from([1, 2, 255, 256, 2**32 - 1]),
    "source_time": st.sampled_from([1_600_000_000, 1_600_000_001]),
    "source_time_ns": st.sampled_from([0, 5, 6, 999_999_999]),
    "order_id": st.sampled_from([1] * 8 + [2, 2, 3, 2**32 - 1, 2**32 + 1, 0x1_0100_0000_A6E9, 2**64 - 1]),
    "new_order_id": st.sampled_from([1, 1, 2, 3, 2**32 + 1]),
    "side": st.sampled_from("BS"),
    "price": st.sampled_from([9900, 9900, 10_000, 10_000, 1, 2**32 - 1]),
    "volume": st.sampled_from([100, 100, 5, 2, 1, 2**31, 2**32 - 1]),
    "position_change": st.integers(0, 1),
    "printable_flag": st.integers(0, 1),
    "security_status": st.sampled_from("XO"),
}
_ODD: dict[str, st.SearchStrategy[Any]] = {
    "symbol_index": st.sampled_from([2**20 - 1, 2**20, 2**32 - 1]),
    "symbol": st.sampled_from(["", " A", "A\x1b", "A\0B", "ABCDEFGHIJK"]),
    "symbol_seq_num": st.integers(1, 40),
    "price_scale_code": st.just(10),
    "side": st.just("x"),
    "price": st.just(0),
    "volume": st.just(0),
}
_OFTEN = ["100"] * 5 + ["101", "101", "102", "103", "103", "103", "104", "104"]
_SELDOM = ["2", "3", "32", "34", "35", "106", "106", "110", "111"]


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """One message of a type that the books are made of."""
    kind = draw(st.sampled_from(_OFTEN * 2 + _SELDOM))
    version = draw(st.sampled_from(["2.1", "2.5"]))
    names = [field.name for field in LAYOUTS[version].by_type[kind].fields if field.name in _FIELDS]
    values = {name: draw(_FIELDS[name]) for name in names}
    if draw(st.sampled_from([False] * 9 + [True])) and (odd := [name for name in names if name in _ODD]):
        name = draw(st.sampled_from(odd))
        values[name] = draw(_ODD[name])
    return message_bytes(kind, version, **values)


OTHERS = st.sampled_from([message_bytes(kind, "2.1") for kind in LAYOUTS["2.1"].by_type if kind not in ("2", "3")])


@st.composite
def odd_messages(draw: st.DrawFn) -> bytes:
    """A message cut or lengthened, with its size, or of a type that there is not."""
    body = draw(messages() | OTHERS)[2:]
    odd = draw(
        st.sampled_from([body[:-1], body + b"\1", b"\xfa\0" + body[2:], b"\x64\1" + body[2:]]) | st.binary(max_size=9)
    )
    return struct.pack("<H", len(odd) + 2) + odd


@st.composite
def packets(draw: st.DrawFn) -> bytes:
    """A packet; seldom one with a count, size or flag that is not its own, or with an odd message, or none."""
    if draw(st.integers(0, 19)) == 19:
        return draw(st.binary(max_size=20))
    is_odd = draw(st.sampled_from([False] * 9 + [True]))
    some = draw(st.lists(messages() | OTHERS | odd_messages() if is_odd else messages(), min_size=4, max_size=12))
    body = b"".join(some)
    count = len(some) + (draw(st.integers(0, 1)) if is_odd else 0)
    size = 16 + len(body) + (draw(st.integers(-1, 1)) if is_odd else 0)
    flag = (
        draw(st.sampled_from([1, 10, 12, 13, 18, 20, 21, 9, 22])) if is_odd else draw(st.sampled_from([11] * 9 + [17]))
    )
    head = draw(st.integers(0, 2**32 - 1)), draw(_FIELDS["source_time"]), draw(_FIELDS["source_time_ns"])
    return struct.pack("<HBBIII", max(size, 0), flag, count, *head) + body


_START = b"".join(
    message_bytes("3", symbol_index=index, symbol=symbol, price_scale_code=4, system_id=1)
    for index, symbol in ((1, "ABC"), (2, "BRK A"))
)
MAPPINGS = struct.pack("<HBBIII", 16 + len(_START), 11, 2, 1, 1_600_000_000, 0) + _START

STREAMS = st.lists(packets(), min_size=1, max_size=8).map(lambda some: [MAPPINGS, *some])


def packet(*some: bytes, flag: int = 11, sequence: int = 1, sent: int = 1_600_000_000 * SECOND) -> bytes:
    """A packet of messages."""
    body = b"".join(some)
    return struct.pack("<HBBIII", 16 + len(body), flag, len(some), sequence, *divmod(sent, SECOND)) + body


def datagrams(payloads: list[bytes], first: int = 0) -> Datagrams:
    """Datagrams that were received at 0, 1, 2, ... ns."""
    return Datagrams.of(payloads, range(first, first + len(payloads)), FLOW)


class EventWriter:
    """Builds a batch event by event, as a venue would send them: sizes never more than what is left."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int, str, str, int, int, int]] = []
        self.live: dict[int, list[Any]] = {}  # stock, side, price, shares
        self.time, self.delay, self.last_order = 1_767_364_200 * UNIT, 7, 0

    def put(self, stock: int, order: int, action: str, side: str, price: int, size: int, flags: int = F_LAST) -> None:
        self.rows.append((self.time, self.time + self.delay, stock, order, action, side, price, size, flags))

    def add(self, stock: int, side: str, price: int, size: int) -> None:
        self.last_order += 3
        self.live[self.last_order] = [stock, side, price, size]
        self.put(stock, self.last_order, "A", side, price, size)

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

    def modify(self, order: int, price: int, size: int) -> None:
        stock, side, old, left = self.live[order]
        if (price, size) != (old, left):
            self.live[order][2:] = price, size
            self.put(stock, order, "M", side, price, size)

    def requeue(self, order: int, size: int) -> None:
        """Send an order to the end of its level."""
        stock, side, price, left = self.live[order]
        self.put(stock, order, "C", side, price, left, 0)
        self.put(stock, order, "A", side, price, size)
        self.live[order][3] = size

    def batch(self) -> EventBatch:
        times, received, stocks, orders, actions, sides, prices, sizes, flags = zip(*self.rows, strict=True)
        return EventBatch(
            ts_event=np.array(times),
            ts_recv=np.array(received),
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
    """Events of the forms that a message has, one each."""
    writer = EventWriter()
    for _ in range(draw(st.integers(1, 40))):
        writer.time += draw(st.sampled_from([0, 1, 1_000_000, UNIT]))
        writer.delay = draw(st.sampled_from([7, 7, 8]))
        # Below what has fewer decimals.
        stock, price, size = (
            draw(st.integers(0, 1)),
            draw(st.integers(0, 2_000_000_000)),
            draw(st.integers(1, 2**32 - 1)),
        )
        kind = draw(st.sampled_from("AAATCEXUMQR")) if writer.live else "A"
        order = draw(st.sampled_from(sorted(writer.live))) if writer.live else 0
        part = draw(st.integers(1, writer.live[order][3])) if order else 0
        match kind:
            case "A":
                writer.add(stock, draw(st.sampled_from("BA")), price, size)
            case "T":
                writer.put(stock, 0, "T", "N", price, size)
            case "C":
                writer.take(order, writer.live[order][3])
            case "E":
                writer.execute(order, part, writer.live[order][2])
            case "X":
                writer.execute(order, part, draw(st.sampled_from([None, price])))
            case "U":
                writer.replace(order, price, size)
            case "M":
                writer.modify(order, draw(st.sampled_from([price, writer.live[order][2]])), size)
            case "Q":
                writer.requeue(order, part)
            case "R":
                writer.time += 1  # two clears in one ns are one
                writer.put(stock, 0, "R", "N", 0, 0)
                writer.live = {number: one for number, one in writer.live.items() if one[0] != stock}
    return writer.batch()
