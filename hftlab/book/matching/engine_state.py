"""Memory of the matching engine: a few structured arrays that hold every order and level of every instrument.

An order is a row of `orders`, linked to its neighbours in the queue of its level; a level is a row of `levels`. Each
book b has eight sides, 8b to 8b + 7: bids, asks; buy and sell stops on trades; buy and sell stops that trail or look at
quotes ("watched", in one level of key 0); buy and sell orders that are all or none. A side is a range of `keys`,
sorted so that its best level is the last; the key is the price times the side's sign. Rows no longer needed form a free
list and are used again.

Ids are found through `buckets`, each the chain of the ids with the same low bits: ids count up from 1, which spreads
live orders evenly, and the link lies in the order's row, which is read anyway. A map beside the rows would read more
memory for each order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import IntArray, in_place

__all__ = [
    "ASKS",
    "BIDS",
    "BOOK",
    "BUY_STOPS",
    "BUY_WATCHED",
    "BUY_WHOLE",
    "FIRST_CAPACITY",
    "LEVEL",
    "MARKET_KEY",
    "NOBODY",
    "NO_BAND",
    "NO_PRICE",
    "ORDER",
    "SELL_STOPS",
    "SELL_WATCHED",
    "SELL_WHOLE",
    "SIDE",
    "SIDES",
    "TOTALS",
    "EngineState",
    "grow_keys",
    "grow_levels",
    "grow_orders",
    "new_state",
]

NOBODY: Final = -1
"""Link that leads nowhere."""
MARKET_KEY: Final = 2**62
"""Key of market orders that wait for an auction: it comes before every price."""
NO_BAND: Final = 2**61
FIRST_CAPACITY: Final = 64
NO_PRICE: Final = -(2**62)
"""Price where there is none; its negative where the least of none is meant."""
BIDS, ASKS, BUY_STOPS, SELL_STOPS, BUY_WATCHED, SELL_WATCHED, BUY_WHOLE, SELL_WHOLE, SIDES = range(9)


def _record(*names: str) -> np.dtype[Any]:
    return np.dtype([(name, np.int64) for name in names])


# `shown` is what others see; while an order is trading, before it rests, it is all of it. `chain` is the next of the
# bucket, or of the free list. `bid` is 1 of a buy order, `fired` of a watched stop whose price has come. Small fields
# keep an order in two cache lines.
ORDER: Final = np.dtype(
    [(name, np.int64) for name in ("id", "owner", "price", "stop", "shown", "hidden", "display", "trail", "trail_step")]
    + [(name, np.int32) for name in ("book", "level", "side", "previous", "next", "chain")]
    + [
        (name, np.int8)
        for name in ("bid", "type", "in_force", "post_only", "prevention", "trigger", "all_or_none", "fired")
    ]
)
# `chunks` is the number of fills that can come of the orders: one for what is shown, one for each reload.
LEVEL: Final = _record("key", "head", "tail", "shown", "hidden", "orders", "chunks")
SIDE: Final = _record("sign", "start", "length", "capacity", "orders", "chunks")
# Orders have prices from `lowest` to `highest`; `first` is the step's first trade; high and low are the extremes since
# the stops were last looked at. The last three are for watched stops: is one new, and the quotes that they have seen.
BOOK: Final = _record(
    "tick", "lowest", "highest", "phase", "halts", "last", "first", "high", "low", "reference", "width", "lower",
    "upper", "fresh", "seen_bid", "seen_ask",
)  # fmt: skip
# `pending` is 1 + the book whose stops are to be looked at, 0 for none; `started` the first event row of the step;
# `rows` the number of fills and updates so far.
TOTALS: Final = _record(
    "free_order", "orders_used", "live", "free_level", "levels_used", "keys_used", "next_id", "sequence", "time",
    "pending", "started", "rows", "short_of_orders", "short_of_levels", "short_of_keys", "events_needed",
    "fills_needed", "updates_needed",
)  # fmt: skip

Records = npt.NDArray[Any]


class EngineState(NamedTuple):
    """Arrays of the engine; `totals` has one row. Kernels change them in place, `grow_...()` return larger ones."""

    orders: Records
    levels: Records
    keys: IntArray
    slots: IntArray  # the row of levels that each key stands for
    sides: Records
    books: Records
    buckets: IntArray  # as many as orders, a power of two
    totals: Records


def new_state(ticks: list[int], halts: bool, capacity: int = 1024, signed: Sequence[int] = ()) -> EngineState:
    """Make an empty state of one book per tick (1e-9 units), all in continuous trading; `capacity` is a power of two.

    `signed` are the numbers of the books whose prices may be 0 and below.
    """
    books = np.zeros(len(ticks), BOOK)
    books["highest"] = [min((2**63 - 1) // tick, NO_BAND - 1) for tick in ticks]
    books["lowest"] = 1
    for number in signed:
        books[number]["lowest"] = -books[number]["highest"]
    for name in ("last", "first", "high", "seen_bid", "seen_ask"):
        books[name] = NO_PRICE
    books["low"] = -NO_PRICE
    books["tick"], books["halts"] = ticks, halts
    books["lower"], books["upper"] = -NO_BAND, NO_BAND
    sides = np.zeros(SIDES * len(ticks), SIDE)
    sides["sign"] = np.tile([1, -1, -1, 1, -1, 1, 1, -1], len(ticks))
    totals = np.zeros(1, TOTALS)
    totals["free_order"], totals["free_level"], totals["next_id"] = NOBODY, NOBODY, 1
    return EngineState(
        orders=np.zeros(capacity, ORDER),
        levels=np.zeros(capacity, LEVEL),
        keys=np.zeros(FIRST_CAPACITY * SIDES * len(ticks), np.int64),
        slots=np.zeros(FIRST_CAPACITY * SIDES * len(ticks), np.int64),
        sides=sides,
        books=books,
        buckets=np.full(capacity, NOBODY, np.int64),
        totals=totals,
    )


def grow_orders(state: EngineState) -> EngineState:
    """Return the state with capacity for twice as many orders."""
    orders = _twice(state.orders)
    buckets = np.full(len(orders), NOBODY, np.int64)
    _fill_buckets(orders, buckets, int(state.totals[0]["orders_used"]))
    return state._replace(orders=orders, buckets=buckets)


def grow_levels(state: EngineState) -> EngineState:
    """Return the state with capacity for twice as many levels."""
    return state._replace(levels=_twice(state.levels))


def grow_keys(state: EngineState, needed: int) -> EngineState:
    """Return the state with capacity for `needed` more keys and as many again."""
    keys, slots = state.keys, state.slots
    while len(keys) < int(state.totals[0]["keys_used"]) + needed:
        keys, slots = _twice(keys), _twice(slots)
    return state._replace(keys=keys, slots=slots)


def _twice(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.concatenate([array, np.zeros(max(len(array), 1), array.dtype)])


@in_place
def _fill_buckets(orders: Records, buckets: IntArray, used: int) -> None:
    # Rows of the free list have the id 0 and keep their chain.
    for slot in range(used):
        order = orders[slot]
        if order.id > 0:
            bucket = order.id & (len(buckets) - 1)
            order.chain = buckets[bucket]
            buckets[bucket] = slot
