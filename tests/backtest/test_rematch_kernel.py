"""The rules of re-matching against a slow program, against the books that were recorded, and their laws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.backtest.core import Entry
from hftlab.backtest.rematch_core import RematchCore
from hftlab.backtest.reports import Cause, Why
from hftlab.book import BookSet
from hftlab.book.matching.engine_state import SIDES
from hftlab.events import ASK, BID, EventBatch
from hftlab.instruments import NASDAQ, UNIT, Instrument
from hftlab.simulator.order_flow import OrderFlow
from hftlab.simulator.profile import profile_of
from hftlab.venues import itch, lobster
from tests.backtest.recorded_blocks import GivenRows, all_blocks
from tests.backtest.rematch_oracle import RematchOracle, Report
from tests.backtest.rematch_scenarios import INSTRUMENTS, Scenario, scenarios
from tests.batches import Row, make_batch
from tests.book.matching.streams import Step, compiled_run, entries_of, random_stream
from tests.shared_data import shared_data

START = 1_700_000_000 * UNIT
END = 2**62

Queue = list[tuple[bool, int, int]]
"""Orders of a side, first to trade first: is it an own one, price, displayed lots."""


def core_queue(core: RematchCore, instrument: int, side: int) -> Queue:
    return [(one.owner > 0, one.price, one.size) for one in core.book(instrument).queue("B" if side == BID else "A")]


def oracle_queue(oracle: RematchOracle, instrument: int, side: int) -> Queue:
    return [(one.owner > 0, one.price, one.shown) for one in oracle.standing(instrument, side)]


def reports_of(core: RematchCore) -> list[Report]:
    return core.take().tolist()


def assert_same(core: RematchCore, oracle: RematchOracle) -> None:
    """The two have reported the same since the last time, and have the same orders."""
    assert reports_of(core) == oracle.reports
    oracle.reports.clear()
    for instrument in range(len(INSTRUMENTS)):
        for side in (BID, ASK):
            assert core_queue(core, instrument, side) == oracle_queue(oracle, instrument, side)
        assert core.last(instrument) == oracle.last.get(instrument)
    for order in oracle.queue:
        if order.owner:
            assert core.ahead(order.number) == oracle.ahead_of(order)
    orders = core._engine.state.orders
    live = orders[(orders["id"] > 0) & (orders["owner"] != 0)]
    assert core._market.others.tolist() == np.bincount(live["side"], minlength=2 * SIDES).tolist()


def play_oracle(oracle: RematchOracle, rows: Sequence[Row], start: int, end: int) -> None:
    for number in range(start, end):
        oracle.play(rows[number], rows[number + 1] if number + 1 < len(rows) else None)


@given(scenarios(), st.lists(st.integers(0, 500), max_size=3))
@settings(max_examples=150)
def test_it_does_what_the_rules_say(scenario: Scenario, cuts: list[int]) -> None:
    core, oracle, played = RematchCore(scenario.market(cuts)), RematchOracle(), 0
    for row, request in scenario.requests:
        assert core.play(request.at) == request.at
        play_oracle(oracle, scenario.rows, played, row)
        request.send(core)
        request.send(oracle)
        played = row
        assert_same(core, oracle)
    core.play(END)
    play_oracle(oracle, scenario.rows, played, len(scenario.rows))
    assert_same(core, oracle)
    assert core.next_time() is None


def run(core: RematchCore, scenario: Scenario, *, stop: bool = False, first: int = 0) -> list[Report]:
    """Everything that is reported from one of the requests on."""
    for _, request in scenario.requests[first:]:
        play_to(core, request.at, stop)
        request.send(core)
    play_to(core, END, stop)
    return reports_of(core)


def play_to(core: RematchCore, until: int, stop: bool) -> None:
    while (reached := core.play(until, stop=stop)) < until:
        assert core._reports.rows["time"][core._reports.used[0] - 1] == reached
    following = core.next_time()
    if stop and following is not None and following <= until:  # stopped at the time that was asked for
        play_to(core, until, stop)


@given(scenarios(), st.lists(st.integers(0, 500), max_size=3), st.integers(0, 100))
@settings(max_examples=60)
def test_stops_and_checkpoints_change_nothing(scenario: Scenario, cuts: list[int], at: int) -> None:
    expected = run(RematchCore(scenario.market()), scenario)
    core = RematchCore(scenario.market(cuts))
    start = core.checkpoint()
    first = at % (len(scenario.requests) + 1)
    for _, request in scenario.requests[:first]:
        core.play(request.at)
        request.send(core)
    checkpoint = core.checkpoint()
    for _ in range(2):
        assert run(core, scenario, stop=True, first=first) == expected
        core.restore(checkpoint)
    core.restore(start)
    assert run(core, scenario) == expected


def assert_recorded(core: RematchCore, books: BookSet) -> None:
    """Every queue of the two has the same lots in the same order."""
    for number, instrument in enumerate(core._rows.instruments):
        book = core.book(number)
        recorded = books[instrument]
        for side, levels in (("B", recorded.bids(10**6)), ("A", recorded.asks(10**6))):
            queue = [(price, lots) for price, _, _ in levels for _, lots in recorded.orders(side, price)]  # type: ignore[arg-type]
            here = [(instrument.price(one.price), instrument.size(one.size)) for one in book.queue(side)]  # type: ignore[arg-type]
            assert here == queue


@given(scenarios(with_own=False, longest=40))
@settings(max_examples=60)
def test_without_own_orders_it_is_what_was_recorded(scenario: Scenario) -> None:
    core, books = RematchCore(scenario.market()), BookSet()
    batch, played = make_batch(scenario.rows, INSTRUMENTS), 0
    for end in ends_of(batch.ts_event):
        books.apply(batch[played:end])
        core.play(int(batch.ts_event[end - 1]))
        assert_recorded(core, books)
        played = end


def ends_of(times: npt.NDArray[np.int64]) -> list[int]:
    """For each time that there is, the row behind its last."""
    return [*(np.flatnonzero(np.diff(times)) + 1).tolist(), len(times)]


def compare(batches: Sequence[EventBatch], samples: int | None) -> None:
    """Compare the books after each of the recording's times, or after so many of them, which are drawn."""
    rows, books, played = GivenRows(batches), BookSet(), 0
    batch, times = EventBatch.concat(batches), np.concatenate([block.times for block in all_blocks(rows)])
    core, ends = RematchCore(rows), ends_of(times)
    if samples is not None:
        ends = sorted({*np.random.default_rng(5).choice(ends, samples).tolist(), len(batch)})
    for end in ends:
        books.apply(batch[played:end])
        core.play(int(times[end - 1]))
        assert_recorded(core, books)
        played = end
    assert not len(core.take())
    assert core._market.others.tolist() == [0] * len(core._market.others)


