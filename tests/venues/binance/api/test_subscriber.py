"""A connection's messages and their answers, as Binance documents them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hftlab.venues.binance.api.markets import SPOT, USDM, Market
from hftlab.venues.binance.api.stream_names import MICROSECOND, MILLISECOND, Route
from hftlab.venues.binance.api.subscriber import POLICY, Subscriber

SYMBOLS = {"BTCUSDT", "ETHUSDT"}


def subscriber(path: str = "/ws", market: Market = SPOT, most: int = 10**9) -> Subscriber:
    return Subscriber(market, Route.NONE, SYMBOLS, path, most=most)


def asked(one: Subscriber, **request: Any) -> Any:
    answer = one.receive(json.dumps(request), now=0)
    assert answer is not None
    return json.loads(answer)


class TestPath:
    @pytest.mark.parametrize(
        ("path", "streams", "combined"),
        [
            ("/ws", [], False),
            ("/ws/", [], False),
            ("/ws/btcusdt@trade", ["btcusdt@trade"], False),
            ("/ws/btcusdt@trade/ethusdt@depth@100ms", ["btcusdt@trade", "ethusdt@depth@100ms"], False),
            ("/ws/btcusdt%40trade", ["btcusdt@trade"], False),
            ("/stream", [], True),
            ("/stream?streams=btcusdt@trade/ethusdt@trade", ["btcusdt@trade", "ethusdt@trade"], True),
            ("/stream?streams=btcusdt@trade/btcusdt@trade", ["btcusdt@trade"], True),
            ("/ws/nosuch@trade/1", [], False),
        ],
    )
    def test_it_names_streams(self, path: str, streams: list[str], combined: bool) -> None:
        one = subscriber(path)
        assert (list(one.streams), one.combined) == (streams, combined)
        assert [stream.text for stream in one.take_changed()] == streams
        assert one.take_changed() == []

    @pytest.mark.parametrize(
        ("path", "market", "unit"),
        [
            ("/ws/btcusdt@trade", SPOT, MILLISECOND),
            ("/ws/btcusdt@trade?timeUnit=MICROSECOND", SPOT, MICROSECOND),
            ("/stream?streams=btcusdt@trade&timeUnit=microsecond", SPOT, MICROSECOND),
            ("/stream?timeUnit=MICROSECOND&streams=btcusdt@trade", SPOT, MICROSECOND),
            ("/ws/btcusdt@trade?timeUnit=NANOSECOND", SPOT, MILLISECOND),
            ("/ws/btcusdt@trade?timeUnit=MICROSECOND", USDM, MILLISECOND),
        ],
    )
    def test_it_says_the_unit_of_times(self, path: str, market: Market, unit: int) -> None:
        """Of the streams in it, and of those that are subscribed to later."""
        one = subscriber(path, market)
        asked(one, method="SUBSCRIBE", params=["ethusdt@trade"], id=1)
        assert [stream.time_unit for stream in one.take_changed()] == [unit, unit]


class TestMethods:
    def test_subscribing_and_unsubscribing(self) -> None:
        one = subscriber()
        names = ["btcusdt@trade", "ethusdt@depth"]
        assert asked(one, method="SUBSCRIBE", params=names, id=7) == {"result": None, "id": 7}
        assert [stream.text for stream in one.take_changed()] == names
        assert asked(one, method="LIST_SUBSCRIPTIONS", id="list-1") == {"result": names, "id": "list-1"}
        assert asked(one, method="UNSUBSCRIBE", params=[names[0], "btcusdt@depth"], id=None) == {
            "result": None,
            "id": None,
        }
        assert [stream.text for stream in one.take_changed()] == names[:1]
        assert list(one.streams) == names[1:]

    def test_the_same_twice_is_once(self) -> None:
        one = subscriber("/ws/btcusdt@trade")
        one.take_changed()
        asked(one, method="SUBSCRIBE", params=["btcusdt@trade"], id=1)
        assert one.take_changed() == []

    def test_the_form_of_combined_streams_can_be_set(self) -> None:
        one = subscriber("/ws/btcusdt@trade")
        one.take_changed()
        assert asked(one, method="GET_PROPERTY", params=["combined"], id=1)["result"] is False
        assert asked(one, method="SET_PROPERTY", params=["combined", True], id=2)["result"] is None
        assert asked(one, method="GET_PROPERTY", params=["combined"], id=3)["result"] is True
        assert [stream.text for stream in one.take_changed()] == ["btcusdt@trade"]
        asked(one, method="SET_PROPERTY", params=["combined", True], id=4)
        assert one.take_changed() == []


class TestErrors:
    @pytest.mark.parametrize(
        ("request_", "code", "text"),
        [
            ({"method": "SUBSCRIBE", "params": ["btcusdt@nothing"]}, 2, "invalid stream btcusdt@nothing"),
            ({"method": "SUBSCRIBE", "params": ["xrpusdt@trade"]}, 2, "invalid stream"),
            ({"method": "SUBSCRIBE", "params": "btcusdt@trade"}, 2, "params must be an array"),
            ({"method": "SUBSCRIBE"}, 2, "params must be an array"),
            ({"method": "SUBSCRIBE", "params": [1]}, 2, "params must be an array"),
            ({"method": "subscribe", "params": []}, 2, "unknown variant `subscribe`, expected one of `SUBSCRIBE`"),
            ({"params": []}, 2, "missing field `method`"),
            ({"method": "GET_PROPERTY", "params": ["depth"]}, 0, "Unknown property"),
            ({"method": "GET_PROPERTY", "params": [1]}, 2, "property name must be a string"),
            ({"method": "GET_PROPERTY", "params": ["combined", 1]}, 2, "too many parameters"),
            ({"method": "SET_PROPERTY", "params": ["combined", 1]}, 1, "expected Boolean"),
            ({"method": "SET_PROPERTY", "params": ["combined"]}, 1, "expected Boolean"),
        ],
    )
    def test_a_bad_request_gets_its_code(self, request_: dict[str, Any], code: int, text: str) -> None:
        answer = asked(subscriber(), id=9, **request_)
        assert (answer["error"]["code"], answer["id"]) == (code, 9)
        assert text in answer["error"]["msg"]

    @pytest.mark.parametrize("data", ["{", "", b"\xff", "[" * 5000])
    def test_what_is_not_json_gets_code_3(self, data: str | bytes) -> None:
        answer = subscriber().receive(data, now=0)
        assert answer is not None
        assert json.loads(answer)["error"]["code"] == 3

    def test_json_that_is_not_an_object_gets_code_3(self) -> None:
        answer = subscriber().receive("[1]", now=0)
        assert answer is not None
        assert json.loads(answer)["error"]["code"] == 3

    @pytest.mark.parametrize("bad", [1.5, True, [], "x" * 37, 2**63, "a b"])
    def test_an_id_of_another_kind_is_an_error_without_one(self, bad: Any) -> None:
        answer = asked(subscriber(), method="LIST_SUBSCRIPTIONS", id=bad)
        assert answer["error"]["code"] == 2
        assert "id" not in answer

    def test_a_bad_name_among_good_ones_subscribes_to_none(self) -> None:
        one = subscriber()
        asked(one, method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@nothing"], id=1)
        assert one.streams == {}


class TestLimits:
    @pytest.mark.parametrize(("market", "most"), [(SPOT, 1024), (USDM, 200)])
    def test_a_connection_has_a_number_of_streams(self, market: Market, most: int) -> None:
        symbols = [f"S{count}" for count in range(most + 1)]
        one = Subscriber(market, Route.NONE, symbols, "/ws", most=10**9)
        names = [f"{symbol.lower()}@trade" for symbol in symbols]
        assert asked(one, method="SUBSCRIBE", params=names[:-1], id=1)["result"] is None
        assert "too many streams" in asked(one, method="SUBSCRIBE", params=names[-1:], id=2)["error"]["msg"]
        assert len(one.streams) == most
        by_path = Subscriber(market, Route.NONE, symbols, f"/stream?streams={'/'.join(names)}", most=10**9)
        assert len(by_path.streams) == most

    def test_more_messages_in_a_second_than_may_be_end_it(self) -> None:
        one = subscriber(most=SPOT.messages)
        request = '{"method":"LIST_SUBSCRIPTIONS","id":1}'
        for now in (0.0, 0.1, 0.2, 0.3, 0.4, 1.1, 1.2):
            assert one.receive(request, now) is not None
        assert one.receive(request, 1.21) is not None
        assert one.receive(request, 1.22) is None
        assert one.close == (POLICY, "Too many requests")
