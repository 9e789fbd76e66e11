from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from hftlab.venues.itch.order_words import LARGEST_SHARES, SELL, SIDELESS, pack


@njit
def packed(price: Any, marks: Any, shares: Any) -> Any:
    return pack(price, marks, shares)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, int(SELL), int(SIDELESS)]), st.integers(0, LARGEST_SHARES))
def test_the_parts_of_a_word_do_not_overlap(price: int, marks: int, shares: int) -> None:
    word = int(packed(np.uint64(price), np.uint64(marks), np.uint64(shares)))
    assert (word >> 32, word & int(SELL | SIDELESS), word & LARGEST_SHARES) == (price, marks, shares)
