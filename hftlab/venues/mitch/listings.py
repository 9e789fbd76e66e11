"""Instruments of MITCH's symbol directory, which knows them by number, ISIN and SEDOL and not by their mnemonics."""

from __future__ import annotations

from typing import Final, NamedTuple

from hftlab.errors import EventError
from hftlab.instruments import LSE, UNIT, Instrument, find_instrument
from hftlab.venues.message_columns import encode_message
from hftlab.venues.mitch.layouts import FORMAT, LAYOUTS

__all__ = ["PRICE_UNIT", "Listing", "directory_message", "instrument_of", "listing_in", "listing_of", "symbol_of"]

PRICE_UNIT: Final = 10
"""MITCH's unit of price, 1e-8, in units of an EventBatch."""

_CODES: Final = {
    "AZN": ("GB0009895292", "0989529"),
    "BARC": ("GB0031348658", "3134865"),
    "BP.": ("GB0007980591", "0798059"),
    "GSK": ("GB00BN7SWP63", "BN7SWP6"),
    "HSBA": ("GB0005405286", "0540528"),
    "LLOY": ("GB0008706128", "0870612"),
    "RIO": ("GB0007188757", "0718875"),
    "SHEL": ("GB00BP6MXD84", "BP6MXD8"),
    "ULVR": ("GB00B10RZP78", "B10RZP7"),
    "VOD": ("GB00BH4HKS39", "BH4HKS3"),
}
"""ISIN and SEDOL of hftlab's instruments in London, as of 2025."""

_SYMBOLS: Final = {sedol: symbol for symbol, (_, sedol) in _CODES.items()}
_ISIN, _SEDOL, _CURRENCY = slice(13, 25), slice(25, 37), slice(49, 52)
_LONGEST: Final = 12


class Listing(NamedTuple):
    """Entry of the directory: an instrument's codes, "" for one that it does not have, and its currency."""

    isin: str
    sedol: str
    currency: str


def listing_in(message: bytes) -> Listing:
    """Return the listing that a symbol directory message gives."""
    return Listing(_text(message[_ISIN]), _text(message[_SEDOL]), _text(message[_CURRENCY]))


def _text(field: bytes) -> str:
    """Return a field's text, "" if no symbol can be like that."""
    text = field.decode("latin-1").strip(" \0")
    return text if text.isascii() and text.isprintable() else ""


def symbol_of(number: int, listing: Listing) -> str:
    """Return the symbol of a listing: the mnemonic that hftlab knows, else its SEDOL, ISIN, or number (#17)."""
    return _SYMBOLS.get(listing.sedol) or listing.sedol or listing.isin or f"#{number}"


def instrument_of(symbol: str, currency: str) -> Instrument:
    """Return the instrument that hftlab knows in London by that symbol and currency, else one of MITCH's own tick."""
    known = find_instrument(symbol, LSE)
    if known is not None and known.lot == UNIT and currency in ("", known.currency):
        return known
    return Instrument(symbol, LSE, tick=PRICE_UNIT, lot=UNIT, currency=currency)


def listing_of(instrument: Instrument) -> Listing:
    """Return the listing that says an instrument: a symbol without known codes stands in place of its SEDOL.

    Raises EventError for an instrument that the directory cannot name.
    """
    symbol, currency = instrument.symbol, instrument.currency
    is_named = symbol.isascii() and len(symbol) <= _LONGEST and instrument.lot == UNIT
    if not is_named or not (currency.isascii() and len(currency) <= 3):
        raise EventError(
            f"{symbol!r} in {currency!r} with a lot of {instrument.lot / UNIT:g} is not an instrument that MITCH can "
            f"name: encode symbols of 1 to {_LONGEST} characters of ASCII, currencies of 3, and lots of one share"
        )
    return Listing(*_CODES.get(symbol, ("", symbol)), currency)


def directory_message(number: int, instrument: Instrument, nanosecond: int) -> bytes:
    """Encode the symbol directory message of an instrument."""
    layout = LAYOUTS["0x52"]
    return encode_message(
        layout,
        FORMAT.order,
        length=layout.size,
        message_type=0x52,
        nanosecond=nanosecond,
        instrument_id=number,
        segment="SET1",
        **listing_of(instrument)._asdict(),
    )
