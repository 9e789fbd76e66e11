"""Compiled loop that draws lognormal delays, one after the other, each with a memory of the last."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import IntArray, in_place
from hftlab.kernels.random_numbers import normal, seeded

__all__ = ["DelayState", "draw_delays", "new_state"]


class DelayState(NamedTuple):
    """State of a sequence of draws, in arrays of one item each."""

    streams: npt.NDArray[np.uint64]
    last: npt.NDArray[np.float64]
    """AR(1) process at the last draw, a standard normal number; NaN before the first."""
    last_time: IntArray
    """Time (ns) of the last draw."""


def new_state(seed: int, purpose: int) -> DelayState:
    """Return the state before the first draw; each purpose has random numbers of its own."""
    return DelayState(seeded(seed, 1, purpose), np.full(1, np.nan), np.zeros(1, np.int64))


@in_place
def draw_delays(
    state: DelayState,
    at: IntArray,
    delays: IntArray,
    minimum: float,
    scale: float,
    sigma: float,
    correlation: float,
    time_constant: float,
    lasting: float,
    longest: float,
) -> None:
    """Draw a delay (ns) for each of the times `at`: minimum + scale * exp(sigma * z), at most `longest`.

    z is standard normal. The share `lasting` of its variance is that of an AR(1) process; the rest is new in each draw.
    The process's correlation with the last draw is `correlation`, or, with a `time_constant` (ns) above 0,
    exp(-t / time_constant), where t is the time since the last draw.
    """
    for row in range(len(at)):
        fresh, last = normal(state.streams, 0), state.last[0]
        rho = correlation
        if time_constant > 0.0:
            rho = math.exp(-max(float(at[row] - state.last_time[0]), 0.0) / time_constant)
        z = fresh if math.isnan(last) else rho * last + math.sqrt(1.0 - rho * rho) * fresh
        state.last[0] = z
        state.last_time[0] = at[row]
        if lasting < 1.0:
            z = math.sqrt(lasting) * z + math.sqrt(1.0 - lasting) * normal(state.streams, 0)
        delays[row] = np.int64(round(min(minimum + scale * math.exp(sigma * z), longest)))
