"""Compiled loop of the order flow: chooses the trader that acts next, and submits its orders at once."""

from __future__ import annotations

import math
from typing import Final

from hftlab.book.matching.engine_state import EngineState
from hftlab.book.matching.kernel import FULL, submit
from hftlab.book.matching.output import FILLS, UPDATES, Output
from hftlab.kernels.compiling import in_place
from hftlab.simulator.flow_state import MAKERS, Flow
from hftlab.simulator.fundamental import value_at
from hftlab.simulator.random_numbers import exponential, uniform
from hftlab.simulator.traders import cancel_someone, inform, place, quote, take

__all__ = ["COOLING", "run_flow"]

COOLING: Final = 0.5
"""Per second: how fast the excitement after a trade decays (the exponential kernel of Hawkes, 1971)."""
_CANCELS: Final = 0.15
"""The rate at which an order at the best price is cancelled, per second."""


@in_place
def run_flow(state: EngineState, output: Output, flow: Flow, until: int) -> int:
    """Run up to and including `until` (ns). Returns 0, or FULL where an array of the engine was too small.

    After FULL the caller takes the output's rows, makes the arrays larger, and calls again. Only the events are kept:
    fills and updates would go to the accounts of the simulated traders.
    """
    progress = flow.progress[0]
    while True:
        while progress.done < progress.pending:
            output.used[FILLS] = 0
            output.used[UPDATES] = 0
            if submit(state, output, flow.pending[progress.done]) == FULL:
                return FULL
            progress.done += 1
        progress.pending = 0
        progress.done = 0
        progress.news = 0
        book = _earliest(flow)
        time = flow.listings[book].next
        if time > until:
            return 0
        if flow.listings[book].to_place > 0:
            _open(state, flow, book, time)
        else:
            _step(state, flow, book, time)
            _schedule(flow, book, time)


@in_place
def _earliest(flow: Flow) -> int:
    first = 0
    for book in range(1, len(flow.listings)):
        if flow.listings[book].next < flow.listings[first].next:
            first = book
    return first


@in_place
def _open(state: EngineState, flow: Flow, book: int, time: int) -> None:
    """Place one of the orders that rest when the market opens, those of market makers first."""
    listing = flow.listings[book]
    listing.to_place -= 1
    remaining = listing.to_place
    if listing.resting == 0 and flow.makers[book, MAKERS - 1].bid_id == 0:
        maker = 0
        while flow.makers[book, maker].bid_id != 0:
            maker += 1
        quote(state, flow, book, maker, time)
    else:
        place(state, flow, book, time)
    if remaining == 0:
        _schedule(flow, book, time)


@in_place
def _step(state: EngineState, flow: Flow, book: int, time: int) -> None:
    """Let one trader act, or none, by thinning: the rate since the last arrival has only fallen.

    Source: Ogata, "On Lewis' simulation method for point processes", 1981.
    """
    listing = flow.listings[book]
    listing.heat *= math.exp(-COOLING * (time - listing.heat_time) / 1e9)
    listing.heat_time = time
    pace = listing.activity + listing.heat
    drawn = uniform(flow.streams, book) * listing.bound
    drawn -= listing.informed
    if drawn < 0:
        inform(state, flow, book, time)
        return
    drawn -= listing.makers * MAKERS
    if drawn < 0:
        quote(state, flow, book, int(uniform(flow.streams, book) * MAKERS), time)
        return
    drawn -= pace * listing.market
    if drawn < 0:
        take(state, flow, book, time)
        listing.heat += listing.jump
        return
    drawn -= pace * 2 * listing.limits
    if drawn < 0:
        place(state, flow, book, time)
        return
    drawn -= pace * _CANCELS * listing.resting
    if drawn < 0:
        cancel_someone(state, flow, book, time)


@in_place
def _schedule(flow: Flow, book: int, time: int) -> None:
    listing = flow.listings[book]
    value_at(flow, listing.asset, time, 0)
    listing.activity = flow.assets[listing.asset].activity
    pace = listing.activity + listing.heat
    arrivals = listing.market + 2 * listing.limits + _CANCELS * listing.resting
    listing.bound = listing.informed + listing.makers * MAKERS + pace * arrivals
    listing.next = time + 1 + int(1e9 * exponential(flow.streams, book) / listing.bound)
