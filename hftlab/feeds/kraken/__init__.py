"""Live feed of Kraken: its WebSocket API v2, whose books have checksums."""

from hftlab.feeds.kraken.feed import Kraken

__all__ = ["Kraken"]
