"""Columns of recorded market data as flat arrays, which kernels read."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import IntArray

__all__ = ["FloatArray", "Levels", "MessageColumns", "Prints"]

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


class Levels(NamedTuple):
    """One side of the books: the levels of row i are those from `starts[i]` up to `starts[i + 1]`, best first.

    `is_there` is False where a message has no levels, as opposed to an empty side.
    """

    is_there: BoolArray
    starts: IntArray
    prices: FloatArray
    sizes: FloatArray


class Prints(NamedTuple):
    """Trades: those of row i are from `starts[i]` up to `starts[i + 1]`; `times` is in ns."""

    starts: IntArray
    prices: FloatArray
    sizes: FloatArray
    times: IntArray
    is_buy: BoolArray


class MessageColumns(NamedTuple):
    """Books and trades of a row group; times are in ns since 1970 UTC, prices and sizes as on the wire."""

    message: IntArray
    ts_event: IntArray
    ts_recv: IntArray
    bids: Levels
    asks: Levels
    bid: FloatArray
    bid_size: FloatArray
    ask: FloatArray
    ask_size: FloatArray
    trades: Prints
    last: Prints  # none or one a row
