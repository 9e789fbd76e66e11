"""Slow, obvious matching engine: lists that are sorted whenever the first order is needed.

The tests compare the compiled engine with it row for row, and `hftlab bench matching` compares their speed.
`ReferenceEngine.take()` reads one ENTRY row; `events`, `fills` and `updates` collect plain tuples.
"""

from __future__ import annotations

import copy
from typing import Any

from hftlab.bench.reference_auction import auction_price
from hftlab.bench.reference_checks import first_reference, refusal, replace_refusal
from hftlab.bench.reference_queues import LIMITED, STOPS, Book, Order
from hftlab.book.matching.entries import Action, EntryType, InForce, Prevention, Reason, Status, TradingPhase, Trigger

__all__ = ["ReferenceEngine"]


class ReferenceEngine:
    """Books of `instruments`, numbered from 0; `halts` is the compiled engine's `halts_at_band`.

    Prices may go down to `lowest` ticks.
    """

    def __init__(self, instruments: int, halts: bool, lowest: int = 1) -> None:
        self.books = [Book(lowest=lowest) for _ in range(instruments)]
        self.halts, self.next_id, self.ranks, self.now, self.sequence = halts, 1, 0, 0, 0
        self.events: list[tuple[Any, ...]] = []
        self.fills: list[tuple[Any, ...]] = []
        self.updates: list[tuple[Any, ...]] = []

    def take(self, entry: Any) -> None:
        self.now = int(entry["time"])
        self.step(lambda: self.perform(entry))
        for book in self.books:
            self.watch(book)
        for number, book in enumerate(self.books):
            while book.phase == TradingPhase.CONTINUOUS and (order := self.next_release(number)):
                self.step(lambda number=number, order=order: self.release(number, order))
                self.watch(book)
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
            trigger=Trigger(int(entry["trigger"])),
            trail=int(entry["trail"]),
            trail_step=int(entry["trail_step"]),
            is_whole=bool(entry["all_or_none"]),
        )
        if order.trail and not order.stop:
            reference = first_reference(self.books[number], entry)
            assert reference is not None
            order.stop = reference + (order.trail if order.is_bid else -order.trail)
        self.update(number, order, Status.ACCEPTED, Reason.NONE, order.open)
        if kind in STOPS:
            self.wait(number, order)
        else:
            self.work(number, order)

    def replace(self, entry: Any, number: int, order: Order) -> None:
        book, price, size, stop = self.books[number], int(entry["price"]), int(entry["size"]), int(entry["stop"])
        # 0 leaves a trailing stop where it is, which may be where no stop could be given.
        stays = order.trail > 0 and stop == 0
        stop = order.stop if stays else stop
        reason = replace_refusal(book, order, price, size, None if stays else stop, halts=self.halts)
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
        if order.is_whole:
            keeps = price == order.price and size <= order.open
            order.price, order.open = price, size
            order.show()
            self.update(number, order, Status.REPLACED, Reason.REQUESTED, size)
            if not keeps:
                book.wholes.remove(order)
                self.work(number, order)
            return
        before, moves, grows = order.shown, price != order.price, size > order.open
        if not moves and not grows:
            order.open, order.shown = size, min(order.shown, size)
            self.update(number, order, Status.REPLACED, Reason.REQUESTED, size)
            if order.shown != before:
                self.event(number, order, "M", order.shown)
            return
        book.orders.remove(order)
        moved = copy.copy(order)
        moved.price, moved.open = price, size
        meets = book.crosses(order.is_bid, price) or any(maker.is_whole for maker in book.makers(moved))
        trades = book.phase == TradingPhase.CONTINUOUS and meets
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
        if order.is_whole:
            if book.phase == TradingPhase.CONTINUOUS and self.would_fill(number, order):
                self.match(number, order)
            else:
                order.show()
                self.to_back(book.wholes, order)
            return
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
        world.books, world.ranks = copy.deepcopy(self.books), self.ranks
        world.match(number, copy.copy(order))
        return bool(sum(fill[2] for fill in world.fills) == order.open)

    def match(self, number: int, order: Order) -> Reason:
        book = self.books[number]
        while order.open:
            makers = book.makers(order)
            if not makers or not order.reaches(makers[0].price):
                return Reason.NO_LIQUIDITY
            maker = makers[0]
            if not book.lower <= maker.price <= book.upper:
                return Reason.OUT_OF_BAND
            size = min(order.open, maker.shown)
            if not order.avoids(maker):
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
        book.step.append(price)
        taker = 0 if aggressor == "N" else one.id
        self.events.append((self.now, self.sequence, number, taker, "T", aggressor, price, size, False))
        buy, sell = (one, other) if one.is_bid else (other, one)
        left = {id(one): one.open - (size if aggressor == "N" else 0), id(other): other.open - size}
        parties = (buy.id, buy.owner, left[id(buy)], sell.id, sell.owner, left[id(sell)])
        self.fills.append((number, price, size, aggressor, *parties, self._next_row()))

    def fill(self, number: int, order: Order, size: int) -> None:
        self.event(number, order, "F", size)
        self.event(number, order, "C", size)
        self.lose(number, order, size)

    def lose(self, number: int, order: Order, size: int) -> None:
        orders = self.books[number].wholes if order.is_whole else self.books[number].orders
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
        next(orders for orders in (book.stops, book.wholes, book.orders) if order in orders).remove(order)
        self.event(number, order, "C", order.shown)
        self.update(number, order, Status.CANCELLED, reason, order.open, left=0)

    # Stops

    def wait(self, number: int, order: Order) -> None:
        order.has_fired, order.is_new = False, True
        self.to_back(self.books[number].stops, order)

    def watch(self, book: Book) -> None:
        """Show each watched stop the step's trades one by one, or at its entry the last, and then the quote."""
        step, book.step = book.step, []
        last = [] if book.last is None else [book.last]
        for order in book.stops:
            if order.is_watched:
                quote = book.quote(order.is_bid)
                seen = [] if order.trigger == Trigger.QUOTE else step or (last if order.is_new else [])
                order.is_new = False
                seen = [*seen, *([quote] if quote is not None and order.trigger != Trigger.TRADE else [])]
                for price in seen:
                    order.see(price, book.lowest)

    def next_release(self, number: int) -> Order | None:
        book = self.books[number]
        order = self.triggered(book)
        if order:
            return order
        wholes = book.waiting_wholes(True) + book.waiting_wholes(False)
        return next((order for order in wholes if self.would_fill(number, order)), None)

    def triggered(self, book: Book) -> Order | None:
        prices = [*book.traded, *([] if book.last is None else [book.last])]
        fired = [
            order
            for order in book.stops
            if (order.has_fired if order.is_watched else any(order.is_reached_by(price) for price in prices))
        ]
        fired.sort(key=self.nearest_first)
        return next(iter(fired), None)

    def nearest_first(self, order: Order) -> tuple[bool, int, bool, int]:
        return not order.is_bid, order.stop if order.is_bid else -order.stop, order.is_watched, order.rank

    def release(self, number: int, order: Order) -> None:
        if order.is_whole:
            self.books[number].wholes.remove(order)
            self.work(number, order)
            return
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
            is_given = price != 0 or (book.lowest <= 0 and size == 1)
            if is_given and price < book.lowest:
                return Reason.BAD_PRICE
            of_band = book.reference if book.width else None
            self.uncross(number, price if is_given else of_band if book.last is None else book.last)
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
            if size and price < book.lowest:
                return Reason.BAD_PRICE
            book.reference, book.width = price if size else 0, size
            row = (number, 0, 0, Status.BAND, Reason.REQUESTED, book.reference, size, 0, book.phase)
            self.updates.append((*row, self._next_row()))
        else:
            return Reason.BAD_ACTION
        return None

    def set_phase(self, number: int, phase: TradingPhase, reason: Reason) -> None:
        self.books[number].phase = phase
        self.updates.append((number, 0, 0, Status.PHASE, reason, 0, 0, 0, phase, self._next_row()))

    def expire(self, number: int) -> None:
        book = self.books[number]
        plain = sorted((order for order in book.stops if not order.is_watched), key=self.nearest_first)
        watched = sorted((order for order in book.stops if order.is_watched), key=lambda o: (not o.is_bid, o.rank))
        wholes = [*book.waiting_wholes(True), *book.waiting_wholes(False)]
        for order in [*book.queue(True), *book.queue(False), *plain, *watched, *wholes]:
            if order.in_force != InForce.GTC or order.type == EntryType.MARKET:
                self.remove(number, order, Reason.EXPIRED)

    def uncross(self, number: int, reference: int | None) -> None:
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
            for order in book.orders + book.stops + book.wholes:
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
        self.updates.append((*row, self._next_row()))

    def reject(self, entry: Any, order_id: int, reason: Reason) -> None:
        number = int(entry["instrument"])
        phase = self.books[number].phase if 0 <= number < len(self.books) else 0
        owner, price, size = int(entry["owner"]), int(entry["price"]), int(entry["size"])
        row = (number, order_id, owner, Status.REJECTED, reason, price, size, 0, phase)
        self.updates.append((*row, self._next_row()))

    def _next_row(self) -> int:
        """Return the number of the next fill or update."""
        return len(self.fills) + len(self.updates) + 1
