"""Listings of a feed: which symbol an index stands for, and the scale of its prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from hftlab.errors import ArgumentError
from hftlab.instruments import NYSE, UNIT, Instrument, find_instrument

__all__ = ["LARGEST_SCALE", "LONGEST_NAME", "Listing", "checked", "listing_in", "name_of", "stock_of"]

LARGEST_SCALE: Final = 9
"""Largest price scale code: an EventBatch has prices of 1e-9."""
LONGEST_NAME: Final = 10
"""Longest symbol in bytes: the field has eleven, the last of which is zero."""
_TICK: Final = UNIT // 10_000
_SYMBOL, _SYSTEM, _SCALE = slice(8, 19), 22, 24


class Listing(NamedTuple):
    """Meaning of an index: a symbol, the scale of its prices, and its partition of the matching engine if known.

    Prices are integers of 10**-`price_scale` dollars. The `system` tells which time references its messages have.
    """

    symbol: str
    price_scale: int = 4
    system: int | None = None


def listing_in(message: bytes) -> Listing | None:
    """Return the listing that a message of type 3 gives; None if no symbol or price can be like that."""
    name, _, rest = message[_SYMBOL].partition(b"\0")
    text = name.decode("latin-1")
    is_text = bool(name) and not rest.strip(b"\0") and text.isascii() and text.isprintable() and text.strip() == text
    if not is_text or message[_SCALE] > LARGEST_SCALE:
        return None
    return Listing(text.replace(" ", "."), message[_SCALE], message[_SYSTEM])


def name_of(symbol: str) -> bytes:
    """Return a symbol as message 3 has it: BRK A for BRK.A."""
    return symbol.replace(".", " ").encode("latin-1")


def checked(mapping: Mapping[int, Listing | tuple[str, int]] | None) -> dict[int, Listing]:
    """Return the listings that a user gives, as tuples at least. Raises ArgumentError for what cannot be one."""
    listings = {}
    for index, value in (mapping or {}).items():
        if isinstance(value, str) or not 2 <= len(value) <= 3:
            raise ArgumentError(f"mapping[{index}] is {value!r}: give the symbol and its price scale, as in ('JPM', 4)")
        listing = Listing(*value)
        if not 0 <= listing.price_scale <= LARGEST_SCALE:
            raise ArgumentError(f"mapping[{index}] has a price scale of {listing.price_scale}: give 0 to 9, mostly 4")
        listings[index] = listing
    return listings


def stock_of(listing: Listing) -> Instrument:
    """Return the instrument that hftlab knows at NYSE by that symbol, else one whose tick holds the feed's prices.

    The tick is $0.0001, or finer where the prices are.
    """
    tick = min(_TICK, 10 ** (LARGEST_SCALE - listing.price_scale))
    known = find_instrument(listing.symbol, NYSE)
    if known is not None and known.lot == UNIT and known.tick <= tick:
        return known
    return Instrument(listing.symbol, NYSE, tick=tick, lot=UNIT, currency=NYSE.currency)
