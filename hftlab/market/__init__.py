"""Market data processing: from events to books to messages, and comparisons across venues."""

from hftlab.market.arbitrage import ArbitrageDetector
from hftlab.market.arbitrage_source import with_arbitrage
from hftlab.market.consolidated import Consolidated, VenueBook, consolidate
from hftlab.market.costs import TYPICAL_FEES, Costs, Fee
from hftlab.market.filters import Filters
from hftlab.market.opportunity import Opportunity, executable_edge
from hftlab.market.processor import Processor
from hftlab.market.trade_statistics import TradeStatistics

__all__ = [
    "TYPICAL_FEES",
    "ArbitrageDetector",
    "Consolidated",
    "Costs",
    "Fee",
    "Filters",
    "Opportunity",
    "Processor",
    "TradeStatistics",
    "VenueBook",
    "consolidate",
    "executable_edge",
    "with_arbitrage",
]
