"""Bounds of a symbol, a price and a size: one definition for instruments, importers, sources, the wire and recordings.

What one layer accepts, every later layer takes. Whoever lets names and numbers in checks them here, with an error that
names the value.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "LARGEST_AMOUNT",
    "LARGEST_PRICE",
    "LARGEST_SIZE",
    "LONGEST_SYMBOL",
    "SYMBOL",
    "SYMBOL_RULE",
    "check_price",
    "check_size",
    "check_symbol",
]

LARGEST_PRICE: Final = 1e15
"""Prices are 0 (an empty side of a book) or above."""
LARGEST_SIZE: Final = 1e18
LARGEST_AMOUNT: Final = 1e18
"""Sums of money, and sizes with a sign."""
LONGEST_SYMBOL: Final = 128
"""Characters; Databento's longest symbol has 70, a prediction market's number of an outcome 78."""

# General categories Cc, Cf, Co, Cs, Z and the noncharacters of Unicode, and the planes of tags and of private use.
# Letters that a later Unicode adds are allowed: a recording must not depend on the version of Python that reads it.
_UNPRINTABLE: Final = (
    r"\x00-\x1f\x7f-\xa0\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u1680\u180e\u2000-\u200f\u2028-\u202f"
    r"\u205f-\u206f\u3000\ud800-\uf8ff\ufdd0-\ufdef\ufeff\ufff0-\ufffb\ufffe\uffff\U000110bd\U000110cd"
    r"\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff\U000e01f0-\U0010ffff"
)
SYMBOL: Final = rf"^[^ {_UNPRINTABLE}](?:[^{_UNPRINTABLE}]{{0,{LONGEST_SYMBOL - 2}}}[^ {_UNPRINTABLE}])?\Z"
"""Pattern of a symbol."""
SYMBOL_RULE: Final = f"a symbol is 1 to {LONGEST_SYMBOL} printable characters of any script, with spaces inside at most"

_SYMBOL: Final = re.compile(SYMBOL)


def check_symbol(symbol: object) -> str:
    """Return a symbol that the wire, books and recordings can carry. Raises ValueError for anything else."""
    if not isinstance(symbol, str):
        raise ValueError(f"the symbol {symbol!r} is not text: give a name such as 'AAPL'")
    if _SYMBOL.search(symbol) is None:
        raise ValueError(f"{_shown(symbol)} is not a symbol: {SYMBOL_RULE}")
    return symbol


def check_price(price: float, name: str = "price") -> float:
    """Return a price that the wire can carry. Raises ValueError; `name` says what it is the price of."""
    if not 0 <= price <= LARGEST_PRICE:  # no comparison with NaN holds
        raise ValueError(f"{name} is {price!r}: a price is a number from 0 to {LARGEST_PRICE:.0e}")
    return price


def check_size(size: float, name: str = "size") -> float:
    """Return a size that the wire can carry. Raises ValueError; `name` says what it is the size of."""
    if not 0 <= size <= LARGEST_SIZE:
        raise ValueError(f"{name} is {size!r}: a size is a number from 0 to {LARGEST_SIZE:.0e}")
    return size


def _shown(symbol: str) -> str:
    return repr(symbol) if len(symbol) <= LONGEST_SYMBOL else f"{symbol[:20]!r}... of {len(symbol):,} characters"
