"""Market for the `backtest` benchmark: one instrument's levels and trades, made with a seed, as a recorded session."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.clock import NANOSECONDS
from hftlab.events import ADD, ASK, BID, CANCEL, CLEAR, F_LAST, F_MBP, F_SNAPSHOT, MODIFY, NO_SIDE, TRADE, EventBatch
from hftlab.ingest import import_capture
from hftlab.instruments import BINANCE_USDM, UNIT, Instrument
from hftlab.session import Session
from hftlab.venues.hftbacktest.encoder import encode

__all__ = ["INSTRUMENT", "level_market", "record_levels"]

INSTRUMENT: Final = Instrument("BTCUSDT", BINANCE_USDM, tick=UNIT // 10, lot=UNIT // 1000, currency="USDT")
_START: Final = 1_700_000_000 * NANOSECONDS
_FIRST_BID: Final = 600_000
"""Ticks."""
_DEPTH: Final = 2_000
"""Levels a side at the start."""
_FEED: Final = 2_000_000
"""ns from the venue to the recorder."""


def level_market(seconds: int, seed: int, *, events_per_s: int = 80, rows_per_event: int = 16) -> EventBatch:
    """Make a market of about so many events, each of so many changes of levels: some near the best, many far away.

    Every seventh event or so moves the best bid and ask by a tick, two in three are of a trade at the best as well.
    """
    random = np.random.default_rng(seed)
    events = seconds * events_per_s
    moves = np.where(random.random(events) < 0.15, random.choice([-1, 1], events), 0)
    moves[0] = 0
    bids = _FIRST_BID + np.cumsum(moves)
    parts = [_far_levels(random, bids, rows_per_event), _moved_levels(random, bids, moves), _trades(random, bids)]
    event, kind, side, ticks, lots = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(event, kind="stable")
    event, kind, side, ticks, lots = (column[order] for column in (event, kind, side, ticks, lots))
    first = _snapshot(random)
    event = np.concatenate([np.zeros(len(first[0]), np.int64), event + 1])
    kind, side, ticks, lots = (np.concatenate(pair) for pair in zip(first, (kind, side, ticks, lots), strict=True))
    at = _START + np.sort(random.integers(0, seconds * NANOSECONDS, events + 1))
    is_level = (kind != TRADE) & (kind != CLEAR)
    is_last = np.diff(event, append=-1) != 0
    flags = is_level * F_MBP + (event == 0) * F_SNAPSHOT + is_last * F_LAST
    return EventBatch(
        ts_event=at[event],
        ts_recv=at[event] + _FEED,
        sequence=event,
        instrument_id=np.zeros(len(event), np.int32),
        order_id=np.zeros(len(event), np.uint64),
        action=kind,
        side=side,
        price=ticks * INSTRUMENT.tick,
        size=lots,
        flags=flags.astype(np.uint8),
        instruments=(INSTRUMENT,),
    )


_Columns = tuple[npt.NDArray[Any], ...]


def _far_levels(random: np.random.Generator, bids: npt.NDArray[np.int64], rows: int) -> _Columns:
    """Change sizes behind the best: half of the rows within 30 ticks, the others far away; a third goes to 0."""
    count = len(bids) * rows
    event = np.repeat(np.arange(len(bids)), rows)
    near = random.random(count) < 0.5
    distance = np.where(near, random.geometric(0.08, count), np.minimum(random.geometric(0.002, count), _DEPTH))
    is_ask = random.random(count) < 0.5
    lots = np.where(random.random(count) < 0.33, 0, random.geometric(0.01, count))
    ticks = np.where(is_ask, bids[event] + 1 + distance, bids[event] - distance)
    kind = np.where(lots == 0, CANCEL, MODIFY)
    return event, kind, np.where(is_ask, ASK, BID), ticks, lots


def _moved_levels(random: np.random.Generator, bids: npt.NDArray[np.int64], moves: npt.NDArray[np.int64]) -> _Columns:
    """Set both bests of every event, and remove what a move has left on the wrong side."""
    event = np.arange(len(bids))
    up, down = np.flatnonzero(moves > 0), np.flatnonzero(moves < 0)
    size = random.geometric(0.002, 2 * len(bids))
    return (
        np.concatenate([up, down, event, event]),
        np.concatenate([np.full(len(up) + len(down), CANCEL), np.full(2 * len(bids), MODIFY)]),
        np.repeat([ASK, BID, BID, ASK], [len(up), len(down), len(bids), len(bids)]),
        np.concatenate([bids[up], bids[down] + 1, bids, bids + 1]),
        np.concatenate([np.zeros(len(up) + len(down), np.int64), size]),
    )


def _trades(random: np.random.Generator, bids: npt.NDArray[np.int64]) -> _Columns:
    event = np.flatnonzero(random.random(len(bids)) < 0.66)
    is_buyer = random.random(len(event)) < 0.5
    lots = random.geometric(0.02, len(event))
    return event, np.full(len(event), TRADE), np.where(is_buyer, BID, ASK), bids[event] + is_buyer, lots


def _snapshot(random: np.random.Generator) -> _Columns:
    distance = np.arange(_DEPTH)
    lots = random.geometric(0.01, 2 * _DEPTH)
    return (
        np.concatenate([[CLEAR], np.full(2 * _DEPTH, ADD)]),
        np.concatenate([[NO_SIDE], np.full(_DEPTH, BID), np.full(_DEPTH, ASK)]),
        np.concatenate([[0], _FIRST_BID - distance, _FIRST_BID + 1 + distance]),
        np.concatenate([[0], lots]),
    )


def record_levels(batch: EventBatch, folder: Path, pace: int) -> Session:
    """Write a market of levels as a session, with a message for each `pace` (ns) in which something has changed."""
    capture = folder / "levels.npz"
    np.savez(capture, data=encode(batch))
    return import_capture(
        "hftbacktest", capture, folder / "session", instrument=batch.instruments[0], pace=pace
    ).session
