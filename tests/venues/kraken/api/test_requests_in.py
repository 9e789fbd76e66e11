"""Requests by HTTP: what each path answers, and what is wrong with others."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hftlab.venues.kraken.api.requests_in import MarketRequests
from tests.batches import Row
from tests.venues.kraken.api.small_market import SmallMarket

NOW = 1_790_000_000_500_000_000


def asked(market: SmallMarket, target: str) -> Any:
    answer = MarketRequests(market.channels, lambda: NOW).answer(f"/0/public/{target}")
    assert answer is not None
    return json.loads(answer)


def test_the_time_is_that_of_the_recording() -> None:
    assert asked(SmallMarket(), "Time")["result"] == {
        "unixtime": 1_790_000_000,
        "rfc1123": "Mon, 21 Sep 26 14:13:20 +0000",
    }
    assert asked(SmallMarket(), "SystemStatus")["result"] == {"status": "online", "timestamp": "2026-09-21T14:13:20Z"}


def test_pairs_and_assets_have_their_names_and_decimals() -> None:
    (found,) = asked(SmallMarket(), "AssetPairs")["result"].items()
    name, pair = found
    assert name == "COINUSDT"
    expected = {"wsname": "COIN/USDT", "base": "COIN", "quote": "USDT", "pair_decimals": 2, "lot_decimals": 3}
    assert expected.items() <= pair.items()
    assert (pair["tick_size"], pair["ordermin"]) == ("0.01", "0.001")
    assert set(asked(SmallMarket(), "Assets?asset=COIN")["result"]) == {"COIN", "USDT"}


@pytest.mark.parametrize("name", ["COINUSDT", "COIN/USDT", "coinusdt", "COIN%2FUSDT"])
def test_a_pair_may_be_named_in_any_way(name: str) -> None:
    book = asked(SmallMarket(), f"Depth?pair={name}&count=1")["result"]["COINUSDT"]
    assert [level[:2] for level in book["bids"]] == [["99.00", "0.005"]]
    assert [level[:2] for level in book["asks"]] == [["100.00", "0.003"]]


def test_trades_and_tickers_are_those_so_far() -> None:
    market = SmallMarket()
    market.apply(Row("T", "B", 10_000, 2), Row("T", "A", 9_900, 1))
    trades = asked(market, "Trades?pair=COINUSDT")["result"]["COINUSDT"]
    assert [(one[0], one[1], one[3], one[6]) for one in trades] == [
        ("100.00", "0.002", "b", 5),
        ("99.00", "0.001", "s", 6),
    ]
    ticker = asked(market, "Ticker")["result"]["COINUSDT"]
    assert (ticker["a"], ticker["b"]) == (["100.00", "0", "0.003"], ["99.00", "0", "0.005"])
    assert (ticker["c"], ticker["t"], ticker["o"]) == (["99.00", "0.001"], [2, 2], "100.00")
    assert asked(SmallMarket(), "Ticker?pair=COINUSDT")["result"]["COINUSDT"]["t"] == [0, 0]


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("Nothing", "EGeneral:Unknown method"),
        ("", "EGeneral:Unknown method"),
        ("Depth", "EGeneral:Invalid arguments"),
        ("Depth?pair=", "EGeneral:Invalid arguments"),
        ("Depth?pair=NOPE", "EQuery:Unknown asset pair"),
        ("Depth?pair=COINUSDT&count=0", "EGeneral:Invalid arguments"),
        ("Depth?pair=COINUSDT&count=-1", "EGeneral:Invalid arguments"),
        ("Depth?pair=COINUSDT&count=x", "EGeneral:Invalid arguments"),
        ("AssetPairs?pair=COINUSDT,NOPE", "EQuery:Unknown asset pair"),
    ],
)
def test_what_is_wrong_is_said_as_kraken_does(target: str, error: str) -> None:
    assert asked(SmallMarket(), target) == {"error": [error]}


def test_without_a_book_there_is_an_error_and_before_it_the_first_one() -> None:
    market = SmallMarket(empty=True)
    assert asked(market, "Depth?pair=COINUSDT") == {"error": ["EService:Unavailable"]}
    other = SmallMarket()
    other.channels.recorded.note_first_books()
    market.channels.recorded.first_books = other.channels.recorded.first_books
    assert len(asked(market, "Depth?pair=COINUSDT&count=999999999999")["result"]["COINUSDT"]["bids"]) == 2


def test_other_paths_are_not_of_kraken() -> None:
    assert MarketRequests(SmallMarket().channels, lambda: NOW).answer("/api/v3/depth") is None
