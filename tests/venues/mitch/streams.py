"""Hypothesis strategies for units of MITCH, made from the oracle's table, and for batches that they can say."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import strategies as st

from hftlab.events import F_LAST, EventBatch
from hftlab.instruments import LSE, UNIT, Instrument, find_instrument
from hftlab.venues.pcap import Datagrams, Flow
from tests.venues.mitch.oracle import FIELDS, message_of

MIDNIGHT = 1_767_312_000 * UNIT  # 2026-01-02 in London
BP = find_instrument("BP.", LSE)
assert BP is not None
STOCKS = (BP, Instrument("ABC", LSE, 10, UNIT, "EUR"))
FLOWS = (Flow("192.0.2.1", 1, "233.252.0.1", 2), Flow("192.0.2.1", 1, "233.252.0.2", 2))

_CHOICES: dict[str, st.SearchStrategy[Any]] = {
    "seconds": st.integers(30_000, 30_003),
    "ns": st.sampled_from([0, 5, 999_999_999]),
    "order": st.integers(0, 3) | st.sampled_from([2**32 + 1, 2**64 - 1]),
    "side": st.sampled_from([b"B", b"S", b"B", b"S", b"x"]),
    "size": st.sampled_from([0, 1, 2, 5, 100, 100, 100, 2**32 - 1]),
    "shown": st.sampled_from([0, 0, 1, 3, 95, 98]),
    "number": st.integers(1, 3),
    "price": st.sampled_from([47_210_000_000] * 6 + [0, 1, 47_215_000_000, -50_000_000, (2**63 - 1) // 10, 2**62]),
    "flags": st.sampled_from([0] * 8 + [1, 2, 3, 16, 32, 64]),
    "printable": st.sampled_from([b"Y", b"N"]),
    "isin": st.sampled_from([b"GB0007980591", b"", b"GB00BH4HKS39"]),
    "sedol": st.sampled_from([b"0798059     ", b"BH4HKS3     ", b"BADCODE\x1b    ", b"B0CNTR9     ", b" " * 12]),
}


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """One message of a type that the books are made of: few orders and instruments, so that they meet."""
    often = [0x41] * 6 + [0x46, 0x44, 0x55, 0x55, 0x45, 0x45, 0x43, 0x43, 0x79, 0x50, 0x51, 0x54, 0x52]
    kind = draw(st.sampled_from(often))
    return message_of(kind, **{name: draw(_CHOICES[name]) for name, _ in FIELDS[kind] if name in _CHOICES})


OTHERS = st.sampled_from([message_of(kind) for kind in FIELDS])
ODD = (messages() | OTHERS).map(lambda one: bytes([len(one) - 1]) + one[1:-1]).filter(lambda one: len(one) > 1) | (
    st.sampled_from(
        [bytes([34]) + message_of(0x41)[1:34], b"\x02\xff", b"\x04\x54zz", b"\x2e" + message_of(0x41)[1:] + b"zz"]
    )
)


def unit(*some: bytes, group: bytes = b"A", sequence: int = 1) -> bytes:
    """A unit of messages."""
    body = b"".join(some)
    return struct.pack("<HBcI", 8 + len(body), len(some), group, sequence) + body


def units_of(lists: list[tuple[bytes, list[bytes]]]) -> list[bytes]:
    """Units of messages by group, numbered as each group's go on; an empty one is a heartbeat."""
    numbers: dict[bytes, int] = {}
    units = []
    for group, some in lists:
        first = numbers.setdefault(group, 1)
        units.append(unit(*some, group=group, sequence=first))
        numbers[group] = first + len(some)
    return units


STREAMS = st.lists(
    st.tuples(st.sampled_from([b"A", b"A", b"B"]), st.lists(messages() | messages() | OTHERS | ODD, max_size=8)),
    max_size=12,
).map(units_of)


def datagrams(payloads: list[bytes], lines: int = 1) -> Datagrams:
    """Datagrams that were received at 0, 1, 2, ... ns, on each line in turn."""
    return Datagrams.of(payloads, range(len(payloads)), *FLOWS[:lines])


class EventWriter:
    """Builds a batch event by event, as a venue would send them: sizes never more than what is left."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int, str, str, int, int, int]] = []
        self.live: dict[int, list[Any]] = {}  # stock, side, price, shares
        self.time, self.delay, self.last_order = MIDNIGHT + 30_000 * UNIT, 7, 0

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

    def execute(self, order: int, size: int, paid: int | None, shown: int | None = None) -> None:
        """Trade an order at a price that is printed, or None; it then displays `shown`, by default what is left."""
        stock, side, price, left = self.live[order]
        if paid is not None:
            self.put(stock, 0, "T", "A" if side == "B" else "B", paid, size, 0)
        self.put(stock, order, "F", side, price, size, 0)
        if shown is None or shown == left - size:
            self.take(order, size)
        else:
            self.put(stock, order, "M", side, price, shown)
            self.live[order][3] = shown

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
            price=np.array(prices) * 10,
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
        stock, size = draw(st.integers(0, 1)), draw(st.integers(1, 2**32 - 1))
        price = draw(st.integers(-(2**59), 2**59))
        kind = draw(st.sampled_from("AAATCEXIMQR")) if writer.live else "A"
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
            case "I":
                writer.execute(order, part, draw(st.sampled_from([None, price, writer.live[order][2]])), size)
            case "M":
                writer.modify(order, draw(st.sampled_from([price, writer.live[order][2]])), size)
            case "Q":
                writer.requeue(order, part)
            case "R":
                writer.put(stock, 0, "R", "N", 0, 0)
                writer.live = {number: one for number, one in writer.live.items() if one[0] != stock}
    return writer.batch()
