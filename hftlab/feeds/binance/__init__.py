"""Live feed of Binance: connections, snapshots and the market that they make."""

from hftlab.feeds.binance.feed import Binance

__all__ = ["Binance"]
