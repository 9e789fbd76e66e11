"""Binance's exchange information: the instruments of a market, and how much may be asked of it.

Sources: Binance Spot API, "Exchange information", "Filters" (PRICE_FILTER, LOT_SIZE), "Limits"; USDⓈ-M and COIN-M
Futures API, "Exchange Information".
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Final

import msgspec
from msgspec import Struct, field

from hftlab.errors import DataError, SubscriptionFailed
from hftlab.instruments import UNIT, Instrument, Venue, find_instrument
from hftlab.nearest import describe_unknown
from hftlab.venues.binance.symbols import quote_of

__all__ = ["ExchangeInfo", "ServerTime", "decode_exchange_info", "listed_instruments", "request_weight_limit"]

_FINER: Final = 1_000
"""Part of the lot of new orders that books are kept in: older orders, of a time with a finer lot, rest in them."""
_FINEST: Final = UNIT // 10**8


class Filter(Struct, gc=False):
    """Filter of a symbol: the steps of its prices and sizes."""

    type: str = field(name="filterType", default="")
    tick: str | None = field(name="tickSize", default=None)
    step: str | None = field(name="stepSize", default=None)


class Listed(Struct, gc=False):
    """Symbol of a market."""

    symbol: str
    filters: list[Filter] = []
    quote: str = field(name="quoteAsset", default="")
    status: str = ""


class RateLimit(Struct, gc=False):
    """Limit of a market: `limit` of a kind in `number` intervals."""

    kind: str = field(name="rateLimitType", default="")
    interval: str = ""
    number: int = field(name="intervalNum", default=1)
    limit: int = 0


class ExchangeInfo(Struct, gc=False):
    """Answer of /api/v3/exchangeInfo, /fapi/v1/exchangeInfo or /dapi/v1/exchangeInfo."""

    symbols: list[Listed]
    limits: list[RateLimit] = field(name="rateLimits", default=[])


class ServerTime(Struct, gc=False):
    """Answer of /api/v3/time and its likes, in ms."""

    time: int = field(name="serverTime")


_info: Final = msgspec.json.Decoder(ExchangeInfo)


def decode_exchange_info(payload: bytes) -> ExchangeInfo:
    """Decode the answer of exchangeInfo. Raises DataError."""
    try:
        return _info.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"the exchange information cannot be read ({error}): check rest_url") from error


def listed_instruments(info: ExchangeInfo, symbols: Iterable[str], venue: Venue) -> tuple[Instrument, ...]:
    """Return the instruments of symbols, in their order.

    The tick is that of new orders; the lot is that which hftlab knows for the symbol, else a thousandth of that of new
    orders, but not below 1e-8. Raises SubscriptionFailed for symbols that the market does not have, and DataError for
    one without tick or lot.
    """
    listed = {one.symbol: one for one in info.symbols}
    wanted = list(symbols)
    unknown = [symbol for symbol in wanted if symbol not in listed]
    if unknown:
        raise SubscriptionFailed(
            f"{venue.name} does not list {describe_unknown(unknown, list(listed))}: name symbols as it does, such as "
            "BTCUSDT, or another market",
            context={"field": "symbols", "unknown": unknown},
        )
    return tuple(_instrument(listed[symbol], venue) for symbol in wanted)


def _instrument(one: Listed, venue: Venue) -> Instrument:
    tick = _step(one, "PRICE_FILTER", "tick")
    lot = _step(one, "LOT_SIZE", "step")
    known = find_instrument(one.symbol, venue)
    if known is not None and known.tick == tick:
        return known
    finer = max(lot // _FINER, 1) if lot % _FINER == 0 else 1
    return Instrument(one.symbol, venue, tick, min(lot, max(finer, _FINEST)), one.quote or quote_of(one.symbol))


def _step(one: Listed, kind: str, name: str) -> int:
    text = next((getattr(each, name) for each in one.filters if each.type == kind), None)
    try:
        step = Decimal(str(text)) * UNIT
        if step < 1 or step % 1:
            raise InvalidOperation
    except InvalidOperation:
        raise DataError(f"the exchange information of {one.symbol} has the {name} {text!r}: leave it out") from None
    return int(step)


def request_weight_limit(info: ExchangeInfo) -> int | None:
    """Return the weight of the requests that are allowed in a minute; None where the market does not say."""
    for one in info.limits:
        if one.kind == "REQUEST_WEIGHT" and one.interval == "MINUTE" and one.number > 0 and one.limit > 0:
            return one.limit // one.number
    return None
