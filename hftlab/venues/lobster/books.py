"""Order books of LOBSTER: the levels after each message."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.errors import CaptureError
from hftlab.venues.lobster.files import find_files
from hftlab.venues.lobster.tables import Table, TableReader

__all__ = ["Books", "find_bad_book", "levels_of", "read_books"]

IntArray = npt.NDArray[np.int64]

_PRICE: Final = 100_000  # 1e-4 in 1e-9


class Books(NamedTuple):
    """Levels after each message, best first, each (messages, levels): prices in 1e-9, shares; 0 for no level."""

    bid_prices: IntArray
    bid_sizes: IntArray
    ask_prices: IntArray
    ask_sizes: IntArray


def read_books(
    path: str | PathLike[str], *, orderbook: str | PathLike[str] | None = None, chunk: int = 1 << 16
) -> Iterator[Books]:
    """Read the order book that belongs to a message file or is in an archive, `chunk` lines at a time.

    It allows an independent check of the books made from `read()`. Raises CaptureError as that does, and where there is
    no order book.
    """
    path = Path(path).absolute()
    books = find_files(path, None if orderbook is None else Path(orderbook).absolute()).orderbook
    if books is None:
        raise CaptureError(f"{path} has no order book beside it: name one with `orderbook`", path=path)
    return _books(books, chunk)


def _books(books: Table, chunk: int) -> Iterator[Books]:
    for table in TableReader(books, None, chunk):
        if find_bad_book(table) is not None:
            raise CaptureError(
                f"{books.path} has lines that are not a LOBSTER order book: fetch it again", path=books.path
            )
        prices, sizes = levels_of(table)
        units = np.where(sizes > 0, prices * _PRICE, 0)
        yield Books(units[:, 1], sizes[:, 1], units[:, 0], sizes[:, 0])


def find_bad_book(table: npt.NDArray[np.float64]) -> int | None:
    """Return the first line that is not a LOBSTER order book, or None."""
    if table.shape[1] % 4:
        return 0
    prices, sizes = table[:, 0::2], table[:, 1::2]
    good = (table == np.rint(table)).all(axis=1)
    good &= ((sizes == 0) | ((sizes > 0) & (sizes < 2**31) & (prices > 0) & (prices < 2**32))).all(axis=1)
    return None if good.all() else int(np.argmin(good))


def levels_of(table: npt.NDArray[np.float64]) -> tuple[IntArray, IntArray]:
    """Return order book lines as prices (1e-4) and sizes, each (lines, 2, levels), asks first; size 0: no level."""
    cells = table.astype(np.int64).reshape(len(table), table.shape[1] // 4, 2, 2)
    return np.ascontiguousarray(cells[..., 0].swapaxes(1, 2)), np.ascontiguousarray(cells[..., 1].swapaxes(1, 2))
