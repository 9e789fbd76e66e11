"""Names of Kraken's pairs in its WebSocket API v2, and those that the same pairs have in its other interfaces.

Source: Kraken, "Spot WebSocket": the API v2 names pairs BTC/USD where API v1 and REST say XBT/USD (and XDG for DOGE).
"""

from __future__ import annotations

from typing import Final

from hftlab.errors import ArgumentError

__all__ = ["pair_name"]

_RENAMED: Final = {"XBT": "BTC", "XDG": "DOGE"}
_QUOTES: Final = ("USDT", "USDC", "USD", "EUR", "GBP", "CAD", "CHF", "AUD", "JPY", "XBT", "BTC", "ETH")
"""Currencies that pairs are most often quoted in, the longer of two that end alike first."""


def pair_name(name: str) -> str:
    """Return a pair's name in the API v2: XBT/USD and btc/usd are BTC/USD.

    Names in small letters are put into capitals; AAPLx/USD is left as it is. Raises ArgumentError for a name without
    its slash, which says the nearest one.
    """
    whole = name.upper() if name == name.lower() else name
    base, slash, quote = whole.partition("/")
    if slash and base and quote and "/" not in quote:
        return f"{_RENAMED.get(base, base)}/{_RENAMED.get(quote, quote)}"
    guess = _guess(whole)
    error = ArgumentError(
        f"{name!r} is not the name of a pair of Kraken's: give base/quote, such as {guess or 'BTC/USD'!r}"
    )
    raise error.advise(instead={name: repr(guess)}) if guess is not None else error


def _guess(name: str) -> str | None:
    """Return the pair that a name without a slash means."""
    if "/" in name:
        return None
    for separator in "-_:. ":
        base, found, quote = name.partition(separator)
        if found and base and quote:
            return f"{_RENAMED.get(base, base)}/{_RENAMED.get(quote, quote)}"
    for quote in _QUOTES:
        base = name.removesuffix(quote)
        if base not in ("", name):
            return f"{_RENAMED.get(base, base)}/{_RENAMED.get(quote, quote)}"
    return None
