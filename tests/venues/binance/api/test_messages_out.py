"""Messages field by field, in the order and the types of Binance's documentation."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from hftlab.venues.binance.api.aggregation import AggTrade
from hftlab.venues.binance.api.markets import COINM, SPOT, USDM, Market
from hftlab.venues.binance.api.messages_out import Writer, wrapped
from hftlab.venues.market_state.day_statistics import DayStatistics
from hftlab.venues.market_state.level_differences import Levels
from hftlab.venues.market_state.recorded_market import SymbolState, Trade
from tests.batches import COIN

pytestmark = pytest.mark.usefixtures("compiled")

MS = 1_000_000
BIDS = Levels(np.array([9_900]), np.array([5]))
ASKS = Levels(np.array([10_000]), np.array([0]))
NONE = Levels(np.empty(0, np.int64), np.empty(0, np.int64))
TRADE = Trade(31, 1_700 * MS, 10_000 * COIN.tick, 2, buyer_is_maker=True)
LATER = Trade(33, 1_800 * MS, 10_000 * COIN.tick, 5, buyer_is_maker=True)


def writer(market: Market, symbol: str = "COINUSDT") -> Writer:
    state = SymbolState(symbol, COIN)
    state.update_id, state.ts_event = 9, 1_700 * MS + 5
    return Writer(market, state)


def fields(payload: bytes) -> list[tuple[str, Any]]:
    return list(json.loads(payload).items())


def test_a_depth_update_of_spot() -> None:
    assert fields(writer(SPOT).depth_update(6, BIDS, ASKS)) == [
        ("e", "depthUpdate"),
        ("E", 1_700),
        ("s", "COINUSDT"),
        ("U", 7),
        ("u", 9),
        ("b", [["99.00000000", "0.00500000"]]),
        ("a", [["100.00000000", "0.00000000"]]),
    ]


def test_a_depth_update_of_futures_names_the_one_before() -> None:
    message = json.loads(writer(USDM).depth_update(6, BIDS, NONE))
    assert list(message) == ["e", "E", "T", "s", "U", "u", "pu", "b", "a"]
    assert (message["pu"], message["b"], message["a"]) == (6, [["99.00", "0.005"]], [])
    assert json.loads(writer(COINM, "COINUSD_PERP").depth_update(6, NONE, NONE))["ps"] == "COINUSD"


def test_a_partial_book() -> None:
    """Of spot it is a book without a name, of futures an update."""
    assert fields(writer(SPOT).partial_book(6, BIDS, ASKS))[:1] == [("lastUpdateId", 9)]
    assert json.loads(writer(USDM).partial_book(6, BIDS, ASKS))["e"] == "depthUpdate"


@pytest.mark.parametrize(
    ("market", "names"),
    [
        (SPOT, ["lastUpdateId", "bids", "asks"]),
        (USDM, ["lastUpdateId", "E", "T", "bids", "asks"]),
        (COINM, ["lastUpdateId", "symbol", "pair", "E", "T", "bids", "asks"]),
    ],
)
def test_an_answer_with_the_book(market: Market, names: list[str]) -> None:
    assert list(json.loads(writer(market).book(BIDS, ASKS))) == names


def test_a_book_ticker() -> None:
    assert fields(writer(SPOT).best(BIDS, NONE)) == [
        ("u", 9),
        ("s", "COINUSDT"),
        ("b", "99.00000000"),
        ("B", "0.00500000"),
        ("a", "0.00000000"),
        ("A", "0.00000000"),
    ]
    assert list(json.loads(writer(USDM).best(BIDS, NONE))) == ["e", "u", "s", "b", "B", "a", "A", "T", "E"]


def test_a_trade() -> None:
    assert fields(writer(SPOT).trade(TRADE)) == [
        ("e", "trade"),
        ("E", 1_700),
        ("s", "COINUSDT"),
        ("t", 31),
        ("p", "100.00000000"),
        ("q", "0.00200000"),
        ("T", 1_700),
        ("m", True),
        ("M", True),
    ]
    assert list(json.loads(writer(USDM).trade(TRADE))) == ["e", "E", "T", "s", "t", "p", "q", "X", "m"]


def test_trades_together() -> None:
    message = json.loads(writer(SPOT).agg_trade(AggTrade(TRADE, LATER, 7)))
    assert list(message) == ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"]
    assert [message[name] for name in "aqflT"] == [31, "0.00700000", 31, 33, 1_800]
    assert "M" not in json.loads(writer(USDM).agg_trade(AggTrade(TRADE, LATER, 7)))


def test_listed_trades() -> None:
    assert fields(writer(SPOT).listed_trade(TRADE)) == [
        ("id", 31),
        ("price", "100.00000000"),
        ("qty", "0.00200000"),
        ("quoteQty", "0.20000000"),
        ("time", 1_700),
        ("isBuyerMaker", True),
        ("isBestMatch", True),
    ]
    of_coins = json.loads(writer(COINM, "COINUSD_PERP").listed_trade(TRADE))
    assert of_coins["baseQty"] == "0.00020000"  # 0.002 contracts of 10 dollars at 100


def test_tickers() -> None:
    """Opened at 100, then twice as much at 50: a mean of 66.66, to the tick's decimals or eight."""
    statistics = DayStatistics()
    statistics.add([TRADE, Trade(34, 1_900 * MS, 5_000 * COIN.tick, 4, buyer_is_maker=False)])
    day = statistics.day(1_900 * MS)
    assert day is not None
    assert fields(writer(USDM).mini_ticker(day)) == [
        ("e", "24hrMiniTicker"),
        ("E", 1_900),
        ("s", "COINUSDT"),
        ("c", "50.00"),
        ("o", "100.00"),
        ("h", "100.00"),
        ("l", "50.00"),
        ("v", "0.006"),
        ("q", "0.40000000"),
    ]
    ticker = json.loads(writer(SPOT).ticker(day, BIDS, ASKS))
    assert (ticker["p"], ticker["P"], ticker["w"]) == ("-50.00000000", "-50.000", "66.66666666")
    assert (ticker["b"], ticker["n"], ticker["F"], ticker["L"]) == ("99.00000000", 2, 31, 34)
    assert "b" not in json.loads(writer(USDM).ticker(day, BIDS, ASKS))
    listed = json.loads(writer(SPOT).listed_day(day, BIDS, ASKS))
    assert (listed["priceChange"], listed["bidPrice"], listed["count"]) == ("-50.00000000", "99.00000000", 2)
    assert json.loads(writer(USDM).listed_best(BIDS, ASKS))["bidPrice"] == "99.00"


def test_a_combined_stream_wraps_the_message() -> None:
    assert json.loads(wrapped("a@trade", b'{"e":1}')) == {"stream": "a@trade", "data": {"e": 1}}
