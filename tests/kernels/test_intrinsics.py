"""Comparison of a whole block against numpy's, and single instructions against Python's integers."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from hftlab.kernels.intrinsics import (
    BLOCK,
    as_double,
    count_not_below,
    first_bit,
    high_product,
    leading_zeros,
    load_byte,
    load_word,
    prefetch,
)


@njit
def counted(keys: Any, first: int, key: int) -> Any:
    return count_not_below(keys, np.uint64(first), key)


@njit
def fetched(array: Any, row: int) -> Any:
    prefetch(array, np.uint64(row))
    return array[row]


@njit
def lowest(bits: Any) -> Any:
    return first_bit(bits)


@njit
def loaded(data: Any, offset: int) -> Any:
    return load_byte(data, offset), load_word(data, offset)


@njit
def computed(one: Any, other: Any) -> Any:
    return leading_zeros(one), high_product(one, other), as_double(one)


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=BLOCK, max_size=BLOCK), st.data())
def test_keys_not_below_one_are_counted_as_signed_numbers(keys: list[int], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(keys) | st.integers(-(2**63), 2**63 - 1))
    array = np.array([2**63 - 1, *keys, 2**63 - 1], np.int64)
    assert counted(array, 1, key) == sum(one >= key for one in keys)


def test_prefetch_changes_nothing() -> None:
    assert fetched(np.arange(3), 2) == 2


@settings(deadline=None)
@given(st.integers(1, 2**64 - 1))
def test_the_lowest_bit_is_found(bits: int) -> None:
    assert lowest(np.uint64(bits)) == next(number for number in range(64) if bits >> number & 1)


@settings(deadline=None)
@given(st.binary(min_size=20, max_size=20), st.integers(0, 12))
def test_bytes_and_words_are_loaded_from_any_place(data: bytes, offset: int) -> None:
    byte, word = loaded(np.frombuffer(data, np.uint8), offset)
    assert byte == data[offset]
    assert int(word) == int.from_bytes(data[offset : offset + 8], "little")


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
def test_words_are_computed_with(one: int, other: int) -> None:
    zeros, product, double = computed(np.uint64(one), np.uint64(other))
    assert zeros == 64 - one.bit_length()
    assert int(product) == one * other >> 64
    assert struct.pack("<d", double) == struct.pack("<Q", one)
