"""Fills of own orders, compiled: what an order takes from the other side, and what is taken from it."""

from __future__ import annotations

from typing import Any

from hftlab.backtest.fill_state import FIFO, NO_KEY, FillState
from hftlab.backtest.own_queue import best_own, join, leave, report, take_off
from hftlab.backtest.reports import Cause, Why
from hftlab.book.book_state import HOLDS_ORDERS
from hftlab.book.levels import is_there, position
from hftlab.book.matching.entries import Prevention
from hftlab.kernels.compiling import in_place, inlined, place_of

__all__ = ["can_take", "feed_ahead", "fill_own", "join_level", "level_lots", "queue_ahead", "take"]

_FILLED, _CANCELLED, _REDUCED = int(Cause.FILLED), int(Cause.CANCELLED), int(Cause.REDUCED)
_CROSS, _SELF_TRADE = int(Why.CROSS), int(Why.SELF_TRADE)
_NONE, _NEWEST, _OLDEST = int(Prevention.NONE), int(Prevention.CANCEL_NEWEST), int(Prevention.CANCEL_OLDEST)
_DECREMENT = int(Prevention.DECREMENT)
_ALL = 2**62


@inlined
def _holds_orders(state: FillState, side: int) -> bool:
    return bool(state.books.books[side >> 1].holds == HOLDS_ORDERS)


@inlined
def _slot_of(state: FillState, side: int, key: int) -> Any:
    """Return the slot of a recorded level; 0 if there is none."""
    at = position(state.books, place_of(side), key)
    return place_of(state.books.slots[place_of(at)]) if is_there(state.books, place_of(side), at, key) else place_of(0)


@in_place
def level_lots(state: FillState, side: int, key: int) -> int:
    """Return the lots of a recorded level that own orders have not taken."""
    slot = _slot_of(state, side, key)
    return _left_at(state, side, slot, _ALL) if slot != 0 else 0


@in_place
def queue_ahead(state: FillState, row: int) -> int:
    """Return the lots of recorded orders that stand ahead of an own order: those that joined the queue before it."""
    own = state.own[row]
    slot = _slot_of(state, own.side, own.key)
    return _left_at(state, own.side, slot, own.joined) if slot != 0 else 0


@in_place
def feed_ahead(state: FillState, row: int) -> int:
    """Return the lots of recorded orders that trade before an own order at its price.

    By a model, own orders have taken the first of those.
    """
    own = state.own[row]
    if state.instruments[own.side >> 1].model == FIFO:
        return queue_ahead(state, row)
    slot = _slot_of(state, own.side, own.key)
    if slot == 0:
        return 0
    left = _left_at(state, own.side, slot, _ALL)
    taken = state.books.levels[slot].lots - left
    return int(min(left, max(round(own.front) - taken, 0)))


@in_place
def join_level(state: FillState, row: int) -> None:
    """Put an order behind all that is at its price."""
    own = state.own[row]
    slot = _slot_of(state, own.side, own.key)
    if slot == 0:
        join(state, row, 0, 0)
        return
    join(state, row, _left_at(state, own.side, slot, _ALL), state.books.levels[slot].lots)


@inlined
def _left_at(state: FillState, side: int, slot: Any, before: int) -> int:
    """Return the lots at a level that own orders have not taken, of the orders that joined before a place."""
    books = state.books
    if not _holds_orders(state, side):
        return int(books.levels[slot].lots - state.level_taken[slot])
    if before == _ALL and state.marks[0].taken == 0:
        return int(books.levels[slot].lots)
    lots, order = 0, place_of(books.levels[slot].head)
    while order != 0 and state.joined[order] < before:
        lots += books.orders[order].lots - state.taken[order]
        order = place_of(books.orders[order].next)
    return int(lots)


@in_place
def _spend(state: FillState, side: int, slot: Any, lots: int) -> None:
    """Note that own orders have taken lots of a level, from its first orders on."""
    books = state.books
    if not _holds_orders(state, side):
        state.marks[0].taken += state.level_taken[slot] == 0
        state.level_taken[slot] += lots
        return
    order = place_of(books.levels[slot].head)
    while order != 0 and lots > 0:
        part = min(lots, books.orders[order].lots - state.taken[order])
        if part > 0:
            state.marks[0].taken += state.taken[order] == 0
            state.taken[order] += part
            lots -= part
        order = place_of(books.orders[order].next)


@in_place
def fill_own(state: FillState, row: int, lots: int, time: int, ticks: int, why: int) -> None:
    """Fill so many lots of a resting order, at most those that it shows."""
    own = state.own[row]
    report(state, time, _FILLED, own.number, lots, ticks, why, own.ahead, 0)
    _take_off_part(state, row, lots)


