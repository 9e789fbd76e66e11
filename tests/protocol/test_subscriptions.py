from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.protocol import DataType, SlowConsumer
from hftlab.protocol.subscriptions import DEFAULT_DATA_TYPES, Subscription, SubscriptionSet

CONFLATE, GAP = SlowConsumer.CONFLATE, SlowConsumer.GAP
QUOTES, TRADES, ORDER_BOOK, BOOK_DELTA = DataType.QUOTES, DataType.TRADES, DataType.ORDER_BOOK, DataType.BOOK_DELTA


def test_symbols_asked_for_alike_share_a_channel() -> None:
    wanted = SubscriptionSet()
    wanted.add(["MSFT"], [QUOTES], 100)
    wanted.add(["AAPL"], [QUOTES], 100)
    assert wanted.plan() == {Subscription(("AAPL", "MSFT"), (QUOTES,), 100, CONFLATE)}


def test_the_defaults_are_all_state_ten_times_a_second() -> None:
    wanted = SubscriptionSet()
    wanted.add(["AAPL"], None, None)
    assert wanted.plan() == {Subscription(("AAPL",), DEFAULT_DATA_TYPES, 100, CONFLATE)}


def test_asking_again_changes_the_frequency() -> None:
    wanted = SubscriptionSet()
    wanted.add(["AAPL", "MSFT"], [QUOTES], 100)
    wanted.add(["AAPL"], [QUOTES], 0)
    assert wanted.plan() == {
        Subscription(("AAPL",), (QUOTES,), 0, CONFLATE),
        Subscription(("MSFT",), (QUOTES,), 100, CONFLATE),
    }


def test_book_deltas_have_a_channel_of_their_own() -> None:
    wanted = SubscriptionSet()
    wanted.add(["AAPL"], [BOOK_DELTA, QUOTES], 0)
    assert wanted.plan() == {
        Subscription(("AAPL",), (QUOTES,), 0, CONFLATE),
        Subscription(("AAPL",), (BOOK_DELTA,), 0, GAP),
    }


def test_unsubscribing_takes_away_symbols_or_data_types() -> None:
    wanted = SubscriptionSet()
    wanted.add(["AAPL", "MSFT"], [QUOTES, TRADES], 100)
    wanted.remove(["AAPL"], [TRADES])
    wanted.remove(["MSFT", "NEVER"])
    assert wanted.plan() == {Subscription(("AAPL",), (QUOTES,), 100, CONFLATE)}
    wanted.remove(["AAPL"])
    assert not wanted
    assert not wanted.plan()


pairs = st.tuples(
    st.lists(st.sampled_from(["A", "B", "C"]), min_size=1),
    st.lists(st.sampled_from(list(DataType)), min_size=1),
    st.sampled_from([0, 100, 250]),
    st.booleans(),
)


@given(st.lists(pairs, max_size=12))
def test_a_plan_serves_each_wanted_pair_exactly_once(
    requests: list[tuple[list[str], list[DataType], int, bool]],
) -> None:
    """Against a plain dictionary: whatever the order of requests, every (symbol, data type) is in one channel."""
    wanted, truth = SubscriptionSet(), {}
    for symbols, kinds, frequency, is_removal in requests:
        if is_removal:
            wanted.remove(symbols, kinds)
        else:
            wanted.add(symbols, kinds, frequency)
        for pair in [(symbol, kind) for symbol in symbols for kind in kinds]:
            if is_removal:
                truth.pop(pair, None)
            else:
                truth[pair] = frequency
    served = [
        ((symbol, kind), frequency)
        for symbols, kinds, frequency, _ in wanted.plan()
        for symbol in symbols
        for kind in kinds
    ]
    assert len(served) == len(truth)
    assert dict(served) == truth
