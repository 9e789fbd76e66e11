"""`matching`: orders a second through the matching engine on one core, against the required three million.

The orders are a seeded mix, made beforehand by watching the book: 45 % limit orders near the touch, 45 % cancels of
live orders, 10 % market and IOC orders. The slow reference engine runs the first of them for comparison.

Rates are by the processor time of the one thread, so that other processes on the machine change them little.
"""

from __future__ import annotations

import statistics
import time
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.bench.reference_engine import ReferenceEngine
from hftlab.bench.result import Result
from hftlab.book.matching import MatchingEngine
from hftlab.book.matching.engine_state import ASKS, BIDS, NOBODY, EngineState
from hftlab.book.matching.entries import Action, EntryType, InForce, new_entries
from hftlab.book.matching.kernel import FULL, submit, submit_many
from hftlab.book.matching.levels import best_key, find_order
from hftlab.book.matching.output import FILLS, Output, new_output
from hftlab.events import ASK, BID
from hftlab.instruments import INSTRUMENTS
from hftlab.kernels.compiling import in_place

__all__ = ["run"]

_PER_SECOND: Final = 3e6
"""Orders that the engine must match."""
_ORDERS: Final = 1_000_000
_ROUNDS: Final = 5
_SLOW_ORDERS: Final = 2_000
_LIMITS: Final = 0.45
_CANCELS: Final = 0.45
_FILLING: Final = 40_000
"""Limit orders that fill the book before the measurement."""
_MID: Final = 10_000


def run() -> Result:
    entries = _mix(_FILLING + _ORDERS, seed=7)
    rates, walls, engine = [], [], _engine()
    # The first round compiles or loads the kernels and is not counted.
    for _ in range(_ROUNDS + 1):
        engine = _engine()
        submit_many(engine.state, engine.output, entries[:_FILLING], 0)
        engine.output.used[:] = 0
        start, wall = time.process_time(), time.perf_counter()
        done = submit_many(engine.state, engine.output, entries[_FILLING:], 0)
        rates.append(done / (time.process_time() - start))
        walls.append(done / (time.perf_counter() - wall))
        assert done == _ORDERS
    rate = statistics.median(rates[1:])
    fills = int(engine.output.used[FILLS])
    figures: dict[str, Any] = {
        "orders_per_s": rate,
        "orders_per_s_by_the_clock": statistics.median(walls[1:]),
        "orders": _ORDERS,
        "fills": fills,
        "orders_left_in_the_book": len(engine),
        **_face(entries),
        **_slow(entries),
    }
    ratio = rate / _PER_SECOND
    return Result("matching", ratio, 1.0, ratio >= 1.0, figures)


def _engine() -> MatchingEngine:
    """Make an engine of one book with an output large enough for all, so that nothing but matching is measured."""
    engine = MatchingEngine(INSTRUMENTS[:1])
    engine.output = new_output(2 * _ORDERS, _ORDERS // 4, 3 * _ORDERS // 2)
    for array in engine.output:
        # Touched once, so that the system's handing out of pages is not measured.
        array.fill(0)
    while len(engine.state.orders) < 1 << 17:
        engine.state.totals[0]["short_of_orders"] = engine.state.totals[0]["short_of_levels"] = 1
        engine.state.totals[0]["short_of_keys"] = 1 << 12
        engine.grow()
    return engine


def _face(entries: npt.NDArray[Any]) -> dict[str, float]:
    """Measure the same orders through MatchingEngine.submit() in parts of 10,000, with event batches."""
    engine = MatchingEngine(INSTRUMENTS[:1])
    engine.submit(entries[:_FILLING])
    start = time.process_time()
    for at in range(_FILLING, len(entries), 10_000):
        engine.submit(entries[at : at + 10_000])
    return {"orders_per_s_with_event_batches": _ORDERS / (time.process_time() - start)}


def _slow(entries: npt.NDArray[Any]) -> dict[str, float]:
    engine = ReferenceEngine(1, halts=True)
    start = time.process_time()
    for entry in entries[:_SLOW_ORDERS]:
        engine.take(entry)
    return {"orders_per_s_slow_engine": _SLOW_ORDERS / (time.process_time() - start)}


def _mix(rows: int, seed: int) -> npt.NDArray[Any]:
    """Make the orders: random numbers drawn at once, then turned into orders that fit the book of their time.

    Market and IOC orders want a fifth of what an order offers on average, or the book would run empty.
    """
    random = np.random.default_rng(seed)
    kinds, depths, picks = random.random(rows), random.geometric(0.3, rows), random.random(rows)
    kinds[:_FILLING] *= _LIMITS
    sizes = random.geometric(np.where(kinds < _LIMITS + _CANCELS, 0.02, 0.1))
    entries = new_entries(rows, owner=random.integers(1, 50, rows), size=sizes)
    entries["time"] = np.arange(rows) * 1000
    entries["side"] = np.where(random.random(rows) < 0.5, BID, ASK)
    engine = MatchingEngine(INSTRUMENTS[:1])
    live, row, count = np.zeros(rows, np.int64), 0, np.zeros(1, np.int64)
    while (row := _watch(engine.state, engine.output, entries, kinds, depths, picks, live, count, row)) < rows:
        engine.grow()
    return entries


@in_place
def _watch(
    state: EngineState,
    output: Output,
    entries: npt.NDArray[Any],
    kinds: npt.NDArray[np.float64],
    depths: npt.NDArray[np.int64],
    picks: npt.NDArray[np.float64],
    live: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    first: int,
) -> int:
    for row in range(first, len(entries)):
        entry = entries[row]
        bid = best_key(state, BIDS) if state.sides[BIDS].length > 0 else _MID
        ask = -best_key(state, ASKS) if state.sides[ASKS].length > 0 else _MID + 1
        if kinds[row] < _LIMITS or count[0] == 0:
            entry.action = Action.NEW
            # One tick inside the spread at best, most at the touch or just behind.
            entry.price = min(bid + 2, ask) - depths[row] if entry.side == BID else max(ask - 2, bid) + depths[row]
        elif kinds[row] < _LIMITS + _CANCELS:
            entry.action = Action.CANCEL
            entry.id = _pick(state, live, count, picks[row])
            entry.owner = 0
        else:
            entry.in_force = InForce.IOC
            entry.type = EntryType.MARKET if kinds[row] < 0.95 else EntryType.LIMIT
            entry.price = ask if entry.side == BID else bid
        output.used[:] = 0
        if submit(state, output, entry) == FULL:
            return row
        if entry.action == Action.NEW and entry.in_force == InForce.DAY:
            live[count[0]] = state.totals[0].next_id - 1
            count[0] += 1
    return len(entries)


@in_place
def _pick(state: EngineState, live: npt.NDArray[np.int64], count: npt.NDArray[np.int64], pick: float) -> int:
    """Return the id of a random order that is still live, and remove those found dead from the list."""
    while count[0] > 0:
        at = int(pick * count[0])
        order_id = live[at]
        count[0] -= 1
        live[at] = live[count[0]]
        if find_order(state, order_id) != NOBODY:
            return int(order_id)
    return 0
