"""Slow, obvious market in which own orders stand: the oracle of the fill core. Lists and dicts, no cleverness.

A queue is a list of recorded and own orders in their places. Where only levels are known, a level is a total, and each
own order has its front: the recorded lots that are thought to stand ahead of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from math import floor
from typing import NamedTuple

from hftlab.backtest.core import Entry
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.queue_models import QueueModel, front_after_change
from hftlab.backtest.reports import Cause, Why
from hftlab.book.matching.entries import EntryType, InForce, Prevention
from hftlab.events import (
    ADD,
    ASK,
    BID,
    CANCEL,
    CLEAR,
    F_LAST,
    F_MBP,
    F_SNAPSHOT,
    FILL,
    MODIFY,
    TRADE,
)
from tests.backtest.listed_rows import Row


class Report(NamedTuple):
    """Report in the fields of hftlab.backtest.reports.REPORT."""

    time: int
    cause: int
    number: int
    lots: int
    price: int
    why: int
    ahead: int
    is_taker: int


@dataclass
class Recorded:
    """Recorded order."""

    id: int
    side: int
    price: int
    lots: int
    place: int
    taken: int = 0
    """Lots that own orders took."""
    executed: int = 0
    """Lots of fills that no later row has taken off yet."""

    @property
    def left(self) -> int:
        return self.lots - self.taken


@dataclass
class Own:
    """Own order."""

    number: int
    owner: int
    side: int
    price: int | None
    lots: int
    display: int
    post_only: int
    prevention: int
    place: int = 0
    shown: int = 0
    ahead: int = 0
    front: float = 0.0
    traded: float = 0.0

    def meets(self, price: int) -> bool:
        """Tell whether the order may trade at a price of the other side."""
        return self.price is None or (price <= self.price if self.side == BID else price >= self.price)


@dataclass
class Level:
    """Recorded level where only levels are known."""

    lots: int = 0
    taken: int = 0


@dataclass
class Book:
    """One instrument's."""

    lot: float
    orders: list[Recorded] = field(default_factory=list)
    levels: dict[tuple[int, int], Level] = field(default_factory=dict)
    own: list[Own] = field(default_factory=list)
    """In the order of their places."""
    last: int | None = None
    buy_stop: int | None = None
    sell_stop: int | None = None


def other_side(side: int) -> int:
    """The side that an order of this side trades with."""
    return ASK if side == BID else BID


