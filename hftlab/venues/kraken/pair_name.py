"""Names of a pair in Kraken's interfaces, and the pair that a recorded symbol is of.

Source: Kraken, "Spot WebSocket v2" (BTC/USD), "Spot WebSocket v1" and REST "Get Tradable Asset Pairs" (wsname XBT/USD,
altname XBTUSD, XXBTZUSD): assets of the first years have an X or Z before their names, and Bitcoin and Dogecoin are XBT
and XDG everywhere but in v2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from hftlab.errors import ArgumentError, HftlabError
from hftlab.instruments import Instrument

__all__ = ["PairName", "asset_id", "checked_symbol", "pair_of", "pairs_of"]

_OLD_NAMES: Final = {"BTC": "XBT", "DOGE": "XDG"}
_NEW_NAMES: Final = {old: new for new, old in _OLD_NAMES.items()}
_X: Final = ("XBT", "ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC", "REP", "MLN", "XDG")
_Z: Final = ("USD", "EUR", "GBP", "CAD", "JPY", "AUD")
_PREFIXED: Final = {name: f"X{name}" for name in _X} | {name: f"Z{name}" for name in _Z}
_PLAIN: Final = {long: name for name, long in _PREFIXED.items()}
_PREFIXED_PAIR: Final = re.compile(rf"(X(?:{'|'.join(_X)}))((?:X(?:{'|'.join(_X)}))|Z(?:{'|'.join(_Z)}))")
_QUOTES: Final = ("USDT", "USDC", "USD", "EUR", "GBP", "CHF", "AUD", "CAD", "JPY", "DAI", "XBT", "BTC", "ETH")
_SEPARATOR: Final = re.compile(r"[/_-]")
_NOT_IN_ASSET: Final = re.compile(r"[^A-Z0-9.]")
_ANY_QUOTE: Final = "USD"


class PairName(NamedTuple):
    """Base and quote asset of a pair, as the API v2 names them."""

    base: str
    quote: str

    @property
    def symbol(self) -> str:
        """Symbol of the API v2, such as BTC/USD."""
        return f"{self.base}/{self.quote}"

    @property
    def ws_name(self) -> str:
        """Symbol of the API v1, such as XBT/USD."""
        return f"{_old(self.base)}/{_old(self.quote)}"

    @property
    def alt_name(self) -> str:
        """Short name of the requests, such as XBTUSD."""
        return f"{_old(self.base)}{_old(self.quote)}"

    @property
    def id(self) -> str:
        """Name of the answers to requests, such as XXBTZUSD: with the prefixes where both assets have one."""
        ids = asset_id(self.base), asset_id(self.quote)
        return "".join(ids) if all(one in _PLAIN for one in ids) else self.alt_name


def _old(asset: str) -> str:
    return _OLD_NAMES.get(asset, asset)


def asset_id(asset: str) -> str:
    """Return the name of an asset in the answers to requests: XXBT for BTC, ZUSD for USD, ADA for ADA."""
    return _PREFIXED.get(_old(asset), _old(asset))


def pair_of(instrument: Instrument) -> PairName:
    """Return the pair that an instrument's symbol is of.

    BTC/USD, XBT/USD, BTC-USD and BTC_USD are split at their sign, XXBTZUSD at its prefixes. BTCUSDT is split before
    the instrument's currency, or before an asset that prices are often in. Any other symbol is a base: AAPL becomes
    AAPL/USD, and AAPL:NYSE AAPL.NYSE/USD. Raises HftlabError for a symbol that leaves nothing of a name.
    """
    text = instrument.symbol.upper()
    base, quote = _split(text, instrument.currency.upper())
    venue = "" if instrument.primary else f".{instrument.venue.name}"
    name = PairName(_asset(f"{base}{venue}"), _asset(quote))
    if not name.base.strip(".") or not name.quote.strip("."):
        raise HftlabError(f"{instrument.wire_symbol} has no name in Kraken's wire, whose assets are A to Z and 0 to 9")
    return name


def _split(text: str, currency: str) -> tuple[str, str]:
    parts = _SEPARATOR.split(text)
    if len(parts) == 2 and all(parts):
        return parts[0], parts[1]
    prefixed = _PREFIXED_PAIR.fullmatch(text)
    if prefixed is not None:
        return prefixed[1], prefixed[2]
    for quote in (currency, *_QUOTES):
        if quote and text.endswith(quote) and text != quote:
            return text.removesuffix(quote), quote
    return text, currency or _ANY_QUOTE


def _asset(text: str) -> str:
    name = _NOT_IN_ASSET.sub("", text)
    name = _PLAIN.get(name, name)
    return _NEW_NAMES.get(name, name)


def pairs_of(instruments: Iterable[Instrument]) -> dict[PairName, Instrument]:
    """Name instruments. Raises HftlabError if two have one name."""
    named: dict[PairName, Instrument] = {}
    for instrument in instruments:
        name = pair_of(instrument)
        if name in named:
            both = f"{named[name].wire_symbol} and {instrument.wire_symbol}"
            raise HftlabError(f"{both} are both {name.symbol} in Kraken's wire: serve a recording that has one of them")
        named[name] = instrument
    return named


def checked_symbol(name: str) -> str:
    """Return a pair's symbol in the API v2: XBT/USD and btc/usd are BTC/USD.

    Names in small letters are put into capitals; AAPLx/USD is left as it is. Raises ArgumentError for a name without
    its slash, which says the nearest one.
    """
    whole = name.upper() if name == name.lower() else name
    parts = whole.split("/")
    if len(parts) == 2 and all(parts):
        return PairName(*(_NEW_NAMES.get(part, part) for part in parts)).symbol
    nearest = None if "/" in whole else PairName(*map(_asset, _split(whole.upper(), ""))).symbol
    error = ArgumentError(f"{name!r} is not a pair of Kraken's: give base/quote, such as {nearest or 'BTC/USD'!r}")
    raise error if nearest is None else error.advise(instead={name: repr(nearest)})
