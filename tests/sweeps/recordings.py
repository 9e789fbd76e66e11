"""Recorded sessions that sweeps run on: some seconds each, so that a run takes a tenth of one."""

from __future__ import annotations

import polars as pl

from hftlab.session import Session
from hftlab.sweeps import Sweep
from tests.backtest.recorded_days import levels

__all__ = ["outcome", "two_days"]


def two_days() -> list[Session]:
    """Two recordings of AAPL."""
    return [levels(6), levels(6, seed=8)]


def outcome(sweep: Sweep) -> pl.DataFrame:
    """What does not depend on how fast a run was."""
    return sweep.table.drop("seconds")
