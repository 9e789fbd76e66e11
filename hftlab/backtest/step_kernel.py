"""Compiled loop that runs a compiled strategy: the recorded market, its orders in it, and its steps."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from hftlab.backtest.fill_kernel import FULL, PLAYED, Rows, play_rows
from hftlab.backtest.fill_state import FillState
from hftlab.backtest.order_kernel import cancel_order, enter_order, replace_order
from hftlab.backtest.reports import Cause
from hftlab.backtest.step_delays import draw_delay, request_delay
from hftlab.backtest.step_market import BEST, ORDERS, TIMER, TRADE
from hftlab.backtest.step_requests import MOST_REQUESTS, Kind, hear
from hftlab.backtest.step_view import follow
from hftlab.kernels.compiling import IntArray, in_place, inlined

__all__ = ["DONE", "GROW", "NEXT_ROWS", "NEXT_VIEW", "RUN", "STOPPED", "STUCK", "drive"]

DONE, GROW, NEXT_ROWS, NEXT_VIEW, STUCK, STOPPED = range(6)

_FILLED = int(Cause.FILLED)
_NEW, _CANCEL = int(Kind.NEW), int(Kind.CANCEL)
_OWNER: Final = 1
_NEVER: Final = 2**63 - 1
_MOST_AT_A_TIME: Final = 10_000
"""Steps at one time after which time is taken to stand still."""

RUN: Final = np.dtype(
    [
        ("every", "i8"),  # ns between two steps by time; 0 for none
        ("on", "i8"),  # what else wakes the strategy: bits of step_market
        ("timer", "i8"),  # when the next step by time is
        ("end", "i8"),
        ("row", "i8"),  # of the recorded rows, the next for the venue
        ("view_row", "i8"),  # and the next for the strategy
        ("is_last", "i8"),  # 1 if no block of rows follows
        ("is_last_view", "i8"),
        ("is_shared", "i8"),  # 1 if the strategy sees the venue's own books
        ("woken_by", "i8"),  # bits
        ("last_arrival", "i8"),
        ("last_report", "i8"),
        ("at_a_time", "i8"),  # steps at this time
        ("stop", "i8"),  # number of the step before which it ends, counted from 1; 0 for none
        ("exponent", "f8"),
        ("prevention", "i8"),
    ]
)


@in_place
def drive(
    step: Any,
    run: Any,
    state: FillState,
    rows: Rows,
    view: Rows,
    market: Any,
    orders: Any,
    delays: Any,
    fields: IntArray,
    memory: Any,
    parameters: Any,
) -> int:
    """Run until the end, or until there is something to do that takes Python; it is called again after that.

    `step` is the strategy's, `view` has the rows with the times when it gets them, and `fields` is memory for an order
    that enters. Returns DONE; GROW if an array may be full; NEXT_ROWS or NEXT_VIEW for the next block of rows; STUCK if
    the strategy never lets time go on; STOPPED before the step that `stop` names. What the step raises comes out.
    """
    one, counts = run[0], orders.counts[0]
    while True:
        limit = _next_wake(one, view)
        if limit == -1:
            return NEXT_VIEW
        while True:
            if counts.requests + MOST_REQUESTS > len(orders.requests) or not _tell(one, state, orders, delays):
                return GROW
            limit = _heard_before(one, orders, limit)
            arrival = orders.requests[counts.arrived].arrived if counts.arrived < counts.sent else _NEVER
            target = min(limit, arrival)
            one.row, why = play_rows(state, rows, one.exponent, one.row, target, one.on & ORDERS != 0)
            if why == FULL:
                return GROW
            if why != PLAYED or state.reports.used[0] > 0:
                continue
            if one.row == len(rows.time) and one.is_last == 0:
                return NEXT_ROWS
            if arrival > limit:
                break
            if not _arrive(one, state, orders, fields):
                return GROW
        while counts.heard < counts.news and orders.news[counts.heard].heard <= limit:
            hear(orders, orders.news[counts.heard])
            counts.heard += 1
            one.woken_by |= ORDERS
        one.view_row, woken_by, is_full = follow(market, view, one.is_shared, one.on, one.view_row, limit)
        one.woken_by |= woken_by
        if is_full:
            return GROW
        if one.view_row == len(view.time) and one.is_last_view == 0:
            return NEXT_VIEW
        if limit == one.timer:
            one.woken_by |= TIMER
        if one.woken_by & (one.on | TIMER):
            one.at_a_time = one.at_a_time + 1 if market.clock[0].now == limit else 0
            if one.at_a_time == _MOST_AT_A_TIME:
                return STUCK
            if market.clock[0].wakes + 1 == one.stop:
                return STOPPED
            _step(step, one, market, orders, delays, memory, parameters, limit)
        if limit >= one.end and not _arrives_by(orders, one.end):
            return DONE


@inlined
def _arrives_by(orders: Any, end: int) -> bool:
    """Tell whether a request that has been sent is still to arrive by a time."""
    counts = orders.counts[0]
    return bool(counts.arrived < counts.sent and orders.requests[counts.arrived].arrived <= end)


@inlined
def _next_wake(one: Any, view: Rows) -> int:
    """Return when the strategy may be woken next; -1 if the rows do not tell."""
    limit = min(one.timer, one.end)
    if one.on & (BEST | TRADE):
        if one.view_row < len(view.time):
            limit = min(limit, view.time[one.view_row])
        elif one.is_last_view == 0:
            return -1
    return int(limit)


@inlined
def _heard_before(one: Any, orders: Any, limit: int) -> int:
    """Return when the strategy hears of an order next if that wakes it and is before a time, else that time."""
    counts = orders.counts[0]
    if one.on & ORDERS and counts.heard < counts.news:
        return int(min(limit, orders.news[counts.heard].heard))
    return limit


@inlined
def _tell(one: Any, state: FillState, orders: Any, delays: Any) -> bool:
    """Move what the venue reports to the news, with the time when it is heard; False if they do not fit, and stay."""
    reports, counts = state.reports, orders.counts[0]
    if counts.news + reports.used[0] > len(orders.news):
        return False
    for number in range(reports.used[0]):
        report, news = reports.rows[number], orders.news[counts.news]
        news.time, news.cause, news.number, news.lots = report.time, report.cause, report.number, report.lots
        news.price, news.why, news.ahead, news.is_taker = report.price, report.why, report.ahead, report.is_taker
        one.last_report = max(report.time + draw_delay(delays.response, report.time), one.last_report)
        news.heard = one.last_report
        if report.cause == _FILLED:
            orders.filled[report.number] += report.lots
        counts.news += 1
    reports.used[0] = 0
    return True


@inlined
def _arrive(one: Any, state: FillState, orders: Any, entry: IntArray) -> bool:
    """Let the next request arrive at the venue; False if there is no room for it, and nothing is done."""
    counts = orders.counts[0]
    request = orders.requests[counts.arrived]
    at, number = request.arrived, request.number
    if request.kind == _NEW:
        entry[:] = 0
        entry[0], entry[1], entry[2], entry[3] = number, request.instrument, _OWNER, request.side
        entry[4], entry[5], entry[6], entry[7] = request.type, request.in_force, request.ticks, request.lots
        entry[9], entry[10] = request.post_only, one.prevention
        done = enter_order(state, entry, at)
    elif request.kind == _CANCEL:
        done = cancel_order(state, number, at)
    else:
        done = replace_order(state, number, request.lots - orders.filled[number], request.ticks, at)
    counts.arrived += done
    return bool(done)


@inlined
def _step(step: Any, one: Any, market: Any, orders: Any, delays: Any, memory: Any, parameters: Any, now: int) -> None:
    """Let the strategy act, and send its requests."""
    clock, counts = market.clock[0], orders.counts[0]
    clock.now, clock.woken_by = now, one.woken_by
    clock.wakes += 1
    step(market, orders, memory, parameters)
    if one.woken_by & TIMER:
        one.timer += one.every
    one.woken_by = 0
    for ticker in market.tickers:
        ticker.trades = ticker.bought = ticker.sold = 0
    while counts.sent < counts.requests:
        request = orders.requests[counts.sent]
        one.last_arrival = max(now + request_delay(delays, request.kind, now), one.last_arrival)
        request.sent, request.arrived = now, one.last_arrival
        counts.sent += 1
