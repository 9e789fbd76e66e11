"""Every planted dislocation is found, with its exact lifetime and edge, and nothing else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab.clock import to_milliseconds
from hftlab.events import ADD, ASK, BID, CLEAR, F_LAST, F_MBP, F_SNAPSHOT, NO_SIDE, EventBatch
from hftlab.instruments import UNIT, listings
from hftlab.market import ArbitrageDetector, Costs, Fee, Opportunity, Processor
from hftlab.protocol import Arbitrage, ArbitrageState, MarketData, decode, encode
from tests.market.dislocations import Planted, State, levels, plant
from tests.protocol.conftest import level, symbol

OPEN, UPDATE, CLOSE = ArbitrageState.OPEN, ArbitrageState.UPDATE, ArbitrageState.CLOSE
FREE = {"A": Fee(), "B": Fee(), "C": Fee()}
DOLLARS = dict.fromkeys(FREE, "USD")


def run(states: list[State]) -> list[list[Opportunity]]:
    """Each opportunity's changes, in the order in which they opened."""
    detector = ArbitrageDetector()
    found: list[list[Opportunity]] = []
    current: dict[tuple[str, str], list[Opportunity]] = {}
    for at, venue, bids, asks in states:
        for change in detector.update("AAPL", {venue: (levels(bids), levels(asks))}, at):
            key = change.buy_venue, change.sell_venue
            if change.state is OPEN:
                current[key] = []
                found.append(current[key])
            current[key].append(change)
    return found


