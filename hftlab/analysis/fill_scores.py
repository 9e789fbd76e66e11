"""Scores of the fill models: how right their fills are, on orders whose real fills a recording tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.backtest import FILL_MODELS, FillModel, LeaveOneOut
from hftlab.clock import NANOSECONDS
from hftlab.errors import ArgumentError
from hftlab.events import EventBatch
from hftlab.session import Session

__all__ = ["EXPONENTS", "ORDERS", "fill_scores"]

EXPONENTS: Final = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0)
"""Exponents of which the best is taken for a power model without one."""
ORDERS: Final = ("all", "tested", "queued")
"""Groups of orders, see fill_scores()."""

_LONG: Final = NANOSECONDS
"""Nanoseconds from which on an order that was not filled has been tested."""
_HORIZONS: Final = (NANOSECONDS, 10 * NANOSECONDS, 2**62)
_RESAMPLES: Final = 400
_EVERY: Final = slice(None)

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_SCHEMA: Final = pl.Schema(
    {
        "orders": pl.Enum(ORDERS),
        "model": pl.String(),
        "n": pl.Float64(),
        "count": pl.Int64(),
        "filled": pl.Int64(),
        "modelled": pl.Int64(),
        "exact": pl.Float64(),
        "brier_1s": pl.Float64(),
        "brier_1s_error": pl.Float64(),
        "brier_10s": pl.Float64(),
        "brier_10s_error": pl.Float64(),
        "brier_end": pl.Float64(),
        "brier_end_error": pl.Float64(),
        "behind": pl.Float64(),
        "behind_error": pl.Float64(),
        "size_bias": pl.Float64(),
        "size_bias_error": pl.Float64(),
        "both": pl.Int64(),
        "time_bias": pl.Float64(),
        "time_miss": pl.Float64(),
        "time_miss_p90": pl.Float64(),
    }
)


class _Fills(NamedTuple):
    """Fate of each order: lots, the share of it filled within each horizon, and the time of its first fill."""

    lots: Floats
    shares: Floats
    first: Floats


def fill_scores(
    source: Session | EventBatch | LeaveOneOut,
    *,
    models: Sequence[FillModel | str] = FILL_MODELS,
    most: int = 2_000,
    seed: int = 0,
) -> pl.DataFrame:
    """Score fill models on up to `most` of a recording's own orders, drawn by `seed`, each left out of it once.

    `source` has order-level events (L3): a session, a batch, or a LeaveOneOut. "fifo" stands one's own order in the
    recorded queues; the others see the price levels alone that the orders make. Of power, power2 and power3 without an
    exponent, the one of EXPONENTS is taken that has the best `brier_end` (then `brier_10s`) on every second order. The
    scores are those of the others.

    There is a row for each model and group of `orders`: "all"; "tested", those that were filled or rested for more than
    a second; and "queued", those of the tested that had others ahead of them when they came. Most orders of a day are
    cancelled in a moment, far from the market: any model knows that they are not filled.

    - `count` orders, of which `filled` really were, at least in part, and `modelled` by the model; `exact` is the share
      of orders that have exactly the real fills, lots and times.
    - `brier_1s`, `brier_10s`, `brier_end`: mean of the squared difference between the share of the order that the model
      has filled within that time, and the share that really was. 0 is right. Where the real order was executed to the
      end, the model's one waits on for as long as the LeaveOneOut says, ten seconds, and that belongs to its end.
    - `behind`: by how much `brier_end` is above that of the best model by size. Compare it with `behind_error`.
    - `size_bias`: lots that the model fills too many, as a share of those that were filled.
    - `time_bias` and `time_miss`: median of the seconds by which the model's first fill is late, and of their amounts,
      over the orders that are filled in `both`; `time_miss_p90` is the ninetieth percentile of the amounts.

    The `_error` columns are standard errors, by 400 bootstrap resamples of blocks of successive orders.
    """
    experiment = _experiment(source)
    if min(experiment.orders, most) < 2:
        raise ArgumentError(f"there are {min(experiment.orders, most)} orders to leave out: scores need two at least")
    best = _fitted(experiment, models, most, seed)
    tables = experiment.run(best, most=most, seed=seed, part=slice(1, None, 2))
    table = next(iter(tables.values()))
    real, modelled = _fills(table, "filled"), {name: _fills(one, "modelled") for name, one in tables.items()}
    exact = {name: (one["filled"] == one["modelled"]).to_numpy() for name, one in tables.items()}
    by_size = [str(model) for model in best if model.queue_model is not None] or list(tables)
    rows: list[dict[str, Any]] = []
    for orders, group in _groups(table, real).items():
        if not len(group):
            continue
        again = _resamples(len(group), seed)
        least = min(by_size, key=lambda name: _quality(modelled[name], real, group))
        for model in best:
            name = str(model)
            facts = {"orders": orders, "model": model.name, "n": model.n, "exact": float(exact[name][group].mean())}
            rows.append(facts | _scores(modelled[name], real, group, again, modelled[least]))
    return pl.DataFrame(rows, schema=_SCHEMA)


def _fitted(experiment: LeaveOneOut, models: Sequence[FillModel | str], most: int, seed: int) -> list[FillModel]:
    """Return the models, with the exponents that are best on every second order where they were left open."""
    wanted = [FillModel.parse(model) if isinstance(model, str) else model for model in models]
    is_open = [isinstance(model, str) and "(" not in model for model in models]
    candidates = [
        [FillModel(model.name, n) for n in EXPONENTS] if by_name and model.n is not None else [model]
        for model, by_name in zip(wanted, is_open, strict=True)
    ]
    tried = [one for each in candidates for one in each if len(each) > 1]
    tables = experiment.run(tried, most=most, seed=seed, part=slice(0, None, 2)) if tried else {}
    modelled = {name: _fills(table, "modelled") for name, table in tables.items()}
    real = {name: _fills(table, "filled") for name, table in tables.items()}
    return [
        each[0] if len(each) == 1 else min(each, key=lambda one: _quality(modelled[str(one)], real[str(one)]))
        for each in candidates
    ]


def _experiment(source: Session | EventBatch | LeaveOneOut) -> LeaveOneOut:
    if isinstance(source, LeaveOneOut):
        return source
    return LeaveOneOut(source) if isinstance(source, EventBatch) else LeaveOneOut.of(source)


def _fills(table: pl.DataFrame, column: str) -> _Fills:
    """Add each order's fills up."""
    size, at = table["size"].to_numpy(), table["at"].to_numpy()
    numbered = table.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("order"), pl.col(column).alias("fill"))
    fills = numbered.explode("fill").drop_nulls("fill").unnest("fill")
    order, lots = fills["order"].to_numpy(), fills["size"].to_numpy()
    after = fills["at"].to_numpy() - at[order]
    counted = [np.where(after <= horizon, lots, 0).astype(np.float64) for horizon in _HORIZONS]
    within = np.array([np.bincount(order, one, table.height) for one in counted], np.float64)
    first = np.full(table.height, np.inf)
    np.minimum.at(first, order, after / NANOSECONDS)
    return _Fills(within[-1], within / size, first)


