"""Open orders of one instrument, row by row: which rows fit, and what each leaves open. Compiled.

It is the part of a BookSet that other programs have to be told: those that know no partial cancellation, stop at an
order that they do not know, and leave an iceberg in its place when its next part is shown.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, FILL, MODIFY, EventBatch
from hftlab.kernels.compiling import compiled
from hftlab.kernels.integer_map import VALUE, IntegerMap, find_place, insert_key, new_map, remove_place

__all__ = ["FITS", "RELOADS", "UNFIT", "follow_orders"]

UNFIT, FITS, RELOADS = range(3)
"""Row that its book skips as an anomaly; row that it takes; modify in place that goes to the back of its level."""

_SMALLEST: Final = 16

Array = npt.NDArray[Any]


def follow_orders(batch: EventBatch) -> tuple[Array, Array]:
    """Return for each row of one instrument how it fits (the constants above), and the lots it leaves of its order.

    A BookSet takes the same rows. Rows that name no order fit, and leave 0.
    """
    verdicts, left = np.full(len(batch), FITS, np.uint8), np.zeros(len(batch), np.int64)
    added = int(np.count_nonzero(batch.action == ADD))
    orders = new_map(max(_SMALLEST, 1 << added.bit_length()))
    tick = batch.instruments[0].tick if batch.instruments else 1
    _follow(batch.action, batch.side, batch.order_id, batch.price, batch.size, tick, orders, verdicts, left)
    return verdicts, left


@compiled
def _follow(
    actions: Array,
    sides: Array,
    ids: Array,
    prices: Array,
    sizes: Array,
    tick: int,
    orders: IntegerMap,
    verdicts: Array,
    left: Array,
) -> None:
    rows = np.zeros(len(orders.entries), np.int64)  # the row that has put each order where it stands
    filled = np.zeros(len(orders.entries), np.int64)  # lots of fills since an order's last row
    for row in range(len(actions)):
        action, side, price, lots = actions[row], sides[row], prices[row], sizes[row]
        if action == CLEAR:
            orders = _emptied(orders)
            continue
        if action not in (ADD, CANCEL, MODIFY, FILL):
            continue
        place = find_place(orders, ids[row])
        verdicts[row] = UNFIT
        if action == FILL:
            if place != 0:
                verdicts[row], left[row] = FITS, orders.entries[place, VALUE]
                filled[place] = min(filled[place] + lots, left[row])
            continue
        if side not in (BID, ASK) or (place == 0) != (action == ADD):
            continue
        if action == ADD:
            if lots == 0 or price % tick != 0:
                continue
            place = insert_key(orders, ids[row], np.uint64(lots))
            rows[place], filled[place] = row, 0
        else:
            stood = rows[place]
            before = np.int64(orders.entries[place, VALUE])
            stays = price == prices[stood]
            if side != sides[stood] or (action == CANCEL and (not stays or lots > before)):
                continue
            if action == CANCEL:
                filled[place] = max(filled[place] - lots, 0)
                lots = before - lots
            elif lots > 0 and not stays and price % tick != 0:
                continue
            elif stays and lots <= before:
                if filled[place] > 0 and lots > before - filled[place]:
                    verdicts[row] = RELOADS
                filled[place] = 0
            else:
                rows[place], filled[place] = row, 0
        if verdicts[row] == UNFIT:
            verdicts[row] = FITS
        left[row] = lots
        if lots == 0:
            remove_place(orders, place)
        else:
            orders.entries[place, VALUE] = np.uint64(lots)


@compiled
def _emptied(orders: IntegerMap) -> IntegerMap:
    """Return an empty map in the memory of another."""
    orders.heads[:] = 0
    count = len(orders.entries)
    for place in range(1, count):
        orders.entries[place, 2] = np.uint64(place + 1 if place + 1 < count else 0)
    orders.counts[0], orders.counts[1] = 1, 0
    return orders
