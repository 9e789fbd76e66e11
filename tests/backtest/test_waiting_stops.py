from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hftlab.backtest.waiting_stops import WaitingStops
from hftlab.instruments import NASDAQ, UNIT, Instrument
from hftlab.protocol.enums import OrderType, TimeInForce
from hftlab.simulator.live_orders import Listing, LiveOrder

STOCK = Instrument("AAPL", NASDAQ, tick=UNIT // 100, lot=UNIT, currency="USD")
LISTINGS = [Listing(number, STOCK, STOCK.tick, STOCK.lot, 2**40, (0,), (STOCK.tick,)) for number in range(2)]


def stop_order(number: int, instrument: int, stop: int, *, is_buy: bool) -> LiveOrder:
    """A stop order that waits, in ticks."""
    order = LiveOrder(
        str(number), "alice", LISTINGS[instrument], OrderType.STOP, TimeInForce.GTC, is_buy, 1, 0, stop, number
    )
    order.is_waiting = True
    return order


def test_a_trade_takes_those_that_it_reaches_in_their_order() -> None:
    stops = WaitingStops()
    orders = [stop_order(1, 0, 12, is_buy=True), stop_order(2, 0, 10, is_buy=True), stop_order(3, 0, 11, is_buy=False)]
    for order in [*orders, stop_order(4, 1, 12, is_buy=True)]:
        stops.add(order)
    assert stops.nearest(0) == (10, 11)
    assert stops.take_reached(0, None) == []
    assert list(stops.take_reached(0, 12)) == orders[:2]
    assert stops.take_reached(0, 12) == []
    assert stops.nearest(0) == (None, 11)
    assert stops.nearest(7) == (None, None)
    assert len(stops) == 2
    assert stops.instruments() == [0, 1]


def test_what_is_taken_away_waits_no_more() -> None:
    stops = WaitingStops()
    order = stop_order(1, 0, 12, is_buy=True)
    stops.remove(order)
    stops.add(order)
    stops.remove(order)
    assert len(stops) == 0
    assert stops.take_reached(0, 20) == []


@given(st.lists(st.tuples(st.booleans(), st.integers(-5, 5))), st.integers(-5, 5))
def test_what_is_left_is_not_reached(asked: list[tuple[bool, int]], last: int) -> None:
    stops = WaitingStops()
    for number, (is_buy, stop) in enumerate(asked, start=1):
        stops.add(stop_order(number, 0, stop, is_buy=is_buy))
    taken = stops.take_reached(0, last)
    assert all(last >= one.stop if one.is_buy else last <= one.stop for one in taken)
    buy, sell = stops.nearest(0)
    assert buy is None or buy > last
    assert sell is None or sell < last
    assert len(stops) + len(list(taken)) == len(asked)
