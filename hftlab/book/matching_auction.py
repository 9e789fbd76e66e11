"""Call auctions: one price for all, the one at which most is traded.

The rule: of all ticks between the lowest and the highest limit in the book, the price that (1) maximises the volume, of
those (2) the one with the least surplus left over, of those (3) the one nearest to the reference price, and of two as
near the higher. Icebergs take part with all their lots. It is the rule of the London Stock Exchange (MIT201, Guide to
the Trading System, section 7.2) and of Nasdaq's crosses (Equity 4, rules 4752 and 4754) without the step between (2)
and (3), in which London looks at the side of the surplus and Nasdaq at the price where shares are left. With no limit
in the book market orders trade with each other at the reference price. Self-trade prevention is off in auctions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from hftlab.book.kernels import IntArray, compiled
from hftlab.book.matching_levels import best_level, dequeue, drop_order
from hftlab.book.matching_orders import Phase, Reason, Status
from hftlab.book.matching_output import Output, write_fill, write_trade, write_update
from hftlab.book.matching_state import ASKS, BIDS, MARKET_KEY, NOBODY, SIDES, State
from hftlab.book.matching_trading import note_trade, set_phase, take_off
from hftlab.events import NO_SIDE

__all__ = ["auction_price", "reference_price", "uncross"]


@compiled
def reference_price(state: State, book: int, given: int) -> int:
    """The price an auction falls back to: the one given, else the last trade's, else the band's; 0 if there is none."""
    prices = state.books[book]
    if given > 0:
        return given
    return int(prices.last if prices.last > 0 else prices.reference)


@compiled
def auction_price(state: State, book: int, reference: int) -> tuple[int, int, int]:
    """Where the book would uncross now: (price, volume, surplus), in ticks and lots; (0, 0, 0) without a trade.

    The surplus is what buyers want beyond it, negative where it is the sellers'.
    """
    bid_prices, bid_lots = _limits(state, SIDES * book + BIDS)
    ask_keys, ask_lots = _limits(state, SIDES * book + ASKS)
    ask_prices = -ask_keys[::-1]
    bid_sums, ask_sums = _sums(bid_lots), _sums(ask_lots[::-1])
    best, volume, surplus = 0, 0, 0
    for price in _candidates(bid_prices, ask_prices, reference):
        demand = bid_sums[-1] - bid_sums[np.searchsorted(bid_prices, price)]
        supply = ask_sums[np.searchsorted(ask_prices, price, side="right")]
        traded, left = min(demand, supply), demand - supply
        if traded == 0 or traded < volume:
            continue
        if traded == volume and abs(left) > abs(surplus):
            continue
        # Candidates ascend: of two as near to the reference the later is the higher.
        if traded == volume and abs(left) == abs(surplus) and abs(price - reference) > abs(best - reference):
            continue
        best, volume, surplus = price, traded, left
    return best, volume, surplus


@compiled
def uncross(state: State, output: Output, book: int, reference: int) -> None:
    """Trade what can be traded at the auction's price, cancel the market orders left, and open continuous trading."""
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
    set_phase(state, output, book, Phase.CONTINUOUS, Reason.REQUESTED)


@compiled
def _fill(state: State, output: Output, slot: int, size: int) -> None:
    write_fill(state, output, state.orders[slot], size)
    take_off(state, output, slot, size)


@compiled
def _cancel_market_orders(state: State, output: Output, side: int) -> None:
    row = best_level(state, side)
    while row != NOBODY and state.levels[row].key == MARKET_KEY:
        slot = state.levels[row].head
        order = state.orders[slot]
        write_update(state, output, order, Status.CANCELLED, Reason.NO_LIQUIDITY, order.shown, 0)
        dequeue(state, slot)
        drop_order(state, slot)
        row = best_level(state, side)


@compiled
def _limits(state: State, side: int) -> tuple[IntArray, IntArray]:
    """The keys of a side and the lots at each, hidden ones included."""
    stretch = state.sides[side]
    rows = state.slots[stretch.start : stretch.start + stretch.length]
    lots = np.empty(len(rows), np.int64)
    for at in range(len(rows)):
        lots[at] = state.levels[rows[at]].shown + state.levels[rows[at]].hidden
    return state.keys[stretch.start : stretch.start + stretch.length].copy(), lots


@compiled
def _sums(lots: Any) -> IntArray:
    sums = np.zeros(len(lots) + 1, np.int64)
    for at in range(len(lots)):
        sums[at + 1] = sums[at] + lots[at]
    return sums


@compiled
def _candidates(bid_prices: IntArray, ask_prices: IntArray, reference: int) -> IntArray:
    """The ticks to look at, ascending: volume and surplus change only at limits, so their neighbours stand for all
    between, and the reference for those nearest to it."""
    lowest, highest, found = MARKET_KEY, -MARKET_KEY, 0
    ticks = np.empty(3 * (len(bid_prices) + len(ask_prices)) + 1, np.int64)
    for prices in (bid_prices, ask_prices):
        for price in prices:
            if abs(price) != MARKET_KEY:
                lowest, highest = min(lowest, price), max(highest, price)
                ticks[found : found + 3] = price - 1, price, price + 1
                found += 3
    if found == 0:
        return np.full(1, reference, np.int64) if reference > 0 else np.empty(0, np.int64)
    ticks[found] = reference
    return np.unique(np.minimum(np.maximum(ticks[: found + 1], lowest), highest))
