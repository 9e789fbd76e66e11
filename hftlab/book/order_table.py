"""Where the order of a book and an id is: a hash table in one array.

Open addressing with linear probing at a load of one half at most; an entry that goes is filled by shifting back those
behind it, so that no graves slow later searches. Source: Knuth, The Art of Computer Programming, volume 3, section 6.4,
algorithms L and R; the multiplier is 2^64 divided by the golden ratio, as there.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hftlab.book.kernels import in_place, inlined

__all__ = ["ENTRY", "delete_entry", "fill_table", "find_entry"]

Records = npt.NDArray[Any]

ENTRY: Final = np.dtype([("id", "i8"), ("book", "i4"), ("order", "i4")])
"""An order's id (the bits of the uint64), its book and its row; row 0 marks a free place."""

_MULTIPLIER: Final = 0x9E3779B97F4A7C15 - (1 << 64)
_BOOK_MULTIPLIER: Final = 0xC2B2AE3D27D4EB4F - (1 << 64)


@inlined
def _home(mask: int, book: int, order_id: int) -> int:
    mixed = (order_id + book * _BOOK_MULTIPLIER) * _MULTIPLIER
    # Its highest bits, which spread ids that count upwards evenly: the upper half times the length, divided by 2^32.
    return (((mixed >> 32) & 0xFFFFFFFF) * (mask + 1)) >> 32


@inlined
def find_entry(table: Records, book: int, order_id: int) -> int:
    """The place of this order in the table, or the free one where it belongs."""
    mask = len(table) - 1
    at = _home(mask, book, order_id)
    while table[at].order != 0 and (table[at].id != order_id or table[at].book != book):
        at = (at + 1) & mask
    return at


@in_place
def delete_entry(table: Records, at: int) -> None:
    """Free a place that is taken."""
    mask = len(table) - 1
    hole, next_ = at, (at + 1) & mask
    while table[next_].order != 0:
        home = _home(mask, table[next_].book, table[next_].id)
        # It may fill the hole if its home is not between the two.
        if (next_ - home) & mask >= (next_ - hole) & mask:
            table[hole] = table[next_]
            hole = next_
        next_ = (next_ + 1) & mask
    table[hole].order = 0


@in_place
def fill_table(table: Records, entries: Records) -> None:
    """Put all entries of another table into an empty one."""
    for entry in entries:
        if entry.order != 0:
            table[find_entry(table, entry.book, entry.id)] = entry
