"""Comparison of a whole block against numpy's."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from hftlab.kernels.intrinsics import BLOCK, count_not_below, prefetch


@njit
def counted(keys: Any, first: int, key: int) -> Any:
    return count_not_below(keys, np.uint64(first), key)


@njit
def fetched(array: Any, row: int) -> Any:
    prefetch(array, np.uint64(row))
    return array[row]


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=BLOCK, max_size=BLOCK), st.data())
def test_keys_not_below_one_are_counted_as_signed_numbers(keys: list[int], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(keys) | st.integers(-(2**63), 2**63 - 1))
    array = np.array([2**63 - 1, *keys, 2**63 - 1], np.int64)
    assert counted(array, 1, key) == sum(one >= key for one in keys)


def test_prefetch_changes_nothing() -> None:
    assert fetched(np.arange(3), 2) == 2
