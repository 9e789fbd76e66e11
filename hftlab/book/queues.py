"""Look-up of orders and walks along the queue of a level, compiled."""

from __future__ import annotations

from hftlab.book.book_state import BookState, Records
from hftlab.book.order_table import find_row, tag_of
from hftlab.kernels.compiling import IntArray, in_place

__all__ = ["ahead_of", "find_order", "read_queue"]


@in_place
def find_order(state: BookState, book: int, order_id: int) -> int:
    """Return the row of `orders` that holds this order; 0 if there is none."""
    return int(find_row(state.heads, state.orders, state.levels, tag_of(book, order_id), book, order_id))


@in_place
def ahead_of(orders: Records, row: int) -> tuple[int, int]:
    """Return how many orders are ahead of this one in its queue, and their lots."""
    count, lots = 0, 0
    row = orders[row].prev
    while row != 0:
        count += 1
        lots += orders[row].lots
        row = orders[row].prev
    return count, lots


@in_place
def read_queue(orders: Records, head: int, ids: IntArray, lots: IntArray) -> None:
    """Write the ids and lots of a queue, first to last, into arrays."""
    row = head
    for place in range(len(ids)):
        ids[place], lots[place] = orders[row].id, orders[row].lots
        row = orders[row].next
