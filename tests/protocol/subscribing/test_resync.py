from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import DataType, Limits, Subscribe
from hftlab.protocol.subscribing.resync import StaleSymbols, combined
from hftlab.protocol.subscribing.subscriber import Subscriber
from hftlab.protocol.subscriptions import SubscriptionSet
from tests.protocol.conftest import market_data, symbol

NAMES = st.lists(st.sampled_from([f"S{number}" for number in range(12)]), min_size=1, unique=True)
ASKED = st.lists(st.tuples(NAMES, st.sampled_from(list(DataType)), st.sampled_from([0, 100])), max_size=10)


def subscription(symbols: list[str], kind: DataType, frequency: int) -> Subscribe:
    return Subscribe(timestamp=1.0, symbols=symbols, data_types=[kind], frequency=frequency)


@given(ASKED, st.integers(1, 5))
def test_combined_requests_ask_for_the_same(asked: list[tuple[list[str], DataType, int]], limit: int) -> None:
    wanted = SubscriptionSet()
    for names, kind, frequency in asked:
        wanted.add(names, [kind], frequency)
    plan = [
        Subscribe(timestamp=1.0, symbols=list(s.symbols), data_types=list(s.data_types), frequency=s.frequency)
        for s in wanted.plan()
    ]
    restored = SubscriptionSet()
    limits = Limits(max_message_bytes=10_000, max_symbols=limit, min_frequency=0, max_frequency=60_000)
    requests = combined(plan, limits)
    for request in requests:
        assert len(request.symbols) <= limit
        restored.add(request.symbols, request.data_types, request.frequency)
    assert restored.plan() == wanted.plan()


def test_one_request_does_for_many_books() -> None:
    requests = [subscription([name], DataType.BOOK_DELTA, 0) for name in ("A", "B", "C")]
    assert [request.symbols for request in combined(requests)] == [["A", "B", "C"]]


def test_what_stays_stale_is_asked_for_again() -> None:
    """Once is no reason: the answer may be on its way."""
    subscriber, stale = Subscriber(), StaleSymbols()
    subscriber.wanted.add(["AAPL", "MSFT"], [DataType.ORDER_BOOK], 0)
    subscriber.wanted.add(["TSLA"], [DataType.ORDER_BOOK], 100)
    for name in ("AAPL", "MSFT", "TSLA"):
        subscriber.receive(market_data(symbol(name)))
    subscriber.disconnected()
    subscriber.receive(market_data(symbol("TSLA")))
    assert stale.requests(subscriber) == []
    (request,) = stale.requests(subscriber)
    assert request.symbols == ["AAPL", "MSFT"]
    for name in ("AAPL", "MSFT"):
        subscriber.receive(market_data(symbol(name)))
    assert stale.requests(subscriber) == []
