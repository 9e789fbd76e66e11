"""Live feeds of real venues as sources: `hl.serve(hl.feeds.Binance(["BTCUSDT"]))`."""

from hftlab.feeds.binance import Binance, FeedStats, FeedTiming

__all__ = ["Binance", "FeedStats", "FeedTiming"]
