"""Trades put together, compared with a grouping after the fact."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.binance.api.aggregation import Aggregation
from hftlab.venues.market_state.recorded_market import Trade

MS = 1_000_000

flows = st.lists(st.tuples(st.sampled_from([0, 0, 1, 60, 100]), st.integers(1, 2), st.booleans()), max_size=30)


def trades_of(flow: list[tuple[int, int, bool]]) -> list[Trade]:
    now, trades = 0, []
    for number, (step, price, maker) in enumerate(flow):
        now += step
        trades.append(Trade(number, now * MS, price, number + 1, maker))
    return trades


@given(flows, st.booleans())
def test_every_trade_is_in_one_group_of_its_kind(flow: list[tuple[int, int, bool]], is_futures: bool) -> None:
    """Groups follow each other without a hole; each is of one price and side, and within its window."""
    trades = trades_of(flow)
    aggregation = Aggregation(is_futures=is_futures)
    groups = [group for trade in trades for group in aggregation.add([trade])] + aggregation.close()
    members = [[one for one in trades if group.first.number <= one.number <= group.last.number] for group in groups]
    assert [one for group in members for one in group] == trades
    for group, own in zip(groups, members, strict=True):
        assert len({(one.price, one.buyer_is_maker) for one in own}) == 1
        assert own[-1].ts_event - own[0].ts_event <= (100 * MS if is_futures else 0)
        assert group.lots == sum(one.lots for one in own)
    for earlier, later in pairwise(members):
        alike = (earlier[0].price, earlier[0].buyer_is_maker) == (later[0].price, later[0].buyer_is_maker)
        assert not alike or later[0].ts_event - earlier[0].ts_event > (100 * MS if is_futures else 0)


def test_the_newest_group_stays_open_until_it_is_closed() -> None:
    aggregation = Aggregation(is_futures=False)
    assert aggregation.add([Trade(1, 0, 5, 1, True), Trade(2, 0, 5, 2, True)]) == []
    assert [(one.first.number, one.last.number, one.lots) for one in aggregation.close()] == [(1, 2, 3)]
    assert aggregation.close() == []
