"""Slow, obvious rematch core: the rules of RematchCore over lists and dicts."""

from __future__ import annotations

from dataclasses import dataclass, field

from hftlab.backtest.core import Entry
from hftlab.backtest.reports import Cause, Why
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.events import ASK, BID, F_LAST
from tests.batches import Row

Report = tuple[int, int, int, int, int, int, int, int]


@dataclass(eq=False)
class Resting:
    """Order in the book; `owner` is 0 of a recorded one."""

    instrument: int
    side: int
    price: int
    shown: int
    hidden: int = 0
    display: int = 0
    owner: int = 0
    number: int = 0
    ahead: int = 0
    survives: bool = False
    post_only: int = 0

    @property
    def is_other(self) -> bool:
        return self.owner > 0 or self.survives

    @property
    def open(self) -> int:
        return self.shown + self.hidden


@dataclass(eq=False)
class Recorded:
    """What the recording has of an order, and the order that stands for it here."""

    side: int
    price: int
    left: int
    booked: int = 0
    order: Resting | None = None


@dataclass
class RematchOracle:
    """Market of several instruments; prices in ticks, times in ns."""

    queue: list[Resting] = field(default_factory=list)  # every order that rests, in the order of arrival at its price
    recorded: dict[tuple[int, int], Recorded] = field(default_factory=dict)
    own: dict[int, Resting] = field(default_factory=dict)
    reports: list[Report] = field(default_factory=list)
    last: dict[int, int] = field(default_factory=dict)
    aggressor: tuple[int, int, int] | None = None
    carry: int = 0
    print_price: float | None = None  # ticks; None when the event of the print is over
    print_side: tuple[int, int] | None = None
    now: int = 0

    def standing(self, instrument: int, side: int) -> list[Resting]:
        """The orders of a side, first to trade first."""
        sign = -1 if side == BID else 1
        mine = [order for order in self.queue if (order.instrument, order.side) == (instrument, side)]
        return sorted(mine, key=lambda order: sign * order.price)

    def ahead_of(self, order: Resting) -> int:
        orders = self.standing(order.instrument, order.side)
        return sum(one.shown for one in orders[: orders.index(order)] if one.price == order.price)

    # Recorded rows

    def play(self, row: Row, following: Row | None) -> None:
        self.now = row.time * 1_000_000
        side, key = ord(row.side), (row.instrument, row.order)
        known = self.recorded.get(key)
        if row.action == "A" and known is None and row.side in "AB" and row.lots and not row.off_tick:
            known = self.recorded[key] = Recorded(side, row.ticks, row.lots)
            self.arrive(row.instrument, known, row.lots)
        elif row.action == "C" and known and (known.side, known.price) == (side, row.ticks) and not row.off_tick:
            self.take_off(key, known, row.lots)
        elif row.action == "M" and known and known.side == side:
            self.change(key, known, row)
        elif row.action == "R":
            self.queue = [order for order in self.queue if order.instrument != row.instrument or order.owner]
            self.recorded = {one: order for one, order in self.recorded.items() if one[0] != row.instrument}
            self.carry = 0
        elif row.action == "T":
            self.trade(row, following)
        elif row.action == "F":
            self.execute(row, known)
        if row.flags & F_LAST:
            self.print_price = None

    def arrive(self, instrument: int, recorded: Recorded, lots: int) -> None:
        other = ASK if recorded.side == BID else BID
        lots = self.meet(instrument, other, recorded.price, lots, why=Why.CROSS, others_only=True)
        recorded.order = None
        if lots:
            recorded.order = Resting(instrument, recorded.side, recorded.price, lots)
            self.queue.append(recorded.order)

    def take_off(self, key: tuple[int, int], known: Recorded, lots: int) -> None:
        if lots > known.left:
            return
        booked = min(lots, known.booked)
        known.booked -= booked
        known.left -= lots
        order = self.there(known)
        if order and lots > booked:
            order.shown = 0 if known.left == 0 else max(order.shown - (lots - booked), 0)
            self.drop_empty()
        if known.left == 0:
            del self.recorded[key]
        else:
            self.settle(known)

    def change(self, key: tuple[int, int], known: Recorded, row: Row) -> None:
        order = self.there(known)
        if row.lots == 0:
            if order:
                self.queue.remove(order)
            del self.recorded[key]
            return
        if row.off_tick:
            return
        by = row.lots - (known.left - known.booked)
        keeps = by <= 0 and row.ticks == known.price
        known.left, known.booked, known.price = row.lots, 0, row.ticks
        lots = (order.shown if order else 0) + by
        if order and keeps and lots > 0:
            order.shown, order.survives = lots, False
            return
        if order:
            self.queue.remove(order)
        if lots > 0:
            self.arrive(row.instrument, known, lots)

    def trade(self, row: Row, following: Row | None) -> None:
        price = row.ticks + (0.5 if row.off_tick else 0)
        self.last[row.instrument] = row.ticks
        if row.side == "N":
            self.print_price = None
            better = [order for order in self.queue if order.instrument == row.instrument and order.is_other]
            for side in (BID, ASK):
                best = [
                    one
                    for one in better
                    if one.side == side and (one.price > price if side == BID else one.price < price)
                ]
                if best:
                    worst = min(one.price for one in best) if side == BID else max(one.price for one in best)
                    paid = -int(-price // 1) if side == BID else int(price // 1)
                    self.meet(row.instrument, side, worst, row.lots, why=Why.AUCTION, others_only=True, paid=paid)
            return
        side = ord(row.side)
        if self.aggressor != (row.instrument, side, self.now):
            self.aggressor, self.carry = (row.instrument, side, self.now), 0
        self.print_price, self.print_side = price, (row.instrument, side)
        is_over = following is None or row.flags & F_LAST
        if is_over or following.action != "F" or following.instrument != row.instrument:
            other = ASK if side == BID else BID
            self.meet(row.instrument, other, price, row.lots, why=Why.QUEUE, others_only=True)
            self.carry = self.meet(row.instrument, other, price, self.carry, why=Why.QUEUE)

    def execute(self, row: Row, known: Recorded | None) -> None:
        taker = self.print_side if self.print_price is not None else None
        is_print = taker is not None and taker[0] == row.instrument
        if known is None:
            if is_print:
                assert taker is not None and self.print_price is not None
                other = ASK if taker[1] == BID else BID
                self.meet(row.instrument, other, self.print_price, row.lots, why=Why.QUEUE, others_only=True)
            return
        lots = min(row.lots, known.left - known.booked)
        known.booked += lots
        order = self.there(known)
        is_print = is_print and taker is not None and taker[1] != known.side
        if is_print:
            assert self.print_price is not None
            lots = self.meet(
                row.instrument,
                known.side,
                self.print_price,
                lots + self.carry,
                why=Why.QUEUE,
                others_only=True,
                before=order,
            )
        if order:
            taken = min(lots, order.shown)
            order.shown -= taken
            lots -= taken
            self.drop_empty()
        if is_print:
            assert self.print_price is not None
            self.carry = self.meet(row.instrument, known.side, self.print_price, lots, why=Why.QUEUE)
        self.settle(known)

    def there(self, known: Recorded) -> Resting | None:
        return known.order if known.order in self.queue else None

    def settle(self, known: Recorded) -> None:
        order = self.there(known)
        if order and known.left == known.booked:
            order.survives = True

    def drop_empty(self) -> None:
        self.queue = [order for order in self.queue if order.shown]

    # Matching

    def meet(
        self,
        instrument: int,
        side: int,
        limit: float | None,
        lots: int,
        *,
        why: Why,
        others_only: bool = False,
        before: Resting | None = None,
        paid: int | None = None,
        taker: tuple[int, int] | None = None,
    ) -> int:
        """Trade with what rests on a side, up to `before`. Returns the lots left; `taker` is (owner, number)."""
        while lots:
            for order in self.standing(instrument, side):
                if order is before:
                    return lots
                if limit is not None and (order.price > limit if side == ASK else order.price < limit):
                    return lots
                if order.is_other or not others_only:
                    break
            else:
                return lots
            size = min(lots, order.shown)
            lots -= size
            price = order.price if paid is None else paid
            reports = []
            if order.owner:
                reason = Why.TRADE_THROUGH if why is Why.QUEUE and self.print_price != order.price else why
                reports.append((self.now, Cause.FILLED, order.number, size, price, reason, order.ahead, 0))
            if taker:
                reports.append((self.now, Cause.FILLED, taker[1], size, price, why, 0, 1))
            self.reports += reports if side == BID else reports[::-1]
            order.shown -= size
            if order.shown == 0 and order.hidden:
                order.shown = min(order.display, order.hidden)
                order.hidden -= order.shown
                self.queue.remove(order)
                self.queue.append(order)
            self.drop_empty()
        return lots

    # Own orders

    def report(self, cause: Cause, number: int, lots: int, price: int, why: Why, ahead: int = 0) -> None:
        self.reports.append((self.now, cause, number, lots, price, why, ahead, 0))

    def enter(self, entry: Entry, at: int) -> None:
        self.now = at
        other = ASK if entry.side == BID else BID
        limit = None if entry.type == EntryType.MARKET else entry.price
        reachable = [
            one
            for one in self.standing(entry.instrument, other)
            if limit is None or (one.price <= limit if other == ASK else one.price >= limit)
        ]
        price = 0 if limit is None else limit
        if entry.post_only and reachable:
            self.report(Cause.REJECTED, entry.number, entry.lots, price, Why.WOULD_TAKE)
            return
        place = len(self.reports)
        self.report(Cause.ACCEPTED, entry.number, entry.lots, price, Why.NONE)
        if entry.in_force == InForce.FOK and sum(one.open for one in reachable) < entry.lots:
            self.report(Cause.CANCELLED, entry.number, entry.lots, price, Why.NOT_FILLABLE)
            return
        left = self.meet(entry.instrument, other, limit, entry.lots, why=Why.CROSS, taker=(entry.owner, entry.number))
        if not left:
            return
        if limit is None or entry.in_force in (InForce.IOC, InForce.FOK):
            self.report(Cause.CANCELLED, entry.number, left, price, Why.NO_LIQUIDITY)
            return
        order = Resting(entry.instrument, entry.side, limit, left, 0, entry.display, entry.owner, entry.number)
        order.post_only = entry.post_only
        self.rest(order, place)

    def rest(self, order: Resting, place: int) -> None:
        """Put an own order into the book; the report at `place` is told the lots ahead."""
        left, order.hidden = order.open, 0
        order.shown = min(order.display, left) if order.display else left
        order.hidden = left - order.shown
        self.queue.append(order)
        self.own[order.number] = order
        order.ahead = self.ahead_of(order)
        self.told(place, order)

    def told(self, place: int, order: Resting) -> None:
        row = self.reports[place]
        self.reports[place] = (*row[:6], self.ahead_of(order), 0)

    def cancel(self, number: int, at: int) -> None:
        self.now = at
        order = self.own.get(number)
        if order not in self.queue:
            self.report(Cause.REFUSED, number, 0, 0, Why.UNKNOWN_ORDER)
            return
        assert order is not None
        self.report(Cause.CANCELLED, number, order.open, order.price, Why.REQUESTED, self.ahead_of(order))
        self.queue.remove(order)

    def replace(self, number: int, lots: int, price: int, at: int) -> None:
        self.now = at
        order = self.own.get(number)
        if order not in self.queue:
            self.report(Cause.REFUSED, number, 0, 0, Why.UNKNOWN_ORDER)
            return
        assert order is not None
        other = ASK if order.side == BID else BID
        place = len(self.reports)
        best = self.standing(order.instrument, other)[:1]
        crosses = bool(best) and (best[0].price <= price if other == ASK else best[0].price >= price)
        if order.post_only and crosses:
            self.report(Cause.REFUSED, number, lots, price, Why.WOULD_TAKE)
            self.told(place, order)
            return
        self.report(Cause.REPLACED, number, lots, price, Why.REQUESTED)
        if lots <= order.open and price == order.price:
            order.shown = min(order.shown, lots)
            order.hidden = lots - order.shown
            self.told(place, order)
            return
        self.queue.remove(order)
        order.price = price
        left = self.meet(order.instrument, other, price, lots, why=Why.CROSS, taker=(order.owner, number))
        if left:
            order.shown, order.hidden = left, 0
            self.rest(order, place)
