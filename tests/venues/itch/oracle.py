"""The slow, obvious ITCH decoder: struct and a dict of orders. What the compiled one is compared with."""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

from hftlab.events import F_LAST

SIZES = dict(zip("SRHYLVWKJhAFECXDUPQBINO", (12, 39, 25, 20, 26, 35, 12, 28, 35, 21, 36, 40, 31, 36, 23, 19, 35, 44, 40,
                                           19, 50, 20, 48), strict=True))  # fmt: skip


class Row(NamedTuple):
    time: int
    number: int
    symbol: str
    order: int
    action: str
    side: str
    price: int
    size: int
    flags: int


class Oracle:
    """Decodes a whole stream; `rows`, `counts`, `unknown`, `sideless` and the rest as the real one's stats."""

    def __init__(self, data: bytes, symbols: list[str] | None = None) -> None:
        self.rows: list[Row] = []
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.sideless: Counter[str] = Counter()
        self.malformed = self.repeated = self.excess = self.empty = 0
        self.orders: dict[int, tuple[str, int, int]] = {}  # side ("" if not known), price, shares
        self.symbols: dict[int, str] = {}
        self.wanted = symbols
        number = at = 0
        while at + 2 <= len(data) and at + 2 + (size := struct.unpack_from(">H", data, at)[0]) <= len(data):
            number += 1
            self.take(data[at + 2 : at + 2 + size], number)
            at += 2 + size
        self.truncated = len(data) - at

    def take(self, message: bytes, number: int) -> None:
        if not message:
            self.empty += 1
            return
        letter = chr(message[0])
        self.counts[letter] += 1
        if letter not in SIZES:
            return
        if len(message) != SIZES[letter]:
            self.malformed += 1
            return
        locate, _, high, low = struct.unpack_from(">HHHI", message, 1)
        self.head = high * 2**32 + low, number
        if (method := getattr(self, f"take_{letter}", None)) is not None:
            method(message, locate)

    def named(self, locate: int, symbol: bytes, renames: bool = False) -> bool:
        if locate not in self.symbols or renames:
            if symbol.startswith(b" ") or not all(0x20 <= letter <= 0x7E for letter in symbol):
                self.malformed += 1
                return locate in self.symbols and self.is_wanted(locate)
            self.symbols[locate] = symbol.decode("latin-1").rstrip()
        return self.is_wanted(locate)

    def is_wanted(self, locate: int) -> bool:
        return self.wanted is None or locate not in self.symbols or self.symbols[locate] in self.wanted

    def put(self, locate: int, order: int, action: str, side: str, price: int, size: int, flags: int = F_LAST) -> None:
        self.rows.append(Row(*self.head, self.symbols[locate], order, action, side, price, size, flags))

    def keep(self, order: int, side: str, price: int, size: int) -> None:
        if size:
            self.repeated += order in self.orders
            self.orders[order] = side, price, size

    def take_R(self, message: bytes, locate: int) -> None:  # noqa: N802
        self.named(locate, message[11:19], renames=True)

    def take_A(self, message: bytes, locate: int) -> None:  # noqa: N802
        order, letter, size, symbol, price = struct.unpack_from(">QcI8sI", message, 11)
        if not self.named(locate, symbol):
            return
        if letter not in b"BS" or size >= 2**30:
            self.malformed += 1
            return
        side = "B" if letter == b"B" else "A"
        self.keep(order, side, price, size)
        self.put(locate, order, "A", side, price, size)

    take_F = take_A  # noqa: N815

    def take_U(self, message: bytes, locate: int) -> None:  # noqa: N802
        old, new, size, price = struct.unpack_from(">QQII", message, 11)
        if not self.is_wanted(locate):
            return
        if size >= 2**30:
            self.malformed += 1
            return
        if old not in self.orders:
            self.unknown["U"] += 1
            self.keep(new, "", price, size)
            return
        if self.orders[old][0] and locate not in self.symbols:
            self.unknown["U"] += 1
            return
        side, old_price, left = self.orders.pop(old)
        self.keep(new, side, price, size)
        if not side:
            self.sideless["U"] += 1
            return
        self.put(locate, old, "C", side, old_price, left, 0)
        self.put(locate, new, "A", side, price, size)

    def take_D(self, message: bytes, locate: int) -> None:  # noqa: N802
        self.reduce("D", locate, struct.unpack_from(">Q", message, 11)[0], None)

    def take_X(self, message: bytes, locate: int) -> None:  # noqa: N802
        self.reduce("X", locate, *struct.unpack_from(">QI", message, 11))

    def take_E(self, message: bytes, locate: int) -> None:  # noqa: N802
        order, size = struct.unpack_from(">QI", message, 11)
        self.reduce("E", locate, order, size, self.orders[order][1] if order in self.orders else 0)

    def take_C(self, message: bytes, locate: int) -> None:  # noqa: N802
        order, size, _, printable, price = struct.unpack_from(">QIQcI", message, 11)
        self.reduce("C", locate, order, size, price if printable == b"Y" else None)

    def reduce(self, letter: str, locate: int, order: int, size: int | None, paid: int | None = None) -> None:
        if not self.is_wanted(locate):
            return
        if order not in self.orders or (self.orders[order][0] and locate not in self.symbols):
            self.unknown[letter] += 1
            return
        side, price, left = self.orders.pop(order)
        size = left if size is None else size
        self.excess += size > left
        if size < left:
            self.orders[order] = side, price, left - size
        if not side:
            self.sideless[letter] += 1
            return
        if letter in "EC":
            if paid is not None:
                self.put(locate, 0, "T", "A" if side == "B" else "B", paid, size, 0)
            self.put(locate, order, "F", side, price, size, 0)
        self.put(locate, order, "C", side, price, size)

    def take_P(self, message: bytes, locate: int) -> None:  # noqa: N802
        _, _, size, symbol, price = struct.unpack_from(">QcI8sI", message, 11)
        if self.named(locate, symbol):
            self.put(locate, 0, "T", "N", price, size)

    def take_Q(self, message: bytes, locate: int) -> None:  # noqa: N802
        size, symbol, price = struct.unpack_from(">Q8sI", message, 11)
        if size == 0:
            return
        if size >= 2**63:
            self.malformed += 1
        elif self.named(locate, symbol):
            self.put(locate, 0, "T", "N", price, size)
