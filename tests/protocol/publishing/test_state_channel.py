"""MARKET_DATA of a channel: as much of each symbol as is asked for, and every trade."""

from __future__ import annotations

from hftlab.protocol.publishing.publisher import Publisher
from tests.protocol.conftest import MS, market_data, symbol, trade
from tests.protocol.publishing.test_publisher import join, sent


def test_data_types_choose_the_parts(publisher: Publisher[str]) -> None:
    full = symbol(last_trade=trade(9.0), trades=[trade(8.0), trade(9.0)])
    parts = {}
    for kind in ("QUOTES", "TRADES", "ORDER_BOOK", "STATISTICS"):
        join(publisher, kind, symbols=["AAPL"], dataTypes=[kind], frequency=0)
    publisher.publish(market_data(full), 0)
    for message, (kind,) in sent(publisher):
        (one,) = message.symbols
        parts[kind] = {name for name in ("bids", "asks", "last_trade", "trades") if getattr(one, name) is not None}
    assert parts == {
        "QUOTES": {"last_trade"},
        "TRADES": {"last_trade", "trades"},
        "ORDER_BOOK": {"bids", "asks"},
        "STATISTICS": set(),
    }


def test_no_trade_of_an_interval_is_missing(publisher: Publisher[str]) -> None:
    join(publisher, "a", symbols=["AAPL"], dataTypes=["TRADES"], frequency=100)
    for at, price in ((0, 1.0), (10, 2.0), (20, 3.0)):
        publisher.publish(market_data(symbol(trades=[trade(price)], last_trade=trade(price))), at * MS)
        if at == 0:
            (first, _), *_ = sent(publisher, 0)
    publisher.publish(market_data(symbol()), 30 * MS)
    ((second, _),) = sent(publisher, 100)
    assert [t.price for t in first.symbols[0].trades] == [1.0]
    assert [t.price for t in second.symbols[0].trades] == [2.0, 3.0]


def test_a_trades_channel_is_silent_without_trades(publisher: Publisher[str]) -> None:
    join(publisher, "a", symbols=["AAPL"], dataTypes=["TRADES"], frequency=0)
    publisher.publish(market_data(symbol()), 0)
    assert sent(publisher) == []
