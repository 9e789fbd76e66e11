"""Simulated traders: each function looks at the books and appends its trader's orders to `flow.pending`.

- Zero-intelligence limit orders at a distance from the other side's best price, by a power law, and cancels at a rate
  that falls with the distance (Cont, Stoikov and Talreja, "A stochastic model for order book dynamics", 2010; the
  exponent as in Bouchaud, Mezard and Potters, "Statistical properties of stock order books", 2002).
- Uninformed market orders, mostly parts of large orders whose lengths follow a power law, which is what gives the signs
  of trades their long memory (Lillo, Mike and Farmer, "Theory for long memory in supply and demand", 2005).
- Informed traders, who know the fundamental price and take what is on the wrong side of it.
- Market makers, who quote around the fundamental price as they see it: late, and with an error of their own.
"""

from __future__ import annotations

import math
from typing import Any, Final

from hftlab.book.matching.engine_state import ASKS, BIDS, MARKET_KEY, NOBODY, SIDES, EngineState
from hftlab.book.matching.entries import Action, EntryType, InForce
from hftlab.book.matching.levels import best_level, find_order
from hftlab.events import ASK, BID
from hftlab.kernels.compiling import in_place
from hftlab.kernels.random_numbers import normal, pareto, uniform
from hftlab.simulator.flow_state import METAORDERS, RESTING, Flow
from hftlab.simulator.fundamental import value_at

__all__ = ["FIRST_ACCOUNT", "cancel_someone", "inform", "place", "quote", "take"]

INVESTOR, NOISE, INFORMED, FIRST_MAKER = range(1, 5)
"""Owners of orders."""
FIRST_ACCOUNT: Final = 1000
"""Owners from this number on are accounts, whose orders come from outside the flow."""

_NEW, _CANCEL = int(Action.NEW), int(Action.CANCEL)
_LIMIT, _MARKET = int(EntryType.LIMIT), int(EntryType.MARKET)
_GTC, _IOC = int(InForce.GTC), int(InForce.IOC)

_PLACEMENT: Final = 0.7
_FARTHEST: Final = 150.0
_CALM: Final = 0.2
"""Rate at which orders far from the best price are cancelled, relative to those at it."""
_NEAR: Final = 4.0
_ONE_OFF: Final = 0.1
"""Share of market orders that are not part of a larger order."""
_LENGTH: Final = 1.4
_LONGEST: Final = 3000.0
_ERROR_SECONDS: Final = 2.0
_NONE: Final = 0


@in_place
def place(state: EngineState, flow: Flow, book: int, time: int) -> None:
    """Place a limit order of an uninformed trader, on either side."""
    listing, streams = flow.listings[book], flow.streams
    bid = uniform(streams, book) < 0.5
    distance = min(_FARTHEST, pareto(streams, book, _PLACEMENT))
    size = _size(flow, book, 1.8)
    opposite = _best_price(state, book, ASKS if bid else BIDS)
    if opposite == _NONE:
        opposite = math.ceil(_worth(flow, book, time, 0))
    price = opposite - distance * listing.unit if bid else opposite + distance * listing.unit
    if listing.resting == RESTING or price < 1:
        return
    flow.resting[book, listing.resting] = _next_id(state, flow)
    listing.resting += 1
    _order(flow, book, time, INVESTOR, BID if bid else ASK, _LIMIT, _GTC, _on_grid(flow, book, price, bid), size)


@in_place
def cancel_someone(state: EngineState, flow: Flow, book: int, time: int) -> None:
    """Cancel a random limit order, more often near the best price than far from it."""
    listing, streams = flow.listings[book], flow.streams
    at, patience = int(uniform(streams, book) * listing.resting), uniform(streams, book)
    order_id = flow.resting[book, at]
    slot = find_order(state, order_id)
    if slot != NOBODY:
        order = state.orders[slot]
        best = _best_price(state, book, BIDS if order.bid == 1 else ASKS)
        if patience > _CALM + (1 - _CALM) * math.exp(-abs(best - order.price) / (_NEAR * listing.unit)):
            return
        _cancel(flow, book, time, INVESTOR, order_id)
    listing.resting -= 1
    flow.resting[book, at] = flow.resting[book, listing.resting]


