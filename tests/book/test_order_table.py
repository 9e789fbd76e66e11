from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book.order_table import ENTRY, ORDER, delete_entry, fill_table, find_entry, set_entry, tag_of
from hftlab.kernels.intrinsics import WAYS

# Few ids in a small table: many meet again.
IDS = st.sampled_from([*range(12), -1, -(2**63), 2**63 - 1, *(number << 40 for number in range(1, 8))])
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 2), IDS), max_size=120)


def entries(table: np.ndarray, orders: np.ndarray) -> dict[tuple[int, int], int]:
    return {(int(orders[row]["book"]), int(orders[row]["id"])): int(row) for row in table["order"] if row}


def home_of(order_id: int) -> int:
    return int(find_entry(np.zeros(32, ENTRY), np.zeros(1, ORDER), tag_of(0, order_id), 0, order_id)) // WAYS


def check(steps: list[tuple[bool, int, int]]) -> None:
    """Add and delete in a small table as in a dictionary, and compare the two after each step."""
    table, orders, expected = np.zeros(32, ENTRY), np.zeros(200, ORDER), {}
    for number, (adds, book, order_id) in enumerate(steps, 1):
        at = find_entry(table, orders, tag_of(book, order_id), book, order_id)
        assert table[at]["order"] == expected.get((book, order_id), 0)
        if (book, order_id) in expected and not adds:
            delete_entry(table, at)
            del expected[book, order_id]
        elif adds and len(expected) < 16 and (book, order_id) not in expected:
            set_entry(table, orders, at, number, tag_of(book, order_id), book, order_id)
            expected[book, order_id] = number
        assert entries(table, orders) == expected
    for (book, order_id), order in expected.items():
        assert table[find_entry(table, orders, tag_of(book, order_id), book, order_id)]["order"] == order


class TestTable:
    @settings(deadline=None, max_examples=150)
    @given(STEPS)
    def test_finds_what_is_there_and_nothing_else(self, steps: list[tuple[bool, int, int]]) -> None:
        check(steps)

    @settings(deadline=None, max_examples=150)
    @given(st.data())
    def test_finds_orders_beyond_full_buckets(self, data: st.DataObject) -> None:
        # The last bucket and the one behind it, which is the first, are home to more than they hold.
        crowd = [order_id for order_id in range(120) if home_of(order_id) in (0, 3)]
        ids = data.draw(st.permutations(crowd))[:16]
        gone = data.draw(st.lists(st.sampled_from(ids), max_size=60))
        changes = [(number % 3 == 0, 0, order_id) for number, order_id in enumerate(gone)]
        check([*((True, 0, order_id) for order_id in ids), *changes])

    @settings(deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 2), IDS), max_size=16, unique=True))
    def test_a_larger_one_takes_all_entries(self, keys: list[tuple[int, int]]) -> None:
        small, large, orders = np.zeros(32, ENTRY), np.zeros(64, ENTRY), np.zeros(20, ORDER)
        expected = {key: row for row, key in enumerate(keys, 1)}
        for (book, order_id), order in expected.items():
            tag = tag_of(book, order_id)
            set_entry(small, orders, find_entry(small, orders, tag, book, order_id), order, tag, book, order_id)
        fill_table(large, small)
        assert entries(large, orders) == expected
        for (book, order_id), order in expected.items():
            assert large[find_entry(large, orders, tag_of(book, order_id), book, order_id)]["order"] == order

    def test_ids_that_count_upwards_hardly_collide(self) -> None:
        table, orders = np.zeros(2048, ENTRY), np.zeros(1001, ORDER)
        for number in range(1000):
            at = find_entry(table, orders, tag_of(3, 10**9 + number), 3, 10**9 + number)
            set_entry(table, orders, at, number + 1, tag_of(3, 10**9 + number), 3, 10**9 + number)
        buckets = np.count_nonzero(table["order"].reshape(-1, WAYS), axis=1)
        assert buckets.min() >= 2
        assert buckets.max() <= 6
