"""Sources that make their own market data."""

from hftlab.simulator.random_walk import RandomWalk

__all__ = ["RandomWalk"]
