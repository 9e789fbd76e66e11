"""Size that an order could trade now, and the orders that are all or none, which trade as a whole or wait.

At each price the displayed orders and the hidden parts of icebergs come first, then the orders that are all or none:
the first of them that what is left of the incoming order fills. One that is too large, or whose trade would be a
self-trade to prevent, is passed over and keeps its place.
"""

from __future__ import annotations

from typing import Any

from hftlab.book.matching.engine_state import (
    ASKS,
    BIDS,
    BUY_WHOLE,
    MARKET_KEY,
    NO_PRICE,
    NOBODY,
    SELL_WHOLE,
    SIDES,
    EngineState,
)
from hftlab.book.matching.entries import EntryType, Prevention, TradingPhase
from hftlab.book.matching.levels import best_level
from hftlab.kernels.compiling import in_place, inlined

__all__ = ["fillable", "fillable_whole", "is_prevented", "meets_whole", "next_whole", "reaches"]


@inlined
def reaches(bid: int, limit: int, price: int) -> bool:
    """Tell whether a limit allows a price."""
    return price <= limit if bid == 1 else price >= limit


@inlined
def is_prevented(order: Any, maker: Any) -> bool:
    """Tell whether the two orders must not trade with each other."""
    return bool(order.prevention != Prevention.NONE and order.owner != 0 and order.owner == maker.owner)


@in_place
def next_whole(state: EngineState, order: Any, side: int, key: int) -> int:
    """Return the first order of a side that is all or none, has a better key, and can trade with this order."""
    side_row, prices = state.sides[side], state.books[order.book]
    for at in range(side_row.start + side_row.length - 1, side_row.start - 1, -1):
        level = state.levels[state.slots[at]]
        price = level.key * side_row.sign
        if level.key <= key or not _allows(order, price):
            return NOBODY
        slot = NOBODY if price < prices.lower or price > prices.upper else level.head
        while slot != NOBODY:
            whole = state.orders[slot]
            if whole.shown <= order.shown and not is_prevented(order, whole):
                return int(slot)
            slot = whole.next
    return NOBODY


@in_place
def meets_whole(state: EngineState, order: Any, price: int, size: int) -> bool:
    """Tell whether an order, once it has another price and size, fills one of the other side that is all or none."""
    side = SIDES * order.book + (SELL_WHOLE if order.bid == 1 else BUY_WHOLE)
    if state.sides[side].length == 0 or order.post_only == 1:
        return False
    price_before, shown_before = order.price, order.shown
    order.price = price
    order.shown = size
    slot = next_whole(state, order, side, NO_PRICE)
    order.price = price_before
    order.shown = shown_before
    return bool(slot != NOBODY)


@inlined
def _allows(order: Any, price: int) -> bool:
    return bool(order.type == EntryType.MARKET or reaches(order.bid, order.price, price))


@in_place
def fillable_whole(state: EngineState, book: int) -> int:
    """Return the order that is all or none and can trade as a whole now, or NOBODY: buys first, best price first."""
    if state.books[book].phase != TradingPhase.CONTINUOUS:
        return NOBODY
    for wholes, others, sellers in ((BUY_WHOLE, ASKS, SELL_WHOLE), (SELL_WHOLE, BIDS, BUY_WHOLE)):
        side_row = state.sides[SIDES * book + wholes]
        if side_row.length == 0:
            continue
        best = max(_best_key(state, SIDES * book + others), _best_key(state, SIDES * book + sellers))
        for at in range(side_row.start + side_row.length - 1, side_row.start - 1, -1):
            level = state.levels[state.slots[at]]
            # Keys of the two sides have opposite signs: they meet where the sum is not negative.
            if level.key + best < 0:
                break
            slot = level.head
            while slot != NOBODY:
                if fillable(state, state.orders[slot]) >= state.orders[slot].shown:
                    return int(slot)
                slot = state.orders[slot].next
    return NOBODY


@inlined
def _best_key(state: EngineState, side: int) -> int:
    row = best_level(state, side)
    return NO_PRICE if row == NOBODY else int(state.levels[row].key)


@in_place
def fillable(state: EngineState, order: Any) -> int:
    """Return how many lots the order could trade now, hidden ones included, its owner's own orders left out."""
    prices = state.books[order.book]
    other = state.sides[SIDES * order.book + (ASKS if order.bid == 1 else BIDS)]
    wholes = SIDES * order.book + (SELL_WHOLE if order.bid == 1 else BUY_WHOLE)
    found, above = 0, MARKET_KEY
    for at in range(other.start + other.length - 1, other.start - 1, -1):
        level = state.levels[state.slots[at]]
        price = level.key * other.sign
        found += _whole_lots(state, order, wholes, level.key, above, found)
        above = level.key
        if found >= order.shown or price < prices.lower or price > prices.upper or not _allows(order, price):
            return found
        if order.prevention == Prevention.NONE or order.owner == 0:
            found += level.shown + level.hidden
            continue
        lots, blocked = _others_lots(state, order, level.head)
        found += lots
        if blocked:
            return found
    return int(found + _whole_lots(state, order, wholes, NO_PRICE, above, found))


@in_place
def _whole_lots(state: EngineState, order: Any, side: int, below: int, above: int, found: int) -> int:
    """Return the lots of orders that are all or none, with keys over `below` up to `above`, that the rest fills."""
    side_row, prices, before = state.sides[side], state.books[order.book], found
    for at in range(side_row.start + side_row.length - 1, side_row.start - 1, -1):
        level = state.levels[state.slots[at]]
        price = level.key * side_row.sign
        if level.key <= below or not _allows(order, price):
            break
        is_out = level.key > above or price < prices.lower or price > prices.upper
        slot = NOBODY if is_out else level.head
        while slot != NOBODY:
            whole = state.orders[slot]
            if whole.shown <= order.shown - found and not is_prevented(order, whole):
                found += whole.shown
            slot = whole.next
    return found - before


@in_place
def _others_lots(state: EngineState, order: Any, head: int) -> tuple[int, bool]:
    """Return the lots of a level that are not the owner's, and whether an own order ends the matching there."""
    passes = order.prevention == Prevention.CANCEL_OLDEST
    shown, hidden, slot = 0, 0, head
    while slot != NOBODY:
        maker = state.orders[slot]
        if maker.owner != order.owner:
            shown += maker.shown
            hidden += maker.hidden
        elif not passes:
            # The hidden lots of icebergs ahead of it come back after it.
            return shown, True
        slot = maker.next
    return shown + hidden, False
