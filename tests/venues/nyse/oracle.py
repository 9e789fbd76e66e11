"""The slow, obvious decoder of the Integrated Feed: struct and dicts. What the compiled one is compared with.

Its offsets are those of the specification's tables, written down once more.
"""

from __future__ import annotations

import struct
from collections import Counter
from typing import NamedTuple

from hftlab.events import F_LAST, F_MAYBE_BAD_BOOK, F_SNAPSHOT

SIZES = {1: 14, 2: 16, 3: 44, 10: 24, 11: 29, 12: 14, 13: 21, 15: 20, 31: 14, 32: 20, 34: 46, 35: 16, 100: 39, 101: 35,
         102: 25, 103: 42, 104: 42, 105: 67, 106: 43, 110: 33, 111: 29, 112: 20, 113: 24, 114: 17, 223: 36}  # fmt: skip
OF_SYMBOLS = {100: 8, 101: 8, 102: 8, 103: 8, 104: 8, 110: 8, 111: 8, 112: 8, 113: 8, 114: 8, 32: 12, 34: 12, 105: 12,
              106: 12}  # fmt: skip
SECOND = 1_000_000_000


def day_of(second: int) -> int:
    """The trading day of a second: New York's, in winter."""
    return (second - 5 * 3600) // 86_400


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
    side: str
    price: int
    volume: int


