"""Big-endian integers against int.to_bytes()."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from hftlab.venues.itch.byte_order import load_u16, load_u32, load_u64, store_u16, store_u32, store_u64


@njit
def loaded(data: Any, at: int) -> Any:
    return load_u16(data, at), load_u32(data, at), load_u64(data, at)


@njit
def store(data: Any, value: Any) -> None:
    store_u16(data, 1, value)
    store_u32(data, 4, value)
    store_u64(data, 9, value)


@settings(deadline=None)
@given(st.binary(min_size=20, max_size=20), st.integers(0, 12))
def test_loading_reads_the_most_significant_byte_first(data: bytes, at: int) -> None:
    found = loaded(np.frombuffer(data, np.uint8).copy(), at)
    assert [int(one) for one in found] == [int.from_bytes(data[at : at + width], "big") for width in (2, 4, 8)]


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_storing_writes_the_lowest_bytes_and_nothing_else(value: int) -> None:
    data = np.full(18, 7, np.uint8)
    store(data, np.uint64(value))
    parts = [(value % 256**width).to_bytes(width, "big") for width in (2, 4, 8)]
    assert data.tobytes() == b"\7" + parts[0] + b"\7" + parts[1] + b"\7" + parts[2] + b"\7"
