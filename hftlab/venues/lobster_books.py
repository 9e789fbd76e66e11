"""LOBSTER's order books: the true levels after each message."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.venues.lobster_files import find_files, read_tables

__all__ = ["Books", "levels_of", "read_books"]

IntArray = npt.NDArray[np.int64]

_PRICE: Final = 100_000  # 1e-4 in 1e-9


class Books(NamedTuple):
    """The levels after each message, best first, (messages, levels): prices in 1e-9, sizes in shares, 0 for no level."""

    bid_prices: IntArray
    bid_sizes: IntArray
    ask_prices: IntArray
    ask_sizes: IntArray


def read_books(
    path: str | PathLike[str], *, orderbook: str | PathLike[str] | None = None, chunk: int = 1 << 16
) -> Iterator[Books]:
    """The order book that belongs to a message file or is in an archive, `chunk` lines at a time.

    It is an independent answer for the books made from `read()`. Raises CaptureError as that does, and where there is
    no order book.
    """
    blocks = find_files(Path(path), None if orderbook is None else Path(orderbook)).orderbook
    if blocks is None:
        raise CaptureError(f"{path} has no order book beside it: name one with `orderbook`", path=path)
    for table in read_tables(Path(path), blocks(None), None, chunk):
        prices, sizes = levels_of(table)
        units = np.where(sizes > 0, prices * _PRICE, 0)
        yield Books(units[:, 1], sizes[:, 1], units[:, 0], sizes[:, 0])


def levels_of(table: npt.NDArray[np.float64]) -> tuple[IntArray, IntArray]:
    """Lines of an order book as prices (1e-4) and sizes, each (lines, 2, levels), asks first; no level has size 0."""
    cells = table.astype(np.int64).reshape(len(table), -1, 2, 2)
    return np.ascontiguousarray(cells[..., 0].swapaxes(1, 2)), np.ascontiguousarray(cells[..., 1].swapaxes(1, 2))
