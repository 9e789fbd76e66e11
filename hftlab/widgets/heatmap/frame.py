"""The bytes in which columns travel to the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from math import nan
from typing import Any, Final

import numpy as np

from hftlab.clock import to_milliseconds
from hftlab.widgets.heatmap.column import Column

__all__ = ["HEADER", "Terms", "new_epoch", "pack_columns"]

HEADER: Final = (
    "version",
    "recorded",
    "epoch",
    "first",
    "count",
    "oldest",
    "next",
    "until",
    "origin",
    "tick",
    "group",
    "priceDecimals",
    "sizeDecimals",
    "start",
    "end",
    "low",
    "high",
    "levelCount",
    "tradeCount",
)
"""The block's first values, float64, as columns.js names them; times in ms since 1970 UTC."""
VERSION: Final = 1


_EPOCHS: Final = count()


def new_epoch() -> int:
    """Return a number for columns whose numbers have nothing to do with any others of this process."""
    return next(_EPOCHS)


@dataclass(frozen=True, slots=True)
class Terms:
    """Header that all columns of a block share.

    Prices are (`origin` + ticks) * `tick`; one row of the columns is `group` ticks high. `oldest` and `next` are the
    numbers of all columns that there are, `next` not included, and `until` (ns) is where the last of them ends.
    `start` and `end` (ns) are those of a recording, for a live market they are None; `low` and `high` are the ticks
    between which there are levels, where others were left out. Columns of one `epoch` belong together: see new_epoch().
    """

    epoch: int
    oldest: int
    next: int
    until: int
    origin: int
    tick: float
    price_decimals: int
    size_decimals: int
    group: int = 1
    start: int | None = None
    end: int | None = None
    low: float = nan
    high: float = nan


def pack_columns(terms: Terms, first: int, columns: Sequence[Column]) -> bytes:
    """Pack columns with consecutive numbers from `first` on, little-endian.

    After the HEADER come, for each column: time and step in ms as float64; whether it is known, the best bid and ask,
    and the numbers of its levels and of its trades as int32. Then all levels' ticks (int32) and sizes (float32), all
    trades' ticks (int32), sizes (float32, negative where a seller took) and ms since their column's time (float32),
    and at last the levels' numbers of orders (uint16).
    """
    levels = sum(len(each.ticks) for each in columns)
    trades = sum(len(each.trade_ticks) for each in columns)
    header = [
        VERSION,
        terms.start is not None,
        terms.epoch,
        first,
        len(columns),
        terms.oldest,
        terms.next,
        to_milliseconds(terms.until),
        terms.origin,
        terms.tick,
        terms.group,
        terms.price_decimals,
        terms.size_decimals,
        nan if terms.start is None else to_milliseconds(terms.start),
        nan if terms.end is None else to_milliseconds(terms.end),
        terms.low,
        terms.high,
        levels,
        trades,
    ]
    facts: list[list[int]] = [
        [each.known for each in columns],
        [each.bid for each in columns],
        [each.ask for each in columns],
        [len(each.ticks) for each in columns],
        [len(each.trade_ticks) for each in columns],
    ]
    parts = [
        _packed(header, "<f8"),
        _packed([to_milliseconds(each.time) for each in columns], "<f8"),
        _packed([to_milliseconds(each.step) for each in columns], "<f8"),
        *(_packed(each, "<i4") for each in facts),
        _joined([each.ticks for each in columns], "<i4"),
        _joined([each.sizes for each in columns], "<f4"),
        _joined([each.trade_ticks for each in columns], "<i4"),
        _joined([each.trade_sizes for each in columns], "<f4"),
        _joined([each.trade_times / 1e6 for each in columns], "<f4"),
        _joined([each.orders for each in columns], "<u2"),
    ]
    return b"".join(parts)


def _packed(values: Sequence[Any], kind: str) -> bytes:
    return np.array(values, kind).tobytes()


def _joined(arrays: Sequence[Any], kind: str) -> bytes:
    return np.concatenate([np.empty(0, kind), *arrays]).astype(kind).tobytes()
