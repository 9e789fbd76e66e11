"""Live feeds of real venues as sources: `hl.serve(hl.feeds.Binance(["BTCUSDT"]))`."""

from hftlab.feeds.binance import Binance
from hftlab.feeds.feed_stats import FeedStats
from hftlab.feeds.feed_timing import FeedTiming
from hftlab.feeds.kraken import Kraken

__all__ = ["Binance", "FeedStats", "FeedTiming", "Kraken"]
