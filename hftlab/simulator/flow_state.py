"""Memory of a simulated order flow: structured arrays that compiled code changes in place.

Everything that the next event depends on is in here or in the matching engine's state, so that a run can be cut
anywhere and continues with the same events.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.book.matching.entries import ENTRY

__all__ = [
    "ASSET",
    "LISTING",
    "MAKER",
    "MAKERS",
    "METAORDERS",
    "PATH_LENGTH",
    "RESTING",
    "STEP",
    "Flow",
    "new_flow",
]

STEP: Final = 20_000_000
"""Nanoseconds between two values of the fundamental prices."""
PATH_LENGTH: Final = 64
"""Newest values that each fundamental price keeps: the longest lag of a venue, in steps."""
MAKERS: Final = 3
METAORDERS: Final = 3
RESTING: Final = 4096
"""Limit orders of others than market makers that one book holds at most."""
_PENDING: Final = 8

Records = npt.NDArray[Any]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def _record(**types: str) -> np.dtype[Any]:
    groups = {np.int64: types["ints"], np.float64: types["floats"]}
    return np.dtype([(name, kind) for kind, names in groups.items() for name in names.split()])


# Rates are per second; `unit` and `spread` are ticks; `value` is the logarithm of the price relative to the start.
ASSET: Final = _record(ints="step", floats="value slow fast volatility activity")
LISTING: Final = _record(
    ints="asset lot lag next heat_time error_time resting to_place",
    floats="base unit spread limits market informed makers noise jump heat error activity bound",
)
MAKER: Final = _record(ints="bid_id ask_id bid_size ask_size inventory", floats="distance")
METAORDER: Final = _record(ints="side left", floats="")
PROGRESS: Final = _record(ints="start pending done news entered", floats="")


class Flow(NamedTuple):
    """Arrays of the flow.

    `progress` has one row: the start (ns), how many entries are `pending` and `done`, and how many of the entries from
    outside that run_flow() was given have `entered`.
    """

    listings: Records
    assets: Records
    path: FloatArray  # (assets, PATH_LENGTH): the fundamental values, a ring
    makers: Records  # (listings, MAKERS)
    metaorders: Records  # (listings, METAORDERS)
    resting: IntArray  # (listings, RESTING): ids of limit orders, some of which may be gone
    bounds: IntArray  # (listings, ranges): from which price on (ticks) ...
    grids: IntArray  # ... which step of the price (ticks) holds
    streams: npt.NDArray[np.uint64]  # of each listing, then of each asset
    pending: Records
    progress: Records


def new_flow(
    listings: Records, assets: Records, rules: list[tuple[IntArray, IntArray]], start: int, streams: Any
) -> Flow:
    """Make a flow that begins at `start`; `rules` are each listing's price ranges and steps in ticks."""
    count = len(listings)
    ranges = max(len(bounds) for bounds, _ in rules)
    # Ranges that a rule does not have begin where no price comes.
    bounds, grids = np.full((count, ranges), 2**62, np.int64), np.ones((count, ranges), np.int64)
    for row, (its_bounds, its_grids) in enumerate(rules):
        bounds[row, : len(its_bounds)], grids[row, : len(its_grids)] = its_bounds, its_grids
    makers = np.zeros((count, MAKERS), MAKER)
    makers["distance"] = 1.0 + 0.7 * np.arange(MAKERS)
    progress = np.zeros(1, PROGRESS)
    progress["start"] = start
    return Flow(
        listings=listings,
        assets=assets,
        path=np.zeros((len(assets), PATH_LENGTH)),
        makers=makers,
        metaorders=np.zeros((count, METAORDERS), METAORDER),
        resting=np.zeros((count, RESTING), np.int64),
        bounds=bounds,
        grids=grids,
        streams=streams,
        pending=np.zeros(_PENDING, ENTRY),
        progress=progress,
    )
