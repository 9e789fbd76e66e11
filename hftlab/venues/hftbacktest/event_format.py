"""Event array of hftbacktest: its columns, kinds and flags, and what `ival` and `fval` hold in arrays of ours.

Source: hftbacktest 2.4, "Data" and the constants of its module `types`. A row's `ev` is a kind in the low byte, and
flags. A row flagged EXCH_EVENT happens at the venue at `exch_ts`, one flagged LOCAL_EVENT is received at `local_ts`;
the former are sorted by `exch_ts`, the latter by `local_ts`. Where the two orders differ, an event is two rows, one of
each. `px` and `qty` are in the currency and in units; the `qty` of a depth row is the level's total, 0 removes it; that
of an order's modification is what is open. A cancellation removes the whole order.

`ival` and `fval` are free for anybody. hftbacktest's own conversion of Databento's files keeps their flags in `ival`.
In arrays of hftlab `ival` is the row's flags, plus 2^8 times its action's letter, plus 2^16 times its sequence; `fval`
is the size of the event where `qty` is another. So the events can be read back as they were.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

__all__ = [
    "ADD_ORDER",
    "BUY",
    "CANCEL_ORDER",
    "DEPTH",
    "DEPTH_BBO",
    "DEPTH_CLEAR",
    "DEPTH_SNAPSHOT",
    "EVENT_DTYPE",
    "EXCH",
    "FILL",
    "KIND",
    "LOCAL",
    "MODIFY_ORDER",
    "SELL",
    "TRADE",
    "Times",
    "in_order",
    "venue_and_local",
]

EVENT_DTYPE: Final = np.dtype(
    [
        ("ev", "u8"),
        ("exch_ts", "i8"),
        ("local_ts", "i8"),
        ("px", "f8"),
        ("qty", "f8"),
        ("order_id", "u8"),
        ("ival", "i8"),
        ("fval", "f8"),
    ],
    align=True,
)

DEPTH, TRADE, DEPTH_CLEAR, DEPTH_SNAPSHOT, DEPTH_BBO = range(1, 6)
ADD_ORDER, CANCEL_ORDER, MODIFY_ORDER, FILL = range(10, 14)
KIND: Final = 0xFF
EXCH, LOCAL, BUY, SELL = (1 << bit for bit in (31, 30, 29, 28))

EventArray = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]

Times = Literal["causal", "recorded"]


def venue_and_local(
    ts_event: IntArray, ts_recv: IntArray, times: Times, feed_latency: int
) -> tuple[IntArray, IntArray]:
    """Return exch_ts and local_ts of events in the order of their capture.

    Nothing is received before it happens, and what is received never overtakes what was received before it. The venue's
    times are "recorded" ones, or "causal": those of a venue whose clock does not go back in the order of the capture.
    """
    happened = np.minimum(ts_event, ts_recv)
    if not len(happened):
        return happened, happened
    if times == "causal":
        happened = np.maximum.accumulate(happened)
    return happened, np.maximum.accumulate(ts_recv) + feed_latency


def in_order(events: EventArray) -> EventArray:
    """Return events, sorted by `local_ts`, as hftbacktest takes them: flagged, and in two rows where that is needed.

    An event that the venue's order has before one that was received earlier becomes a row of EXCH_EVENT, where it
    belongs by `exch_ts`, and one of LOCAL_EVENT, where it was. All others are one row.
    """
    whole = events.copy()
    newest = np.maximum.accumulate(events["exch_ts"]) if len(events) else events["exch_ts"]
    late = np.flatnonzero(events["exch_ts"] < newest)
    whole["ev"] |= np.uint64(EXCH | LOCAL)
    if not len(late):
        return whole
    whole["ev"][late] ^= np.uint64(EXCH)
    early = events[late]
    early["ev"] |= np.uint64(EXCH)
    times = np.concatenate([newest, early["exch_ts"]])
    return np.concatenate([whole, early])[np.lexsort((np.append(np.arange(len(events)), late), times))]
