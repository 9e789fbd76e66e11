"""Instruments and venues: what is traded and where, with ticks, lots and trading hours."""

from hftlab.instruments.instrument import Instrument
from hftlab.instruments.instrument_text import apply_text
from hftlab.instruments.registry import INSTRUMENTS, find_instrument, listings
from hftlab.instruments.tick_rule import US_EQUITY, TickRule, mifid2
from hftlab.instruments.units import UNIT
from hftlab.instruments.venue import BINANCE, BINANCE_COINM, BINANCE_USDM, IEX, LSE, NASDAQ, NYSE, Phase, Venue

__all__ = [
    "BINANCE",
    "BINANCE_COINM",
    "BINANCE_USDM",
    "IEX",
    "INSTRUMENTS",
    "LSE",
    "NASDAQ",
    "NYSE",
    "UNIT",
    "US_EQUITY",
    "Instrument",
    "Phase",
    "TickRule",
    "Venue",
    "apply_text",
    "find_instrument",
    "listings",
    "mifid2",
]
