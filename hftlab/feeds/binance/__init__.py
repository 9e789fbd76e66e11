"""Live feed of Binance: connections, snapshots and the market that they make."""

from hftlab.feeds.binance.feed import Binance
from hftlab.feeds.binance.feed_stats import FeedStats
from hftlab.feeds.binance.feed_timing import FeedTiming

__all__ = ["Binance", "FeedStats", "FeedTiming"]
