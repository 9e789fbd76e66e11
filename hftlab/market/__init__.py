"""Events to books to messages."""

from hftlab.market.filters import Filters
from hftlab.market.processor import Processor
from hftlab.market.statistics import TradeStatistics

__all__ = ["Filters", "Processor", "TradeStatistics"]
