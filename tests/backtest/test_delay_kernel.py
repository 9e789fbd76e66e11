from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.delay_kernel import draw_delays, new_state
from hftlab.kernels.random_numbers import normal, seeded

DAY = 86_400 * 10**9
STEPS = st.lists(st.integers(0, 10**10), min_size=1, max_size=20)


def slow(
    seed: int,
    at: list[int],
    minimum: float,
    scale: float,
    sigma: float,
    correlation: float,
    time_constant: float,
    lasting: float,
) -> list[int]:
    """The process as its docstring says it, in plain Python, with the kernel's normal numbers."""
    streams, last, before, delays = seeded(seed, 1, 5), None, 0, []
    for now in at:
        fresh = normal(streams, 0)
        rho = math.exp(-(now - before) / time_constant) if time_constant else correlation
        last = fresh if last is None else rho * last + math.sqrt(1 - rho**2) * fresh
        rest = normal(streams, 0) if lasting < 1 else 0.0
        z = math.sqrt(lasting) * last + math.sqrt(1 - lasting) * rest
        delays.append(round(minimum + scale * math.exp(sigma * z)))
        before = now
    return delays


@given(
    STEPS,
    st.integers(0, 2**63 - 1),
    st.floats(0, 0.999),
    st.sampled_from([0.0, 1e6, 1e9]),
    st.just(1.0) | st.floats(0, 1),
)
def test_is_the_slow_process(
    steps: list[int], seed: int, correlation: float, time_constant: float, lasting: float
) -> None:
    at = np.cumsum(steps) + 10**18
    delays = np.empty(len(at), np.int64)
    shape, memory = (1e5, 1e6, 0.5), (correlation, time_constant, lasting)
    draw_delays(new_state(seed, 5), at, delays, *shape, *memory, float(DAY))
    assert delays.tolist() == pytest.approx(slow(seed, at.tolist(), *shape, *memory), abs=1)


def test_no_delay_is_longer_than_the_longest() -> None:
    delays = np.empty(1000, np.int64)
    draw_delays(new_state(1, 0), np.zeros(1000, np.int64), delays, 0.0, float(DAY), 10.0, 0.0, 0.0, 1.0, float(DAY))
    assert delays.max() == DAY
    assert delays.min() >= 0


def test_a_time_that_goes_back_counts_as_the_same() -> None:
    """The correlation is then 1, not above."""
    delays = np.empty(3, np.int64)
    draw_delays(new_state(1, 0), np.array([10**9, 0, 10**9]), delays, 0.0, 1e6, 1.0, 0.0, 1e9, 1.0, float(DAY))
    assert delays[0] == delays[1] != delays[2]
