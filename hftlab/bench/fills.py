"""`fills`: the share of recorded orders whose real fills come back when each is left out and sent as one's own.

On minutes of the simulated exchange, whose queues are known to the end; and on a day of LOBSTER's whose path the
variable HFTLAB_BENCH_LOBSTER names. The ratio is the least share of orders with exactly the real fills by "fifo".
Tables score all fill models: see hftlab.analysis.fill_scores.

Where hftbacktest is installed, an order a second on each side that rests for ten seconds fills in it and in our core
by the same queue models, with 5 ms each way: how many orders fill alike, and by which rules the others do not. For that
HFTLAB_BENCH_CAPTURE may name a capture of Binance as well.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import polars as pl

from hftlab.analysis import fill_scores
from hftlab.backtest import FillModel, LeaveOneOut
from hftlab.backtest.blocks import MarketRows
from hftlab.backtest.collapsed_rows import CollapsedRows
from hftlab.backtest.market_rows import market_rows
from hftlab.bench.fill_comparison import compare_fills
from hftlab.bench.result import Result
from hftlab.clock import Clock
from hftlab.errors import HftlabError
from hftlab.ingest import import_capture
from hftlab.ingest.simulation import record_simulation
from hftlab.session import Session
from hftlab.simulator import Exchange

__all__ = ["run"]

_MUST: Final = 0.99
_SEED: Final = 7
_OPENING: Final = 1_767_364_200 * 10**9
"""The opening in New York on 2 January 2026."""
_SECONDS: Final = 300
_ORDERS: Final = 20_000
"""Orders that "fifo" gets, at most; all models get a tenth of them."""
_LOBSTER, _BINANCE = "HFTLAB_BENCH_LOBSTER", "HFTLAB_BENCH_CAPTURE"
_MODELS: Final = ("risk_averse", "power(2)")
_PEER: Final = "hftbacktest"
_LOTS: Final = {"simulated": 100, "lobster": 100, "binance": 50}
"""Lots of an order that is sent to both."""


def run() -> Result:
    """Leave the orders of each market out. Raises HftlabError for a capture that is not there."""
    figures: dict[str, Any] = {}
    shares, compared = [], []
    with tempfile.TemporaryDirectory(prefix="hftlab-bench-") as folder:
        for name, session in _sessions(Path(folder)):
            rows = market_rows(session)
            if rows.holds(0) == "orders":
                share, found = _left_out(name, session)
                shares.append(share)
                figures |= found
                rows = CollapsedRows(rows)
            compared += _compared(name, rows)
    missing = f"not compared: pip install --no-deps '{_PEER}>=2.4.4'"
    figures[_PEER] = compared if importlib.util.find_spec(_PEER) is not None else missing
    ratio = min(shares)
    return Result("fills", ratio, _MUST, ratio >= _MUST, figures)


def _sessions(folder: Path) -> Iterator[tuple[str, Session]]:
    exchange = Exchange(_SEED, ("AAPL",), clock=Clock(_OPENING, paused=True))
    yield "simulated", record_simulation(exchange, _SECONDS, folder / "simulated").session
    for name, variable in (("lobster", _LOBSTER), ("binance", _BINANCE)):
        capture = os.environ.get(variable)
        if capture is None:
            continue
        if not Path(capture).exists():
            raise HftlabError(f"{variable} names {capture}, which is not there: name a {name} file, or unset it")
        yield name, import_capture(name, capture, folder / name).session


def _left_out(name: str, session: Session) -> tuple[float, dict[str, Any]]:
    experiment = LeaveOneOut.of(session)
    table = experiment.run(["fifo"], most=_ORDERS, seed=_SEED)["fifo"]
    filled = table.filter(pl.col("filled").list.len() > 0)
    exact, exact_of_filled = (one.filter(pl.col("filled") == pl.col("modelled")).height for one in (table, filled))
    share = exact / table.height
    return share, {
        f"{name}_share_exact": share,
        f"{name}_share_exact_of_filled": exact_of_filled / filled.height,
        f"{name}_orders": table.height,
        f"{name}_filled": filled.height,
        f"{name}_differences": experiment.differences(table)["reason"].value_counts(sort=True).to_dicts(),
        f"{name}_scores": fill_scores(experiment, most=_ORDERS // 10, seed=_SEED).to_dicts(),
    }


def _compared(name: str, rows: MarketRows) -> list[dict[str, Any]]:
    if importlib.util.find_spec(_PEER) is None:
        return []
    found = {model: compare_fills(rows, FillModel.parse(model), lots=_LOTS[name]) for model in _MODELS}
    return [{"market": name, "model": model} | comparison.to_dict() for model, comparison in found.items()]
