"""List of the pairs and their assets, from which a client learns what there is to trade.

Sources: Kraken, "Spot WebSocket v2", `instrument`; REST "Get Tradable Asset Pairs" and "Get Asset Info".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from hftlab.venues.decimal_text import decimal_text
from hftlab.venues.kraken.api.pair_writer import PairWriter
from hftlab.venues.kraken.pair_name import asset_id

__all__ = ["asset_answers", "instrument_list", "pair_answers"]

_COST_DECIMALS: Final = 5
_ASSET_DECIMALS: Final = 10
_SHOWN_DECIMALS: Final = 5
_MONEY: Final = {"USD", "EUR", "GBP", "CHF", "AUD", "CAD", "JPY", "GBX"}
_MONEY_DECIMALS: Final = 4
_MONEY_SHOWN: Final = 2
_TAKER: Final = 0.26
_MAKER: Final = 0.16


def instrument_list(writers: Iterable[PairWriter]) -> bytes:
    """Return the snapshot of the channel `instrument`."""
    listed = list(writers)
    data = {"assets": [_asset(name) for name in _assets(listed)], "pairs": [_pair(writer) for writer in listed]}
    return json.dumps({"channel": "instrument", "type": "snapshot", "data": data}, separators=(",", ":")).encode()


def _assets(writers: Iterable[PairWriter]) -> list[str]:
    return list(dict.fromkeys(asset for writer in writers for asset in writer.name))


def _decimals(asset: str) -> tuple[int, int]:
    return (_MONEY_DECIMALS, _MONEY_SHOWN) if asset in _MONEY else (_ASSET_DECIMALS, _SHOWN_DECIMALS)


def _asset(asset: str) -> dict[str, Any]:
    decimals, shown = _decimals(asset)
    return {
        "id": asset,
        "status": "enabled",
        "precision": decimals,
        "precision_display": shown,
        "borrowable": False,
        "collateral_value": 0.0,
        "margin_rate": 0.0,
    }


def _pair(writer: PairWriter) -> dict[str, Any]:
    instrument = writer.state.instrument
    tick, lot = (float(Decimal(step).scaleb(-9)) for step in (instrument.tick, instrument.lot))
    return {
        "symbol": writer.name.symbol,
        "base": writer.name.base,
        "quote": writer.name.quote,
        "status": "online",
        "qty_precision": writer.size_decimals,
        "qty_increment": lot,
        "price_precision": writer.price_decimals,
        "cost_precision": _COST_DECIMALS,
        "marginable": False,
        "has_index": False,
        "cost_min": 0.0,
        "tick_size": tick,
        "price_increment": tick,
        "qty_min": lot,
    }


def pair_answers(writers: Iterable[PairWriter]) -> dict[str, Any]:
    """Return pairs by their names in answers, as the request AssetPairs does."""
    return {writer.name.id: _pair_answer(writer) for writer in writers}


def _pair_answer(writer: PairWriter) -> dict[str, Any]:
    name, instrument = writer.name, writer.state.instrument
    return {
        "altname": name.alt_name,
        "wsname": name.ws_name,
        "aclass_base": "currency",
        "base": asset_id(name.base),
        "aclass_quote": "currency",
        "quote": asset_id(name.quote),
        "lot": "unit",
        "cost_decimals": _COST_DECIMALS,
        "pair_decimals": writer.price_decimals,
        "lot_decimals": writer.size_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, _TAKER]],
        "fees_maker": [[0, _MAKER]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": writer.size(1),
        "costmin": "0",
        "tick_size": decimal_text(instrument.tick, writer.price_decimals),
        "status": "online",
    }


def asset_answers(writers: Iterable[PairWriter]) -> dict[str, Any]:
    """Return assets by their names in answers, as the request Assets does."""
    return {asset_id(asset): _asset_answer(asset) for asset in _assets(writers)}


def _asset_answer(asset: str) -> dict[str, Any]:
    decimals, shown = _decimals(asset)
    name = asset_id(asset)
    alt = name[1:] if len(name) == len("XXBT") and name[0] in "XZ" and name != asset else name
    return {"aclass": "currency", "altname": alt, "decimals": decimals, "display_decimals": shown, "status": "enabled"}
