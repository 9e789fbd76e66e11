"""The pace of channels: at once or at intervals, in source time."""

from __future__ import annotations

from hftlab.protocol.publishing.publisher import Publisher
from tests.protocol.conftest import MS, market_data, symbol
from tests.protocol.publishing.test_publisher import join, prices, sent


def test_the_first_change_goes_at_once_and_the_next_a_period_later(publisher: Publisher[str]) -> None:
    join(publisher, "a", symbols=["AAPL"], frequency=100)
    changes = {at: at + 1.0 for at in (0, 30, 60, 90, 120, 150, 400)}
    got = []
    for at in range(0, 600, 10):
        if at in changes:
            publisher.publish(market_data(symbol(price=changes[at])), at * MS)
        got += [(at, m.symbols[0].price) for m, _ in sent(publisher, at)]
    assert got == [(0, 1.0), (100, 91.0), (200, 151.0), (400, 401.0)]


def test_a_paced_message_is_complete(publisher: Publisher[str]) -> None:
    """One symbol changed, all of the channel are sent: a reader who misses one message lacks nothing after it."""
    join(publisher, "a", symbols=["AAPL", "MSFT"], frequency=100)
    publisher.publish(market_data(symbol("AAPL", 1.0), symbol("MSFT", 2.0)), 0)
    sent(publisher)
    publisher.publish(market_data(symbol("AAPL", 3.0)), 50 * MS)
    assert publisher.next_time() == 100 * MS
    assert [prices(m) for m, _ in sent(publisher, 100)] == [{"AAPL": 3.0, "MSFT": 2.0}]


def test_nothing_is_sent_when_nothing_changed(publisher: Publisher[str]) -> None:
    join(publisher, "a", symbols=["AAPL"], frequency=100)
    publisher.publish(market_data(symbol("MSFT")), 0)
    assert publisher.next_time() is None
    assert sent(publisher, 1000) == []
