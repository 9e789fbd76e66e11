"""Channels that have readers: each message is made once, and one without readers ends."""

from __future__ import annotations

from tests.batches import Row
from tests.venues.kraken.api.small_market import SmallMarket


def test_a_message_is_made_once_for_all_its_readers() -> None:
    market = SmallMarket()
    for reader in ("a", "b"):
        market.add("book", reader)
    market.add("book", "deep", depth=25)
    market.apply(Row("M", "B", 9_900, 6))
    assert [one.readers for one in market.channels.due(0)] == [["a", "b"], ["deep"]]


def test_one_without_readers_ends() -> None:
    market = SmallMarket()
    market.add("book", "a")
    assert (len(market.channels), market.channels.wants_trades) == (1, False)
    market.add("ticker", "a")
    assert (len(market.channels), market.channels.wants_trades) == (2, True)
    assert market.channels.next_time is None
    market.apply(Row("M", "B", 9_900, 6))
    assert (market.channels.next_time, market.channels.horizon) == (0, 0)
    for channel in ("book", "ticker", "trade"):
        market.channels.remove(market.subscription(channel), "a")
    assert (len(market.channels), market.channels.wants_trades, market.channels.next_time) == (0, False, None)


def test_instruments_are_told_at_once_and_candles_are_silent() -> None:
    market = SmallMarket()
    told = market.add("instrument")
    assert told["data"]["pairs"][0]["symbol"] == "COIN/USDT"
    assert market.add("ohlc") is None
    assert market.due() == []
