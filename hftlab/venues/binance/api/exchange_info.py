"""The list of a market's symbols with their rules, from which a client learns what there is to trade.

Sources: Binance Spot API, "Exchange information" and "Filters"; USDⓈ-M and COIN-M Futures API, "Exchange Information".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from hftlab.instruments import Instrument
from hftlab.venues.binance.api.level_text import NumberForm
from hftlab.venues.binance.api.markets import Market, contract_size
from hftlab.venues.binance.api.messages_out import Writer
from hftlab.venues.binance.symbols import quote_of

__all__ = ["exchange_info"]

_LARGEST: Final = 9_000_000_000
"""Largest whole price and size of the filters: what hftlab's integers of 1e-9 hold."""
_PRECISION: Final = 8
_NO_DELIVERY: Final = 4_133_404_800_000
"""Delivery date (ms) of a perpetual contract."""
_ONBOARDED: Final = 1_569_398_400_000
_EXPIRY: Final = re.compile(r"_(\d{6})")
_DELIVERY_HOUR: Final = 8
_ORDER_TYPES: Final = {
    True: ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET"],
    False: ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS_LIMIT", "TAKE_PROFIT_LIMIT"],
}


def exchange_info(market: Market, writers: Iterable[Writer], now: int, weight: int) -> bytes:
    """Return the answer for some symbols; `now` is in ms, `weight` the limit of a minute."""
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": weight}
    info: dict[str, Any] = {
        "timezone": "UTC",
        "serverTime": now,
        "rateLimits": [limit],
        "exchangeFilters": [],
        "symbols": [_symbol(market, writer) for writer in writers],
    }
    if market.name == "usdm":
        info |= {"futuresType": "U_MARGINED", "assets": []}
    return json.dumps(info).encode()


def _symbol(market: Market, writer: Writer) -> dict[str, Any]:
    symbol, instrument, form = writer.state.symbol, writer.state.instrument, writer.form
    base, quote = _assets(symbol, instrument)
    common = {
        "symbol": symbol,
        "baseAsset": base,
        "quoteAsset": quote,
        "baseAssetPrecision": _PRECISION,
        "quotePrecision": _PRECISION,
        "orderTypes": _ORDER_TYPES[market.is_futures],
        "filters": _filters(form),
    }
    return common | (_contract(market, symbol, base, quote, form) if market.is_futures else _pair())


def _pair() -> dict[str, Any]:
    """Return what a pair of spot has besides."""
    return {
        "status": "TRADING",
        "quoteAssetPrecision": _PRECISION,
        "baseCommissionPrecision": _PRECISION,
        "quoteCommissionPrecision": _PRECISION,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
    }


def _contract(market: Market, symbol: str, base: str, quote: str, form: NumberForm) -> dict[str, Any]:
    """Return what a contract has besides."""
    expiry = _EXPIRY.search(symbol)
    delivery = _NO_DELIVERY if expiry is None else _delivery(expiry[1])
    is_coinm = market.name == "coinm"
    return {
        "pair": symbol.partition("_")[0],
        "contractType": "PERPETUAL" if expiry is None else "CURRENT_QUARTER",
        "deliveryDate": delivery,
        "onboardDate": _ONBOARDED,
        "contractStatus" if is_coinm else "status": "TRADING",
        "marginAsset": base if is_coinm else quote,
        "pricePrecision": form.price_decimals,
        "quantityPrecision": form.size_decimals,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "triggerProtect": "0.0500",
        "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
    } | ({"contractSize": contract_size(symbol)} if is_coinm else {})


def _delivery(yymmdd: str) -> int:
    day = datetime.strptime(yymmdd, "%y%m%d").replace(hour=_DELIVERY_HOUR, tzinfo=UTC)
    return int(day.timestamp()) * 1000


def _assets(symbol: str, instrument: Instrument) -> tuple[str, str]:
    """Return base and quote asset of a symbol."""
    pair = symbol.partition("_")[0]
    quote = quote_of(symbol) or instrument.currency or "USD"
    base = pair.removesuffix(quote)
    return base or pair, quote


def _filters(form: NumberForm) -> list[dict[str, Any]]:
    price, size = form.price, form.size
    tick, most = price(form.instrument.tick), f"{_LARGEST}.{'0' * form.price_decimals}".rstrip(".")
    most_size = f"{_LARGEST}.{'0' * form.size_decimals}".rstrip(".")
    return [
        {"filterType": "PRICE_FILTER", "minPrice": tick, "maxPrice": most, "tickSize": tick},
        {"filterType": "LOT_SIZE", "minQty": size(1), "maxQty": most_size, "stepSize": size(1)},
        {"filterType": "MARKET_LOT_SIZE", "minQty": size(1), "maxQty": most_size, "stepSize": size(1)},
    ]
