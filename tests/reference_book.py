"""The slow, obvious order book: a list of orders as they queue. What the compiled books are compared with."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from hftlab.events import F_LAST, F_MBP, EventBatch

Levels = list[tuple[int, int, int]]
"""(ticks, lots, number of orders), best first."""


class Anomaly(Exception):
    def __init__(self, row: int, kind: str) -> None:
        super().__init__(row, kind)
        self.row, self.kind = row, kind


class Event(NamedTuple):
    time: int
    action: str
    side: str
    order_id: int
    price: int
    lots: int
    is_level: bool
    is_last: bool


@dataclass
class Order:
    order_id: int
    side: str
    ticks: int
    lots: int
    filled: int = 0


class ReferenceBook:
    """One instrument's book in ticks and lots. `orders` stand in the order in which they queue."""

    def __init__(self, tick: int = 1) -> None:
        self.tick = tick
        self.orders: list[Order] = []
        self.totals: dict[str, dict[int, int]] = {"B": {}, "A": {}}
        self.anomalies: Counter[str] = Counter()
        self.clears = 0
        self.time: int | None = None
        self.changed = False
        self.was_crossed = False
        self.traded = False
        self.opened = False

    def find(self, order_id: int) -> Order | None:
        return next((order for order in self.orders if order.order_id == order_id), None)

    def queue(self, side: str, ticks: int) -> list[Order]:
        return [order for order in self.orders if (order.side, order.ticks) == (side, ticks)]

    def levels(self, side: str) -> Levels:
        found = {ticks: (lots, 0) for ticks, lots in self.totals[side].items()}
        for order in self.orders:
            if order.side == side:
                lots, count = found.get(order.ticks, (0, 0))
                found[order.ticks] = lots + order.lots, count + 1
        return [(ticks, *found[ticks]) for ticks in sorted(found, reverse=side == "B")]

    def bids(self, depth: int) -> Levels:
        return self.levels("B")[:depth]

    def asks(self, depth: int) -> Levels:
        return self.levels("A")[:depth]

    def is_crossed(self) -> bool:
        bids, asks = self.bids(1), self.asks(1)
        return bool(bids and asks and bids[0][0] >= asks[0][0])

    def empty(self) -> None:
        self.orders, self.totals = [], {"B": {}, "A": {}}

    def change(self, event: Event) -> str | None:
        """Do what the event says, or nothing and say which kind of anomaly it is."""
        if event.action == "R":
            self.empty()
            self.clears += 1
            self.traded = self.opened = False
            return None
        if event.side == "N":
            return "no_side"
        return self.change_level(event) if event.is_level else self.change_order(event)

    def change_level(self, event: Event) -> str | None:
        if event.price % self.tick:
            return "bad_price"
        levels, ticks = self.totals[event.side], event.price // self.tick
        if event.action in "AM" and event.lots:
            levels[ticks] = event.lots
            return None
        return None if levels.pop(ticks, 0) else "unknown_level"

    def change_order(self, event: Event) -> str | None:
        order, ticks = self.find(event.order_id), event.price // self.tick
        if event.action == "A":
            if order:
                return "repeated_order"
            if event.lots == 0:
                return "no_size"
            if event.price % self.tick:
                return "bad_price"
            self.orders.append(Order(event.order_id, event.side, ticks, event.lots))
            return None
        if order is None:
            return "unknown_order"
        same_price = order.ticks * self.tick == event.price
        if order.side != event.side:
            return "mismatch"
        if event.action == "C":
            if not same_price:
                return "mismatch"
            if event.lots > order.lots:
                return "over_cancel"
            order.lots -= event.lots
            order.filled = max(order.filled - event.lots, 0)
        elif same_price and event.lots <= order.lots and (event.lots <= order.lots - order.filled or not order.filled):
            order.lots, order.filled = event.lots, 0
        elif event.lots and event.price % self.tick:
            return "bad_price"
        else:
            self.orders.remove(order)
            self.orders.append(order)
            order.ticks, order.lots, order.filled = ticks, event.lots, 0
        if order.lots == 0:
            self.orders.remove(order)
        return None


class ReferenceBooks:
    """The books of several symbols, with a policy for each kind of anomaly; "raise" raises Anomaly."""

    def __init__(self, policy: Mapping[str, str] | None = None) -> None:
        self.policy = policy or {}
        self.books: dict[str, ReferenceBook] = {}

    def apply(self, batch: EventBatch, depth: int = 10) -> list[tuple[Levels, Levels]]:
        """Apply a batch, all of it or nothing; the best bids and asks after every row flagged F_LAST."""
        before = copy.deepcopy(self.books)
        for instrument in batch.instruments:
            self.books.setdefault(instrument.symbol, ReferenceBook(instrument.tick))
        tops = []
        try:
            for row in range(len(batch)):
                book = self.books[batch.instruments[batch.instrument_id[row]].symbol]
                event = event_of(batch, row)
                if event.action in "ACMR":
                    self.change(book, event, row)
                elif event.action == "T":
                    book.traded = True
                    book.opened |= not book.was_crossed
                elif event.action == "F" and (order := book.find(event.order_id)):
                    order.filled = min(order.filled + event.lots, order.lots)
                if event.is_last:
                    self.end(book, row)
                    tops.append((book.bids(depth), book.asks(depth)))
        except Anomaly:
            self.books = {symbol: before.get(symbol, ReferenceBook(book.tick)) for symbol, book in self.books.items()}
            raise
        return tops

    def change(self, book: ReferenceBook, event: Event, row: int) -> None:
        if book.time is not None and event.time < book.time:
            if self.note(book, "time_back", row) == "clear":
                return
        else:
            book.time = event.time
        kind = book.change(event)
        if kind:
            self.note(book, kind, row)
        else:
            book.changed = True

    def end(self, book: ReferenceBook, row: int) -> None:
        if not book.changed:
            return
        book.changed, book.was_crossed = False, book.is_crossed()
        book.opened |= book.traded and not book.was_crossed
        if not book.was_crossed:
            return
        if not book.opened and self.policy.get("crossed") == "clear":
            book.anomalies["crossed"] += 1
        else:
            self.note(book, "crossed", row)

    def note(self, book: ReferenceBook, kind: str, row: int) -> str:
        policy = self.policy.get(kind, "skip")
        if policy == "raise":
            raise Anomaly(row, kind)
        book.anomalies[kind] += 1
        if policy == "clear":
            book.empty()
        return policy


def event_of(batch: EventBatch, row: int) -> Event:
    return Event(
        time=int(batch.ts_event[row]),
        action=chr(batch.action[row]),
        side=chr(batch.side[row]),
        order_id=int(batch.order_id[row]),
        price=int(batch.price[row]),
        lots=int(batch.size[row]),
        is_level=bool(batch.flags[row] & F_MBP),
        is_last=bool(batch.flags[row] & F_LAST),
    )