@pytest.fixture(scope="module")
def amzn() -> list[EventBatch]:
    return list(lobster.read(shared_data("lobster/LOBSTER_SampleFile_AMZN_2012-06-21_5.zip")))


@pytest.fixture(scope="module")
def simulated() -> list[EventBatch]:
    shares = [Instrument(name, NASDAQ, UNIT // 100, UNIT, "USD") for name in ("AAPL", "MSFT")]
    flow = OrderFlow(shares, [profile_of(one) for one in shares], 7, START, chunk=10_000)
    return list(flow.run(START + 300 * UNIT))


class TestRecordings:
    """Without own orders every queue is the recorded one: there are no exceptions to count.

    AMZN has executions of orders that are not first at their price. They are no exception, because a fill executes the
    very order that it names where own orders have no influence.
    """

    def test_lobster(self, amzn: list[EventBatch]) -> None:
        compare(amzn, 300)

    @pytest.mark.soak
    def test_lobster_after_every_event(self, amzn: list[EventBatch]) -> None:
        compare(amzn, None)

    def test_simulator(self, simulated: list[EventBatch]) -> None:
        compare(simulated, 30)

    def test_itch(self, simulated: list[EventBatch]) -> None:
        encoder, decoder = itch.Encoder(), itch.Decoder()
        decoded = [decoder.decode(encoder.encode(batch)) for batch in simulated]
        assert sum(map(len, decoded)) > 30_000
        compare(decoded, 30)

    @given(st.builds(random_stream, st.integers(0, 2**32), st.integers(50, 150)))
    @settings(max_examples=15)
    def test_auctions_icebergs_and_halts(self, stream: list[Step]) -> None:
        _, result = compiled_run(entries_of(stream))
        compare([result.events], None)


class TestLaws:
    @given(scenarios())
    @settings(max_examples=60)
    def test_what_is_accepted_is_filled_cancelled_or_open(self, scenario: Scenario) -> None:
        core = RematchCore(scenario.market())
        left: Counter[int] = Counter()
        for row in run(core, scenario):
            _, cause, number, lots, *_ = row
            if cause in (Cause.ACCEPTED, Cause.REPLACED):
                left[number] = lots
            elif cause in (Cause.FILLED, Cause.CANCELLED):
                left[number] -= lots
        orders = core._engine.state.orders
        live = orders[orders["owner"] > 0]
        numbers = {order.id: order.number for order in core._own.values()}
        open_lots = {numbers[int(one["id"])]: int(one["shown"] + one["hidden"]) for one in live if one["id"] > 0}
        assert {number: lots for number, lots in left.items() if lots} == open_lots

    @given(scenarios())
    @settings(max_examples=60)
    def test_what_an_order_takes_is_gone_from_the_other_side(self, scenario: Scenario) -> None:
        core = RematchCore(scenario.market())
        for _, request in scenario.requests:
            core.play(request.at)
            core.take()
            before = lots_by_side(core)
            request.send(core)
            rows = core.take()
            taken = int(rows["lots"][(rows["cause"] == Cause.FILLED) & (rows["is_taker"] == 1)].sum())
            change = before - lots_by_side(core)
            if request.name == "enter":
                entry: Entry = request.arguments[0]
                other = SIDES * entry.instrument + (entry.side == BID)
                assert change[other] == taken
                assert np.count_nonzero(np.delete(change, [other, other ^ 1])) == 0

    @given(scenarios())
    @settings(max_examples=60)
    def test_the_size_of_a_print_is_spent_once(self, scenario: Scenario) -> None:
        core, printed, played = RematchCore(scenario.market()), 0, 0
        for row, request in [*scenario.requests, (len(scenario.rows), None)]:
            core.play(request.at if request else END)
            printed += sum(one.lots for one in scenario.rows[played:row] if one.action in "TF" and one.side != "N")
            rows = core.take()
            is_print = np.isin(rows["why"], (Why.QUEUE, Why.TRADE_THROUGH))
            printed -= int(rows["lots"][is_print & (rows["cause"] == Cause.FILLED)].sum())
            assert printed >= 0
            if request:
                request.send(core)
            played = row


def lots_by_side(core: RematchCore) -> npt.NDArray[np.int64]:
    """Open lots of each side of the engine, hidden ones included."""
    orders = core._engine.state.orders
    live = orders[orders["id"] > 0]
    lots = np.bincount(live["side"], live["shown"] + live["hidden"], len(INSTRUMENTS) * SIDES)
    return lots.astype(np.int64)
