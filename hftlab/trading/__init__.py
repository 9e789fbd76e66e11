"""Trading without I/O: venues that take orders, orders, accounts, commissions and pre-trade checks."""

from hftlab.trading.venue import Liquidity, MarketPhase, OrderTerms, TradingVenue, VenueUpdate

__all__ = ["Liquidity", "MarketPhase", "OrderTerms", "TradingVenue", "VenueUpdate"]
