from __future__ import annotations

import gc
from math import isnan

import pytest

from hftlab.protocol.market_data import MarketData, Trade
from hftlab.protocol.messages import ChannelInfo, ReplayStatus
from hftlab.widgets.core.market_tape import tape_of
from tests.widgets.market import NOON, quote

SECOND = 1_000_000_000


class Source:
    """A client's messages, given by the test."""

    def __init__(self) -> None:
        self.callbacks = []
        self.channels = []

    def on(self, event, callback):
        assert event == "message"
        self.callbacks.append(callback)
        return lambda: self.callbacks.remove(callback)

    def send(self, seconds: float, **changes) -> None:
        ms = NOON / 1e6 + 1000 * seconds
        state = quote("X", **{"timestamp": ms, "last_trade": None, **changes})
        for callback in self.callbacks:
            callback(MarketData(timestamp=ms, symbols=[state]))


def trade(seconds: float, price: float, side: str = "BUY") -> Trade:
    return Trade(price=price, size=1.0, timestamp=NOON / 1e6 + 1000 * seconds, side=side)


@pytest.fixture
def source() -> Source:
    return Source()


def test_one_tape_a_client_and_none_that_nobody_keeps(source):
    tape = tape_of(source)
    assert tape_of(source) is tape
    assert len(source.callbacks) == 1
    del tape
    gc.collect()
    assert source.callbacks == []


def channel(*data_types: str) -> ChannelInfo:
    terms = {"channel": 1, "frequency": 100, "slow_consumer": "conflate", "sequence": 1}
    return ChannelInfo(symbols=["X"], data_types=list(data_types), **terms)


def test_it_is_known_from_the_start_that_every_trade_comes(source):
    """Before the first trade a view would say else that TRADES is to be subscribed to."""
    tape = tape_of(source)
    source.channels = [channel("QUOTES", "TRADES")]
    source.send(0, last_trade=trade(-9, 10.0))
    found = tape.symbol("X")
    assert (found.printed, found.has_every_trade) == (0, True)


@pytest.mark.parametrize(
    ("channels", "printed", "has_every_trade"),
    [([channel("QUOTES")], 2, False), ([channel("QUOTES"), channel("TRADES")], 1, True), ([], 1, True)],
    ids=["no longer", "another channel", "a server that names none"],
)
def test_trades_that_are_no_longer_subscribed_to(source, channels, printed, has_every_trade):
    """The last trade of each message is what there is then, and a view must not say that it is every one."""
    tape = tape_of(source)
    source.send(0, trades=[trade(-1, 10.0)], last_trade=trade(-1, 10.0))
    source.channels = channels
    source.send(1, last_trade=trade(-1, 10.0))
    source.send(2, last_trade=trade(1.5, 11.0))
    found = tape.symbol("X")
    assert (found.printed, found.has_every_trade) == (printed, has_every_trade)


def test_every_trade_of_the_data_type_trades(source):
    tape = tape_of(source)
    source.send(0, trades=[trade(-1, 10.0), trade(-0.5, 11.0, "SELL")], last_trade=trade(-0.5, 11.0, "SELL"))
    source.send(1, trades=[], last_trade=trade(-0.5, 11.0, "SELL"))
    found = tape.symbol("X")
    assert [(each.price, each.sign) for each in found.newest_trades(5)] == [(11.0, -1), (10.0, 1)]
    assert (found.printed, found.has_every_trade) == (2, True)


def test_without_it_the_last_trade_of_each_message_once(source):
    tape = tape_of(source)
    source.send(0, last_trade=trade(0, 10.0))
    source.send(1, last_trade=trade(0, 10.0))
    source.send(2, last_trade=trade(2, 10.0))
    assert [each.ts_event - NOON for each in tape.symbol("X").trades] == [0, 2 * SECOND]
    assert not tape.symbol("X").has_every_trade


def test_quotes_are_thinned_and_empty_sides_unknown(source):
    tape = tape_of(source)
    for step in range(100):
        source.send(step / 100, ask=0.0)
    quotes = tape.symbol("X").quotes
    assert 20 <= len(quotes) <= 30
    assert quotes[-1].ts_event == NOON + 990_000_000
    assert isnan(quotes[-1].ask)


def test_a_replay_that_goes_back_starts_anew(source):
    tape = tape_of(source)
    source.send(100, last_trade=trade(100, 10.0))
    source.send(5, last_trade=trade(5, 9.0))
    found = tape.symbol("X")
    assert found.epoch == 1
    assert [each.price for each in found.trades] == [9.0]
    assert len(found.quotes) == 1


def test_a_replay_that_goes_back_a_little_starts_anew(source):
    """A time that is a little earlier may be another order of arrival; after a jump it is another time."""
    tape = tape_of(source)
    source.send(10.0)
    source.send(9.9)
    assert tape.symbol("X").epoch == 0
    jump = ReplayStatus(timestamp=1.0, state="PAUSED", position=NOON / 1e6, reset=True)
    for callback in source.callbacks:
        callback(jump)
    source.send(9.8)
    source.send(9.7)
    assert tape.symbol("X").epoch == 1
    assert len(tape.symbol("X").quotes) == 2


def test_the_newest_trades_and_their_number_are_of_one_moment(source):
    tape = tape_of(source)
    source.send(0, trades=[trade(step, 10.0 + step) for step in range(5)])
    epoch, printed, trades, _ = tape.symbol("X").tail(2)
    assert (epoch, printed, [each.price for each in trades]) == (0, 5, [14.0, 13.0])


def test_quotes_since_a_time_begin_with_the_one_before(source):
    tape = tape_of(source)
    for seconds in range(5):
        source.send(seconds)
    found = tape.symbol("X").quotes_since(NOON + 3 * SECOND)
    assert [(each.ts_event - NOON) // SECOND for each in found] == [2, 3, 4]
    assert tape.symbol("X").quotes_since(NOON - SECOND)[0].ts_event == NOON
