"""Generated order flow as an EventBatch: seeded, never crossed, with a given number of live orders."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, COLUMNS, F_LAST, FILL, TRADE, EventBatch
from hftlab.instruments import UNIT
from hftlab.kernels.compiling import compiled
from hftlab.venues.itch.decoder import find_stock
from hftlab.venues.itch.decoder_state import Rows

__all__ = ["MIX", "SYMBOLS", "order_flow"]

IntArray = npt.NDArray[np.int64]

SYMBOLS: Final = ("AAPL", "AMZN", "GOOGL", "META", "MSFT", "NVDA", "TSLA", "INTC")

MIX: Final = {"add": 0.37, "replace": 0.23, "delete": 0.345, "execute": 0.045, "cancel": 0.01}
"""Shares of the messages once the books stand: as many orders go as come, so that the live set keeps its size."""

_OPEN: Final = (9 * 3600 + 1800) * UNIT
_CENT: Final = UNIT // 100
_STEP: Final = 2000  # ns between two messages
_YOUNG: Final = 256
_TRIES: Final = 16
_MEAN_DISTANCE: Final = 12.0
_ID, _PRICE, _SIZE, _SIDE = range(4)


class _Flow(NamedTuple):
    orders: IntArray  # (symbols, capacity, 4), the youngest last
    counts: IntArray  # orders live per symbol
    middles: IntArray  # cents


def order_flow(messages: int, live_orders: int, seed: int) -> EventBatch:
    """Generate the rows of `messages` about eight symbols from 09:30 on, with about `live_orders` live at a time.

    Adds until the books stand, then `MIX`. Prices lie a geometric distance (mean 12 cents) from a middle that stays,
    so that no book crosses; seven of ten orders that change are among the youngest 256 of their symbol.
    """
    rows = Rows(**{name: np.zeros(3 * messages, COLUMNS[name]) for name in Rows._fields})
    flow = _Flow(
        orders=np.zeros((len(SYMBOLS), 2 * live_orders, 4), np.int64),
        counts=np.zeros(len(SYMBOLS), np.int64),
        middles=10_000 + 2_500 * np.arange(len(SYMBOLS)),
    )
    used = _generate(rows, flow, messages, live_orders, np.cumsum(list(MIX.values())), seed)
    columns = {name: values[:used] for name, values in rows._asdict().items()}
    return EventBatch(
        **columns, ts_recv=columns["ts_event"], instruments=tuple(find_stock(symbol) for symbol in SYMBOLS)
    )


@compiled
def _generate(
    rows: Rows, flow: _Flow, messages: int, live_orders: int, shares: npt.NDArray[np.float64], seed: int
) -> int:
    np.random.seed(seed)
    row, last_id, per_symbol = 0, 0, live_orders // len(flow.counts)
    for message in range(messages):
        time = _OPEN + message * _STEP
        symbol = np.random.randint(len(flow.counts))
        kind = int(np.searchsorted(shares, np.random.random(), "right"))
        if flow.counts[symbol] < per_symbol // 2:
            kind = 0
        elif kind == 0 and flow.counts[symbol] > per_symbol:
            kind = 2
        if kind == 0:
            last_id += 1
            side = BID if np.random.random() < 0.5 else ASK
            place = _new_order(flow, symbol, last_id, side)
            row = _put(rows, row, time, symbol, flow.orders[symbol, place], ADD, 0, F_LAST)
            continue
        place = _nearest(flow, symbol) if kind == 3 else _some(flow, symbol)
        order = flow.orders[symbol, place].copy()
        size = order[_SIZE]
        if kind == 3:
            taken = size if np.random.random() < 0.6 else (size + 1) // 2
            row = _put(rows, row, time, symbol, order, TRADE, taken, 0)
            row = _put(rows, row, time, symbol, order, FILL, taken, 0)
        else:
            taken = size if kind != 4 else (size + 1) // 2
        row = _put(rows, row, time, symbol, order, CANCEL, taken, 0 if kind == 1 else F_LAST)
        flow.orders[symbol, place, _SIZE] = size - taken
        if taken == size:
            _remove(flow, symbol, place)
        if kind == 1:
            last_id += 1
            place = _new_order(flow, symbol, last_id, order[_SIDE])
            row = _put(rows, row, time, symbol, flow.orders[symbol, place], ADD, 0, F_LAST)
    return row


@compiled
def _new_order(flow: _Flow, symbol: int, number: int, side: int) -> int:
    distance = 1 + min(int(np.random.exponential(_MEAN_DISTANCE)), 400)
    place = flow.counts[symbol]
    flow.counts[symbol] += 1
    order = flow.orders[symbol, place]
    order[_ID] = number
    order[_PRICE] = (flow.middles[symbol] + (distance if side == ASK else -distance)) * _CENT
    order[_SIZE] = 100 * np.random.randint(1, 6)
    order[_SIDE] = side
    return int(place)


@compiled
def _some(flow: _Flow, symbol: int) -> int:
    count = flow.counts[symbol]
    if np.random.random() < 0.7:
        return int(count - 1 - np.random.randint(min(count, _YOUNG)))
    return int(np.random.randint(count))


@compiled
def _nearest(flow: _Flow, symbol: int) -> int:
    best = np.random.randint(flow.counts[symbol])
    for _ in range(_TRIES):
        one = np.random.randint(flow.counts[symbol])
        middle = flow.middles[symbol] * _CENT
        if abs(flow.orders[symbol, one, _PRICE] - middle) < abs(flow.orders[symbol, best, _PRICE] - middle):
            best = one
    return int(best)


@compiled
def _remove(flow: _Flow, symbol: int, place: int) -> None:
    flow.counts[symbol] -= 1
    flow.orders[symbol, place] = flow.orders[symbol, flow.counts[symbol]]


@compiled
def _put(rows: Rows, row: int, time: int, symbol: int, order: IntArray, action: int, size: int, flags: int) -> int:
    rows.ts_event[row] = time
    rows.instrument_id[row] = symbol
    rows.order_id[row] = 0 if action == TRADE else order[_ID]
    rows.action[row] = action
    rows.side[row] = order[_SIDE]
    if action == TRADE:
        rows.side[row] = BID if order[_SIDE] == ASK else ASK
    rows.price[row] = order[_PRICE]
    rows.size[row] = order[_SIZE] if action == ADD else size
    rows.flags[row] = flags
    return row + 1
