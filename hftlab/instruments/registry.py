"""Registry of the instruments that hftlab knows by name."""

from __future__ import annotations

from typing import Final

from hftlab.instruments.instrument import Instrument
from hftlab.instruments.tick_rule import US_EQUITY, mifid2
from hftlab.instruments.units import UNIT
from hftlab.instruments.venue import BINANCE, BINANCE_USDM, LSE, NASDAQ, NYSE, Venue

__all__ = ["INSTRUMENTS", "find_instrument", "listings"]

_PRIMARY_US: Final = {
    "AAPL": NASDAQ,
    "GOOGL": NASDAQ,
    "MSFT": NASDAQ,
    "TSLA": NASDAQ,
    "AMZN": NASDAQ,
    "META": NASDAQ,
    "NVDA": NASDAQ,
    "BRK.A": NYSE,
}

# Regulators assign the bands every year, by trades a day; these are typical of the names, not an official list.
_LONDON_BANDS: Final = {
    "AZN": 6,
    "BARC": 6,
    "BP.": 6,
    "GSK": 5,
    "HSBA": 6,
    "LLOY": 6,
    "RIO": 6,
    "SHEL": 6,
    "ULVR": 5,
    "VOD": 6,
}


def _us(symbol: str, venue: Venue) -> Instrument:
    primary = venue == _PRIMARY_US[symbol]
    return Instrument(symbol, venue, US_EQUITY.step, UNIT, "USD", US_EQUITY, primary)


def _london(symbol: str, liquidity_band: int) -> Instrument:
    rule = mifid2(liquidity_band)
    return Instrument(symbol, LSE, rule.step, UNIT, "GBX", rule)


INSTRUMENTS: Final[tuple[Instrument, ...]] = (
    *(_us(symbol, venue) for symbol, venue in _PRIMARY_US.items()),
    *(_us(symbol, NYSE if venue is NASDAQ else NASDAQ) for symbol, venue in _PRIMARY_US.items()),
    *(_london(symbol, band) for symbol, band in _LONDON_BANDS.items()),
    # Binance takes new orders in coarser steps of size (0.00001 and 0.0001), but older ones still rest in the books.
    Instrument("BTCUSDT", BINANCE, tick=UNIT // 100, lot=UNIT // 1_000_000, currency="USDT"),
    Instrument("ETHUSDT", BINANCE, tick=UNIT // 100, lot=UNIT // 100_000, currency="USDT"),
    Instrument("BTCUSDT", BINANCE_USDM, tick=UNIT // 10, lot=UNIT // 1_000, currency="USDT"),
)
"""The reference document's eight at NASDAQ and at NYSE, FTSE names in London, Bitcoin and Ether at Binance.

A symbol's first entry is its primary listing, except BTCUSDT: the perpetual is another product than the coin, and both
have the plain symbol. LSE's names are its mnemonics (`BP.` with the dot).
"""


def find_instrument(symbol: str, venue: Venue | str | None = None) -> Instrument | None:
    """Return the known instrument of that symbol, or None; without a venue the first of `INSTRUMENTS`."""
    name = venue.name if isinstance(venue, Venue) else venue
    for instrument in INSTRUMENTS:
        if instrument.symbol == symbol and name in (None, instrument.venue.name):
            return instrument
    return None


def listings(symbol: str) -> list[Instrument]:
    """Return every known listing of a symbol, the primary one first."""
    return [one for one in INSTRUMENTS if one.symbol == symbol and one.venue is not BINANCE_USDM]
