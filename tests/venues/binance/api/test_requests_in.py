"""Requests by HTTP and their answers."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from hftlab.venues.binance.api.markets import COINM, SPOT, USDM, Market
from hftlab.venues.binance.api.requests_in import Answer, MarketRequests
from tests.batches import Row
from tests.venues.binance.api.markets import SmallMarket

pytestmark = pytest.mark.usefixtures("compiled")


class Client:
    """Asks a small market with two trades."""

    def __init__(self, wire: Market = SPOT, weight: int = 10**9) -> None:
        self.market = SmallMarket(wire)
        self.market.apply(Row("T", "B", 10_000, 1), Row("T", "B", 10_000, 2), at=1_700)
        self.market.apply(Row("T", "A", 9_900, 4), at=1_800)
        self.requests = MarketRequests(self.market.streams, lambda: 1_723_000_000_000_000_000, weight)

    def get(self, path: str, now: float = 0.0) -> Answer:
        answer = self.requests.answer(f"{self.market.market.rest}{path}", "127.0.0.1", now)
        assert answer is not None
        return answer

    def json(self, path: str) -> Any:
        answer = self.get(path)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)

    def error(self, path: str) -> tuple[int, int]:
        answer = self.get(path)
        return answer.status, json.loads(answer.body)["code"]


@pytest.mark.parametrize("wire", [SPOT, USDM, COINM])
def test_ping_and_time(wire: Market) -> None:
    """The time is that of the recording."""
    client = Client(wire)
    assert client.json("/ping") == {}
    assert client.json("/time") == {"serverTime": 1_723_000_000_000}


def test_a_target_of_another_path_is_none_of_its_business() -> None:
    assert Client().requests.answer("/fapi/v1/ping", "", 0) is None
    assert Client().requests.answer("/health", "", 0) is None


class TestDepth:
    def test_it_is_the_book_with_its_id(self) -> None:
        book = Client().json("/depth?symbol=COIN")
        assert book["lastUpdateId"] == 4
        assert book["bids"] == [["99.00000000", "0.00500000"], ["98.00000000", "0.00700000"]]
        assert Client().json("/depth?symbol=COIN&limit=1")["bids"] == book["bids"][:1]

    @pytest.mark.parametrize(
        ("wire", "path", "error"),
        [
            (SPOT, "/depth", (400, -1102)),
            (SPOT, "/depth?symbol=", (400, -1105)),
            (SPOT, "/depth?symbol=NONE", (400, -1121)),
            (SPOT, "/depth?symbol=coin", (400, -1100)),
            (SPOT, "/depth?symbol=COIN&limit=", (400, -1105)),
            (SPOT, "/depth?symbol=COIN&limit=x", (400, -1100)),
            (SPOT, "/depth?symbol=COIN&limit=-1", (400, -1100)),
            (USDM, "/depth?symbol=COIN&limit=7", (400, -4021)),
            (SPOT, "/klines?symbol=COIN", (404, -1000)),
        ],
    )
    def test_bad_requests(self, wire: Market, path: str, error: tuple[int, int]) -> None:
        assert Client(wire).error(path) == error

    def test_there_is_none_in_a_gap(self) -> None:
        client = Client()
        client.market.apply(Row("R"))
        assert client.error("/depth?symbol=COIN") == (503, -1001)

    def test_before_the_first_book_it_is_that_one(self) -> None:
        """A client may ask before it subscribes, which starts the replay."""
        client = Client()
        client.market.recorded.note_first_books()
        client.market.recorded.restore(None)
        assert client.json("/depth?symbol=COIN&limit=1")["bids"] == [["99.00000000", "0.00500000"]]
        assert client.json("/depth?symbol=COIN")["lastUpdateId"] == 4

    @pytest.mark.parametrize(
        ("wire", "limit", "weight"),
        [
            (SPOT, "", 5),
            (SPOT, "&limit=100", 5),
            (SPOT, "&limit=101", 25),
            (SPOT, "&limit=501", 50),
            (SPOT, "&limit=9999", 250),
            (USDM, "", 10),
            (USDM, "&limit=50", 2),
            (USDM, "&limit=100", 5),
            (USDM, "&limit=1000", 20),
        ],
    )
    def test_it_weighs_what_binance_says(self, wire: Market, limit: str, weight: int) -> None:
        assert Client(wire).get(f"/depth?symbol=COIN{limit}").used_weight == weight


class TestTrades:
    def test_the_last_ones_come_oldest_first(self) -> None:
        assert [one["id"] for one in Client().json("/trades?symbol=COIN")] == [5, 6, 7]
        assert [one["id"] for one in Client().json("/trades?symbol=COIN&limit=2")] == [6, 7]

    @pytest.mark.parametrize(
        ("query", "firsts"),
        [
            ("", [5, 7]),
            ("&limit=1", [7]),
            ("&fromId=6", [7]),
            ("&fromId=1&limit=1", [5]),
            ("&startTime=1701", [7]),
            ("&endTime=1799", [5]),
        ],
    )
    def test_those_of_one_order_are_one(self, query: str, firsts: list[int]) -> None:
        found = Client().json(f"/aggTrades?symbol=COIN{query}")
        assert [one["a"] for one in found] == firsts

    def test_their_sizes_add_up(self) -> None:
        assert [one["q"] for one in Client().json("/aggTrades?symbol=COIN")] == ["0.00300000", "0.00400000"]


class TestTickers:
    def test_the_last_price(self) -> None:
        assert Client().json("/ticker/price?symbol=COIN") == {"symbol": "COIN", "price": "99.00000000"}
        assert Client(USDM).json("/ticker/price") == [{"symbol": "COIN", "price": "99.00", "time": 1_800}]

    def test_the_best_bid_and_offer(self) -> None:
        assert Client().json("/ticker/bookTicker?symbol=COIN")["askPrice"] == "100.00000000"
        named = quote('["COIN"]')
        assert [one["symbol"] for one in Client().json(f"/ticker/bookTicker?symbols={named}")] == ["COIN"]
        assert [one["symbol"] for one in Client(COINM).json("/ticker/bookTicker?symbol=COIN")] == ["COIN"]

    def test_the_statistics_of_the_day(self) -> None:
        assert Client().json("/ticker/24hr?symbol=COIN")["count"] == 3

    def test_symbols_that_are_not_a_list_are_an_error(self) -> None:
        assert Client().error("/ticker/price?symbols=COIN") == (400, -1100)

    def test_a_symbol_without_trades_has_no_price(self) -> None:
        client = Client()
        client.market.recorded.restore(None)
        assert client.error("/ticker/price?symbol=COIN") == (503, -1001)
        assert client.json("/ticker/price") == []
        assert client.json("/ticker/24hr") == []
        assert client.json("/ticker/bookTicker") == []


def test_the_list_of_symbols() -> None:
    assert [one["symbol"] for one in Client().json("/exchangeInfo")["symbols"]] == ["COIN"]
    assert Client().error("/exchangeInfo?symbol=NONE") == (400, -1121)
    named = quote('["COIN"]')
    assert Client().error(f"/exchangeInfo?symbol=COIN&symbols={named}") == (400, -1128)


def test_an_address_that_has_spent_its_weight_waits_for_the_next_minute() -> None:
    client = Client(weight=40)
    assert [client.get("/exchangeInfo", now=65.0).used_weight for _ in range(2)] == [20, 40]
    answer = client.get("/ping", now=70.0)
    assert (answer.status, json.loads(answer.body)["code"], answer.retry_after) == (429, -1003, 50)
    assert client.get("/ping", now=121.0).status == 200
