"""Instruments of IEX's symbols."""

from __future__ import annotations

from hftlab.instruments import IEX, UNIT, Instrument, find_instrument

__all__ = ["stock_of", "symbol_in"]

_TICK = UNIT // 10_000


def symbol_in(word: int) -> str | None:
    """Return the symbol of eight bytes as a little-endian integer; None if no symbol can be like that."""
    text = word.to_bytes(8, "little").decode("latin-1").rstrip(" ")
    is_text = bool(text) and text.isascii() and text.isprintable() and not text.startswith(" ")
    return text if is_text else None


def stock_of(symbol: str) -> Instrument:
    """Return the instrument of a symbol: a listing beside its primary one, where hftlab knows that."""
    is_primary = find_instrument(symbol) is None
    return Instrument(symbol, IEX, tick=_TICK, lot=UNIT, currency=IEX.currency, primary=is_primary)
