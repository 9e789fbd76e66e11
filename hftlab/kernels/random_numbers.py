"""Random numbers inside compiled loops: independent streams whose state is one integer each.

The generator is SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): a
counter and a mixing function. Its whole state lies in an array, so a loop can stop anywhere and go on later with the
same numbers, whatever was drawn from the other streams meanwhile.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from hftlab.kernels.compiling import in_place

__all__ = ["exponential", "normal", "pareto", "seeded", "uniform"]

Streams = npt.NDArray[np.uint64]

_GAMMA: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST_MIX: Final = np.uint64(0xBF58476D1CE4E5B9)
_SECOND_MIX: Final = np.uint64(0x94D049BB133111EB)
_30, _27, _31, _11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_UNIT: Final = 1.0 / (1 << 53)


def seeded(seed: int, streams: int, purpose: int = 0) -> Streams:
    """Make the first state of that many streams, others for another `purpose`.

    Raises ValueError for a negative seed.
    """
    return np.random.SeedSequence([seed, purpose]).generate_state(streams, np.uint64).astype(np.uint64)


@in_place
def uniform(streams: Streams, stream: int) -> float:
    """Draw a uniform number in [0, 1), of 53 bits."""
    streams[stream] += _GAMMA
    mixed = streams[stream]
    mixed = (mixed ^ (mixed >> _30)) * _FIRST_MIX
    mixed = (mixed ^ (mixed >> _27)) * _SECOND_MIX
    mixed = mixed ^ (mixed >> _31)
    return float(mixed >> _11) * _UNIT


@in_place
def exponential(streams: Streams, stream: int) -> float:
    """Draw an exponential number of mean 1."""
    return -math.log(1.0 - uniform(streams, stream))


@in_place
def normal(streams: Streams, stream: int) -> float:
    """Draw a standard normal number (Box and Muller, 1958). The second of the pair is not kept: it would be state."""
    radius = math.sqrt(2.0 * exponential(streams, stream))
    return radius * math.cos(2.0 * math.pi * uniform(streams, stream))


@in_place
def pareto(streams: Streams, stream: int, exponent: float) -> float:
    """Draw a Pareto number, 1 or more, with P(X > x) = x ** -exponent."""
    return math.pow(1.0 - uniform(streams, stream), -1.0 / exponent)
