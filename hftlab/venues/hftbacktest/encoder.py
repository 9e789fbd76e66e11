"""Encoder of one instrument's events as hftbacktest's event array."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.book.open_orders import RELOADS, UNFIT, follow_orders
from hftlab.events import (
    ADD,
    ASK,
    BID,
    CANCEL,
    CLEAR,
    F_LAST,
    F_MBP,
    F_SNAPSHOT,
    FILL,
    MODIFY,
    NONE,
    TRADE,
    EventBatch,
)
from hftlab.instruments import Instrument
from hftlab.instruments.units import from_steps
from hftlab.venues.hftbacktest import event_format as form

__all__ = ["encode"]

Array = npt.NDArray[Any]

_ORDER_KINDS: Final = {ADD: form.ADD_ORDER, CANCEL: form.CANCEL_ORDER, MODIFY: form.MODIFY_ORDER}
_OTHER_KINDS: Final = {CLEAR: form.DEPTH_CLEAR, TRADE: form.TRADE, FILL: form.FILL}
_LONGEST_SEQUENCE: Final = 1 << 47


def encode(batch: EventBatch, *, times: form.Times = "causal", feed_latency: int = 0) -> Array:
    """Encode all events of one instrument, in the order of their capture; see session.to_hftbacktest().

    Rows that change nothing (N, and a C of size 0) and rows that a book skips as anomalies are left out: hftbacktest
    has no event for the former and stops at the latter.
    """
    fits, left = _followed(batch)
    changes_nothing = (batch.action == NONE) | ((batch.action == CANCEL) & (batch.size == 0) & (left > 0))
    kept = np.flatnonzero(~changes_nothing & (fits != UNFIT))
    flags = _flags_of(batch, kept)
    batch, fits, left = batch.take(kept), fits[kept], left[kept]
    events = np.zeros(len(batch), form.EVENT_DTYPE)
    events["ev"] = _kinds(batch, left) | _sides(batch)
    events["exch_ts"], events["local_ts"] = form.venue_and_local(batch.ts_event, batch.ts_recv, times, feed_latency)
    events["px"] = _prices(batch, batch.instruments[0]) if len(batch) else 0.0
    events["order_id"] = batch.order_id
    events["qty"], events["fval"] = _sizes(batch, left)
    sequence = np.where((batch.sequence >= 0) & (batch.sequence < _LONGEST_SEQUENCE), batch.sequence, 0)
    events["ival"] = flags | batch.action.astype(np.int64) << 8 | sequence << 16
    return form.in_order(_with_reloads(events, fits == RELOADS))


def _followed(batch: EventBatch) -> tuple[Array, Array]:
    """Return how each row fits its book and what it leaves open, as follow_orders() does; also for levels."""
    if not (batch.flags & F_MBP).any():
        return follow_orders(batch)
    changes = np.isin(batch.action, (ADD, MODIFY, CANCEL))
    off_tick = batch.price % batch.instruments[0].tick != 0
    unfit = changes & (off_tick | ~np.isin(batch.side, (BID, ASK)))
    return np.where(unfit, np.uint8(UNFIT), np.uint8(UNFIT + 1)), np.zeros(len(batch), np.int64)


def _flags_of(batch: EventBatch, kept: Array) -> Array:
    """Return the flags of the rows kept, with F_LAST on the last that is left of each event."""
    is_last = batch.flags & F_LAST != 0
    event = np.cumsum(is_last) - is_last
    flags = batch.flags[kept].astype(np.int64)
    of = event[kept]
    ends = np.append(of[1:] != of[:-1], True) if len(of) else np.zeros(0, np.bool_)
    ends &= of < np.count_nonzero(is_last)  # the end of the last event may be missing
    return np.where(ends, flags | F_LAST, flags)


def _kinds(batch: EventBatch, left: Array) -> Array:
    is_level = batch.flags & F_MBP != 0
    kinds = np.zeros(len(batch), np.uint64)
    for action, kind in (_ORDER_KINDS | _OTHER_KINDS).items():
        kinds[batch.action == action] = kind
    changes = np.isin(batch.action, (ADD, CANCEL, MODIFY))
    kinds[changes & is_level] = form.DEPTH
    kinds[changes & is_level & (batch.flags & F_SNAPSHOT != 0)] = form.DEPTH_SNAPSHOT
    # A cancellation takes the whole order away there: one of a part is a modification to what is left.
    of_orders = changes & ~is_level & (batch.action != ADD)
    kinds[of_orders] = np.where(left[of_orders] > 0, form.MODIFY_ORDER, form.CANCEL_ORDER)
    return kinds


def _sides(batch: EventBatch) -> Array:
    """Return the flags of the sides; a cleared book has none, for one with a side clears that alone."""
    sides = np.where(batch.side == BID, form.BUY, np.where(batch.side == ASK, form.SELL, 0))
    return np.where(batch.action == CLEAR, 0, sides).astype(np.uint64)


def _prices(batch: EventBatch, instrument: Instrument) -> Array:
    """Return prices as the doubles next to their decimals, also of trades between two ticks."""
    ticks, rest = np.divmod(batch.price, instrument.tick)
    return np.where(rest == 0, instrument.price(ticks), from_steps(batch.price, 1))


def _sizes(batch: EventBatch, left: Array) -> tuple[Array, Array]:
    """Return the qty of each row, and its own size where that is another (else 0), both in units."""
    lots = batch.size.copy()
    is_cancel = batch.action == CANCEL
    partial = is_cancel & (left > 0)
    lots[partial] = left[partial]
    lots[is_cancel & (batch.flags & F_MBP != 0)] = 0
    lot = batch.instruments[0].lot if batch.instruments else 1
    return np.asarray(from_steps(lots, lot)), np.asarray(from_steps(np.where(lots == batch.size, 0, batch.size), lot))


def _with_reloads(events: Array, reloads: Array) -> Array:
    """Put a cancellation before each modification that sends an order to the back, which becomes an addition.

    hftbacktest leaves an order in its place when its size does not grow.
    """
    if not reloads.any():
        return events
    rows = np.repeat(np.arange(len(events)), np.where(reloads, 2, 1))
    is_added = np.append(False, rows[1:] == rows[:-1])
    is_gone = np.append(is_added[1:], False)
    events = events[rows]
    events["ev"][is_gone | is_added] &= ~np.uint64(form.KIND)
    events["ev"][is_added] |= np.uint64(form.ADD_ORDER)
    events["ev"][is_gone] |= np.uint64(form.CANCEL_ORDER)
    events["ival"][is_gone] = NONE << 8
    return events