@in_place
def _take_off_part(state: FillState, row: int, lots: int) -> None:
    """Take lots off those that a resting order shows; an iceberg then shows its next part behind all others."""
    own = state.own[row]
    own.lots -= lots
    own.shown -= lots
    if own.lots == 0:
        leave(state, row)
        take_off(state, row)
    elif own.shown == 0:
        leave(state, row)
        join_level(state, row)


@in_place
def can_take(state: FillState, side: int, key: int, lots: int, owner: int, prevention: int) -> int:
    """Return how many lots, at most `lots`, an order with this key would trade with the side at once.

    Orders of its owner that self-trade prevention keeps it from are left out: they end the trading, or with
    CANCEL_OLDEST are passed over.
    """
    books, found = state.books, 0
    last = 0 if prevention in (_NONE, _OLDEST) else _first_of(state, side, -key, owner)
    least = -key if last == 0 else state.own[last].key + 1
    place = books.sides[side]
    at = place.start + place.length - 1
    while at >= place.start and found < lots and books.keys[at] >= least:
        found += _left_at(state, side, place_of(books.slots[place_of(at)]), _ALL)
        at -= 1
    row = state.sides[side].head
    while row != 0 and found < lots:
        own = state.own[row]
        if own.key >= least and (own.owner != owner or prevention == _NONE):
            found += own.lots
        elif last != 0 and own.key == state.own[last].key and own.joined < state.own[last].joined:
            # The hidden lots of an iceberg ahead of the order that ends it come back behind that.
            found += own.shown
        row = own.next
    if last != 0:
        found += feed_ahead(state, last)
    return min(found, lots)


@inlined
def _first_of(state: FillState, side: int, least: int, owner: int) -> int:
    """Return the first order of an owner at a key of `least` or better; 0 if there is none."""
    found = 0
    row = state.sides[side].head
    while row != 0:
        own = state.own[row]
        if own.owner == owner and own.key >= least and (found == 0 or own.key > state.own[found].key):
            found = row
        row = own.next
    return found


@in_place
def take(state: FillState, taker: int, side: int, time: int) -> None:
    """Trade an order that is in no queue with the other side, level by level, own orders in their places among them.

    `taker` is its row of `own`; what is left of it is in `lots`. An order that self-trade prevention cancels has 0 left
    and its report.
    """
    own = state.own[taker]
    while own.lots > 0:
        other = best_own(state, side, -own.key, _ALL, 0)
        key = NO_KEY if other == 0 else state.own[other].key
        _take_levels(state, taker, side, key, time)
        if other == 0 or own.lots == 0:
            return
        slot = _slot_of(state, side, key)
        if slot != 0:
            _take_level(state, taker, side, slot, min(feed_ahead(state, other), own.lots), time)
        if own.lots == 0:
            return
        resting = state.own[other]
        if resting.owner != own.owner or own.prevention == _NONE:
            lots = min(own.lots, resting.shown)
            own.lots -= lots
            report(state, time, _FILLED, own.number, lots, resting.ticks, _CROSS, 0, 1)
            fill_own(state, other, lots, time, resting.ticks, _CROSS)
            continue
        _prevent(state, taker, other, time)


@in_place
def _prevent(state: FillState, taker: int, other: int, time: int) -> None:
    """Keep two orders of one account from trading with each other."""
    own, resting = state.own[taker], state.own[other]
    prevention = own.prevention
    if prevention == _DECREMENT:
        lots = min(own.lots, resting.shown)
        own.lots -= lots
        report(state, time, _REDUCED, own.number, lots, own.ticks, _SELF_TRADE, 0, 0)
        report(state, time, _REDUCED, resting.number, lots, resting.ticks, _SELF_TRADE, 0, 0)
        _take_off_part(state, other, lots)
        return
    if prevention != _NEWEST:
        report(state, time, _CANCELLED, resting.number, resting.lots, resting.ticks, _SELF_TRADE, 0, 0)
        leave(state, other)
        take_off(state, other)
    if prevention != _OLDEST:
        report(state, time, _CANCELLED, own.number, own.lots, own.ticks, _SELF_TRADE, 0, 0)
        own.lots = 0


@in_place
def _take_levels(state: FillState, taker: int, side: int, above: int, time: int) -> None:
    """Take the recorded levels that are better than a key, best first, as far as the order's limit goes."""
    own, books = state.own[taker], state.books
    place = books.sides[side]
    at = place.start + place.length - 1
    while at >= place.start and own.lots > 0:
        key = books.keys[at]
        if key <= above or key + own.key < 0:
            return
        slot = place_of(books.slots[place_of(at)])
        _take_level(state, taker, side, slot, min(_left_at(state, side, slot, _ALL), own.lots), time)
        at -= 1


@in_place
def _take_level(state: FillState, taker: int, side: int, slot: Any, lots: int, time: int) -> None:
    if lots > 0:
        own = state.own[taker]
        _spend(state, side, slot, lots)
        own.lots -= lots
        report(state, time, _FILLED, own.number, lots, state.books.levels[slot].ticks, _CROSS, 0, 1)
