"""Seeded runs of the feed: cuts, losses, copies, altered frames, late snapshots, stalls, restarts and maintenance."""

from __future__ import annotations

import pytest

from tests.feeds.kraken.faulty_run import FaultyRun

pytestmark = pytest.mark.usefixtures("compiled")


async def check(run: FaultyRun) -> None:
    """Go through the run; the recording's rows say of each symbol when it was flagged, to the nanosecond."""
    await run.run()
    assert run.compared > 10
    assert run.uncovered() == run.flagged_spans()


@pytest.mark.parametrize("seed", range(20))
async def test_books_equal_the_truth_or_are_flagged(seed: int) -> None:
    """After every frame each book is the venue's, or a GAP has flagged it and nothing is sent."""
    await check(FaultyRun(seed, steps=20))


@pytest.mark.soak
@pytest.mark.parametrize("first", range(1000, 1250, 10))
async def test_many_runs(first: int) -> None:
    for seed in range(first, first + 10):
        await check(FaultyRun(seed, steps=60))
