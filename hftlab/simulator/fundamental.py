"""Fundamental prices of the assets, which informed traders know and market makers see late.

The logarithm walks at random in steps of `STEP`. Its volatility is the exponential of two Ornstein-Uhlenbeck
processes, one of minutes and one of seconds, which makes quiet and busy spells (Cont 2001, "volatility clustering"; two
time scales as in Fouque, Papanicolaou, Sircar and Solna, "Multiscale stochastic volatility", 2003), and now and then it
jumps by a heavy-tailed amount.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from hftlab.kernels.compiling import in_place
from hftlab.kernels.random_numbers import normal, pareto, uniform
from hftlab.simulator.flow_state import ASSET, PATH_LENGTH, STEP, Flow, Records

__all__ = ["DAY_SECONDS", "advance_asset", "new_assets", "value_at"]

DAY_SECONDS: Final = 23_400
"""A day of trading in New York."""

_SECONDS: Final = STEP / 1e9
_SLOW, _SLOW_DEVIATION = math.exp(-_SECONDS / 900), 0.35
_FAST, _FAST_DEVIATION = math.exp(-_SECONDS / 40), 0.45
_SLOW_KICK: Final = _SLOW_DEVIATION * math.sqrt(1 - _SLOW**2)
_FAST_KICK: Final = _FAST_DEVIATION * math.sqrt(1 - _FAST**2)
# The exponential of a normal number of variance v has the mean square exp(2 v).
_MEAN_SQUARE: Final = _SLOW_DEVIATION**2 + _FAST_DEVIATION**2
_JUMPS: Final = _SECONDS / 400
"""The probability of a jump in one step: one in 400 seconds."""
_JUMP_SIZE: Final = 1.2
"""The smallest jump, in standard deviations of a second's change."""


def new_assets(volatilities: list[float]) -> Records:
    """Make assets at their start, each with its daily volatility."""
    assets = np.zeros(len(volatilities), ASSET)
    assets["volatility"] = np.array(volatilities) * math.sqrt(_SECONDS / DAY_SECONDS)
    assets["activity"] = 1.0
    return assets


@in_place
def advance_asset(flow: Flow, asset: int, step: int) -> None:
    """Walk on to a step of the grid, by the asset's own random stream: the order of the calls does not matter."""
    record, stream = flow.assets[asset], len(flow.listings) + asset
    while record.step < step:
        record.step += 1
        record.slow = _SLOW * record.slow + _SLOW_KICK * normal(flow.streams, stream)
        record.fast = _FAST * record.fast + _FAST_KICK * normal(flow.streams, stream)
        volatility = record.volatility * math.exp(record.slow + record.fast - _MEAN_SQUARE)
        change = volatility * normal(flow.streams, stream)
        if uniform(flow.streams, stream) < _JUMPS:
            jump = volatility / math.sqrt(_SECONDS) * _JUMP_SIZE * pareto(flow.streams, stream, 3.0)
            change += jump if uniform(flow.streams, stream) < 0.5 else -jump
        record.value += change
        record.activity = min(3.0, max(0.4, math.exp(0.5 * (record.slow + record.fast))))
        flow.path[asset, record.step % PATH_LENGTH] = record.value


@in_place
def value_at(flow: Flow, asset: int, time: int, lag: int) -> float:
    """Return the logarithm of the price relative to the start, as it was `lag` steps before `time` (ns)."""
    step = (time - flow.progress[0].start) // STEP
    advance_asset(flow, asset, step)
    return float(flow.path[asset, max(0, step - lag) % PATH_LENGTH])
