from __future__ import annotations

import json
from itertools import pairwise

import pytest

from hftlab.feeds.binance.markets import MARKETS
from hftlab.feeds.binance.streams import subscriptions


class TestSubscriptions:
    def test_names_are_lower_case(self) -> None:
        (one,) = subscriptions(MARKETS["spot"], ["BTCUSDT"], "100ms")
        assert one.symbols == ("BTCUSDT",)
        assert one.streams == ("btcusdt@depth@100ms", "btcusdt@trade", "btcusdt@bookTicker")

    @pytest.mark.parametrize(("market", "speed"), [("spot", "1000ms"), ("usdm", "250ms")])
    def test_the_default_speed_has_no_name(self, market: str, speed: str) -> None:
        (one,) = subscriptions(MARKETS[market], ["BTCUSDT"], speed, tickers=False)
        assert one.streams == ("btcusdt@depth", "btcusdt@trade")

    @pytest.mark.parametrize("count", [1, 66, 67, 341, 342, 1000])
    @pytest.mark.parametrize("name", ["spot", "usdm", "coinm"])
    def test_no_connection_has_more_than_the_limit(self, name: str, count: int) -> None:
        """Every symbol is on one connection with all of its streams, and the connections are about equal."""
        market, symbols = MARKETS[name], [f"S{number}" for number in range(count)]
        parts = subscriptions(market, symbols, "100ms")
        assert [symbol for part in parts for symbol in part.symbols] == symbols
        assert all(len(part.streams) == 3 * len(part.symbols) <= market.streams for part in parts)
        assert all(abs(len(a.symbols) - len(b.symbols)) <= len(parts) for a, b in pairwise(parts))

    def test_requests_name_some_streams_each(self) -> None:
        (one,) = subscriptions(MARKETS["spot"], [f"S{number}" for number in range(300)], "100ms")
        requests = [(number, json.loads(text)) for number, text in one.requests()]
        assert [number for number, _ in requests] == [request["id"] for _, request in requests] == list(range(1, 10))
        assert [stream for _, request in requests for stream in request["params"]] == list(one.streams)
        assert {request["method"] for _, request in requests} == {"SUBSCRIBE"}


class TestMarkets:
    @pytest.mark.parametrize(
        ("name", "levels", "weight"),
        [("spot", 100, 5), ("spot", 1000, 50), ("spot", 5000, 250), ("usdm", 50, 2), ("usdm", 1000, 20)],
    )
    def test_a_snapshot_has_its_weight(self, name: str, levels: int, weight: int) -> None:
        assert MARKETS[name].depth_weight(levels) == weight
