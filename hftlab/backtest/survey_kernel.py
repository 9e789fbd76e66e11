"""Compiled loop that surveys messages: how many, how deep, and on which grid their prices and sizes are."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.backtest.decimal_grid import digits_of, is_on
from hftlab.backtest.message_columns import Levels, MessageColumns, Prints
from hftlab.kernels.compiling import IntArray, in_place, inlined

__all__ = ["FOUND", "survey_rows"]

FOUND: Final = np.dtype(
    [
        ("rows", "i8"),
        ("depth", "i8"),  # most levels that a side has had, at least 1 if it was told
        ("quotes", "i8"),  # bids, asks and levels that have a size
        ("price_digits", "i8"),
        ("size_digits", "i8"),
        ("off_tick", "i8"),  # prices that are not on the tick of the known instrument
        ("off_lot", "i8"),
        ("tick_numerator", "f8"),  # 0: none is known
        ("tick_denominator", "f8"),
        ("lot_numerator", "f8"),
        ("lot_denominator", "f8"),
    ]
)
"""Findings about a symbol in one channel."""


@in_place
def survey_rows(columns: MessageColumns, codes: IntArray, found: npt.NDArray[Any]) -> None:
    """Add the rows of a row group to what is `found`: one FOUND for each code of a symbol and channel."""
    for row in range(len(codes)):
        if codes[row] < 0:
            continue
        one = found[codes[row]]
        one.rows += 1
        _survey_levels(columns.bids, row, one)
        _survey_levels(columns.asks, row, one)
        _survey_trades(columns.trades, row, one)
        _survey_trades(columns.last, row, one)
        _survey_quote(columns.bid[row], columns.bid_size[row], one)
        _survey_quote(columns.ask[row], columns.ask_size[row], one)


@inlined
def _survey_levels(levels: Levels, row: int, one: Any) -> None:
    start, stop = levels.starts[row], levels.starts[row + 1]
    one.depth = max(one.depth, stop - start, 1 if levels.is_there[row] else 0)
    for place in range(start, stop):
        one.quotes += 1
        _survey_price(levels.prices[place], one)
        _survey_size(levels.sizes[place], one)


@inlined
def _survey_trades(trades: Prints, row: int, one: Any) -> None:
    for place in range(trades.starts[row], trades.starts[row + 1]):
        _survey_price(trades.prices[place], one)
        _survey_size(trades.sizes[place], one)


@inlined
def _survey_quote(price: Any, size: Any, one: Any) -> None:
    if price > 0 and size > 0:
        one.quotes += 1
        _survey_price(price, one)
        _survey_size(size, one)


@inlined
def _survey_price(price: Any, one: Any) -> None:
    one.price_digits = digits_of(price, one.price_digits)
    if one.tick_numerator > 0 and not is_on(price, one.tick_denominator, one.tick_numerator):
        one.off_tick += 1


@inlined
def _survey_size(size: Any, one: Any) -> None:
    one.size_digits = digits_of(size, one.size_digits)
    if one.lot_numerator > 0 and not is_on(size, one.lot_denominator, one.lot_numerator):
        one.off_lot += 1