class Oracle:
    """Decodes packets; `rows`, `counts`, `unknown`, `unmapped` and `tallies` as the real one's rows and stats."""

    def __init__(
        self, packets: list[bytes], symbols: list[str] | None = None, mapping: dict[int, tuple[str, int]] | None = None,
        price_scale: int | None = None,
    ) -> None:  # fmt: skip
        self.rows: list[Row] = []
        self.counts: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()
        self.unmapped: Counter[str] = Counter()
        self.tallies: Counter[str] = Counter()
        self.wanted, self.price_scale = symbols, price_scale
        self.names: dict[int, tuple[str, int, int | None] | None] = {}
        self.raw: dict[int, bytes | None] = {}
        self.renamed: Counter[int] = Counter()
        for index, (symbol, scale) in (mapping or {}).items():
            self.names[index], self.raw[index] = (symbol, scale, None), None
        # By index and what the index stood for, so that an order of another symbol that had it is not found.
        self.orders: dict[tuple[int, int], tuple[object, Order]] = {}
        self.seconds: dict[int, int] = {}
        self.last: Counter[object] = Counter()
        self.cleared: dict[object, int] = {}
        self.day, self.days, self.bad = -1, Counter[object](), set[object]()
        for received, packet in enumerate(packets):
            self.take_packet(packet, received)

    def take_packet(self, packet: bytes, received: int) -> None:
        flags = {1, *range(10, 22)}
        if len(packet) < 16 or not 16 <= int.from_bytes(packet[:2], "little") <= len(packet) or packet[2] not in flags:
            self.tallies["other_datagrams"] += 1
            return
        if packet[3]:
            whole = int.from_bytes(packet[:2], "little")
            first, kind = (int.from_bytes(packet[at : at + 2].ljust(2, b"\xff"), "little") for at in (16, 18))
            if whole < 20 or not 4 <= first <= whole - 16 or kind >= 256:
                self.tallies["other_datagrams"] += 1
                return
        size, self.flag, count, sequence, self.sent, self.sent_ns = struct.unpack_from("<HBBIII", packet)
        self.tallies["packets"] += 1
        self.tallies["heartbeats"] += count == 0
        self.received, self.refreshed = received, 0
        if count and self.day == -1:
            self.day = day_of(self.sent)
        at = 16
        for number in range(count):
            if at + 4 > size or (length := int.from_bytes(packet[at : at + 2], "little")) < 4 or at + length > size:
                self.tallies["malformed"] += count - number
                return
            self.sequence = sequence + number
            self.take(packet[at : at + length])
            at += length

    def take(self, message: bytes) -> None:
        kind = int.from_bytes(message[2:4], "little")
        self.counts[str(kind)] += 1
        if kind not in SIZES:
            return
        if len(message) < SIZES[kind]:
            self.tallies["malformed"] += 1
            return
        if kind == 2:
            system, _, second = struct.unpack_from("<III", message, 4)
            if system < 256:
                self.seconds[system] = second
        elif kind == 1:
            self.day = max(self.day, day_of(*struct.unpack_from("<I", message, 4)))
        elif kind == 3:
            self.take_mapping(message)
        elif kind == 35:
            (self.refreshed,) = struct.unpack_from("<I", message, 12)
        elif kind in OF_SYMBOLS:
            self.take_of_symbol(kind, message, OF_SYMBOLS[kind])

    def take_mapping(self, message: bytes) -> None:
        (index,) = struct.unpack_from("<I", message, 4)
        raw = message[8:19] + message[24:25]
        if index >= 2**20 or (index in self.raw and self.raw[index] in (None, raw)):
            return
        self.raw[index] = raw
        self.renamed[index] += 1
        text, scale = message[8:19].rstrip(b"\0"), message[24]
        if not text or not all(0x20 <= byte < 0x7F for byte in text) or text.strip() != text or scale > 9:
            self.tallies["malformed"] += 1
            self.names[index] = None
            return
        self.names[index] = text.decode().replace(" ", "."), scale, message[22]

    def take_of_symbol(self, kind: int, message: bytes, place: int) -> None:
        (index,) = struct.unpack_from("<I", message, place)
        if index >= 2**20:
            self.tallies["malformed"] += 1
            return
        if index not in self.names and self.price_scale is not None:
            self.names[index], self.raw[index] = (f"#{index}", self.price_scale, None), None
        if index not in self.names:
            self.unmapped[str(kind)] += 1
            return
        name = self.names[index]
        if name is None or (self.wanted is not None and name[0] not in self.wanted):
            return
        self.index, self.slot, (self.symbol, self.scale, system) = index, (index, self.renamed[index]), name
        if place == 12:
            second, nanos = struct.unpack_from("<II", message, 4)
        else:
            (nanos,) = struct.unpack_from("<I", message, 4)
            if system in self.seconds:
                second = self.seconds[system]
            else:
                self.tallies["timed_by_packet"] += 1
                second = self.sent - (nanos > self.sent_ns)
        self.time = second * SECOND + nanos
        if self.days.get(self.slot, -1) != self.day:
            self.begin_day()
        if kind == 32:
            self.take_32(message)
            return
        (number,) = struct.unpack_from("<I", message, place + 4)
        is_refresh = self.flag in (17, 18, 19, 20)
        if kind == 106:
            self.take_106(message, number, is_refresh)
        elif not is_refresh and self.is_new(number) and hasattr(self, f"take_{kind}"):
            getattr(self, f"take_{kind}")(message)

    def is_new(self, number: int) -> bool:
        last = self.last[self.slot]
        if number == 0:
            return True
        if number <= last:
            self.tallies["seen_before"] += 1
            return False
        if last and number > last + 1:
            self.tallies["missing"] += number - last - 1
            self.bad.add(self.slot)
        self.last[self.slot] = number
        return True

    def begin_day(self) -> None:
        self.days[self.slot], self.last[self.slot] = self.day, 0
        if self.slot in self.bad or any(slot == self.slot for slot, _ in self.orders.values()):
            self.empty()

    # --- orders ---

    def key(self, order: int) -> tuple[int, int]:
        return (0 if order >= 2**32 else self.index, order)

    def find(self, kind: str, order: int) -> Order | None:
        slot, found = self.orders.get(self.key(order), (None, None))
        if slot != self.slot:
            self.unknown[kind] += 1
            return None
        return found

    def keep(self, order: int, side: str, price: int, volume: int) -> None:
        self.tallies["repeated_orders"] += self.key(order) in self.orders
        self.orders[self.key(order)] = self.slot, Order(side, price, volume)

    def put(self, order: int, action: str, side: str, price: int, size: int, flags: int = F_LAST) -> None:
        exact = price * 10 ** (9 - self.scale)
        head = self.time, self.received or self.time, self.sequence, self.symbol
        flags |= F_MAYBE_BAD_BOOK if self.slot in self.bad else 0
        self.rows.append(Row(*head, order, action, side, exact, size, flags))

    def add(self, body: bytes, flags: int = F_LAST) -> None:
        order, price, volume, letter = struct.unpack_from("<QIIc", body)
        if letter not in b"BS" or volume == 0:
            self.tallies["malformed"] += 1
            return
        side = "B" if letter == b"B" else "A"
        self.keep(order, side, price, volume)
        self.put(order, "A", side, price, volume, flags)

    def empty(self) -> None:
        self.orders = {key: value for key, value in self.orders.items() if value[0] != self.slot}
        self.bad.discard(self.slot)
        self.put(0, "R", "N", 0, 0)

    # --- message types ---

    def take_100(self, message: bytes) -> None:
        self.add(message[16:])

    def take_101(self, message: bytes) -> None:
        number, price, volume, lost = struct.unpack_from("<QIIB", message, 16)
        if (order := self.find("101", number)) is None:
            return
        if volume == 0:
            self.tallies["malformed"] += 1
            return
        self.orders[self.key(number)] = self.slot, Order(order.side, price, volume)
        if lost and price == order.price and volume <= order.volume:
            self.put(number, "C", order.side, price, order.volume, 0)
            self.put(number, "A", order.side, price, volume)
        else:
            self.put(number, "M", order.side, price, volume)

    def take_102(self, message: bytes) -> None:
        (number,) = struct.unpack_from("<Q", message, 16)
        if (order := self.find("102", number)) is not None:
            del self.orders[self.key(number)]
            self.put(number, "C", order.side, order.price, order.volume)

    def take_103(self, message: bytes) -> None:
        number, _, paid, volume, printable = struct.unpack_from("<QIIIB", message, 16)
        if (order := self.find("103", number)) is None:
            return
        if volume == 0:
            self.tallies["malformed"] += 1
            return
        if volume < order.volume:
            self.orders[self.key(number)] = self.slot, order._replace(volume=order.volume - volume)
        else:
            self.tallies["excess_shares"] += volume > order.volume
            del self.orders[self.key(number)]
        if printable:
            self.put(0, "T", "A" if order.side == "B" else "B", paid, volume, 0)
        self.put(number, "F", order.side, order.price, volume, 0)
        self.put(number, "C", order.side, order.price, volume)

    def take_104(self, message: bytes) -> None:
        old, new, price, volume = struct.unpack_from("<QQII", message, 16)
        if (order := self.find("104", old)) is None:
            return
        if volume == 0:
            self.tallies["malformed"] += 1
            return
        del self.orders[self.key(old)]
        self.keep(new, order.side, price, volume)
        self.put(old, "C", order.side, order.price, order.volume, 0)
        self.put(new, "A", order.side, price, volume)

    def take_106(self, message: bytes, number: int, is_refresh: bool) -> None:
        (order,) = struct.unpack_from("<Q", message, 20)
        if is_refresh:
            number = self.refreshed or number
            if self.last[self.slot] > number:
                self.tallies["stale_refreshes"] += 1
                return
        self.last[self.slot] = max(self.last[self.slot], number)
        if self.orders.get(self.key(order), (None,))[0] == self.slot:
            self.tallies["seen_before"] += 1
        else:
            self.add(message[20:], F_LAST | F_SNAPSHOT)

    def take_110(self, message: bytes) -> None:
        _, price, volume, printable = struct.unpack_from("<IIIB", message, 16)
        if printable and volume:
            self.put(0, "T", "N", price, volume)

    def take_111(self, message: bytes) -> None:
        _, price, volume = struct.unpack_from("<III", message, 16)
        if volume:
            self.put(0, "T", "N", price, volume)

    def take_34(self, message: bytes) -> None:
        if message[20:21] == b"X":
            self.empty()

    def take_32(self, message: bytes) -> None:
        if self.time <= self.cleared.get(self.slot, -1):
            self.tallies["seen_before"] += 1
            return
        (following,) = struct.unpack_from("<I", message, 16)
        self.cleared[self.slot], self.last[self.slot] = self.time, max(following - 1, 0)
        self.empty()