@in_place
def take(state: EngineState, flow: Flow, book: int, time: int) -> None:
    """Send a market order of an uninformed trader; most fit into the best level."""
    streams = flow.streams
    side = BID if uniform(streams, book) < 0.5 else ASK
    if uniform(streams, book) >= _ONE_OFF:
        side = _metaorder_side(flow, book)
    size = _size(flow, book, 1.5)
    level = best_level(state, SIDES * book + (ASKS if side == BID else BIDS))
    if level == NOBODY:
        return
    there = int(state.levels[level].shown)
    size = min(size, there if uniform(streams, book) < 0.75 else 3 * there)
    _order(flow, book, time, NOISE, side, _MARKET, _IOC, 0, size)


@in_place
def inform(state: EngineState, flow: Flow, book: int, time: int) -> None:
    """Let an informed trader look at the book and take what is on the wrong side of the fundamental price."""
    listing = flow.listings[book]
    worth, edge = _worth(flow, book, time, 0), 0.6 * listing.spread
    ask, bid = _best_price(state, book, ASKS), _best_price(state, book, BIDS)
    size = 10 * _size(flow, book, 1.5)
    if ask != _NONE and ask < worth - edge:
        _order(flow, book, time, INFORMED, BID, _LIMIT, _IOC, _on_grid(flow, book, worth - edge, True), size)
    elif bid != _NONE and bid > worth + edge:
        _order(flow, book, time, INFORMED, ASK, _LIMIT, _IOC, _on_grid(flow, book, worth + edge, False), size)


@in_place
def quote(state: EngineState, flow: Flow, book: int, maker_number: int, time: int) -> None:
    """Let a market maker count its inventory and move its two quotes to where they should be."""
    listing, maker = flow.listings[book], flow.makers[book, maker_number]
    owner = FIRST_MAKER + maker_number
    bid_left, ask_left = _left(state, maker.bid_id), _left(state, maker.ask_id)
    maker.inventory += maker.bid_size - bid_left - (maker.ask_size - ask_left)
    maker.bid_size, maker.ask_size = bid_left, ask_left
    worth = _worth(flow, book, time, listing.lag) * math.exp(_error(flow, book, time))
    half = listing.spread * maker.distance * flow.assets[listing.asset].activity
    skew = listing.spread * min(2.0, max(-2.0, maker.inventory / (40.0 * listing.lot)))
    bid = _on_grid(flow, book, worth - half - skew, True)
    ask = _on_grid(flow, book, worth + half - skew, False)
    lowest, highest = _best_price(state, book, ASKS), _best_price(state, book, BIDS)
    if lowest != _NONE:
        bid = min(bid, lowest - _grid(flow, book, lowest - 1))
    if highest != _NONE:
        ask = max(ask, highest + _grid(flow, book, highest))
    if _is_misplaced(state, maker.bid_id, bid, listing):
        maker.bid_id, maker.bid_size = _requote(state, flow, book, time, owner, maker.bid_id, bid_left, BID, bid)
    if _is_misplaced(state, maker.ask_id, ask, listing):
        maker.ask_id, maker.ask_size = _requote(state, flow, book, time, owner, maker.ask_id, ask_left, ASK, ask)


@in_place
def _requote(
    state: EngineState, flow: Flow, book: int, time: int, owner: int, order_id: int, left: int, side: int, price: int
) -> tuple[int, int]:
    if left > 0:
        _cancel(flow, book, time, owner, order_id)
    size = flow.listings[book].lot * (2 + int(6 * uniform(flow.streams, book)))
    if price < 1:
        return 0, 0
    new_id = _next_id(state, flow)
    _order(flow, book, time, owner, side, _LIMIT, _GTC, price, size)
    return new_id, size


