from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.book.order_table import ENTRY, delete_entry, fill_table, find_entry

# Few ids in a small table: long runs, wrapped around its end, and holes in the middle of them.
IDS = st.sampled_from([*range(12), -1, -(2**63), 2**63 - 1, *(number << 40 for number in range(1, 8))])
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 2), IDS), max_size=120)


def entries(table: np.ndarray) -> dict[tuple[int, int], int]:
    return {(int(entry["book"]), int(entry["id"])): int(entry["order"]) for entry in table if entry["order"]}


class TestTable:
    @settings(deadline=None, max_examples=150)
    @given(STEPS)
    def test_finds_what_is_there_and_nothing_else(self, steps: list[tuple[bool, int, int]]) -> None:
        table, expected = np.zeros(32, ENTRY), {}
        for number, (adds, book, order_id) in enumerate(steps, 1):
            at = find_entry(table, book, order_id)
            assert table[at]["order"] == expected.get((book, order_id), 0)
            if (book, order_id) in expected and not adds:
                delete_entry(table, at)
                del expected[book, order_id]
            elif adds and len(expected) < 16:
                table[at] = (order_id, book, number)
                expected[book, order_id] = number
            assert entries(table) == expected
        for (book, order_id), order in expected.items():
            assert table[find_entry(table, book, order_id)]["order"] == order

    @settings(deadline=None)
    @given(st.dictionaries(st.tuples(st.integers(0, 2), IDS), st.integers(1, 99), max_size=16))
    def test_a_larger_one_takes_all_entries(self, expected: dict[tuple[int, int], int]) -> None:
        small, large = np.zeros(32, ENTRY), np.zeros(64, ENTRY)
        for (book, order_id), order in expected.items():
            small[find_entry(small, book, order_id)] = (order_id, book, order)
        fill_table(large, small)
        assert entries(large) == expected
        for (book, order_id), order in expected.items():
            assert large[find_entry(large, book, order_id)]["order"] == order

    def test_ids_that_count_upwards_hardly_collide(self) -> None:
        table = np.zeros(2048, ENTRY)
        for number in range(1000):
            table[find_entry(table, 3, 10**9 + number)] = (10**9 + number, 3, number + 1)
        taken = "".join("x" if order else " " for order in table["order"])
        assert max(map(len, taken.split())) <= 4
