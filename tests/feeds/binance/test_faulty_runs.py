"""Seeded runs of the feed's rules: cuts, losses, copies, late snapshots and unreadable frames."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from hftlab.events import COLUMNS, EventBatch
from hftlab.venues import binance
from tests.feeds.binance.faulty_run import SYMBOLS, FaultyRun


def check_recording(run: FaultyRun) -> None:
    """The control rows say of each symbol when it was out of sync, to the nanosecond."""
    assert run.compared > 30
    assert run.uncovered() == run.flagged_spans()


def check_raw(run: FaultyRun, folder: Path) -> None:
    """The capture reader makes of the raw frames the events that the feed has made."""
    whole = EventBatch.concat(run.batches)
    for number, symbol in enumerate(SYMBOLS):
        path = folder / f"{symbol}.gz"
        path.write_bytes(gzip.compress(b"".join(b"%d %s\n" % line for line in run.raw[symbol])))
        read = EventBatch.concat(binance.read(path, instrument=run.instruments[number]))
        ours = whole.take(np.array([one.symbol == symbol for one in whole.instruments])[whole.instrument_id])
        for column in COLUMNS:
            if column != "instrument_id":
                assert np.array_equal(getattr(ours, column), getattr(read, column)), (symbol, column)


@pytest.mark.parametrize("seed", range(25))
def test_books_equal_the_truth_or_are_flagged(seed: int) -> None:
    """After every message each book is the venue's at its update id, or a GAP has flagged it and nothing is sent."""
    check_recording(FaultyRun(seed))


@pytest.mark.parametrize("seed", range(100, 104))
def test_the_raw_frames_decode_to_the_same_events(seed: int, tmp_path: Path) -> None:
    run = FaultyRun(seed, lies=False)
    check_recording(run)
    assert run.is_clean
    check_raw(run, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("first", range(1000, 1500, 20))
def test_many_runs(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + 20):
        run = FaultyRun(seed, steps=150, lies=seed % 2 == 0)
        check_recording(run)
        if seed % 2:
            check_raw(run, tmp_path)