class SlowMarket:
    """Recorded market with own orders in it, with the calls of hftlab.backtest.core.Core."""

    def __init__(self, rows: Sequence[Row], lots: Sequence[float], model: int, n: float, *, has_orders: bool) -> None:
        """`lots` is the size of a lot of each instrument."""
        self.rows = list(rows)
        self.model = QueueModel.RISK_AVERSE if model == FIFO and not has_orders else model
        self.n, self.has_orders = n, has_orders
        self.next_row = 0
        self.books = [Book(lot) for lot in lots]
        self.reports: list[Report] = []
        self.places = 0

    # --- what is there ---

    def recorded_at(self, book: Book, side: int, price: int) -> list[Recorded]:
        found = [one for one in book.orders if one.side == side and one.price == price]
        return sorted(found, key=lambda one: one.place)

    def total(self, book: Book, side: int, price: int) -> int:
        """Recorded lots of a level, also those that own orders took."""
        if self.has_orders:
            return sum(one.lots for one in self.recorded_at(book, side, price))
        return book.levels.get((side, price), Level()).lots

    def left(self, book: Book, side: int, price: int) -> int:
        """Recorded lots of a level that own orders have not taken."""
        if self.has_orders:
            return sum(one.left for one in self.recorded_at(book, side, price))
        level = book.levels.get((side, price), Level())
        return level.lots - level.taken

    def prices(self, book: Book, side: int) -> list[int]:
        """Prices of a side's recorded levels, best first."""
        found = {one.price for one in book.orders if one.side == side} | {
            price for at, price in book.levels if at == side
        }
        return sorted(found, reverse=side == BID)

    def own_best_first(self, book: Book, side: int) -> list[Own]:
        found = [one for one in book.own if one.side == side]
        return sorted(found, key=lambda one: (-one.price if side == BID else one.price, one.place))  # type: ignore[operator]

    def lots_before(self, book: Book, own: Own) -> int:
        """Recorded lots that are there and trade before a resting order at its price."""
        assert own.price is not None
        if self.model == FIFO:
            return sum(one.left for one in self.recorded_at(book, own.side, own.price) if one.place < own.place)
        left = self.left(book, own.side, own.price)
        taken = self.total(book, own.side, own.price) - left
        return min(left, max(round(own.front) - taken, 0))

    # --- recorded rows ---

    def play(self, until: int, *, stop: bool = False) -> int:
        while self.next_row < len(self.rows) and self.rows[self.next_row].time <= until:
            row = self.rows[self.next_row]
            self.next_row += 1
            before = len(self.reports)
            book = self.books[row.instrument]
            self._row(row, book)
            reached = row.action == TRADE and book.last is not None
            if reached and book.buy_stop is not None and book.last >= book.buy_stop:
                return row.time
            if reached and book.sell_stop is not None and book.last <= book.sell_stop:
                return row.time
            if stop and len(self.reports) > before:
                return row.time
        return until

    def _row(self, row: Row, book: Book) -> None:
        if row.action == CLEAR:
            book.orders.clear()
            book.levels.clear()
        elif row.action == TRADE:
            self._trade(row, book)
        elif row.action == FILL:
            self._fill(row, book)
        elif row.action in (ADD, CANCEL, MODIFY) and row.side in (BID, ASK):
            if row.flags & F_MBP:
                self._level(row, book)
            else:
                self._order(row, book)

    def _level(self, row: Row, book: Book) -> None:
        at = row.side, row.price
        if row.off:
            return
        before = self.total(book, *at)
        if row.action == CANCEL or row.size == 0:
            book.levels.pop(at, None)
        else:
            level = book.levels.setdefault(at, Level())
            level.lots = row.size
            level.taken = min(level.taken, level.lots)
        self._move_fronts(book, *at, before, None)
        if at in book.levels and row.action != CANCEL:
            lots = book.levels[at].lots - book.levels[at].taken
            book.levels[at].taken += self._met(row, book, lots)

    def _order(self, row: Row, book: Book) -> None:
        found = [one for one in book.orders if one.id == row.order_id]
        if row.action == ADD:
            if found or row.size == 0 or row.off:
                return
            before = self.total(book, row.side, row.price)
            order = Recorded(row.order_id, row.side, row.price, row.size, 0)
            book.orders.append(order)
            self._move_fronts(book, row.side, row.price, before, 0)
            self._come(row, book, order)
            return
        if not found or found[0].side != row.side:
            return
        order = found[0]
        before, old = self.total(book, order.side, order.price), order.price
        if row.action == CANCEL:
            if row.price != order.price or row.off or row.size > order.lots:
                return
            executed = min(order.executed, row.size)
            order.executed -= executed
            order.lots -= row.size
            comes = False
        else:
            if row.off and row.size > 0:
                return
            moves = row.price != order.price
            reloads = order.executed > 0 and row.size > order.lots - order.executed
            comes = row.size > 0 and (moves or row.size > order.lots or reloads)
            executed, order.executed = order.executed, 0
            order.lots = row.size
            if row.size > 0 and moves:
                there = self.total(book, row.side, row.price)
                order.price = row.price
                self._move_fronts(book, order.side, order.price, there, 0)
        order.taken = min(order.taken, order.lots)
        if order.lots == 0:
            book.orders.remove(order)
        self._move_fronts(book, order.side, old, before, executed)
        if comes:
            self._come(row, book, order)

    def _come(self, row: Row, book: Book, order: Recorded) -> None:
        """A recorded order gets its place, and meets own orders of the other side."""
        self.places += 1
        # The orders of a snapshot were there before: they stand ahead of own orders.
        is_snapshot = row.flags & F_SNAPSHOT
        order.place = self.places - 2**40 if is_snapshot else self.places
        order.taken += self._met(row, book, order.left)

    def _met(self, row: Row, book: Book, lots: int) -> int:
        """Fill own orders that the recorded lots of the other side at a price would have met; returns the lots."""
        spent = 0
        while spent < lots:
            facing = [one for one in self.own_best_first(book, other_side(row.side)) if one.meets(row.price)]
            if not facing:
                break
            spent += self._filled(book, facing[0], lots - spent, row.time, facing[0].price, Why.CROSS)
        return spent

    def _trade(self, row: Row, book: Book) -> None:
        if not row.off:
            book.last = row.price
        lots = row.size
        if self.model == FIFO:
            lots -= self._told_by_fills(row)
        if row.side not in (BID, ASK):
            # Orders with a better limit have part in an auction, at its price.
            for side in (BID, ASK):
                left = lots
                while left > 0:
                    facing = [one for one in self.own_best_first(book, side) if self._is_better(one, row)]
                    if not facing:
                        break
                    left -= self._filled(book, facing[0], left, row.time, row.price, Why.AUCTION)
            return
        side = other_side(row.side)
        if self.model == FIFO:
            self._print(row, book, side, lots)
        else:
            self._print_by_model(row, book, side, lots)

    def _told_by_fills(self, row: Row) -> int:
        """Lots of a print that fills behind it in its event tell of."""
        lots = 0
        if row.flags & F_LAST:
            return 0
        for behind in self.rows[self.next_row :]:
            is_here = behind.instrument == row.instrument
            if behind.time != row.time or (is_here and behind.action == TRADE):
                break
            if is_here and behind.action == FILL:
                lots += behind.size
            if behind.flags & F_LAST:
                break
        return lots

    @staticmethod
    def _is_better(own: Own, row: Row) -> bool:
        """Whether an own order's limit is better than the price of a row."""
        assert own.price is not None
        if own.side == BID:
            return own.price > row.price
        return own.price < row.price or (own.price == row.price and row.off > 0)

    def _through(self, row: Row, book: Book, side: int, lots: int) -> int:
        """Fill own orders at better prices than that of a row; returns the lots that are left."""
        while lots > 0:
            better = [one for one in self.own_best_first(book, side) if self._is_better(one, row)]
            if not better:
                break
            lots -= self._filled(book, better[0], lots, row.time, better[0].price, Why.TRADE_THROUGH)
        return lots

    def _print(self, row: Row, book: Book, side: int, lots: int) -> None:
        """A print that names no recorded order goes along the queue, and passes what is recorded."""
        lots = self._through(row, book, side, max(lots, 0))
        if row.off:
            return
        place = -(2**60)
        while lots > 0:
            queue: list[Recorded | Own] = [*self.recorded_at(book, side, row.price)]
            queue += [one for one in book.own if one.side == side and one.price == row.price]
            behind = sorted((one for one in queue if one.place > place), key=lambda one: one.place)
            if not behind:
                return
            place = behind[0].place
            if isinstance(behind[0], Recorded):
                lots -= behind[0].left
            else:
                lots -= self._filled(book, behind[0], lots, row.time, row.price, Why.QUEUE)

    def _print_by_model(self, row: Row, book: Book, side: int, lots: int) -> None:
        lots = self._through(row, book, side, lots)
        if row.off:
            return
        done = 0
        while True:
            behind = [one for one in book.own if one.side == side and one.price == row.price and one.place > done]
            if not behind:
                return
            own = behind[0]
            done = own.place
            own.front -= lots
            own.traded += row.size
            reached = min(floor(0.5 - own.front), lots)
            if reached > 0:
                own.front = 0.0
                lots -= self._filled(book, own, reached, row.time, row.price, Why.QUEUE)

    def _fill(self, row: Row, book: Book) -> None:
        found = [one for one in book.orders if one.id == row.order_id]
        if self.model == FIFO and row.side in (BID, ASK):
            if not found:
                self._print(row, book, row.side, row.size)
            else:
                lots = self._through(row, book, row.side, row.size)
                while lots > 0 and not row.off:
                    ahead = [
                        one
                        for one in book.own
                        if one.side == row.side and one.price == row.price and one.place < found[0].place
                    ]
                    if not ahead:
                        break
                    lots -= self._filled(book, ahead[0], lots, row.time, row.price, Why.QUEUE)
        if found:
            found[0].executed += min(row.size, found[0].lots - found[0].executed)

    def _move_fronts(self, book: Book, side: int, price: int, before: int, executed: int | None) -> None:
        """Move the fronts of own orders at a level that had so many lots; None: prints tell what was executed."""
        after = self.total(book, side, price)
        if self.has_orders and before == after:
            return
        least = 0.0
        for own in book.own:
            if own.side != side or own.price != price:
                continue
            traded = own.traded if executed is None else float(executed)
            front, own.traded = front_after_change(self.model, self.n, own.front, before, after, traded, book.lot)
            # Who came later does not overtake.
            own.front = least = max(front, least)

    # --- own orders ---

    def _filled(self, book: Book, own: Own, lots: int, time: int, price: int | None, why: Why) -> int:
        """Fill at most so many lots of a resting order, at most what it shows; returns how many."""
        lots = min(lots, own.shown)
        self._tell(time, Cause.FILLED, own.number, lots, price, why, own.ahead)
        own.lots -= lots
        own.shown -= lots
        if own.lots == 0:
            book.own.remove(own)
        elif own.shown == 0:
            self._join(book, own)
        return lots

    def _join(self, book: Book, own: Own) -> None:
        """Put an order behind all that is there."""
        assert own.price is not None
        if own in book.own:
            book.own.remove(own)
        self.places += 1
        own.place = self.places
        own.ahead = self.left(book, own.side, own.price)
        own.front, own.traded = self.total(book, own.side, own.price), 0.0
        own.shown = min(own.lots, own.display) if own.display else own.lots
        book.own.append(own)

    def _tell(
        self,
        time: int,
        cause: Cause,
        number: int,
        lots: int,
        price: int | None,
        why: Why,
        ahead: int = 0,
        taker: int = 0,
    ) -> None:
        self.reports.append(Report(time, cause, number, lots, price or 0, why, ahead, taker))

    def enter(self, entry: Entry, at: int) -> None:
        book = self.books[entry.instrument]
        price = None if entry.type == EntryType.MARKET else entry.price
        own = Own(
            entry.number,
            entry.owner,
            entry.side,
            price,
            entry.lots,
            entry.display,
            entry.post_only,
            entry.prevention,
        )
        if entry.lots <= 0:
            self._tell(at, Cause.REJECTED, entry.number, entry.lots, price, Why.BAD_SIZE)
        elif entry.post_only and self._would_trade(entry.instrument, own, 1, Prevention.NONE):
            self._tell(at, Cause.REJECTED, entry.number, entry.lots, price, Why.WOULD_TAKE)
        elif entry.in_force == InForce.FOK and not self._would_trade(
            entry.instrument, own, entry.lots, entry.prevention
        ):
            self._accept(entry, own, at)
            self._tell(at, Cause.CANCELLED, entry.number, entry.lots, price, Why.NOT_FILLABLE)
        else:
            self._accept(entry, own, at)
            self._place(book, own, at, price is None or entry.in_force in (InForce.IOC, InForce.FOK))

    def _accept(self, entry: Entry, own: Own, at: int) -> None:
        there = 0 if own.price is None else self.left(self.books[entry.instrument], own.side, own.price)
        self._tell(at, Cause.ACCEPTED, entry.number, entry.lots, own.price, Why.NONE, there)

    def _would_trade(self, instrument: int, own: Own, lots: int, prevention: int) -> bool:
        """Try on a copy whether an order would trade so many lots."""
        copied = deepcopy(self)
        own = deepcopy(own)
        own.lots, own.prevention = lots, prevention
        copied.reports.clear()
        copied._take(copied.books[instrument], own, 0)
        traded = [one.lots for one in copied.reports if one.number == own.number and one.cause == Cause.FILLED]
        return sum(traded) == lots

    def _place(self, book: Book, own: Own, at: int, is_immediate: bool) -> None:
        self._take(book, own, at)
        if own.lots > 0 and not is_immediate:
            self._join(book, own)
        elif own.lots > 0:
            self._tell(at, Cause.CANCELLED, own.number, own.lots, own.price, Why.NO_LIQUIDITY)

    def _offers(self, book: Book, side: int) -> Iterator[tuple[int, int | Own]]:
        """What an order meets on a side: its price, and lots of recorded orders or an own order. Best first."""
        own = self.own_best_first(book, side)
        places = {*self.prices(book, side)} | {one.price for one in own if one.price is not None}
        for price in sorted(places, reverse=side == BID):
            here = [one for one in own if one.price == price]
            if here and (lots := self.lots_before(book, here[0])):
                yield price, lots
            if here:
                yield price, here[0]
            elif lots := self.left(book, side, price):
                yield price, lots

    def _take(self, book: Book, own: Own, at: int) -> None:
        side = other_side(own.side)
        while own.lots > 0:
            price, offer = next(self._offers(book, side), (0, None))
            if offer is None or not own.meets(price):
                return
            if isinstance(offer, int):
                lots = min(offer, own.lots)
                self._spend(book, side, price, lots)
                own.lots -= lots
                self._tell(at, Cause.FILLED, own.number, lots, price, Why.CROSS, 0, 1)
            elif own.prevention != Prevention.NONE and own.owner == offer.owner:
                self._prevent(book, own, offer, at)
            else:
                lots = min(own.lots, offer.shown)
                own.lots -= lots
                self._tell(at, Cause.FILLED, own.number, lots, price, Why.CROSS, 0, 1)
                self._filled(book, offer, lots, at, price, Why.CROSS)

    def _spend(self, book: Book, side: int, price: int, lots: int) -> None:
        if not self.has_orders:
            book.levels[side, price].taken += lots
            return
        for order in self.recorded_at(book, side, price):
            part = min(lots, order.left)
            order.taken += part
            lots -= part

    def _prevent(self, book: Book, own: Own, resting: Own, at: int) -> None:
        if own.prevention == Prevention.DECREMENT:
            lots = min(own.lots, resting.shown)
            for one in (own, resting):
                one.lots -= lots
                self._tell(at, Cause.REDUCED, one.number, lots, one.price, Why.SELF_TRADE)
            resting.shown -= lots
            if resting.lots == 0:
                book.own.remove(resting)
            elif resting.shown == 0:
                self._join(book, resting)
            return
        if own.prevention in (Prevention.CANCEL_OLDEST, Prevention.CANCEL_BOTH):
            self._tell(at, Cause.CANCELLED, resting.number, resting.lots, resting.price, Why.SELF_TRADE)
            book.own.remove(resting)
        if own.prevention in (Prevention.CANCEL_NEWEST, Prevention.CANCEL_BOTH):
            self._tell(at, Cause.CANCELLED, own.number, own.lots, own.price, Why.SELF_TRADE)
            own.lots = 0

    def _find(self, number: int) -> tuple[Book, Own] | None:
        found = [(book, own) for book in self.books for own in book.own if own.number == number]
        return found[0] if found else None

    def cancel(self, number: int, at: int) -> None:
        found = self._find(number)
        if found is None:
            self._tell(at, Cause.REFUSED, number, 0, 0, Why.UNKNOWN_ORDER)
            return
        book, own = found
        self._tell(at, Cause.CANCELLED, number, own.lots, own.price, Why.REQUESTED)
        book.own.remove(own)

    def replace(self, number: int, lots: int, price: int, at: int) -> None:
        found = self._find(number)
        if found is None or lots <= 0:
            why = Why.UNKNOWN_ORDER if found is None else Why.BAD_SIZE
            self._tell(at, Cause.REFUSED, number, lots, price, why)
            return
        book, own = found
        if price == own.price and lots <= own.lots:
            own.lots = lots
            own.shown = min(own.shown, lots)
            self._tell(at, Cause.REPLACED, number, lots, price, Why.REQUESTED)
            return
        changed = deepcopy(own)
        changed.price, changed.lots = price, lots
        if own.post_only and self._would_trade(self.books.index(book), changed, 1, Prevention.NONE):
            self._tell(at, Cause.REFUSED, number, lots, price, Why.WOULD_TAKE)
            return
        book.own.remove(own)
        there = self.left(book, own.side, price)
        self._tell(at, Cause.REPLACED, number, lots, price, Why.REQUESTED, there)
        self._place(book, changed, at, is_immediate=False)

    def set_stops(self, instrument: int, buy: int | None, sell: int | None) -> None:
        self.books[instrument].buy_stop, self.books[instrument].sell_stop = buy, sell

    def take(self) -> list[Report]:
        taken, self.reports = self.reports, []
        return taken

    def ahead(self, number: int) -> int | None:
        found = self._find(number)
        return None if found is None else self.lots_before(*found)

    def best(self, instrument: int) -> tuple[int | None, int | None]:
        book = self.books[instrument]
        bids, asks = (self.prices(book, side) for side in (BID, ASK))
        return bids[0] if bids else None, asks[0] if asks else None
