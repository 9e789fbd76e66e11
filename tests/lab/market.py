"""A market for the tests of the plain calls."""

from __future__ import annotations

from hftlab.clock import Clock
from hftlab.protocol import MarketData
from hftlab.simulator import RandomWalk

__all__ = ["HOUR", "states", "walk"]

HOUR = 3600 * 1_000_000_000


def walk(seed: int = 7) -> RandomWalk:
    """Make the random walk at a hundred times real time, so that no test waits for its ticks."""
    return RandomWalk(seed, clock=Clock(speed=100))


def states(messages: list[object]) -> list[MarketData]:
    """Select the market data among messages."""
    return [message for message in messages if isinstance(message, MarketData)]
