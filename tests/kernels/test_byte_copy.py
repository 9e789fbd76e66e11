"""Copies of bytes against slices."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from hftlab.kernels.byte_copy import copy_bytes


@njit
def copied(data: Any, first: int, size: int, out: Any, at: int) -> None:
    copy_bytes(data, first, size, out, at)


def test_every_size_and_nothing_else() -> None:
    data = np.arange(60, dtype=np.uint8)
    for size in range(40):
        out = np.zeros(60, np.uint8)
        copied(data, 7, size, out, 5)
        assert out.tolist() == [0] * 5 + list(range(7, 7 + size)) + [0] * (55 - size)
