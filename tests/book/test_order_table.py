from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book.book_state import LEVEL
from hftlab.book.order_table import ORDER, delete_order, fill_heads, find_row, insert_order, tag_of

# Few ids in a small table: many meet again.
IDS = st.sampled_from([*range(12), -1, -(2**63), 2**63 - 1, *(number << 40 for number in range(1, 8))])
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 2), IDS), max_size=120)

# A level a book, asks and bids in turns.
LEVELS = np.zeros(4, LEVEL)
LEVELS["side"] = [0, 0, 3, 4]
BOOKS = (0, 1, 2)


class Table:
    """Table of a few heads, and the orders that it finds."""

    def __init__(self, heads: int, orders: int) -> None:
        self.heads, self.orders = np.zeros(heads, np.uint32), np.zeros(orders, ORDER)

    def find(self, book: int, order_id: int) -> int:
        return int(find_row(self.heads, self.orders, LEVELS, tag_of(book, order_id), book, order_id))

    def insert(self, book: int, order_id: int, row: int) -> None:
        self.orders[row]["id"], self.orders[row]["level"] = order_id, book + 1
        insert_order(self.heads, self.orders, tag_of(book, order_id), row)

    def delete(self, book: int, order_id: int, row: int) -> None:
        delete_order(self.heads, self.orders, tag_of(book, order_id), row)

    def chains(self) -> list[list[int]]:
        """Rows of each chain."""
        chains = []
        for head in self.heads.tolist():
            chain = []
            while head:
                chain.append(head)
                head = int(self.orders[head]["after"])
            chains.append(chain)
        return chains

    def rows(self) -> list[int]:
        return sorted(row for chain in self.chains() for row in chain)


def check(heads: int, steps: list[tuple[bool, int, int]]) -> None:
    """Add and delete in a small table as in a dictionary, and compare the two after each step."""
    table, expected = Table(heads, len(steps) + 1), {}
    for number, (adds, book, order_id) in enumerate(steps, 1):
        row = table.find(book, order_id)
        assert row == expected.get((book, order_id), 0)
        if row and not adds:
            table.delete(book, order_id, row)
            del expected[book, order_id]
        elif adds and not row:
            table.insert(book, order_id, number)
            expected[book, order_id] = number
        assert table.rows() == sorted(expected.values())
    for key, row in expected.items():
        assert table.find(*key) == row


class TestTable:
    @settings(deadline=None, max_examples=150)
    @given(STEPS)
    def test_finds_what_is_there_and_nothing_else(self, steps: list[tuple[bool, int, int]]) -> None:
        check(32, steps)

    @settings(deadline=None, max_examples=150)
    @given(STEPS)
    def test_finds_orders_in_long_chains(self, steps: list[tuple[bool, int, int]]) -> None:
        """Two heads for all of them: orders go from the front, the middle and the end of a chain."""
        check(2, steps)

    def test_one_id_in_two_books_is_two_orders(self) -> None:
        table = Table(1, 3)
        table.insert(0, 7, 1)
        table.insert(1, 7, 2)
        assert [table.find(book, 7) for book in BOOKS] == [1, 2, 0]
        table.delete(0, 7, 1)
        assert [table.find(book, 7) for book in BOOKS] == [0, 2, 0]

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2), IDS), max_size=16, unique=True))
    def test_a_larger_one_takes_all_orders(self, keys: list[tuple[int, int]]) -> None:
        table = Table(4, 20)
        for row, key in enumerate(keys, 1):
            table.insert(*key, row)
        smaller, table.heads = table.heads, np.zeros(64, np.uint32)
        fill_heads(table.heads, smaller, table.orders, LEVELS)
        assert table.rows() == list(range(1, len(keys) + 1))
        for row, key in enumerate(keys, 1):
            assert table.find(*key) == row

    def test_ids_that_count_upwards_hardly_collide(self) -> None:
        table = Table(4096, 1001)
        for number in range(1000):
            table.insert(2, 10**9 + number, number + 1)
        assert max(len(chain) for chain in table.chains()) <= 2
        assert sum(len(chain) == 2 for chain in table.chains()) <= 100
