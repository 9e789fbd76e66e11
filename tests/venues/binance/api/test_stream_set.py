"""Readers of streams: each message is made once, in the form that each of them asked for."""

from __future__ import annotations

import json

import pytest

from hftlab.venues.binance.api.markets import SPOT
from hftlab.venues.binance.api.stream_names import MICROSECOND, parse_stream
from tests.batches import Row
from tests.venues.binance.api.markets import MS, SmallMarket

pytestmark = pytest.mark.usefixtures("compiled")


def test_all_readers_of_a_form_share_one_payload() -> None:
    market = SmallMarket()
    for reader, combined in {"a": False, "b": True, "c": False, "d": True}.items():
        market.add("coin@trade", reader, combined=combined)
    market.apply(Row("T", "B", 10_000, 1))
    bare, wrapped = list(market.streams.due(MS))
    assert (bare.readers, wrapped.readers) == (["a", "c"], ["b", "d"])
    assert json.loads(wrapped.payload) == {"stream": "coin@trade", "data": json.loads(bare.payload)}


def test_a_reader_that_changes_its_form_gets_each_message_once() -> None:
    market = SmallMarket()
    market.add("coin@trade", "a", combined=False)
    market.add("coin@trade", "a", combined=True)
    market.apply(Row("T", "B", 10_000, 1))
    assert [sent.readers for sent in market.streams.due(MS)] == [["a"]]


def test_a_stream_without_readers_ends() -> None:
    market = SmallMarket()
    market.add("coin@trade", "a")
    (name,) = market.streams._streams
    market.streams.remove(name, "b")
    assert len(market.streams) == 1
    market.streams.remove(name, "a")
    market.streams.remove(name, "a")
    assert len(market.streams) == 0
    assert market.streams.next_time is None


def test_a_late_reader_joins_the_stream_where_it_is() -> None:
    market = SmallMarket()
    market.add("coin@depth@100ms", "a")
    market.apply(Row("M", "B", 9_900, 1))
    assert [one["u"] for one in market.due(1_000)] == [5]
    market.apply(Row("M", "B", 9_900, 2))
    market.add("coin@depth@100ms", "b")
    (sent,) = market.streams.due(2_000 * MS)
    assert (sent.readers, json.loads(sent.payload)["U"]) == (["a", "b"], 6)


def test_the_horizon_is_the_earliest_time_at_which_anything_might_be_sent() -> None:
    market = SmallMarket()
    market.add("coin@depth@100ms")
    market.apply(Row("M", "B", 9_900, 1))
    market.due(1_000)
    assert market.streams.horizon == 1_075 * MS
    market.add("coin@trade")
    assert market.streams.horizon == 0


def test_times_are_in_the_unit_that_the_stream_asks_for() -> None:
    """Readers of either unit get messages of their own, of every kind of stream that has times."""
    market = SmallMarket()
    times = {"trade": "ET", "aggTrade": "ET", "depth@100ms": "E", "ticker": "EOC", "miniTicker": "E"}
    times["!ticker@arr"] = "EOC"
    for text in times:
        stream = parse_stream(text if text.startswith("!") else f"coin@{text}", SPOT, ["COIN"])
        assert stream is not None
        market.streams.add(stream, "ms", combined=True)
        market.streams.add(stream._replace(time_unit=MICROSECOND), "us", combined=True)
    market.apply(Row("T", "B", 10_000, 1), Row("M", "B", 9_900, 1), at=1_700)
    found = [*market.streams.due(1_700 * MS), *market.streams.due(1_900 * MS)]
    for reader, factor in {"ms": 1, "us": 1000}.items():
        own = [json.loads(one.payload) for one in found if one.readers == [reader]]
        messages = {one["stream"].removeprefix("coin@"): one["data"] for one in own}
        assert messages.keys() == times.keys()
        for text, fields in times.items():
            message = messages[text][0] if isinstance(messages[text], list) else messages[text]
            assert [message[field] for field in fields] == [1_700 * factor] * len(fields)
