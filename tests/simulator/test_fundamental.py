"""The fundamental prices: their volatility, its clusters, their jumps, and that nobody who looks changes them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hftlab.clock import NANOSECONDS
from hftlab.kernels.random_numbers import seeded
from hftlab.simulator.flow_state import LISTING, PATH_LENGTH, STEP, Flow, new_flow
from hftlab.simulator.fundamental import DAY_SECONDS, advance_asset, new_assets, value_at

START = 1_767_364_200_000_000_000
DAILY = 0.02
SECOND = NANOSECONDS // STEP


def flow(seed: int = 7, assets: int = 1) -> Flow:
    """One listing, which draws from the first stream, and so many assets."""
    everywhere = (np.zeros(1, np.int64), np.ones(1, np.int64))
    return new_flow(np.zeros(1, LISTING), new_assets([DAILY] * assets), [everywhere], START, seeded(seed, 1 + assets))


def path(steps: int, seed: int = 7, every: int = SECOND) -> np.ndarray:
    """The logarithm of the price every so many steps."""
    one, values = flow(seed), []
    for step in range(0, steps, every):
        advance_asset(one, 0, step)
        values.append(float(one.assets[0]["value"]))
    return np.array(values)


@pytest.fixture(scope="module")
def days() -> np.ndarray:
    """Returns of seconds, a row a day."""
    return np.array([np.diff(path(DAY_SECONDS * SECOND, seed)) for seed in range(4)])


def test_a_days_volatility_is_about_the_profiles(days: np.ndarray) -> None:
    """Jumps come on top."""
    realised = math.sqrt(np.mean(np.sum(days**2, axis=1)))
    assert DAILY * 0.9 < realised < DAILY * 1.5


def test_changes_have_no_memory_and_their_size_has(days: np.ndarray) -> None:
    for returns in days:
        assert abs(np.corrcoef(returns[1:], returns[:-1])[0, 1]) < 0.05
    clusters = [np.corrcoef(np.abs(returns[10:]), np.abs(returns[:-10]))[0, 1] for returns in days]
    assert np.mean(clusters) > 0.1


def test_it_jumps_now_and_then(days: np.ndarray) -> None:
    """Beyond six deviations, where a Gaussian never is; in every day a few times."""
    far = np.count_nonzero(np.abs(days) > 6 * days.std(axis=1, keepdims=True), axis=1)
    assert (far > 0).all()
    assert (far < 100).all()


def test_it_does_not_matter_who_asks_when() -> None:
    whole, often = flow(), flow()
    advance_asset(whole, 0, 5000)
    for step in (1, 2, 700, 700, 701, 4999, 5000, 3):
        advance_asset(often, 0, step)
    assert whole.assets.tolist() == often.assets.tolist()
    assert np.array_equal(whole.path, often.path)


def test_assets_are_apart() -> None:
    two = flow(assets=2)
    advance_asset(two, 1, 100)
    assert two.assets[0]["step"] == 0
    advance_asset(two, 0, 100)
    assert two.assets[0]["value"] != two.assets[1]["value"]


def test_a_lag_looks_back_along_the_path() -> None:
    one = flow()
    now = [value_at(one, 0, START + step * STEP, 0) for step in range(300)]
    assert now[0] == 0.0
    for lag in (1, 10, PATH_LENGTH - 1):
        assert value_at(one, 0, START + 299 * STEP, lag) == now[299 - lag]


def test_before_the_start_there_is_only_the_start() -> None:
    one = flow()
    assert value_at(one, 0, START + 2 * STEP, 10) == 0.0
    assert value_at(one, 0, START + 2 * STEP, 0) != 0.0
