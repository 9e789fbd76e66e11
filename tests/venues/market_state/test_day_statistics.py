"""Statistics of a day, compared with those of the trades themselves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.venues.market_state.day_statistics import DayStatistics
from hftlab.venues.market_state.recorded_market import Trade

MINUTE = 60_000_000_000
DAY = 24 * 60 * MINUTE

flows = st.lists(
    st.tuples(st.integers(0, 9 * 60 * MINUTE), st.integers(1, 50), st.integers(1, 9)), min_size=1, max_size=40
)


@given(flows)
def test_they_are_those_of_the_last_day_to_the_minute(flow: list[tuple[int, int, int]]) -> None:
    now, trades = 10 * DAY, []
    for number, (step, price, lots) in enumerate(flow):
        now += step
        trades.append(Trade(number, now, price, lots, False))
    statistics = DayStatistics()
    statistics.add(trades)
    day = statistics.day(now)
    own = [one for one in trades if one.ts_event // MINUTE > now // MINUTE - 24 * 60]
    prices = [one.price for one in own]
    assert day is not None
    assert (day.open, day.high, day.low, day.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert (day.lots, day.last_lots) == (sum(one.lots for one in own), own[-1].lots)
    assert day.turnover == sum(one.price * one.lots for one in own)
    assert (day.first, day.last, day.trades) == (own[0].number, own[-1].number, len(own))


def test_a_copy_goes_its_own_way() -> None:
    statistics = DayStatistics()
    statistics.add([Trade(1, DAY, 5, 1, False)])
    copy = statistics.copy()
    statistics.add([Trade(2, DAY, 5, 1, False)])
    assert [one.day(DAY).trades for one in (copy, statistics)] == [1, 2]  # type: ignore[union-attr]
    assert DayStatistics().day(DAY) is None
