"""Integers of both byte orders against int.to_bytes()."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from hftlab.kernels.byte_order import (
    load_little_u16,
    load_little_u32,
    load_little_u64,
    load_u16,
    load_u32,
    load_u64,
    store_little_u16,
    store_little_u32,
    store_little_u64,
    store_u16,
    store_u32,
    store_u64,
)

Order = Literal["big", "little"]


@njit
def loaded_big(data: Any, at: int) -> Any:
    return load_u16(data, at), load_u32(data, at), load_u64(data, at)


@njit
def loaded_little(data: Any, at: int) -> Any:
    return load_little_u16(data, at), load_little_u32(data, at), load_little_u64(data, at)


@njit
def store_big(data: Any, value: Any) -> None:
    store_u16(data, 1, value)
    store_u32(data, 4, value)
    store_u64(data, 9, value)


@njit
def store_little(data: Any, value: Any) -> None:
    store_little_u16(data, 1, value)
    store_little_u32(data, 4, value)
    store_little_u64(data, 9, value)


@pytest.mark.parametrize(("order", "loaded"), [("big", loaded_big), ("little", loaded_little)])
@settings(deadline=None)
@given(data=st.binary(min_size=20, max_size=20), at=st.integers(0, 12))
def test_loading_reads_the_bytes_in_their_order(order: Order, loaded: Any, data: bytes, at: int) -> None:
    found = loaded(np.frombuffer(data, np.uint8).copy(), at)
    assert [int(one) for one in found] == [int.from_bytes(data[at : at + width], order) for width in (2, 4, 8)]


@pytest.mark.parametrize(("order", "store"), [("big", store_big), ("little", store_little)])
@settings(deadline=None)
@given(value=st.integers(0, 2**64 - 1))
def test_storing_writes_the_lowest_bytes_and_nothing_else(order: Order, store: Any, value: int) -> None:
    data = np.full(18, 7, np.uint8)
    store(data, np.uint64(value))
    parts = [(value % 256**width).to_bytes(width, order) for width in (2, 4, 8)]
    assert data.tobytes() == b"\7" + parts[0] + b"\7" + parts[1] + b"\7" + parts[2] + b"\7"
