"""The slow, obvious decoder of IEX's feeds: struct and dicts. What the compiled one is compared with.

Its formats are those of the specifications' tables, written down once more.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any, NamedTuple

from hftlab.events import F_LAST, F_MBP, F_TOB

# A field is its name and struct's letter for it; all messages but S begin with type, a byte, time and symbol.
HEAD = "kind:c flag:B time:q symbol:8s "
TABLE = {
    "S": "kind:c flag:B time:q",
    "D": HEAD + "lot:I close:q tier:B",
    "H": HEAD + "reason:4s",
    "I": HEAD,
    "O": HEAD,
    "P": HEAD + "detail:c",
    "E": HEAD,
    "a": HEAD + "order:Q size:I price:q",
    "M": HEAD + "order:Q size:I price:q",
    "R": HEAD + "order:Q",
    "L": HEAD + "order:Q size:I price:q trade:Q",
    "T": HEAD + "size:I price:q trade:Q",
    "B": HEAD + "size:I price:q trade:Q",
    "C": HEAD,
    "8": HEAD + "size:I price:q",
    "5": HEAD + "size:I price:q",
    "Q": HEAD + "bid_size:I bid:q ask:q ask_size:I",
    "X": HEAD + "price:q",
    "A": HEAD + "paired:I reference:q clearing:q imbalance:I side:c extension:B at:I book:q collar:q low:q high:q",
}
FIELDS = {kind: [part.split(":") for part in text.split()] for kind, text in TABLE.items()}
FORMATS = {kind: "<" + "".join(letter for _, letter in fields) for kind, fields in FIELDS.items()}
SIZES = {kind: struct.calcsize(one) for kind, one in FORMATS.items()}
LARGEST_PRICE = (2**63 - 1) // 100_000


def message_of(kind: str, **fields: Any) -> bytes:
    """A message without its length; what is not given is 0 or blank."""
    zeros = {"c": b" ", "s": b""}
    values = [fields.get(name, zeros.get(letter[-1], 0)) for name, letter in FIELDS[kind]]
    values[0] = kind.encode()
    return struct.pack(FORMATS[kind], *values)


def segment(
    *some: bytes, sequence: int = 1, protocol: int = 0x8005, channel: int = 1, session: int = 7, sent: int = 5
) -> bytes:
    """A segment of messages."""
    body = b"".join(struct.pack("<H", len(one)) + one for one in some)
    head = struct.pack("<BBHIIHHqqq", 1, 0, protocol, channel, session, len(body), len(some), 0, sequence, sent)
    return head + body


class Row(NamedTuple):
    time: int
    received: int
    sequence: int
    symbol: str
    order: int
    action: str
    side: str
    price: int
    size: int
    flags: int


class Order(NamedTuple):
    symbol: bytes
    side: str
    price: int
    size: int


class Oracle:
    """Decodes segments in order; `rows`, `counts`, `unknown` and `tallies` as the real one's rows and stats."""

    def __init__(self, segments: list[bytes], symbols: list[str] | None = None) -> None:
        self.rows: list[Row] = []
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.tallies: Counter[str] = Counter()
        self.orders: dict[int, Order] = {}
        self.tops: dict[tuple[bytes, str], tuple[int, int]] = {}
        self.wanted = symbols
        for received, one in enumerate(segments):
            self.received = received
            self.take_segment(one)

    def take_segment(self, one: bytes) -> None:
        _, _, _, _, _, size, count, _, self.sequence, _ = struct.unpack_from("<BBHIIHHqqq", one)
        self.tallies["segments"] += 1
        self.tallies["heartbeats"] += count == 0
        at = 40
        for _ in range(count):
            length = int.from_bytes(one[at : at + 2], "little")
            self.take(one[at + 2 : at + 2 + length])
            at += 2 + length
            self.sequence += 1
        assert at == 40 + size

    def take(self, message: bytes) -> None:
        kind = self.kind = chr(message[0])
        self.counts[kind] += 1
        if kind not in SIZES:
            return
        if len(message) < SIZES[kind]:
            self.tallies["malformed"] += 1
            return
        take = getattr(self, f"take_{kind}", None)
        if take is None:
            return
        values = struct.unpack(FORMATS[kind], message[: SIZES[kind]])
        fields = dict(zip((name for name, _ in FIELDS[kind]), values, strict=True))
        self.time, self.raw = fields["time"], fields["symbol"]
        self.symbol = self.raw.decode("latin-1").rstrip(" ")
        if not self.symbol or self.symbol[0] == " " or not all(" " <= letter <= "~" for letter in self.symbol):
            self.tallies["malformed"] += 1
        elif self.wanted is None or self.symbol in self.wanted:
            take(**fields)

    def put(self, order: int, action: str, side: str, price: int, size: int, flags: int = F_LAST) -> None:
        head = self.time, self.received or self.time, self.sequence, self.symbol
        self.rows.append(Row(*head, order, action, side, price * 100_000, size, flags))

    def find(self, order: int) -> Order | None:
        one = self.orders.get(order)
        if one is None or one.symbol != self.raw:
            self.unknown[self.kind] += 1
            return None
        return one

    def is_sound(self, size: int, price: int) -> bool:
        is_sound = size > 0 and abs(price) <= LARGEST_PRICE
        self.tallies["malformed"] += not is_sound
        return is_sound

    # --- message types ---

    def take_a(self, flag: int, order: int, size: int, price: int, **_: Any) -> None:
        if flag not in (0x38, 0x35):
            self.tallies["malformed"] += 1
        elif self.is_sound(size, price):
            self.tallies["repeated_orders"] += order in self.orders
            one = self.orders[order] = Order(self.raw, "B" if flag == 0x38 else "A", price, size)
            self.put(order, "A", one.side, price, size)

    def take_M(self, flag: int, order: int, size: int, price: int, **_: Any) -> None:  # noqa: N802
        if (one := self.find(order)) is None or not self.is_sound(size, price):
            return
        self.orders[order] = one._replace(price=price, size=size)
        if not flag & 1 and price == one.price and size <= one.size:
            self.put(order, "C", one.side, price, one.size, 0)
            self.put(order, "A", one.side, price, size)
        else:
            self.put(order, "M", one.side, price, size)

    def take_R(self, order: int, **_: Any) -> None:  # noqa: N802
        if (one := self.find(order)) is not None:
            del self.orders[order]
            self.put(order, "C", one.side, one.price, one.size)

    def take_L(self, order: int, size: int, price: int, **_: Any) -> None:  # noqa: N802
        if (one := self.find(order)) is None or not self.is_sound(size, price):
            return
        if size < one.size:
            self.orders[order] = one._replace(size=one.size - size)
        else:
            self.tallies["excess_shares"] += size > one.size
            del self.orders[order]
        self.put(0, "T", "A" if one.side == "B" else "B", price, size, 0)
        self.put(order, "F", one.side, one.price, size, 0)
        self.put(order, "C", one.side, one.price, size)

    def take_T(self, size: int, price: int, **_: Any) -> None:  # noqa: N802
        if self.is_sound(size, price):
            self.put(0, "T", "N", price, size)

    def take_C(self, **_: Any) -> None:  # noqa: N802
        self.orders = {key: one for key, one in self.orders.items() if one.symbol != self.raw}
        self.put(0, "R", "N", 0, 0)

    def take_8(self, flag: int, size: int, price: int, **_: Any) -> None:
        if self.is_sound(1, price):
            flags = F_MBP | (F_LAST if flag & 1 else 0)
            self.put(0, "M" if size else "C", "B" if self.kind == "8" else "A", price, size, flags)

    take_5 = take_8

    def take_Q(self, bid: int, bid_size: int, ask: int, ask_size: int, **_: Any) -> None:  # noqa: N802
        if abs(bid) > LARGEST_PRICE or abs(ask) > LARGEST_PRICE:
            self.tallies["malformed"] += 1
            return
        before = len(self.rows)
        for side, price, size in (("B", bid, bid_size), ("A", ask, ask_size)):
            old, new = self.tops.get((self.raw, side), (0, 0)), (price if size else 0, size)
            self.tops[self.raw, side] = new
            if old[1] and (not size or old[0] != price):
                self.put(0, "C", side, *old, F_MBP | F_TOB)
            if size and old != new:
                self.put(0, "M", side, *new, F_MBP | F_TOB)
        if len(self.rows) > before:
            self.rows[-1] = self.rows[-1]._replace(flags=F_MBP | F_TOB | F_LAST)
