"""Amounts as people write them, in the integers that trading counts in."""

from __future__ import annotations

from decimal import Decimal

from hftlab.instruments import UNIT, Instrument, find_instrument

__all__ = ["AAPL", "BITCOIN", "VODAFONE", "units"]


def units(text: str | int) -> int:
    """Return a decimal number in 1e-9, exactly."""
    result = Decimal(text) * UNIT
    assert result == int(result), text
    return int(result)


def known(symbol: str, venue: str) -> Instrument:
    instrument = find_instrument(symbol, venue)
    assert instrument is not None
    return instrument


AAPL = known("AAPL", "NASDAQ")
BITCOIN = known("BTCUSDT", "BINANCE")
VODAFONE = known("VOD", "LSE")
