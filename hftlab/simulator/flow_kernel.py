"""Compiled loop of the order flow: chooses the trader that acts next, and submits its orders at once."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy.typing as npt

from hftlab.book.matching.engine_state import EngineState
from hftlab.book.matching.entries import TradingPhase
from hftlab.book.matching.kernel import FULL, drain, submit
from hftlab.book.matching.output import FILLS, UPDATES, Output
from hftlab.kernels.compiling import in_place
from hftlab.kernels.random_numbers import exponential, uniform
from hftlab.simulator.flow_state import MAKERS, Flow
from hftlab.simulator.fundamental import value_at
from hftlab.simulator.traders import FIRST_ACCOUNT, cancel_someone, inform, place, quote, take

__all__ = ["COOLING", "run_flow"]

COOLING: Final = 0.5
"""Per second: how fast the excitement after a trade decays (the exponential kernel of Hawkes, 1971)."""
_CANCELS: Final = 0.15
"""The rate at which an order at the best price is cancelled, per second."""


@in_place
def run_flow(state: EngineState, output: Output, flow: Flow, until: int, entries: npt.NDArray[Any]) -> int:
    """Run up to and including `until` (ns), then submit entries from outside. Returns 0, or FULL.

    FULL says that an array of the engine was too small: the caller takes the output's events, makes the arrays larger,
    and calls again with the same arguments. Fills and updates stay in the output for the caller to take: those of
    accounts, and the updates of instruments. Those of the simulated traders are dropped.
    """
    if _run(state, output, flow, until) == FULL:
        return FULL
    progress = flow.progress[0]
    while progress.entered < len(entries):
        if submit(state, output, entries[progress.entered]) == FULL:
            return FULL
        progress.entered += 1
    if not drain(state, output):
        return FULL
    progress.entered = 0
    return 0


@in_place
def _run(state: EngineState, output: Output, flow: Flow, until: int) -> int:
    progress = flow.progress[0]
    while True:
        fills, updates = output.used[FILLS], output.used[UPDATES]
        is_full = False
        while progress.done < progress.pending and not is_full:
            is_full = submit(state, output, flow.pending[progress.done]) == FULL
            if not is_full:
                progress.done += 1
        # Stops that these trades release come before anyone looks at the book again, whatever the size of the arrays.
        is_full = is_full or not drain(state, output)
        _keep_accounts(output, fills, updates)
        if is_full:
            return FULL
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
def _keep_accounts(output: Output, fills: int, updates: int) -> None:
    """Drop the rows from those numbers on that are neither an account's nor about an instrument."""
    kept = fills
    for at in range(fills, output.used[FILLS]):
        if output.fills[at].buy_owner >= FIRST_ACCOUNT or output.fills[at].sell_owner >= FIRST_ACCOUNT:
            output.fills[kept] = output.fills[at]
            kept += 1
    output.used[FILLS] = kept
    kept = updates
    for at in range(updates, output.used[UPDATES]):
        if output.updates[at].owner >= FIRST_ACCOUNT or output.updates[at].id == 0:
            output.updates[kept] = output.updates[at]
            kept += 1
    output.used[UPDATES] = kept


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
    if state.books[book].phase >= TradingPhase.HALTED:
        # Nobody could trade: all wait with their orders where they are.
        return
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
