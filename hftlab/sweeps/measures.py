"""Measures of a run: the columns of a sweep's table that come from the summary of its backtest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from hftlab.backtest import Summary
from hftlab.backtest.markouts import HORIZONS
from hftlab.clock import duration

__all__ = ["ADDED", "COSTS", "HIGHEST", "MEASURES", "measures_of"]

_MARKOUTS: Final = {duration(horizon): f"markout_{horizon}_bps" for horizon in HORIZONS}

MEASURES: Final[Mapping[str, Any]] = {
    "pnl": pl.Float64,
    "realized": pl.Float64,
    "unrealized": pl.Float64,
    "commissions": pl.Float64,
    "max_drawdown": pl.Float64,
    "turnover": pl.Float64,
    "volume": pl.Float64,
    "orders": pl.Int64,
    "rejected": pl.Int64,
    "fills": pl.Int64,
    "fill_ratio": pl.Float64,
    "quantity_fill_ratio": pl.Float64,
    "maker_share": pl.Float64,
    "taker_share": pl.Float64,
    "auction_share": pl.Float64,
    "mean_inventory": pl.Float64,
    "mean_absolute_inventory": pl.Float64,
    "max_inventory": pl.Float64,
    "mean_exposure": pl.Float64,
    "max_exposure": pl.Float64,
    **dict.fromkeys(_MARKOUTS.values(), pl.Float64),
    "uncovered": pl.Float64,
    "currency": pl.String,
}
"""Names and types of the measures; those that a run does not have are null. See hftlab.backtest.Performance."""
ADDED: Final = frozenset(
    ["pnl", "realized", "unrealized", "commissions", "turnover", "volume", "orders", "rejected", "fills"]
)
"""Measures that are added up over sessions."""
HIGHEST: Final = frozenset(["max_drawdown", "max_exposure"])
"""Measures of which the highest of all sessions counts; of all others the mean does."""
COSTS: Final = frozenset(["commissions", "max_drawdown", "mean_exposure", "max_exposure", "rejected", "uncovered"])
"""Measures of which less is better."""


def measures_of(summary: Summary) -> dict[str, Any]:
    """Return the measures of a backtest's summary."""
    total = summary.total
    found = {name: getattr(total, name) for name in MEASURES if hasattr(total, name)}
    found["max_drawdown"] = 0.0 if summary.drawdown is None else summary.drawdown.amount
    found |= {name: getattr(summary, name) for name in ("mean_exposure", "max_exposure", "currency")}
    for mark in total.markouts:
        if mark.horizon in _MARKOUTS:
            found[_MARKOUTS[mark.horizon]] = mark.bps
    return found
