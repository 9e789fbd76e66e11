"""Trading without I/O: venues that take orders, orders, accounts, commissions and pre-trade checks."""

from hftlab.trading.account import RATES, Account, AccountTerms, Portfolio
from hftlab.trading.broker import Broker
from hftlab.trading.brokers import broker_of
from hftlab.trading.commissions import NO_COMMISSION, TYPICAL_COMMISSIONS, Commission, commission_of
from hftlab.trading.orders import Fill, Order
from hftlab.trading.position import Position
from hftlab.trading.risk import Check, Exposure, PreTradeChecks, Rejection, order_price
from hftlab.trading.risk_limits import RiskLimits
from hftlab.trading.venue import Liquidity, MarketPhase, OrderTerms, TradingVenue, VenueUpdate

__all__ = [
    "NO_COMMISSION",
    "RATES",
    "TYPICAL_COMMISSIONS",
    "Account",
    "AccountTerms",
    "Broker",
    "Check",
    "Commission",
    "Exposure",
    "Fill",
    "Liquidity",
    "MarketPhase",
    "Order",
    "OrderTerms",
    "Portfolio",
    "Position",
    "PreTradeChecks",
    "Rejection",
    "RiskLimits",
    "TradingVenue",
    "VenueUpdate",
    "broker_of",
    "commission_of",
    "order_price",
]