def _squares(modelled: _Fills, real: _Fills, group: Numbers | slice = _EVERY) -> Floats:
    """Return the squared difference of the filled shares, for each horizon and order."""
    squares: Floats = (modelled.shares[:, group] - real.shares[:, group]) ** 2
    return squares


def _quality(modelled: _Fills, real: _Fills, group: Numbers | slice = _EVERY) -> tuple[float, float]:
    means = _squares(modelled, real, group).mean(axis=1)
    return float(means[2]), float(means[1])


def _groups(table: pl.DataFrame, real: _Fills) -> dict[str, Numbers]:
    """Return the orders of each of ORDERS, by their rows."""
    lived = (table["until"] - table["at"]).to_numpy()
    tested = (real.lots > 0) | (lived > _LONG)
    queued = tested & (table["ahead"] > 0).to_numpy()
    return {"all": np.arange(table.height), "tested": np.flatnonzero(tested), "queued": np.flatnonzero(queued)}


def _resamples(count: int, seed: int) -> Numbers:
    """Draw orders again and again, in blocks of those that follow each other, for these met the same trades.

    Shape (resamples, orders).
    """
    length = max(round(count ** (1 / 3)), 1)
    blocks = -(-count // length)
    starts = np.random.default_rng(seed).integers(0, max(count, 1), (_RESAMPLES, blocks))
    drawn = (starts[:, :, None] + np.arange(length)) % max(count, 1)
    return drawn.reshape(_RESAMPLES, -1)[:, :count]


def _scores(modelled: _Fills, real: _Fills, group: Numbers, again: Numbers, best: _Fills) -> dict[str, Any]:
    squares = _squares(modelled, real, group)
    behind = squares[2] - _squares(best, real, group)[2]
    scores: dict[str, Any] = {
        "count": len(group),
        "filled": int((real.lots[group] > 0).sum()),
        "modelled": int((modelled.lots[group] > 0).sum()),
    }
    for name, values in zip(("brier_1s", "brier_10s", "brier_end", "behind"), (*squares, behind), strict=True):
        scores |= {name: float(values.mean()), f"{name}_error": float(values[again].mean(axis=1).std())}
    lots = _bias(modelled.lots[group], real.lots[group], again)
    return scores | lots | _lateness(modelled.first[group], real.first[group])


def _bias(modelled: Floats, real: Floats, again: Numbers) -> dict[str, float | None]:
    if not real.any():
        return {"size_bias": None, "size_bias_error": None}
    sums = real[again].sum(axis=1)
    drawn = modelled[again].sum(axis=1)[sums > 0] / sums[sums > 0] - 1
    return {"size_bias": float(modelled.sum() / real.sum() - 1), "size_bias_error": float(drawn.std())}


def _lateness(modelled: Floats, real: Floats) -> dict[str, Any]:
    both = np.isfinite(modelled) & np.isfinite(real)
    if not both.any():
        return {"both": 0, "time_bias": None, "time_miss": None, "time_miss_p90": None}
    late = modelled[both] - real[both]
    miss = [float(np.percentile(np.abs(late), percent)) for percent in (50, 90)]
    return {"both": len(late), "time_bias": float(np.median(late)), "time_miss": miss[0], "time_miss_p90": miss[1]}
