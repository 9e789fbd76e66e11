"""Sources that make their own market data, and faults for any source."""

from hftlab.simulator.exchange import Exchange
from hftlab.simulator.faults import Fault, Faults
from hftlab.simulator.random_walk import RandomWalk

__all__ = ["Exchange", "Fault", "Faults", "RandomWalk"]
