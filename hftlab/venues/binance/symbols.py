"""Symbols of Binance: the market that one is of, and the currency of its prices.

A symbol is the base asset and the quote asset without anything in between. Source: Binance Spot, USDⓈ-M and COIN-M
Futures API, "Exchange Information" (quoteAsset; contracts are named PAIR_PERP and PAIR_YYMMDD).
"""

from __future__ import annotations

import re
from typing import Final

from hftlab.instruments import BINANCE, BINANCE_COINM, BINANCE_USDM, Venue

__all__ = ["quote_of", "venue_of"]

_CONTRACT: Final = re.compile(r"(?P<pair>.+)_(?P<expiry>PERP|\d{6})")
# fmt: off
_QUOTES: Final = (
    "USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD1", "USDE", "USDP", "USDS", "PAX", "UST", "DAI", "XUSD", "BFUSD",
    "RLUSD", "USD", "BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "SOL", "DOT", "VAI", "EUR", "AEUR", "EURI", "GBP",
    "TRY", "BRL", "JPY", "PLN", "AUD", "RUB", "UAH", "NGN", "ZAR", "IDRT", "BIDR", "BVND", "BKRW", "RON", "ARS",
    "CZK", "MXN", "COP",
)
# fmt: on
_OF_CONTRACTS: Final = ("USDT", "USDC", "USD1", "USD")
# fmt: off
_BASES: Final = frozenset((
    "BTC", "ETH", "BNB", "SOL", "XRP", "ADA", "DOGE", "TRX", "AVAX", "DOT", "LINK", "LTC", "BCH", "XLM", "XMR", "ETC",
    "ATOM", "NEAR", "ALGO", "FIL", "UNI", "AAVE", "MATIC", "POL", "SUI", "APT", "ARB", "OP", "TON", "PEPE", "SHIB",
    "WIF", "BONK", "FLOKI", "ICP", "VET", "HBAR", "EOS", "NEO", "QTUM", "IOTA", "XTZ", "DASH", "ZEC", "ONT", "BAT",
    "GRT", "FET", "BNT", "ANT", "HOT", "GMT", "JST", "STPT", "IOST", "AST", "FTT", "NEXT", "MNT", "KSM", "CKB", "BOB",
    "IMX", "STX", "GMX", "CFX", "SNX", "ZRX", "DYDX", "LUNA", "MANA", "SAND", "AXS", "ENJ", "CHZ", "KAVA", "OMG",
    "PAXG", "WBTC", "USDT", "USDC", "DAI", "TUSD", "BUSD", "FDUSD", "USDP", "EUR", "GBP", "AUD", "RUNE", "INJ", "SEI",
    "TIA", "ORDI", "WLD", "JUP", "ENA", "FTM", "MKR", "COMP", "YFI", "CRV", "SUSHI", "THETA", "EGLD", "FLOW", "XEC",
    "RVN", "ZIL", "ICX", "WAVES", "ONE", "BTT", "WIN", "LUNC", "ARPA", "ANKR", "CELR", "COTI",
))
# fmt: on
"""Assets that tell BNB/USD from BN/BUSD and DOT/USD from DO/TUSD, where the letters do not."""


def venue_of(symbol: str, is_futures: bool) -> Venue:
    """Return the market of a symbol: PAIR_PERP, and contracts whose prices are in US dollars, are margined in coins."""
    contract = _CONTRACT.fullmatch(symbol)
    if contract is not None and (contract["expiry"] == "PERP" or quote_of(symbol) == "USD"):
        return BINANCE_COINM
    return BINANCE_USDM if is_futures or contract is not None else BINANCE


def quote_of(symbol: str) -> str:
    """Return the quote asset of a symbol, "" if it is unknown or if two of them fit alike."""
    contract = _CONTRACT.fullmatch(symbol)
    pair, quotes = (symbol, _QUOTES) if contract is None else (contract["pair"], _OF_CONTRACTS)
    bases = {quote: pair.removesuffix(quote) for quote in quotes if pair.endswith(quote) and pair != quote}
    if len(bases) > 1:
        known = {quote: base for quote, base in bases.items() if base in _BASES}
        bases = known or bases
    return next(iter(bases)) if len(bases) == 1 else ""
