"""SplitMix64 against a plain Python one, and the distributions against their own laws."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from hftlab.kernels.random_numbers import exponential, normal, pareto, seeded, uniform

MASK = 2**64 - 1


def splitmix64(state: int) -> tuple[int, int]:
    """The published algorithm with Python's own integers: the next state and the output."""
    state = (state + 0x9E3779B97F4A7C15) & MASK
    mixed = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
    return state, mixed ^ (mixed >> 31)


@njit
def many(kind: int, streams: np.ndarray, count: int) -> np.ndarray:
    values = np.empty(count)
    for at in range(count):
        if kind == 0:
            values[at] = exponential(streams, 0)
        elif kind == 1:
            values[at] = normal(streams, 0)
        else:
            values[at] = pareto(streams, 0, 1.5)
    return values


def test_uniforms_are_splitmix64s() -> None:
    streams = seeded(7, 2)
    states = streams.tolist()
    for stream in (0, 1, 1, 0, 1):
        states[stream], output = splitmix64(states[stream])
        assert uniform(streams, stream) == (output >> 11) / 2**53
    assert streams.tolist() == states


def test_the_first_output_of_seed_0_is_the_published_one() -> None:
    assert splitmix64(0)[1] == 0xE220A8397B1DCDAF


def test_streams_and_seeds_and_purposes_differ() -> None:
    states = [*seeded(7, 3), *seeded(8, 3), *seeded(7, 3, purpose=1)]
    assert len(set(states)) == 9
    assert seeded(7, 3).tolist() == seeded(7, 3).tolist()
    with pytest.raises(ValueError, match="non-negative"):
        seeded(-1, 1)


def test_distributions() -> None:
    """Means, deviations and tails of 200,000 draws, within five standard errors."""
    count = 200_000
    error = 5 / np.sqrt(count)
    waits = many(0, seeded(1, 1), count)
    assert abs(waits.mean() - 1) < error
    assert abs(np.mean(waits > 2) - np.exp(-2)) < error
    normals = many(1, seeded(2, 1), count)
    assert abs(normals.mean()) < error
    assert abs(normals.std() - 1) < error
    assert abs(np.mean(normals > 1.6448536) - 0.05) < error
    heavy = many(2, seeded(3, 1), count)
    assert heavy.min() >= 1
    assert abs(np.mean(heavy > 10) - 10**-1.5) < error
