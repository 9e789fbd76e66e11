from __future__ import annotations

import json

import pytest

from hftlab.errors import DataError, SubscriptionFailed
from hftlab.instruments import BINANCE, UNIT, find_instrument
from hftlab.venues.binance.exchange_info import decode_exchange_info, listed_instruments, request_weight_limit


def info(*symbols: tuple[str, str, str], limits: list[dict[str, object]] | None = None) -> bytes:
    listed = [
        {
            "symbol": symbol,
            "quoteAsset": "USDT",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "tickSize": tick},
                {"filterType": "LOT_SIZE", "stepSize": step},
                {"filterType": "ICEBERG_PARTS", "limit": 10},
            ],
        }
        for symbol, tick, step in symbols
    ]
    return json.dumps({"symbols": listed, "rateLimits": limits or []}).encode()


class TestInstruments:
    @pytest.mark.parametrize(
        ("tick", "step", "lot"),
        [("0.01000000", "0.00001000", 10), ("0.00000001", "1.00000000", UNIT // 1000), ("0.1", "0.00000001", 10)],
    )
    def test_have_the_venues_tick_and_a_lot_that_older_orders_fit(self, tick: str, step: str, lot: int) -> None:
        (one,) = listed_instruments(decode_exchange_info(info(("NEWUSDT", tick, step))), ["NEWUSDT"], BINANCE)
        assert one.tick == round(float(tick) * UNIT)
        assert one.lot == lot
        assert one.currency == "USDT"

    def test_a_known_one_is_the_known_one(self) -> None:
        """So that a live recording and an import of its raw frames have the same units."""
        listed = decode_exchange_info(info(("BTCUSDT", "0.01", "0.00001")))
        assert listed_instruments(listed, ["BTCUSDT"], BINANCE) == (find_instrument("BTCUSDT", BINANCE),)

    def test_an_unknown_symbol_is_named(self) -> None:
        listed = decode_exchange_info(info(("BTCUSDT", "0.01", "0.00001")))
        with pytest.raises(SubscriptionFailed, match="does not list 'BTCUSD' \\(nearest: 'BTCUSDT'\\)"):
            listed_instruments(listed, ["BTCUSD"], BINANCE)

    @pytest.mark.parametrize("tick", ["0", "x", "0.00000000001"])
    def test_an_impossible_tick_is_named(self, tick: str) -> None:
        listed = decode_exchange_info(info(("AUSDT", tick, "1")))
        with pytest.raises(DataError, match=f"AUSDT has the tick '{tick}'"):
            listed_instruments(listed, ["AUSDT"], BINANCE)

    def test_what_is_no_exchange_information_is_an_error(self) -> None:
        with pytest.raises(DataError, match="cannot be read"):
            decode_exchange_info(b"<html>")


class TestLimits:
    def test_the_weight_of_a_minute(self) -> None:
        limits: list[dict[str, object]] = [
            {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 10},
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 2, "limit": 6000},
        ]
        assert request_weight_limit(decode_exchange_info(info(limits=limits))) == 3000
        assert request_weight_limit(decode_exchange_info(info())) is None
