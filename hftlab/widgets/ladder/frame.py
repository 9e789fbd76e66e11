"""The ladder's state, and the frame of bytes in which it travels to the page."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Final

from hftlab.clock import from_milliseconds, to_milliseconds
from hftlab.protocol.messages import MarketDataSymbol
from hftlab.widgets.core.interfaces import Client, Level
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.ladder.own_orders import STATES, OwnOrder
from hftlab.widgets.ladder.price_steps import tick_number
from hftlab.widgets.ladder.volume_profile import Traded

__all__ = ["HEADER", "LadderState", "middle_tick", "pack_ladder", "pack_whole_traded", "read_ladder"]

HEADER: Final = (
    "version",
    "stale",
    "tsEvent",
    "priceDecimals",
    "sizeDecimals",
    "tick",
    "last",
    "changePercent",
    "volume",
    "tradePrice",
    "tradeSize",
    "tradeSide",
    "tradeNumber",
    "everyTrade",
    "epoch",
    "group",
    "base",
    "bidCount",
    "askCount",
    "tradedCount",
    "orderCount",
    "tradedSteps",
)
"""The frame's first values, float64, as frame.js names them; `group` and `epoch` are those of the traded volume, and
`tradedSteps` counts all its price steps, also those that are not in the frame."""
VERSION: Final = 2
LEVEL: Final = struct.Struct("<iid")
"""Ticks from the base, orders, size."""
TRADED: Final = struct.Struct("<iff")
"""Price steps from the base's, sold, bought."""
ORDER: Final = struct.Struct("<iibbbxdd")
"""Key, ticks from the base, sign, status, whether a stop, remaining size, estimated size ahead (NaN: unknown)."""
FARTHEST: Final = 2**31 - 1
"""Ticks from the base: what is farther away is left out."""


@dataclass(frozen=True, slots=True)
class LadderState:
    """State of a ladder; None is unknown. `ts_event` in ns; `trade` is (price, size, "BUY" or "SELL").

    `traded` is the volume by price steps of `group` ticks near the market, `traded_steps` the number of all of them,
    `epoch` the number of times that it began anew;
    `trade_number` counts the trades, and with `every_trade` those are all that there were.
    """

    bids: Sequence[Level] = ()
    asks: Sequence[Level] = ()
    stale: bool = False
    ts_event: int = 0
    last: float | None = None
    change_percent: float | None = None
    volume: float | None = None
    trade: tuple[float, float, str] | None = None
    trade_number: int = 0
    every_trade: bool = False
    epoch: int = 0
    group: int = 1
    traded: Sequence[Traded] = ()
    traded_steps: int = 0
    orders: Sequence[OwnOrder] = ()


def read_ladder(client: Client, symbol: str, depth: int) -> LadderState:
    """Read a symbol's book and quote from a client, with at most `depth` levels a side."""
    book = client.book(symbol)
    latest = client.latest(symbol)
    facts = {} if latest is None else _facts(latest)
    if book is not None:
        facts |= {"bids": book.bids(depth), "asks": book.asks(depth), "stale": book.stale, "ts_event": book.ts_event}
    return LadderState(**facts)


def _facts(latest: MarketDataSymbol) -> dict[str, Any]:
    """A quote's part of the state: the best prices as one level a side, where price 0 is an empty side."""
    trade = latest.last_trade
    return {
        "bids": [(latest.bid, latest.bid_size, 0)] if latest.bid else [],
        "asks": [(latest.ask, latest.ask_size, 0)] if latest.ask else [],
        "ts_event": from_milliseconds(latest.timestamp),
        "last": latest.price,
        "change_percent": latest.change_percent,
        "volume": latest.volume,
        "trade": None if trade is None else (trade.price, trade.size, str(trade.side)),
    }


def middle_tick(state: LadderState, tick: float) -> int:
    """Return the tick in the middle of the market: between the best prices, else at the one, else at the last trade."""
    best = [side[0][0] for side in (state.bids, state.asks) if side]
    if best:
        return tick_number(sum(best) / len(best), tick)
    price = state.trade[0] if state.trade else state.last
    return tick_number(price or 0.0, tick)


def pack_ladder(state: LadderState, scale: Scale) -> bytes:
    """Pack the state little-endian: HEADER, levels of bids and asks, traded volume, own orders. NaN is unknown."""
    tick = scale.tick
    base = 0 if tick is None else middle_tick(state, tick)
    sides = [_levels(side, base, tick) for side in (state.bids, state.asks)]
    orders = [] if tick is None else [(order, tick_number(order.price, tick) - base) for order in state.orders]
    orders = [(order, ticks) for order, ticks in orders if abs(ticks) <= FARTHEST]
    price, size, side = state.trade or (nan, nan, "")
    header = (
        VERSION,
        state.stale,
        to_milliseconds(state.ts_event),
        scale.price_decimals,
        scale.size_decimals,
        tick or nan,
        _known(state.last),
        _known(state.change_percent),
        _known(state.volume),
        price,
        size,
        {"BUY": 1, "SELL": -1}.get(side, 0),
        state.trade_number,
        state.every_trade,
        state.epoch,
        state.group,
        base,
        *(len(levels) for levels in sides),
        len(state.traded),
        len(orders),
        state.traded_steps,
    )
    parts = [struct.pack(f"<{len(HEADER)}d", *header)]
    parts += [LEVEL.pack(*level) for levels in sides for level in levels]
    parts.append(_pack_traded(state.traded, base // state.group))
    parts += [_pack_order(order, ticks) for order, ticks in orders]
    return b"".join(parts)


def _pack_order(order: OwnOrder, ticks: int) -> bytes:
    status, ahead = STATES.index(order.status), _known(order.ahead)
    return ORDER.pack(order.key, ticks, order.sign, status, order.is_stop, order.remaining, ahead)


def pack_whole_traded(epoch: int, group: int, traded: Sequence[Traded]) -> bytes:
    """Pack traded volume that is not part of a frame: float64 epoch, group and base step, then as in a frame."""
    base = traded[0].step if traded else 0
    return struct.pack("<3d", epoch, group, base) + _pack_traded(traded, base)


def _pack_traded(traded: Sequence[Traded], base: int) -> bytes:
    near = (each for each in traded if abs(each.step - base) <= FARTHEST)
    return b"".join(TRADED.pack(each.step - base, each.sold, each.bought) for each in near)


def _levels(levels: Sequence[Level], base: int, tick: float | None) -> list[tuple[int, int, float]]:
    if tick is None:
        return []
    placed = ((tick_number(price, tick) - base, orders, size) for price, size, orders in levels)
    return [level for level in placed if abs(level[0]) <= FARTHEST]


def _known(value: float | None) -> float:
    return nan if value is None else value