@in_place
def _is_misplaced(state: EngineState, order_id: int, price: int, listing: Any) -> bool:
    slot = find_order(state, order_id)
    return slot == NOBODY or abs(state.orders[slot].price - price) > 0.2 * listing.spread


@in_place
def _left(state: EngineState, order_id: int) -> int:
    slot = find_order(state, order_id)
    return 0 if slot == NOBODY else int(state.orders[slot].shown)


@in_place
def _metaorder_side(flow: Flow, book: int) -> int:
    """Take one part off a random one of the large orders that are being worked, and return its side."""
    metaorder = flow.metaorders[book, int(uniform(flow.streams, book) * METAORDERS)]
    if metaorder.left == 0:
        metaorder.side = BID if uniform(flow.streams, book) < 0.5 else ASK
        metaorder.left = int(min(_LONGEST, pareto(flow.streams, book, _LENGTH)))
    metaorder.left -= 1
    return int(metaorder.side)


@in_place
def _size(flow: Flow, book: int, exponent: float) -> int:
    """Draw a size: round lots by a power law; one order in eight is an odd lot."""
    lot, streams = flow.listings[book].lot, flow.streams
    lots, odd = int(min(200.0, pareto(streams, book, exponent))), uniform(streams, book)
    return int(lot * lots) if odd >= 0.125 else 1 + int(8 * odd * (lot - 1))


@in_place
def _worth(flow: Flow, book: int, time: int, lag: int) -> float:
    listing = flow.listings[book]
    return float(listing.base * math.exp(value_at(flow, listing.asset, time, lag)))


@in_place
def _error(flow: Flow, book: int, time: int) -> float:
    """Return the relative error of the venue's market makers: an Ornstein-Uhlenbeck process, moved on to `time`."""
    listing = flow.listings[book]
    kept = math.exp(-(time - listing.error_time) / (1e9 * _ERROR_SECONDS))
    kick = listing.noise * math.sqrt(1 - kept * kept) * normal(flow.streams, book)
    listing.error = kept * listing.error + kick
    listing.error_time = time
    return float(listing.error)


@in_place
def _best_price(state: EngineState, book: int, side: int) -> int:
    """Return the best limit in ticks; _NONE if the side has none. Market orders wait before it in an auction call."""
    side_row = state.sides[SIDES * book + side]
    at = side_row.start + side_row.length - 1
    if at >= side_row.start and state.keys[at] == MARKET_KEY:
        at -= 1
    return _NONE if at < side_row.start else int(state.keys[at] * side_row.sign)


@in_place
def _grid(flow: Flow, book: int, price: int) -> int:
    """Return the price step that holds at a price, in ticks."""
    at = flow.bounds.shape[1] - 1
    while at > 0 and price < flow.bounds[book, at]:
        at -= 1
    return int(flow.grids[book, at])


@in_place
def _on_grid(flow: Flow, book: int, price: float, down: bool) -> int:
    grid = _grid(flow, book, int(price))
    return int(math.floor(price / grid) * grid) if down else int(math.ceil(price / grid) * grid)


@in_place
def _next_id(state: EngineState, flow: Flow) -> int:
    """Return the id that the engine will give the next new order."""
    return int(state.totals[0].next_id + flow.progress[0].news)


@in_place
def _order(
    flow: Flow, book: int, time: int, owner: int, side: int, kind: int, in_force: int, price: int, size: int
) -> None:
    entry = flow.pending[flow.progress[0].pending]
    entry.time, entry.action, entry.instrument, entry.id, entry.owner = time, _NEW, book, 0, owner
    entry.side, entry.type, entry.in_force, entry.price, entry.size = side, kind, in_force, price, size
    flow.progress[0].pending += 1
    flow.progress[0].news += 1


@in_place
def _cancel(flow: Flow, book: int, time: int, owner: int, order_id: int) -> None:
    entry = flow.pending[flow.progress[0].pending]
    entry.time, entry.action, entry.instrument, entry.id, entry.owner = time, _CANCEL, book, order_id, owner
    flow.progress[0].pending += 1
