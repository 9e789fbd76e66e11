"""The slow, obvious decoder of MITCH: struct, dicts and a table of fields. What the compiled one is compared with.

The table is that of the specification's section 4, written down once more: no capture of the London Stock Exchange is
public that could be compared with instead.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import Any, NamedTuple

from hftlab.events import F_LAST

SECOND = 1_000_000_000

# A field is its name and struct's letter for it; all messages begin with a byte of length and one of type.
HEAD = "length:B kind:B "
ADDED = HEAD + "ns:I order:Q side:c size:I number:I _:2s price:q "
TABLE = {
    0x01: HEAD + "user:6s password:10s",
    0x02: HEAD + "status:c",
    0x03: HEAD + "group:c first:I count:H",
    0x04: HEAD + "group:c first:I count:H status:c",
    0x05: HEAD,
    0x54: HEAD + "seconds:I",
    0x53: HEAD + "ns:I event:c",
    0x52: HEAD + "ns:I number:I _:2s status:c isin:12s sedol:12s segment:6s underlying:6s currency:3s _:5s close:q",
    0x48: HEAD + "ns:I number:I _:2s status:c flags:B reason:4s change:B end:8s book:B",
    0x41: ADDED + "flags:B _:10s",
    0x46: ADDED + "firm:11s flags:B",
    0x44: HEAD + "ns:I order:Q flags:B number:I",
    0x55: HEAD + "ns:I order:Q size:I price:q flags:B",
    0x79: HEAD + "ns:I number:I _:2s flags:B",
    0x45: HEAD + "ns:I order:Q size:I match:Q",
    0x43: HEAD + "ns:I order:Q size:I shown:I match:Q printable:c price:q",
    0x50: HEAD + "ns:I size:I number:I _:2s price:q match:Q cross:B sub:B flags:B",
    0x51: HEAD + "ns:I size:I number:I _:2s price:q match:Q auction:c flags:B",
    0x78: HEAD
    + "ns:I size:I number:I _:2s price:q match:Q type:4s time:8s date:8s currency:4s original:q venue:5s flags:B",
    0x42: HEAD + "ns:I match:Q type:c number:I",
    0x49: HEAD + "ns:I paired:I _:5s number:I _:2s price:q auction:c",
    0x77: HEAD + "ns:I number:I _:2s statistic:c price:q indicator:c _:B",
    0x71: HEAD + "ns:I number:I bid:q bid_size:I ask:q ask_size:I",
}
FIELDS = {kind: [part.split(":") for part in text.split()] for kind, text in TABLE.items()}
FORMATS = {kind: "<" + "".join(letter for _, letter in fields) for kind, fields in FIELDS.items()}
SIZES = {kind: struct.calcsize(one) for kind, one in FORMATS.items()}
LEAST = SIZES | {0x41: 34, 0x42: 15}


def fields_of(message: bytes) -> dict[str, Any]:
    """The fields of a message by name."""
    kind = message[1]
    whole = message[: SIZES[kind]].ljust(SIZES[kind], b" ")
    return dict(zip((name for name, _ in FIELDS[kind]), struct.unpack(FORMATS[kind], whole), strict=True))


def message_of(kind: int, **fields: Any) -> bytes:
    """A message; what is not given is 0 or blank."""
    zeros = {"c": b" ", "s": b""}
    values = [fields.get(name, zeros.get(letter[-1], 0)) for name, letter in FIELDS[kind]]
    values[:2] = SIZES[kind], kind
    return struct.pack(FORMATS[kind], *values)


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
    number: int
    side: str
    price: int
    size: int
    book: int  # bits 5 (firm quotes) and 6 (private requests) of its flags, the higher one alone
    is_priced: bool


class Oracle:
    """Decodes units in order; `rows`, `counts`, `unknown` and `tallies` as the real one's rows and stats."""

    def __init__(self, units: list[bytes], symbols: list[str] | None = None, midnight: int = 0) -> None:
        self.rows: list[Row] = []
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.tallies: Counter[str] = Counter()
        self.symbols: dict[int, str] = {}
        self.orders: dict[int, Order] = {}
        self.seconds: dict[bytes, int] = {}
        self.wanted, self.midnight = symbols, midnight
        for received, unit in enumerate(units):
            self.received = received
            self.take_unit(unit)

    def take_unit(self, unit: bytes) -> None:
        self.tallies["units"] += 1
        _, count, self.group, self.sequence = struct.unpack_from("<HBcI", unit)
        self.tallies["heartbeats"] += count == 0
        at = 8
        for _ in range(count):
            self.take(unit[at : at + unit[at]])
            at += unit[at]
            self.sequence += 1
        assert at == len(unit)

    def take(self, message: bytes) -> None:
        kind = message[1]
        self.kind = f"0x{kind:02x}"
        self.counts[self.kind] += 1
        if kind not in SIZES:
            return
        if len(message) < LEAST[kind]:
            self.tallies["malformed"] += 1
            return
        self.fields = fields_of(message)
        if kind in (0x41, 0x46, 0x50, 0x51, 0x79):
            self.symbols.setdefault(self.fields["number"], f"#{self.fields['number']}")
        if "ns" in self.fields and kind in (0x41, 0x46, 0x44, 0x55, 0x79, 0x45, 0x43, 0x50, 0x51):
            self.time = self.time_of(self.fields["ns"])
        take = getattr(self, f"take_{kind:02x}", None)
        if take is not None:
            take(**self.fields)

    def time_of(self, nanos: int) -> int:
        if self.group in self.seconds:
            return self.midnight + self.seconds[self.group] * SECOND + nanos
        self.tallies["timed_by_capture"] += 1
        if not self.received:
            return self.midnight + nanos
        return (self.received // SECOND - (nanos > self.received % SECOND)) * SECOND + nanos

    def put(self, number: int, order: int, action: str, side: str, price: int, size: int, flags: int = F_LAST) -> None:
        symbol = self.symbols[number]
        if self.wanted is None or symbol in self.wanted:
            head = self.time, self.received or self.time, self.sequence, symbol
            self.rows.append(Row(*head, order, action, side, price * 10, size, flags))

    def is_wanted(self, number: int) -> bool:
        return self.wanted is None or self.symbols[number] in self.wanted

    def is_shown(self, order: Order) -> bool:
        if order.book:
            self.tallies["other_books"] += self.is_wanted(order.number)
            return False
        return order.is_priced

    def find(self, order: int) -> Order | None:
        if order not in self.orders:
            self.unknown[self.kind] += 1
        return self.orders.get(order)

    @staticmethod
    def book_of(flags: int) -> int:
        return 64 if flags & 64 else flags & 32

    # --- message types ---

    def take_54(self, seconds: int, **_: Any) -> None:
        self.seconds[self.group] = seconds

    def take_52(self, number: int, isin: bytes, sedol: bytes, **_: Any) -> None:
        texts = [code.decode("latin-1").strip(" \0") for code in (sedol, isin)]
        good = [text for text in texts if text and all(" " <= letter <= "~" for letter in text)]
        known = {"0798059": "BP.", "BH4HKS3": "VOD"}
        self.symbols.setdefault(number, known.get(texts[0]) or (good[0] if good else f"#{number}"))

    def take_41(self, order: int, side: bytes, size: int, number: int, price: int, flags: int, **_: Any) -> None:
        if side not in (b"B", b"S") or size == 0 or abs(price) > (2**63 - 1) // 10:
            self.tallies["malformed"] += 1
            return
        self.tallies["repeated_orders"] += order in self.orders
        is_priced = not (self.kind == "0x41" and flags & 16)
        one = Order(number, "B" if side == b"B" else "A", price, size, self.book_of(flags), is_priced)
        self.orders[order] = one
        if self.is_shown(one):
            self.put(number, order, "A", one.side, price, size)

    take_46 = take_41

    def take_44(self, order: int, **_: Any) -> None:
        if (one := self.find(order)) is not None:
            del self.orders[order]
            if self.is_shown(one):
                self.put(one.number, order, "C", one.side, one.price, one.size)

    def take_55(self, order: int, size: int, price: int, flags: int, **_: Any) -> None:
        if (one := self.find(order)) is None:
            return
        if size == 0 or abs(price) > (2**63 - 1) // 10:
            self.tallies["malformed"] += 1
            return
        self.orders[order] = one._replace(price=price, size=size)
        if not self.is_shown(one):
            return
        if not flags & 1 and price == one.price and size <= one.size:
            self.put(one.number, order, "C", one.side, price, one.size, 0)
            self.put(one.number, order, "A", one.side, price, size)
        else:
            self.put(one.number, order, "M", one.side, price, size)

    def take_79(self, number: int, flags: int, **_: Any) -> None:
        book = self.book_of(flags)
        self.orders = {key: one for key, one in self.orders.items() if (one.number, one.book) != (number, book)}
        if book:
            self.tallies["other_books"] += self.is_wanted(number)
        else:
            self.put(number, 0, "R", "N", 0, 0)

    def take_45(self, order: int, size: int, **_: Any) -> None:
        if (one := self.find(order)) is None:
            return
        if size == 0:
            self.tallies["malformed"] += 1
            return
        self.tallies["excess_shares"] += size > one.size
        self.execute(order, one, size, one.price, max(one.size - size, 0), True)

    def take_43(self, order: int, size: int, shown: int, printable: bytes, price: int, **_: Any) -> None:
        if (one := self.find(order)) is None:
            return
        if size == 0 or abs(price) > (2**63 - 1) // 10:
            self.tallies["malformed"] += 1
            return
        self.execute(order, one, size, price, shown, printable == b"Y")

    def execute(self, order: int, one: Order, size: int, paid: int, shown: int, is_printed: bool) -> None:
        if shown:
            self.orders[order] = one._replace(size=shown)
        else:
            del self.orders[order]
        has_row = one.is_priced and not one.book
        if is_printed:
            self.put(one.number, 0, "T", "A" if one.side == "B" else "B", paid, size, 0 if has_row else F_LAST)
        if not has_row:
            return
        self.put(one.number, order, "F", one.side, one.price, size, 0)
        if shown == 0:
            self.put(one.number, order, "C", one.side, one.price, size if self.kind == "0x45" else one.size)
        elif shown == one.size - size:
            self.put(one.number, order, "C", one.side, one.price, size)
        else:
            self.put(one.number, order, "M", one.side, one.price, shown)

    def take_50(self, size: int, number: int, price: int, flags: int, **_: Any) -> None:
        if flags & 3:
            self.tallies["corrections"] += 1
        elif abs(price) > (2**63 - 1) // 10:
            self.tallies["malformed"] += 1
        elif size:
            self.put(number, 0, "T", "N", price, size)

    take_51 = take_50
