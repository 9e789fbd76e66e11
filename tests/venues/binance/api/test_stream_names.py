"""Names of streams, as Binance's documentation lists them."""

from __future__ import annotations

import pytest

from hftlab.venues.binance.api.markets import COINM, SPOT, USDM, Market
from hftlab.venues.binance.api.stream_names import Route, StreamKind, StreamName, parse_stream

SYMBOLS = {"BTCUSDT", "BTCUSD_PERP"}
MS = 1_000_000


@pytest.mark.parametrize(
    ("market", "name", "kind", "levels", "interval"),
    [
        (SPOT, "btcusdt@depth", StreamKind.DEPTH, 0, 1000),
        (SPOT, "btcusdt@depth@100ms", StreamKind.DEPTH, 0, 100),
        (SPOT, "btcusdt@depth@1000ms", StreamKind.DEPTH, 0, 1000),
        (USDM, "btcusdt@depth", StreamKind.DEPTH, 0, 250),
        (USDM, "btcusdt@depth@0ms", StreamKind.DEPTH, 0, 0),
        (USDM, "btcusdt@depth@500ms", StreamKind.DEPTH, 0, 500),
        (SPOT, "btcusdt@depth5", StreamKind.PARTIAL_DEPTH, 5, 1000),
        (SPOT, "btcusdt@depth20@100ms", StreamKind.PARTIAL_DEPTH, 20, 100),
        (COINM, "btcusd_perp@depth10@250ms", StreamKind.PARTIAL_DEPTH, 10, 250),
        (SPOT, "btcusdt@trade", StreamKind.TRADE, 0, 0),
        (SPOT, "btcusdt@aggTrade", StreamKind.AGG_TRADE, 0, 0),
        (SPOT, "btcusdt@bookTicker", StreamKind.BOOK_TICKER, 0, 0),
        (SPOT, "btcusdt@ticker", StreamKind.TICKER, 0, 1000),
        (USDM, "btcusdt@miniTicker", StreamKind.MINI_TICKER, 0, 1000),
        (USDM, "btcusdt@markPrice@1s", StreamKind.UNRECORDED, 0, 0),
        (SPOT, "btcusdt@kline_1m", StreamKind.UNRECORDED, 0, 0),
    ],
)
def test_a_name_says_what_it_asks_for(market: Market, name: str, kind: StreamKind, levels: int, interval: int) -> None:
    symbol = name.partition("@")[0].upper()
    assert parse_stream(name, market, SYMBOLS) == StreamName(name, kind, symbol, levels, interval * MS)


@pytest.mark.parametrize(
    ("market", "name"),
    [
        (SPOT, "btcusdt"),
        (SPOT, "btcusdt@"),
        (SPOT, "BTCUSDT@trade"),
        (SPOT, "ethusdt@trade"),
        (SPOT, "btcusdt@trades"),
        (SPOT, "btcusdt@trade@100ms"),
        (SPOT, "btcusdt@depth@250ms"),
        (USDM, "btcusdt@depth@1000ms"),
        (SPOT, "btcusdt@depth7"),
        (SPOT, "btcusdt@depth05"),
        (SPOT, "btcusdt@depth\u0665"),
        (SPOT, f"btcusdt@depth{'5' * 5000}"),
        (SPOT, "btcusdt@depth@100ms@100ms"),
        (SPOT, "!bookTicker"),
        (USDM, "!trade"),
        (SPOT, ""),
    ],
)
def test_another_name_is_none(market: Market, name: str) -> None:
    assert parse_stream(name, market, SYMBOLS) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("!bookTicker", StreamKind.BOOK_TICKER),
        ("!ticker@arr", StreamKind.TICKER),
        ("!miniTicker@arr", StreamKind.MINI_TICKER),
        ("!forceOrder@arr", StreamKind.UNRECORDED),
    ],
)
def test_a_stream_of_all_symbols_has_none(name: str, kind: StreamKind) -> None:
    stream = parse_stream(name, USDM, SYMBOLS)
    assert stream is not None
    assert (stream.kind, stream.symbol) == (kind, None)


@pytest.mark.parametrize(
    ("name", "route"),
    [
        ("btcusdt@depth@100ms", Route.PUBLIC),
        ("btcusdt@depth5", Route.PUBLIC),
        ("btcusdt@bookTicker", Route.PUBLIC),
        ("btcusdt@trade", Route.PUBLIC),
        ("btcusdt@aggTrade", Route.MARKET),
        ("btcusdt@ticker", Route.MARKET),
        ("btcusdt@markPrice", Route.MARKET),
    ],
)
def test_a_stream_is_on_one_route_and_on_that_without_a_name(name: str, route: Route) -> None:
    stream = parse_stream(name, USDM, SYMBOLS)
    assert stream is not None
    assert [one for one in Route if stream.is_on(one)] == [Route.NONE, route]
