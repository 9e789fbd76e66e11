"""How this project compiles its loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["IntArray", "compiled", "in_place", "inlined"]

Function = TypeVar("Function", bound=Callable[..., Any])
IntArray = npt.NDArray[np.int64]


def compiled(function: Function) -> Function:
    """numba's njit as this project uses it: kept on disk between processes, and without the interpreter's lock."""
    return cast("Function", njit(cache=True, nogil=True, error_model="numpy")(function))


def in_place(function: Function) -> Function:
    """As `compiled()`, for a loop that makes no arrays, only views of those that it is given.

    It counts no references. Otherwise each touch of a NamedTuple of arrays counts every array in it, up and down,
    atomically: hundreds of operations for each row of a batch.
    """
    return cast("Function", njit(cache=True, nogil=True, error_model="numpy", _nrt=False)(function))


def inlined(function: Function) -> Function:
    """As `in_place()`, for what a loop calls in each round: its code becomes part of every caller's."""
    options = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False, "forceinline": True}
    return cast("Function", njit(**options)(function))
