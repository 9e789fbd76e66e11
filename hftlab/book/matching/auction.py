"""Call auctions: all trade at one price, the one that gives the largest volume.

The rule: of all ticks between the lowest and the highest limit in the book, the price that (1) maximises the volume, of
those (2) the one with the least surplus left over, of those (3) the one nearest to the reference price. It is the rule
of the London Stock Exchange (MIT201, Guide to the Trading System, section 7.2) and of Nasdaq's crosses (Equity 4, rules
4752 and 4754) without the step between (2) and (3), in which London looks at the side of the surplus and Nasdaq at the
price where shares are left. Icebergs take part with all their lots. With no limit in the book market orders trade with
each other at the reference price. Self-trade prevention is off in auctions. Orders that are all or none wait until
after it. Where there is no reference price, it counts as 0.
"""

from __future__ import annotations

from hftlab.book.matching.continuous import note_trade, set_phase, take_off
from hftlab.book.matching.engine_state import ASKS, BIDS, MARKET_KEY, NO_PRICE, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import Reason, Status, TradingPhase
from hftlab.book.matching.levels import best_level, dequeue, drop_order
from hftlab.book.matching.output import Output, write_fill, write_trade, write_update
from hftlab.events import NO_SIDE
from hftlab.kernels.compiling import in_place

__all__ = ["auction_price", "reference_price", "uncross"]


@in_place
def reference_price(state: EngineState, book: int, given: int, is_given: bool) -> int:
    """Return the price an auction falls back to: the given one, else the last trade's, else the band's, or NO_PRICE."""
    prices = state.books[book]
    if is_given:
        return given
    if prices.last != NO_PRICE:
        return int(prices.last)
    return int(prices.reference) if prices.width > 0 else NO_PRICE


@in_place
def auction_price(state: EngineState, book: int, reference: int) -> tuple[int, int, int]:
    """Return where the book would uncross now: (price, volume, surplus) in ticks and lots; (0, 0, 0) without a trade.

    The surplus is what buyers want beyond the volume; it is negative where sellers offer more.
    """
    bids, asks = state.sides[SIDES * book + BIDS], state.sides[SIDES * book + ASKS]
    # Both sides from the lowest price up: bids from the start of their range, asks from its end.
    bid, last_bid = bids.start, bids.start + bids.length - 1
    ask, last_ask = asks.start + asks.length - 1, asks.start
    demand, supply, before, aim = 0, 0, NO_PRICE, 0 if reference == NO_PRICE else reference
    for at in range(bid, last_bid + 1):
        demand += _lots(state, at)
    if bid <= last_bid and state.keys[last_bid] == MARKET_KEY:
        last_bid -= 1
    if ask >= last_ask and state.keys[ask] == MARKET_KEY:
        supply = _lots(state, ask)
        ask -= 1
    best = (0, 0, 0)
    while bid <= last_bid or ask >= last_ask:
        bid_price = state.keys[bid] if bid <= last_bid else MARKET_KEY
        ask_price = -state.keys[ask] if ask >= last_ask else MARKET_KEY
        price = min(bid_price, ask_price)
        if NO_PRICE < before < price - 1:
            # All ticks between two limits trade the same.
            best = _better(best, min(max(aim, before + 1), price - 1), aim, demand, supply)
        if ask_price == price:
            supply += _lots(state, ask)
            ask -= 1
        best = _better(best, price, aim, demand, supply)
        if bid_price == price:
            demand -= _lots(state, bid)
            bid += 1
        before = price
    if before == NO_PRICE and reference != NO_PRICE:
        best = _better(best, reference, reference, demand, supply)
    return best


@in_place
def _lots(state: EngineState, at: int) -> int:
    level = state.levels[state.slots[at]]
    return int(level.shown + level.hidden)


@in_place
def _better(best: tuple[int, int, int], price: int, reference: int, demand: int, supply: int) -> tuple[int, int, int]:
    """Return the better of the best price so far and a higher one."""
    volume, surplus = min(demand, supply), demand - supply
    if volume == 0 or volume < best[1]:
        return best
    if volume == best[1]:
        if abs(surplus) > abs(best[2]):
            return best
        if abs(surplus) == abs(best[2]) and abs(price - reference) > abs(best[0] - reference):
            return best
    return price, volume, surplus


@in_place
def uncross(state: EngineState, output: Output, book: int, reference: int) -> None:
    """Trade all that the auction's price allows, cancel the market orders left, and open continuous trading."""
    price, volume, _ = auction_price(state, book, reference)
    bids, asks = SIDES * book + BIDS, SIDES * book + ASKS
    left = volume
    while left > 0:
        buy_slot = state.levels[best_level(state, bids)].head
        sell_slot = state.levels[best_level(state, asks)].head
        buy, sell = state.orders[buy_slot], state.orders[sell_slot]
        size = min(left, min(buy.shown, sell.shown))
        write_trade(state, output, buy, sell, NO_SIDE, price, size)
        _fill(state, output, buy_slot, size)
        _fill(state, output, sell_slot, size)
        left -= size
    if volume > 0:
        note_trade(state, book, price)
    for side in (bids, asks):
        _cancel_market_orders(state, output, side)
    prices = state.books[book]
    if volume > 0 and prices.width > 0:
        prices.reference = price
        prices.lower = price - prices.width
        prices.upper = price + prices.width
    set_phase(state, output, book, TradingPhase.CONTINUOUS, Reason.REQUESTED)


@in_place
def _fill(state: EngineState, output: Output, slot: int, size: int) -> None:
    write_fill(state, output, state.orders[slot], size)
    take_off(state, output, slot, size)


@in_place
def _cancel_market_orders(state: EngineState, output: Output, side: int) -> None:
    row = best_level(state, side)
    while row != NOBODY and state.levels[row].key == MARKET_KEY:
        slot = state.levels[row].head
        order = state.orders[slot]
        write_update(state, output, order, Status.CANCELLED, Reason.NO_LIQUIDITY, order.shown, 0)
        dequeue(state, slot)
        drop_order(state, slot)
        row = best_level(state, side)
