"""Slow, obvious matching engine: lists that are sorted whenever the first order is needed.

The tests compare the compiled engine with it row for row, and `hftlab bench matching` compares their speed.
`ReferenceEngine.take()` reads one ENTRY row; `events`, `fills` and `updates` collect plain tuples.
"""

from __future__ import annotations

import copy
from typing import Any

from hftlab.bench.reference_auction import auction_price
from hftlab.bench.reference_checks import refusal, replace_refusal
from hftlab.bench.reference_queues import LIMITED, STOPS, Book, Order
from hftlab.book.matching.entries import Action, EntryType, InForce, Prevention, Reason, Status, TradingPhase

__all__ = ["ReferenceEngine"]


class ReferenceEngine:
    """Books of `instruments`, numbered from 0; `halts` is the compiled engine's `halts_at_band`."""

    def __init__(self, instruments: int, halts: bool) -> None:
        self.books = [Book() for _ in range(instruments)]
        self.halts, self.next_id, self.ranks, self.now, self.sequence = halts, 1, 0, 0, 0
        self.events: list[tuple[Any, ...]] = []
        self.fills: list[tuple[Any, ...]] = []
        self.updates: list[tuple[Any, ...]] = []

    def take(self, entry: Any) -> None:
        self.now = int(entry["time"])
        self.step(lambda: self.perform(entry))
        for number, book in enumerate(self.books):
            while book.phase == TradingPhase.CONTINUOUS and (order := self.triggered(book)):
                self.step(lambda number=number, order=order: self.release(number, order))
            if book.phase == TradingPhase.CONTINUOUS:
                book.traded = []

    def step(self, what: Any) -> None:
        before = len(self.events)
        self.sequence += 1
        what()
        if len(self.events) > before:
            self.events[-1] = (*self.events[-1][:-1], True)

    def perform(self, entry: Any) -> None:
        action, number = int(entry["action"]), int(entry["instrument"])
        if action == Action.NEW:
            self.new(entry)
        elif action in (Action.CANCEL, Action.REPLACE):
            found = self.find(int(entry["id"]))
            if found is None or entry["owner"] not in (0, found[1].owner):
                self.reject(entry, int(entry["id"]), Reason.UNKNOWN_ORDER)
            elif action == Action.CANCEL:
                self.remove(found[0], found[1], Reason.REQUESTED)
            else:
                self.replace(entry, *found)
        elif not 0 <= number < len(self.books):
            self.reject(entry, 0, Reason.UNKNOWN_INSTRUMENT)
        else:
            reason = self.command(entry, action, number)
            if reason:
                self.reject(entry, 0, reason)

    # Orders

    def new(self, entry: Any) -> None:
        self.next_id += 1
        reason = refusal(self.books, entry, halts=self.halts)
        if reason:
            self.reject(entry, self.next_id - 1, reason)
            return
        kind, number = EntryType(int(entry["type"])), int(entry["instrument"])
        order = Order(
            id=self.next_id - 1,
            owner=int(entry["owner"]),
            is_bid=entry["side"] == ord("B"),
            type=kind,
            in_force=InForce(int(entry["in_force"])),
            price=int(entry["price"]) if kind in LIMITED else 0,
            stop=int(entry["stop"]),
            open=int(entry["size"]),
            display=int(entry["display"]),
            post_only=bool(entry["post_only"]),
            prevention=Prevention(int(entry["prevention"])),
        )
        self.update(number, order, Status.ACCEPTED, Reason.NONE, order.open)
        if kind in STOPS:
            self.wait(number, order)
        else:
            self.work(number, order)

    def replace(self, entry: Any, number: int, order: Order) -> None:
        book, price, size, stop = self.books[number], int(entry["price"]), int(entry["size"]), int(entry["stop"])
        reason = replace_refusal(book, order, price, size, stop, halts=self.halts)
        if reason:
            self.reject(entry, order.id, reason)
            return
        if order in book.stops:
            keeps = size <= order.open and stop == order.stop and (order.type == EntryType.STOP or price == order.price)
            order.open, order.stop = size, stop
            if order.type == EntryType.STOP_LIMIT:
                order.price = price
            self.update(number, order, Status.REPLACED, Reason.REQUESTED, size)
            if not keeps:
                book.stops.remove(order)
                self.wait(number, order)
            return
        before, moves, grows = order.shown, price != order.price, size > order.open
        if not moves and not grows:
            order.open, order.shown = size, min(order.shown, size)
            self.update(number, order, Status.REPLACED, Reason.REQUESTED, size)
            if order.shown != before:
                self.event(number, order, "M", order.shown)
            return
        book.orders.remove(order)
        trades = book.phase == TradingPhase.CONTINUOUS and book.crosses(order.is_bid, price)
        if trades:
            self.event(number, order, "C", before)
            order.price, order.open = price, size
            self.update(number, order, Status.REPLACED, Reason.REQUESTED, size)
            self.work(number, order)
            return
        old = copy.copy(order)
        order.price, order.open = price, size
        order.show()
        if moves or order.shown > before:
            self.event(number, order, "M", order.shown)
        else:
            self.event(number, old, "C", before)
            self.event(number, order, "A", order.shown)
        self.update(number, order, Status.REPLACED, Reason.REQUESTED, size)
        self.to_back(book.orders, order)

    # Trading

    def work(self, number: int, order: Order) -> None:
        book = self.books[number]
        if book.phase == TradingPhase.CALL:
            self.rest(number, order)
            return
        if order.in_force == InForce.FOK and not self.would_fill(number, order):
            self.update(number, order, Status.CANCELLED, Reason.NOT_FILLABLE, order.open, left=0)
            return
        reason = self.match(number, order)
        if not order.open:
            return
        may_rest = order.type != EntryType.MARKET and order.in_force != InForce.IOC
        halts = self.halts and reason == Reason.OUT_OF_BAND
        if may_rest and (halts or reason == Reason.NO_LIQUIDITY):
            self.rest(number, order)
        else:
            self.update(number, order, Status.CANCELLED, reason, order.open, left=0)
        if halts:
            self.set_phase(number, TradingPhase.HALTED, Reason.OUT_OF_BAND)

    def would_fill(self, number: int, order: Order) -> bool:
        """Try it in a copy of the world."""
        world = ReferenceEngine(0, self.halts)
        world.books = copy.deepcopy(self.books)
        world.match(number, copy.copy(order))
        return bool(sum(fill[2] for fill in world.fills) == order.open)

    def match(self, number: int, order: Order) -> Reason:
        book = self.books[number]
        while order.open:
            queue = book.queue(not order.is_bid)
            if not queue or not order.reaches(queue[0].price):
                return Reason.NO_LIQUIDITY
            maker = queue[0]
            if not book.lower <= maker.price <= book.upper:
                return Reason.OUT_OF_BAND
            size = min(order.open, maker.shown)
            if order.prevention == Prevention.NONE or order.owner == 0 or order.owner != maker.owner:
                order.open -= size
                self.trade(number, order, maker, order.side, maker.price, size)
                self.fill(number, maker, size)
            elif order.prevention == Prevention.DECREMENT:
                order.open -= size
                self.update(number, order, Status.REDUCED, Reason.SELF_TRADE, size)
                self.update(number, maker, Status.REDUCED, Reason.SELF_TRADE, size, left=maker.open - size)
                self.event(number, maker, "C", size)
                self.lose(number, maker, size)
            else:
                if order.prevention != Prevention.CANCEL_NEWEST:
                    self.remove(number, maker, Reason.SELF_TRADE)
                if order.prevention != Prevention.CANCEL_OLDEST:
                    return Reason.SELF_TRADE
        return Reason.NONE

    def trade(self, number: int, one: Order, other: Order, aggressor: str, price: int, size: int) -> None:
        """`one` has its lots taken off already where it is the aggressor."""
        book = self.books[number]
        book.last = price
        book.traded.append(price)
        taker = 0 if aggressor == "N" else one.id
        self.events.append((self.now, self.sequence, number, taker, "T", aggressor, price, size, False))
        buy, sell = (one, other) if one.is_bid else (other, one)
        left = {id(one): one.open - (size if aggressor == "N" else 0), id(other): other.open - size}
        parties = (buy.id, buy.owner, left[id(buy)], sell.id, sell.owner, left[id(sell)])
        self.fills.append((number, price, size, aggressor, *parties))

    def fill(self, number: int, order: Order, size: int) -> None:
        self.event(number, order, "F", size)
        self.event(number, order, "C", size)
        self.lose(number, order, size)

    def lose(self, number: int, order: Order, size: int) -> None:
        orders = self.books[number].orders
        order.open -= size
        order.shown -= size
        if order.shown:
            return
        orders.remove(order)
        if order.open:
            self.to_back(orders, order)
            order.show()
            self.event(number, order, "A", order.shown)

    def rest(self, number: int, order: Order) -> None:
        order.show()
        self.to_back(self.books[number].orders, order)
        self.event(number, order, "A", order.shown)

    def to_back(self, orders: list[Order], order: Order) -> None:
        self.ranks += 1
        order.rank = self.ranks
        orders.append(order)

    def remove(self, number: int, order: Order, reason: Reason) -> None:
        book = self.books[number]
        (book.stops if order in book.stops else book.orders).remove(order)
        self.event(number, order, "C", order.shown)
        self.update(number, order, Status.CANCELLED, reason, order.open, left=0)

    # Stops

    def wait(self, number: int, order: Order) -> None:
        self.to_back(self.books[number].stops, order)

    def triggered(self, book: Book) -> Order | None:
        if not book.last:
            return None
        prices = [*book.traded, book.last]
        buys = [order for order in book.stops if order.is_bid and order.stop <= max(prices)]
        sells = [order for order in book.stops if not order.is_bid and order.stop >= min(prices)]
        buys.sort(key=lambda order: (order.stop, order.rank))
        sells.sort(key=lambda order: (-order.stop, order.rank))
        return next(iter(buys + sells), None)

    def release(self, number: int, order: Order) -> None:
        self.books[number].stops.remove(order)
        order.type = EntryType.LIMIT if order.type == EntryType.STOP_LIMIT else EntryType.MARKET
        self.update(number, order, Status.TRIGGERED, Reason.NONE, order.open)
        self.work(number, order)

    # The venue

    def command(self, entry: Any, action: int, number: int) -> Reason | None:
        book, price, size = self.books[number], int(entry["price"]), int(entry["size"])
        phases = {Action.CALL: TradingPhase.CALL, Action.HALT: TradingPhase.HALTED, Action.CLOSE: TradingPhase.CLOSED}
        if action in phases:
            self.set_phase(number, phases[Action(action)], Reason.REQUESTED)
            if action == Action.CLOSE:
                self.expire(number)
        elif action == Action.UNCROSS:
            if book.phase != TradingPhase.CALL:
                return Reason.WRONG_PHASE
            if price < 0:
                return Reason.BAD_PRICE
            self.uncross(number, price if price > 0 else book.last or book.reference)
        elif action == Action.RESUME:
            bids, asks = book.queue(True), book.queue(False)
            if any(order.type == EntryType.MARKET for order in book.orders):
                return Reason.CROSSED
            if bids and asks and bids[0].price >= asks[0].price:
                return Reason.CROSSED
            self.set_phase(number, TradingPhase.CONTINUOUS, Reason.REQUESTED)
        elif action == Action.BAND:
            if size < 0:
                return Reason.BAD_SIZE
            if size and price < 1:
                return Reason.BAD_PRICE
            book.reference, book.width = price if size else 0, size
            self.updates.append((number, 0, 0, Status.BAND, Reason.REQUESTED, book.reference, size, 0, book.phase))
        else:
            return Reason.BAD_ACTION
        return None

    def set_phase(self, number: int, phase: TradingPhase, reason: Reason) -> None:
        self.books[number].phase = phase
        self.updates.append((number, 0, 0, Status.PHASE, reason, 0, 0, 0, phase))

    def expire(self, number: int) -> None:
        book = self.books[number]
        stops = [sorted((o for o in book.stops if o.is_bid), key=lambda o: (o.stop, o.rank))]
        stops += [sorted((o for o in book.stops if not o.is_bid), key=lambda o: (-o.stop, o.rank))]
        for order in [*book.queue(True), *book.queue(False), *stops[0], *stops[1]]:
            if order.in_force != InForce.GTC or order.type == EntryType.MARKET:
                self.remove(number, order, Reason.EXPIRED)

    def uncross(self, number: int, reference: int) -> None:
        book = self.books[number]
        price, volume, _ = auction_price(book, reference)
        left = volume
        while left:
            buy, sell = book.queue(True)[0], book.queue(False)[0]
            size = min(left, buy.shown, sell.shown)
            self.trade(number, buy, sell, "N", price, size)
            self.fill(number, buy, size)
            self.fill(number, sell, size)
            left -= size
        for order in book.queue(True) + book.queue(False):
            if order.type == EntryType.MARKET:
                self.remove(number, order, Reason.NO_LIQUIDITY)
        if volume and book.width:
            book.reference = price
        self.set_phase(number, TradingPhase.CONTINUOUS, Reason.REQUESTED)

    # Rows

    def find(self, order_id: int) -> tuple[int, Order] | None:
        for number, book in enumerate(self.books):
            for order in book.orders + book.stops:
                if order.id == order_id:
                    return number, order
        return None

    def event(self, number: int, order: Order, action: str, size: int) -> None:
        if order.is_public and size:
            row = (self.now, self.sequence, number, order.id, action, order.side, order.price, size, False)
            self.events.append(row)

    def update(
        self, number: int, order: Order, status: Status, reason: Reason, size: int, left: int | None = None
    ) -> None:
        left = order.open if left is None else left
        row = (number, order.id, order.owner, status, reason, order.price, size, left, self.books[number].phase)
        self.updates.append(row)

    def reject(self, entry: Any, order_id: int, reason: Reason) -> None:
        number = int(entry["instrument"])
        phase = self.books[number].phase if 0 <= number < len(self.books) else 0
        owner, price, size = int(entry["owner"]), int(entry["price"]), int(entry["size"])
        self.updates.append((number, order_id, owner, Status.REJECTED, reason, price, size, 0, phase))
