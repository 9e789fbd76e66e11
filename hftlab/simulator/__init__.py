"""Simulated sources: an exchange, the reference document's random walk, and faults for any source."""

from hftlab.simulator.exchange import Exchange
from hftlab.simulator.faults import Fault, Faults
from hftlab.simulator.random_walk import RandomWalk

__all__ = ["Exchange", "Fault", "Faults", "RandomWalk"]
