"""A recorded book as columns of any width: tiles of a heat map, computed when a page asks for them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from hftlab.analysis import book_heat, trade_heat, trades
from hftlab.session import Session
from hftlab.widgets.core.numbers import Scale
from hftlab.widgets.heatmap.column import MOST_ORDERS, NO_PRICE, Column
from hftlab.widgets.heatmap.frame import Terms

__all__ = ["MOST_COLUMNS", "MOST_ROWS", "RecordedBook", "Window", "round_up"]

MOST_COLUMNS: Final = 1024
MOST_ROWS: Final = 1024
WHOLE: Final = (512, 1024)
"""Columns and rows of the tile that shows the whole recording."""
SHORTEST: Final = 1_000_000
"""Nanoseconds of the narrowest column."""
ALIGNED: Final = 32
"""Columns and rows that a tile's edges are multiples of, so that windows that are nearly the same share one."""
SAMPLE: Final = 2_000
"""Rows from which the price step and the decimals are learnt."""


class Window(NamedTuple):
    """Part of a recording, and how finely it is divided.

    `columns` of `step` ns each from `start` on; rows of `group` ticks, prices from `low` up to `high` ticks.
    """

    start: int
    step: int
    columns: int
    low: int
    high: int
    group: int


class RecordedBook:
    """One symbol's book and trades in a session; `start` and `end` are its first and last ts_event in ns.

    Without rows of the symbol both are 0, and there are no tiles.
    """

    def __init__(self, session: Session, symbol: str) -> None:
        self.symbol = symbol
        self._rows = session.market_data
        own = self._rows.filter(pl.col("symbol") == symbol)
        time = pl.col("ts_event")
        first, last = own.select(time.min(), time.max().alias("end")).collect().row(0)
        self.start, self.end = first or 0, last or 0
        self.scale = _learnt(own)
        quotes = [pl.when(pl.col(side) > 0).then(pl.col(side)) for side in ("bid", "ask")]
        prices = own.select(pl.min_horizontal(quotes).min().alias("low"), pl.max_horizontal(quotes).max().alias("high"))
        low, high = prices.collect().row(0)
        self._prices = (0, 0) if low is None else (self._ticks(low), self._ticks(high))
        self._trades = _trades(own)
        missing = session.coverage(detail=True).filter((pl.col("symbol") == symbol) & ~pl.col("covered"))
        self._holes = list(missing.select("from", "to").iter_rows())

    @property
    def whole(self) -> Window:
        """The window of all of the recording, and of twice the range of its best prices."""
        low, high = self._prices
        return self.window(
            self.start, self.end, WHOLE[0], low - (high - low) // 2 - 1, high + (high - low) // 2 + 1, WHOLE[1]
        )

    def window(self, start: int, end: int, columns: int, low: int, high: int, rows: int) -> Window:
        """Return the window that shows times (ns) and prices (ticks) in about so many columns and rows."""
        columns, rows = max(1, min(columns, MOST_COLUMNS)), max(1, min(rows, MOST_ROWS))
        start, end = max(start, self.start), min(max(end, start + 1), self.end)
        step = round_up(max(SHORTEST, (end - start) / columns))
        group = round_up(max(1, (high - low) / rows))
        wide, tall = step * ALIGNED, group * ALIGNED
        begin = max(start // wide * wide, self.start // step * step)
        count = (min(-(-end // wide) * wide, self.end + step) - begin) // step
        return Window(begin, step, max(1, count), low // tall * tall, -(-high // tall) * tall, group)

    def tile(self, window: Window, epoch: int) -> tuple[list[Column], Terms]:
        """Compute the columns of a window, and what they have in common."""
        columns = self.columns(window)
        origin, scale = self._prices[0], self.scale
        until = window.start + window.step * len(columns)
        terms = Terms(
            epoch, 0, len(columns), until, origin, scale.tick or math.nan, scale.price_decimals, scale.size_decimals
        )
        bounds = (window.low - origin, window.high - origin)
        return columns, replace(
            terms, group=window.group, start=self.start, end=self.end, low=bounds[0], high=bounds[1]
        )

    def columns(self, window: Window) -> list[Column]:
        """Compute the columns of a window; their ticks count from the recording's first price."""
        tick = self.scale.tick
        if tick is None or not self.start:
            return []
        start, step, count, low, high, group = window
        terms: dict[str, Any] = {"tick": tick, "group": group}
        heat = book_heat(self._rows, self.symbol, start, step, count, **terms)
        inside = pl.col("row").is_between(low // group, high // group)
        cells = heat.cells.filter(inside)
        traded = trade_heat(self._trades, self.symbol, start, step, count, **terms).filter(inside)
        best = {column: (bid, ask) for column, bid, ask in heat.columns.iter_rows()}
        unknown = self._unknown(window)
        columns = np.arange(count + 1)
        ends = np.searchsorted(cells["column"].to_numpy(), columns)
        trade_ends = np.searchsorted(traded["column"].to_numpy(), columns)
        origin = self._prices[0]
        ticks = _ticks(cells, group, origin)
        sizes = cells["size"].to_numpy().astype(np.float32)
        orders = np.minimum(np.ceil(cells["orders"].to_numpy()), MOST_ORDERS).astype(np.uint16)
        trade_ticks = _ticks(traded, group, origin) + np.int32(group // 2)
        signs = np.where(traded["side"].to_numpy() == "BUY", 1, -1)
        trade_sizes = (traded["size"].to_numpy() * signs).astype(np.float32)
        since = (traded["ts_event"].to_numpy() - start) % step
        made = []
        for column in range(count):
            known = column in best and not unknown[column]
            bid, ask = best.get(column, (None, None))
            own = slice(ends[column], ends[column + 1] if known else ends[column])
            printed = slice(trade_ends[column], trade_ends[column + 1])
            made.append(
                Column(
                    start + column * step,
                    step,
                    known,
                    self._best(bid) if known else NO_PRICE,
                    self._best(ask) if known else NO_PRICE,
                    ticks[own],
                    sizes[own],
                    orders[own],
                    trade_ticks[printed],
                    trade_sizes[printed],
                    since[printed].astype(np.float64),
                )
            )
        return made

    def _unknown(self, window: Window) -> npt.NDArray[np.bool_]:
        """Mark the columns that were not recorded for half of their time."""
        begins = window.start + window.step * np.arange(window.columns)
        missing = np.zeros(window.columns)
        for start, end in self._holes:
            missing += np.clip(np.minimum(end, begins + window.step) - np.maximum(start, begins), 0, None)
        return missing * 2 > window.step

    def _best(self, price: float | None) -> int:
        return NO_PRICE if price is None else self._ticks(price) - self._prices[0]

    def _ticks(self, price: float) -> int:
        return round(price / (self.scale.tick or 1))


def round_up(value: float) -> int:
    """Return the smallest of 1, 2, 5, 10 ... that is not below a value."""
    power: int = 10 ** max(0, math.floor(math.log10(value)))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= value)


def _ticks(rows: pl.DataFrame, group: int, origin: int) -> npt.NDArray[np.int32]:
    return (rows["row"].to_numpy() * group - origin).astype(np.int32)


def _learnt(own: pl.LazyFrame) -> Scale:
    """Learn the price step and the decimals of a symbol's rows."""
    scale = Scale()
    names = ("bid", "ask", "bid_size", "ask_size")
    found = {name: own.select(pl.col(name).unique().sort().head(SAMPLE)).collect()[name].to_list() for name in names}
    scale.learn(
        (price for name in names[:2] for price in found[name] if price),
        (size for name in names[2:] for size in found[name] if size),
    )
    return scale


def _trades(own: pl.LazyFrame) -> pl.LazyFrame:
    """Return a symbol's trades: all of them where TRADES was recorded, else the last one of each state."""
    if not own.select(pl.col("trades").is_not_null().any()).collect().item():
        last = pl.col("last_trade").struct
        own = (
            own.filter(pl.col("last_trade").is_not_null())
            .unique(pl.struct(last.field("timestamp"), last.field("price"), last.field("size")), maintain_order=True)
            .with_columns(pl.concat_list("last_trade").alias("trades"))
        )
    return trades(own)
