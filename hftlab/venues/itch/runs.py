"""Runs of messages that came in packets: those that are of ITCH 5.0, and tables of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.instruments import UNIT
from hftlab.venues.itch.blocks import midnight_before
from hftlab.venues.itch.message_layouts import SIZES
from hftlab.venues.itch.message_tables import tables
from hftlab.venues.moldudp64 import Runs
from hftlab.venues.recognition import looks_like

if TYPE_CHECKING:
    import polars as pl

__all__ = ["days_of", "itch_runs", "run_tables"]

_WITHIN_NEXT_DAY: Final = 36 * 3600 * UNIT
"""Time after midnight that is within the next day, whether that before has 23 hours or 25."""


def itch_runs(path: Path, source: Iterator[Runs]) -> Iterator[Runs]:
    """Yield the runs of the sessions whose first messages are for the most part of ITCH 5.0.

    Raises CaptureError at the end if no session is.
    """
    sessions: dict[int, bool] = {}
    for runs in source:
        if new := set(np.flatnonzero(np.bincount(runs.session)).tolist()) - sessions.keys():
            sessions |= _fitting(runs, new)
        if all(sessions.values()):
            yield runs
        else:
            yield _chosen(runs, np.isin(runs.session, [one for one, is_itch in sessions.items() if is_itch]))
    if not any(sessions.values()):
        what = "its messages are others" if sessions else "it has none of its packets"
        raise CaptureError(
            f"{path} does not have TotalView-ITCH 5.0 in MoldUDP64 packets ({what}); {looks_like(path, 'itch')}",
            path=path,
        )


def days_of(runs: Runs) -> Iterator[tuple[int | None, Runs]]:
    """Yield the runs of each day in New York, with the midnight before it; None where it is not known when they came.

    Times of reception do not go back, and no messages come around midnight.
    """
    start = 0
    while start < len(runs):
        first = int(runs.ts_recv[start])
        begun = midnight_before(first) if first > 0 else None
        end = 1 if begun is None else midnight_before(begun + _WITHIN_NEXT_DAY)
        stop = int(np.searchsorted(runs.ts_recv, end))
        yield begun, _chosen(runs, slice(start, stop)) if stop - start < len(runs) else runs
        start = stop


def run_tables(parts: Iterator[Runs]) -> Iterator[dict[str, pl.DataFrame]]:
    """Yield the messages of each part as tables, with their `sequence` and `ts_recv`."""
    import polars as pl

    first = 1
    for runs in parts:
        start, end, run = runs.messages()
        whole = (end > start) & (SIZES[runs.data[np.minimum(start, len(runs.data) - 1)]] == end - start)
        before = np.cumsum(runs.count) - runs.count
        sequence = runs.sequence[run] + np.arange(len(run)) - before[run]
        found = {}
        for letter, frame in tables(runs.data, np.where(whole, start, -1), first).items():
            place = frame["number"].to_numpy() - first
            heads = [pl.Series("sequence", sequence[place]), pl.Series("ts_recv", runs.ts_recv[run[place]])]
            found[letter] = frame.select("number", *heads, pl.exclude("number"))
        if found:
            yield found
        first += len(start)


def _fitting(runs: Runs, sessions: set[int]) -> dict[int, bool]:
    """Tell which sessions have messages most of which have a type of ITCH 5.0 and its length."""
    start, end, run = runs.messages()
    sizes = end - start
    fits = (sizes > 0) & (SIZES[runs.data[np.minimum(start, len(runs.data) - 1)]] == sizes)
    owner = runs.session[run]
    return {one: bool(2 * np.count_nonzero(fits[owner == one]) >= np.count_nonzero(owner == one)) for one in sessions}


def _chosen(runs: Runs, kept: npt.NDArray[np.bool_] | slice) -> Runs:
    return replace(
        runs,
        start=runs.start[kept],
        end=runs.end[kept],
        count=runs.count[kept],
        sequence=runs.sequence[kept],
        session=runs.session[kept],
        ts_recv=runs.ts_recv[kept],
        is_after_gap=runs.is_after_gap[kept],
    )
