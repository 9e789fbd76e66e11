"""Rows of a block as the kernels play them: each change of a level with the place that the level has in the books."""

from __future__ import annotations

import numpy as np

from hftlab.backtest.blocks import Block
from hftlab.backtest.decimal_grid import HIGHEST_PRICE
from hftlab.backtest.fill_kernel import Rows
from hftlab.book.book_state import BookState
from hftlab.book.known_levels import add_known_levels, level_rows, number_levels
from hftlab.events import CLEAR, NONE
from hftlab.kernels.compiling import IntArray

__all__ = ["block_rows"]


def block_rows(books: BookState, block: Block, times: IntArray) -> tuple[BookState, Rows]:
    """Return the rows of a block with these times, and the books with a place for each of its levels.

    Rows of the books' earlier blocks are not to be played any more. A row with a price beyond the highest changes
    nothing: it stands for none, as the greatest int64 does in Databento's rows.
    """
    batch, action = block.batch, block.batch.action
    priceless = (batch.price > HIGHEST_PRICE) | (batch.price < -HIGHEST_PRICE)
    if priceless.any():
        action = np.where(priceless & (action != CLEAR), np.uint8(NONE), action)
        action.flags.writeable = False  # as a batch's are: the kernel is compiled for one kind
    ticks = np.array([one.tick for one in batch.instruments], np.int64)
    levels = level_rows(batch)
    numbering = number_levels(levels) if block.numbering is None else block.numbering
    books, places = add_known_levels(books, levels, numbering, ticks)
    columns = (batch.instrument_id, batch.order_id.view(np.int64), action, batch.side, batch.price, batch.size)
    # The kernel's machine code takes for granted that the columns are contiguous.
    return books, Rows(*map(np.ascontiguousarray, (times, *columns, batch.flags, places)))
