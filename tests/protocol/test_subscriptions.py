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


def test_state_is_by_the_trades_policy_where_it_is_asked_for_with_them() -> None:
    together, apart = SubscriptionSet(), SubscriptionSet()
    together.add(["AAPL"], [QUOTES, TRADES], 0)
    assert together.plan() == {Subscription(("AAPL",), (QUOTES, TRADES), 0, GAP)}
    apart.add(["AAPL"], [QUOTES], 0)
    apart.add(["AAPL"], [TRADES], 0)
    assert apart.plan() == {
        Subscription(("AAPL",), (QUOTES,), 0, CONFLATE),
        Subscription(("AAPL",), (TRADES,), 0, GAP),
    }


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


@given(st.lists(pairs, max_size=12), pairs)
def test_requests_ask_for_the_same_again(
    requests: list[tuple[list[str], list[DataType], int, bool]],
    change: tuple[list[str], list[DataType], int, bool],
) -> None:
    """Whatever the terms; and a change that is put back leaves them as they were."""
    wanted, restored = SubscriptionSet(), SubscriptionSet()
    for symbols, kinds, frequency, is_conflated in requests:
        wanted.add(symbols, kinds, frequency, CONFLATE if is_conflated else None)
    symbols, kinds, frequency, is_removal = change
    held = wanted.save(symbols, kinds)
    before = wanted.requests()
    if is_removal:
        wanted.remove(symbols, kinds)
    else:
        wanted.add(symbols, kinds, frequency)
    wanted.restore(held)
    assert wanted.requests() == before
    for request in before:
        restored.add(request.symbols, request.data_types, request.frequency, request.slow_consumer)
    assert restored.plan() == wanted.plan()
    assert restored.requests() == before


def test_requests_may_be_for_a_part() -> None:
    wanted = SubscriptionSet()
    wanted.add(["AAPL", "MSFT"], [QUOTES, TRADES], 100)
    wanted.add(["AAPL"], [BOOK_DELTA], 0, GAP)
    (part,) = wanted.requests(["AAPL", "TSLA"], [QUOTES, ORDER_BOOK])
    assert (part.symbols, part.data_types, part.frequency, part.slow_consumer) == (["AAPL"], [QUOTES], 100, None)
    assert wanted.requests([]) == []
    assert list(wanted.data_types("TSLA")) == []