def batch_of(states: list[State]) -> EventBatch:
    """The states as the venues' own snapshots, in one batch."""
    instruments = listings("AAPL")
    numbers = {instrument.venue.name: number for number, instrument in enumerate(instruments)}
    rows = [
        (state.at, numbers[state.venue], action, side, ticks * UNIT // 100, size, flags)
        for state in states
        for action, side, ticks, size, flags in [
            (CLEAR, NO_SIDE, 0, 0, F_SNAPSHOT),
            *((ADD, BID, ticks, size, F_SNAPSHOT | F_MBP) for ticks, size in state.bids),
            *((ADD, ASK, ticks, size, F_SNAPSHOT | F_MBP) for ticks, size in state.asks[:-1]),
            (ADD, ASK, *state.asks[-1], F_SNAPSHOT | F_MBP | F_LAST),
        ]
    ]
    time, number, action, side, price, size, flags = np.array(rows, np.int64).T
    zeros = np.zeros(len(rows), np.int64)
    return EventBatch(time, time, zeros, number, zeros, action, side, price, size, flags, tuple(instruments))


class TestPlanted:
    @pytest.mark.no_cover
    @pytest.mark.parametrize("seed", range(5))
    def test_are_found_exactly_and_nothing_else(self, seed: int) -> None:
        states, planted = plant(seed)
        found = run(states)
        assert len(planted) > 50
        assert [summary(changes) for changes in found] == [summary_of(one) for one in planted]
        for changes, one in zip(found, planted, strict=True):
            *alive, last = changes
            assert [change.lifetime for change in alive] == [after for after, _, _ in one.edges]
            assert [change.size for change in alive] == [size for _, size, _ in one.edges]
            assert [change.edge for change in alive] == pytest.approx(
                [float(edge) for *_, edge in one.edges], rel=1e-11
            )
            assert (last.size, last.edge, last.lifetime) == (0.0, 0.0, one.closed - one.opened)
            assert last.peak_edge == max(change.edge for change in alive)

    def test_none_are_found_where_none_are(self) -> None:
        states, _ = plant(3)
        calm = [state for state in states if state.venue == "NASDAQ"]
        assert run(calm) == []

    def test_are_found_from_the_venues_events(self) -> None:
        """Events to books to MARKET_DATA to ARBITRAGE, each through its bytes."""
        states, planted = plant(11, steps=400)
        processor, detector = Processor(listings("AAPL"), depth=3), ArbitrageDetector()
        found: list[Arbitrage] = []
        for _, message in processor.process(batch_of(states)):
            received = decode(encode(message))
            assert isinstance(received, MarketData)
            found += detector.receive(received)
        assert [(one.buy_venue, one.sell_venue, one.opened) for one in found if one.state is OPEN] == [
            (one.buy_venue, one.sell_venue, to_milliseconds(one.opened)) for one in planted
        ]
        assert [one.closed for one in found if one.state is CLOSE] == [to_milliseconds(one.closed) for one in planted]
        assert {one.symbol for one in found} == {"AAPL"}
        assert [decode(encode(one)) for one in found] == found


def summary(changes: list[Opportunity]) -> tuple[str, str, int, int, list[ArbitrageState]]:
    first, last = changes[0], changes[-1]
    return first.buy_venue, first.sell_venue, first.opened, last.at, [change.state for change in changes]


def summary_of(one: Planted) -> tuple[str, str, int, int, list[ArbitrageState]]:
    states = [OPEN, *[UPDATE] * (len(one.edges) - 1), CLOSE]
    return one.buy_venue, one.sell_venue, one.opened, one.closed, states


class TestCosts:
    def detector(self, **fees: Fee) -> ArbitrageDetector:
        return ArbitrageDetector(Costs(FREE | fees, currencies=DOLLARS))

    def test_what_is_locked_or_pays_only_the_fees_is_no_opportunity(self) -> None:
        free = self.detector()
        assert free.update("X", {"A": ([(99.0, 5)], [(100.1, 5)])}, 1) == []
        assert free.update("X", {"B": ([(100.1, 5)], [(101.0, 5)])}, 2) == []
        assert free.consolidated("X").state == "locked"
        dear = self.detector(A=Fee(bps=10), B=Fee(per_unit=0.1))
        dear.update("X", {"A": ([(99.0, 5)], [(100.0, 5)])}, 1)
        assert dear.update("X", {"B": ([(100.2, 5)], [(101.0, 5)])}, 2) == []
        (opened,) = dear.update("X", {"B": ([(100.21, 5)], [(101.0, 5)])}, 3)
        assert opened.edge == pytest.approx(5 * 0.01)

    def test_pence_and_dollars_are_compared_by_the_rate(self) -> None:
        fees = {"LSE": Fee(), "NYSE": Fee()}
        detector = ArbitrageDetector(Costs(fees, {"GBP": 1.25}))
        detector.update("X", {"LSE": ([(799.0, 100)], [(800.0, 100)])}, 1)  # 8 pounds are 10 dollars
        assert detector.update("X", {"NYSE": ([(10.0, 50)], [(10.02, 50)])}, 2) == []
        (opened,) = detector.update("X", {"NYSE": ([(10.01, 50)], [(10.02, 50)])}, 3)
        assert (opened.buy_venue, opened.ask, opened.bid, opened.size, opened.currency) == (
            "LSE",
            800,
            10.01,
            50,
            "USD",
        )
        assert opened.edge == pytest.approx(50 * 0.01)
        both = detector.consolidated("X")
        assert (both.bid, both.bid_venues) == (10.01, ("NYSE",))

    def test_of_one_currency_need_no_rate(self) -> None:
        fees = {"LSE": Fee(), "AQUIS": Fee()}
        detector = ArbitrageDetector(Costs(fees, currencies={"LSE": "GBX", "AQUIS": "GBX"}))
        detector.update("X", {"LSE": ([(99.0, 10)], [(100.0, 10)])}, 1)
        (opened,) = detector.update("X", {"AQUIS": ([(101.0, 10)], [(102.0, 10)])}, 2)
        assert (opened.edge, opened.currency) == (pytest.approx(0.1), "GBP")

    def test_that_are_not_known_are_asked_for(self) -> None:
        detector = ArbitrageDetector(Costs({"LSE": Fee(), "NYSE": Fee(), "MOON": Fee()}))
        with pytest.raises(ValueError, match="the fee of X at MARS is not known: pass one for that venue"):
            detector.update("X", {"MARS": ([], [])}, 1)
        with pytest.raises(ValueError, match="the currency of X at MOON is not known"):
            detector.update("X", {"MOON": ([], [])}, 1)
        detector.update("X", {"LSE": ([(1.0, 1)], [(2.0, 1)])}, 1)
        with pytest.raises(ValueError, match="there is no rate of GBP in USD: pass one in `rates`"):
            detector.update("X", {"NYSE": ([(1.0, 1)], [(2.0, 1)])}, 1)
        with pytest.raises(ValueError, match="the rate of GBP must be above 0, got 0"):
            Costs(rates={"GBP": 0})


class TestStates:
    def test_say_opened_changed_and_closed(self) -> None:
        detector = ArbitrageDetector(Costs(FREE, currencies=DOLLARS))
        steps = [
            ("A", [(9.0, 5)], [(10.0, 5)]),
            ("B", [(11.0, 2)], [(12.0, 5)]),
            ("B", [(11.0, 2)], [(13.0, 5)]),  # nothing of it changes
            ("B", [(11.0, 3)], [(13.0, 5)]),
            ("A", [], []),
            ("A", [(9.0, 5)], [(10.5, 1)]),
        ]
        changes = [detector.update("X", {venue: books}, at) for at, (venue, *books) in enumerate(steps, 1)]
        assert [[(one.state, one.at, one.edge, one.peak_edge) for one in some] for some in changes] == [
            [],
            [(OPEN, 2, 2.0, 2.0)],
            [],
            [(UPDATE, 4, 3.0, 3.0)],
            [(CLOSE, 5, 0.0, 3.0)],
            [(OPEN, 6, 0.5, 0.5)],
        ]
        assert [one.opened for one in detector.open] == [6]
        detector.clear()
        assert detector.open == []

    def test_three_venues_have_a_pair_each(self) -> None:
        detector = ArbitrageDetector(Costs(FREE, currencies=DOLLARS))
        detector.update("X", {"A": ([(9.0, 5)], [(10.0, 5)])}, 1)
        detector.update("X", {"B": ([(9.5, 5)], [(10.5, 5)])}, 2)
        opened = detector.update("X", {"C": ([(11.0, 5)], [(12.0, 5)])}, 3)
        assert {(one.buy_venue, one.sell_venue) for one in opened} == {("A", "C"), ("B", "C")}
        assert detector.consolidated("X").state == "crossed"

    def test_time_does_not_go_back(self) -> None:
        detector = ArbitrageDetector(Costs(FREE, currencies=DOLLARS))
        detector.update("X", {"A": ([(9.0, 5)], [(10.0, 5)])}, 100)
        (opened,) = detector.update("X", {"B": ([(11.0, 5)], [(12.0, 5)])}, 90)
        (closed,) = detector.update("X", {"A": ([(9.0, 5)], [(12.0, 5)])}, 95)
        assert (opened.opened, closed.lifetime) == (100, 0)

    def test_what_one_message_says_holds_at_once(self) -> None:
        """Both venues have moved since the message before: neither is compared with where the other was."""
        detector = ArbitrageDetector(Costs(FREE, currencies=DOLLARS))
        for price, first in ((100.0, "A"), (110.0, "B"), (90.0, "A")):
            states = [
                symbol(name, bid=price - 1, ask=price + 1, exchange=venue, bids=None, asks=None, timestamp=time)
                for name, venue, time in (("X", "A", 5.0), ("X:B", "B", 6.0))
            ]
            assert (
                detector.receive(
                    MarketData(timestamp=1.0, symbols=sorted(states, key=lambda one: one.exchange != first))
                )
                == []
            )
        assert detector.consolidated("X").state == "normal"

    def test_best_quotes_do_where_there_is_no_depth(self) -> None:
        detector = ArbitrageDetector(Costs(FREE, currencies=DOLLARS))
        quote = {"bids": None, "asks": None, "bid_size": 3.0, "ask_size": 2.0}
        here = symbol("X", bid=9.0, ask=10.0, exchange="A", **quote)
        there = symbol("X:B", bid=11.0, ask=12.0, exchange="B", **quote)
        (opened,) = detector.receive(MarketData(timestamp=1.0, symbols=[here, there]))
        assert (opened.symbol, opened.size, opened.edge) == ("X", 2.0, 2.0)
        deep = symbol("X:B", exchange="B", bids=[level(11.0, 1.0)], asks=[], timestamp=2.0)
        (changed,) = detector.receive(MarketData(timestamp=2.0, symbols=[deep]))
        assert (changed.state, changed.size) == (UPDATE, 1.0)


ladders = st.lists(st.integers(1, 60), min_size=1, max_size=5, unique=True)
sizes = st.lists(st.integers(0, 9), min_size=5, max_size=5)


@given(ladders, sizes, ladders, sizes)
def test_the_edge_is_the_best_that_any_size_gives(
    asks: list[int], ask_sizes: list[int], bids: list[int], bid_sizes: list[int]
) -> None:
    """Whatever size is bought from the cheapest offers and sold to the best bids: none gains more than the edge."""
    detector = ArbitrageDetector(Costs({"A": Fee(per_unit=0.5), "B": Fee(per_unit=1.0)}, currencies=DOLLARS))
    offers = list(zip(sorted(asks), ask_sizes, strict=False))
    wants = list(zip(sorted(bids, reverse=True), bid_sizes, strict=False))
    detector.update("X", {"A": ([], [(float(price), float(size)) for price, size in offers])}, 1)
    found = detector.update("X", {"B": ([(float(price), float(size)) for price, size in wants], [])}, 2)
    single_asks = [price for price, size in offers for _ in range(size)]
    single_bids = [price for price, size in wants for _ in range(size)]
    most = min(len(single_asks), len(single_bids))
    totals = [sum(single_bids[:n]) - sum(single_asks[:n]) - 1.5 * n for n in range(most + 1)]
    assert (found[0].edge if found else 0.0) == max(totals)
    assert (found[0].size if found else 0) == totals.index(max(totals))
    assert all(before.opened <= after.opened for before, after in pairwise(detector.open))
