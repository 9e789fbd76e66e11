"""Strategies on a virtual clock: fills modelled in recorded markets, latencies, and what came of it."""
