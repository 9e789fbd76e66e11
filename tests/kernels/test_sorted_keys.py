"""Ascending keys against bisect and plain lists."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hftlab.kernels.sorted_keys import find_key, shift_down, shift_up

KEYS = st.lists(st.integers(-100, 100), unique=True, max_size=60).map(sorted)


@given(KEYS, st.integers(-101, 101), st.integers(0, 5), st.integers(0, 5))
def test_a_key_is_found_where_bisect_finds_it(keys: list[int], key: int, before: int, after: int) -> None:
    """What lies before and after the range is never looked at: it would be wrong in either place."""
    array = np.array([1000] * before + keys + [-1000] * after, np.int64)
    assert find_key(array, before, before + len(keys), key) == before + bisect_left(keys, key)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=20))
def test_shifting_moves_all_values_by_one(values: list[int]) -> None:
    up, down = np.array(values, np.int64), np.array(values, np.int64)
    shift_up(up)
    shift_down(down)
    assert up.tolist() == values[:1] + values[:-1]
    assert down.tolist() == values[1:] + values[-1:]
