"""The fill core against a slow market, and the laws that hold for every fill model."""

from __future__ import annotations

from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.backtest.core import Entry
from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.queue_models import QueueModel
from hftlab.backtest.reports import Cause, Why
from hftlab.book.matching.entries import EntryType, InForce
from hftlab.events import ADD, ASK, BID, CLEAR, F_LAST, F_MBP, F_SNAPSHOT, FILL, MODIFY, NO_SIDE, TRADE
from hftlab.instruments import NASDAQ, UNIT, Instrument
from tests.backtest.listed_rows import ListedRows, Row
from tests.backtest.made_streams import Ask, in_blocks, made_levels, made_orders, made_requests
from tests.backtest.slow_market import Report, SlowMarket

INSTRUMENTS: Final = (
    Instrument("AAA", NASDAQ, tick=UNIT // 100, lot=UNIT, currency="USD"),
    Instrument("BBB", NASDAQ, tick=7, lot=UNIT // 100, currency="USD"),
)
LOTS: Final = [one.lot / UNIT for one in INSTRUMENTS]
MODELS: Final = [FIFO, *QueueModel]
SEEDS: Final = st.integers(0, 2**32)

Market = FillCore | SlowMarket


def taken(market: Market) -> list[Report]:
    """The reports since the last call."""
    rows = market.take()
    return rows if isinstance(rows, list) else [Report(*row) for row in rows.tolist()]


def ask(market: Market, request: Ask) -> None:
    """Play up to a request, and carry it out."""
    if request.entry is not None:
        market.enter(request.entry, request.at)
    elif request.is_cancel:
        market.cancel(request.number, request.at)
    else:
        market.replace(request.number, request.lots, request.price, request.at)


def ahead_of(market: Market, number: int) -> int | None:
    try:
        return market.ahead(number)
    except KeyError:
        return None


def trace(market: Market, requests: list[Ask], end: int, *, stop: bool) -> list[Any]:
    """Everything that a market tells on the way."""
    told: list[Any] = []

    def play(until: int) -> None:
        while True:
            reached = market.play(until, stop=stop)
            reports = taken(market)
            told.append((reached, reports))
            if reached >= until and not (stop and reports):
                return

    for number, request in enumerate(requests):
        play(request.at)
        ask(market, request)
        told.append((taken(market), [ahead_of(market, one) for one in range(number + 2)]))
        told.append([market.best(one) for one in range(len(INSTRUMENTS))])
    play(end)
    told.append([ahead_of(market, one) for one in range(len(requests) + 1)])
    return told


@st.composite
def cases(draw: Any, *, has_orders: bool) -> tuple[list[list[Row]], list[Ask], int]:
    """Blocks of rows, requests, and the time at the end."""
    seed, steps, instruments = draw(SEEDS), draw(st.integers(1, 60)), draw(st.integers(1, 2))
    events = (made_orders if has_orders else made_levels)(seed, steps, instruments)
    end = max((event[0].time for event in events), default=0) + 1
    requests = made_requests(draw(SEEDS), draw(st.integers(1, 25)), end, instruments)
    return in_blocks(events, draw(SEEDS), draw(st.integers(1, 3))) if events else [], requests, end


def markets(blocks: list[list[Row]], model: int, n: float, *, has_orders: bool) -> tuple[FillCore, SlowMarket]:
    rows = ListedRows(INSTRUMENTS, blocks, "orders" if has_orders else "levels")
    listed = [row for block in blocks for row in block]
    return FillCore(rows, model, n), SlowMarket(listed, LOTS, model, n, has_orders=has_orders)


@given(cases(has_orders=True), st.sampled_from(MODELS), st.sampled_from([1.0, 2.0, 0.5]), st.booleans())
@settings(max_examples=100)
def test_fills_in_a_recording_of_orders_are_those_of_the_slow_market(
    case: tuple[list[list[Row]], list[Ask], int], model: int, n: float, stop: bool
) -> None:
    blocks, requests, end = case
    core, slow = markets(blocks, model, n, has_orders=True)
    assert trace(core, requests, end, stop=stop) == trace(slow, requests, end, stop=stop)


@given(cases(has_orders=False), st.sampled_from(MODELS), st.sampled_from([1.0, 2.0, 0.5]), st.booleans())
@settings(max_examples=100)
def test_fills_in_a_recording_of_levels_are_those_of_the_slow_market(
    case: tuple[list[list[Row]], list[Ask], int], model: int, n: float, stop: bool
) -> None:
    blocks, requests, end = case
    core, slow = markets(blocks, model, n, has_orders=False)
    assert trace(core, requests, end, stop=stop) == trace(slow, requests, end, stop=stop)


@pytest.mark.soak
@pytest.mark.parametrize("has_orders", [True, False])
def test_fills_of_long_recordings_are_those_of_the_slow_market(has_orders: bool) -> None:
    random = Random(7)
    for _ in range(1000):
        instruments, stop = random.randint(1, 2), random.random() < 0.5
        events = (made_orders if has_orders else made_levels)(
            random.randrange(2**32), random.randint(50, 150), instruments
        )
        end = events[-1][0].time + 1
        requests = made_requests(random.randrange(2**32), random.randint(1, 60), end, instruments)
        blocks = in_blocks(events, random.randrange(2**32), random.randint(1, 4))
        core, slow = markets(blocks, random.choice(MODELS), random.choice([0.5, 1.0, 3.0]), has_orders=has_orders)
        assert trace(core, requests, end, stop=stop) == trace(slow, requests, end, stop=stop)


# --- laws ---

CASES: Final = st.booleans().flatmap(lambda has_orders: st.tuples(st.just(has_orders), cases(has_orders=has_orders)))
Case = tuple[bool, tuple[list[list[Row]], list[Ask], int]]


def run(core: FillCore, requests: list[Ask], end: int) -> list[tuple[Report, Row | None]]:
    """Play and ask; returns the reports, each with the recorded row that made it, None of a request's own."""
    made: list[tuple[Report, Row | None]] = []

    def play(until: int) -> None:
        while (at := core.next_time()) is not None and at <= until:
            rows = core._rows
            assert isinstance(rows, ListedRows)
            row = rows.listed[core._block][core._row]
            core.play_rows(1)
            made.extend((report, row) for report in taken(core))
        core.play(until)

    for request in requests:
        play(request.at)
        ask(core, request)
        made.extend((report, None) for report in taken(core))
    play(end)
    return made


@given(CASES, st.sampled_from(MODELS))
@settings(max_examples=60)
def test_nothing_is_spent_twice_and_no_order_fills_beyond_its_terms(case: Case, model: int) -> None:
    has_orders, (blocks, requests, end) = case
    core, _ = markets(blocks, model, 2.0, has_orders=has_orders)
    limits: dict[int, int] = {}
    open_lots: dict[int, int] = {}
    entries = {one.entry.number: one.entry for one in requests if one.entry is not None}
    by_row: dict[tuple[int, int], int] = {}
    for report, row in run(core, requests, end):
        number = report.number
        if report.cause in (Cause.ACCEPTED, Cause.REPLACED):
            open_lots[number], limits[number] = report.lots, report.price
        elif report.cause in (Cause.FILLED, Cause.CANCELLED, Cause.REDUCED):
            assert 0 < report.lots <= open_lots[number]
            open_lots[number] -= report.lots
            if report.cause == Cause.CANCELLED:
                assert open_lots[number] == 0
        if report.cause == Cause.FILLED:
            entry = entries[number]
            if entry.type != EntryType.MARKET:
                better = limits[number] - report.price if entry.side == BID else report.price - limits[number]
                assert better >= 0
                assert better == 0 or report.is_taker or report.why == Why.AUCTION
            if row is not None:
                key = id(row), entry.side
                by_row[key] = by_row.get(key, 0) + report.lots
                assert by_row[key] <= row.size
    for number, lots in open_lots.items():
        assert core.open_lots(number) == lots


@given(CASES, st.sampled_from(MODELS))
@settings(max_examples=60)
def test_of_two_own_orders_the_better_price_and_then_the_earlier_fills_first(case: Case, model: int) -> None:
    has_orders, (blocks, requests, end) = case
    core, _ = markets(blocks, model, 2.0, has_orders=has_orders)
    entries = {one.entry.number: one.entry for one in requests if one.entry is not None}
    there: dict[int, tuple[int, int, int]] = {}  # by number: the price as the greater the better, the place, the lots
    for place, (report, _) in enumerate(run(core, requests, end)):
        entry, number = entries.get(report.number), report.number
        if entry is None:
            continue
        price = report.price if entry.side == BID else -report.price
        before = there.get(number)
        if report.cause in (Cause.ACCEPTED, Cause.REPLACED):
            stays = before is not None and before[0] == price and report.lots <= before[2]
            there[number] = price, before[1] if before is not None and stays else place, report.lots
        elif before is not None and report.cause in (Cause.FILLED, Cause.CANCELLED, Cause.REDUCED):
            if report.cause == Cause.FILLED and not report.is_taker and not entry.display:
                for other, (best, its_place, lots) in there.items():
                    its = entries[other]
                    if (its.instrument, its.side) == (entry.instrument, entry.side) and lots > 0 and not its.display:
                        assert best < before[0] or (best == before[0] and its_place >= before[1])
            there[number] = *before[:2], before[2] - report.lots


@given(CASES, st.sampled_from(MODELS))
@settings(max_examples=60)
def test_takers_never_take_more_than_was_there(case: Case, model: int) -> None:
    has_orders, (blocks, requests, _) = case
    core, slow = markets(blocks, model, 2.0, has_orders=has_orders)
    for request in requests:
        for market in (core, slow):
            market.play(request.at)
            market.take()
        book = None if request.entry is None else slow.books[request.entry.instrument]
        other = None if request.entry is None else ASK if request.entry.side == BID else BID
        there = {} if book is None else {price: slow.left(book, other, price) for price in slow.prices(book, other)}
        own = {} if book is None else {one.number: one.lots for one in book.own}
        for market in (core, slow):
            ask(market, request)
        reports = taken(core)
        slow.take()
        if request.entry is None:
            continue
        by_price: dict[int, int] = {}
        for report in reports:
            if report.cause == Cause.FILLED:
                by_price[report.price] = by_price.get(report.price, 0) + (
                    report.lots if report.is_taker else -report.lots
                )
                if not report.is_taker:
                    own[report.number] -= report.lots
        assert all(lots <= there.get(price, 0) for price, lots in by_price.items())
        assert all(lots >= 0 for lots in own.values())


@given(CASES, st.sampled_from(MODELS), st.data())
@settings(max_examples=100)
def test_a_recording_cut_short_gives_the_same_before_the_cut(case: Case, model: int, data: Any) -> None:
    has_orders, (blocks, requests, end) = case
    cut = data.draw(st.integers(0, end))
    whole, _ = markets(blocks, model, 2.0, has_orders=has_orders)
    part, _ = markets([[row for row in block if row.time < cut] for block in blocks], model, 2.0, has_orders=has_orders)
    early = [request for request in requests if request.at < cut]
    seen = [report for report, _ in run(whole, requests, end) if report.time < cut]
    assert [report for report, _ in run(part, early, cut)] == seen


@given(CASES, st.sampled_from(MODELS), st.data())
@settings(max_examples=100)
def test_a_checkpoint_gives_the_same_again(case: Case, model: int, data: Any) -> None:
    has_orders, (blocks, requests, end) = case
    core, _ = markets(blocks, model, 2.0, has_orders=has_orders)
    first = data.draw(st.integers(0, len(requests)))
    middle = data.draw(st.integers(first, len(requests)))
    before = trace(core, requests[:first], requests[first - 1].at if first else 0, stop=False)
    checkpoint = core.checkpoint()
    trace(core, requests[first:middle], requests[middle - 1].at if middle > first else 0, stop=False)
    later = core.checkpoint()
    again = trace(core, requests[middle:], end, stop=False)
    core.restore(checkpoint)
    trace(core, requests[first:], end, stop=False)
    core.restore(later)
    assert trace(core, requests[middle:], end, stop=False) == again
    core.restore(checkpoint)
    fresh, _ = markets(blocks, model, 2.0, has_orders=has_orders)
    assert trace(fresh, requests[:first], requests[first - 1].at if first else 0, stop=False) == before
    assert trace(core, requests[first:], end, stop=False) == trace(fresh, requests[first:], end, stop=False)


# --- cases ---


def fifo(*rows: Row) -> FillCore:
    return FillCore(ListedRows(INSTRUMENTS, [list(rows)]), FIFO)


def limit(number: int, side: int, price: int, lots: int, **others: int) -> Entry:
    return Entry(number, 0, others.pop("owner", 1), side, EntryType.LIMIT, InForce.GTC, price, lots, **others)


def fills(core: FillCore) -> list[tuple[int, int, int, Why]]:
    """Number, lots, price and reason of each fill."""
    return [(one.number, one.lots, one.price, Why(one.why)) for one in taken(core) if one.cause == Cause.FILLED]


def test_an_iceberg_of_many_parts_makes_more_reports_than_there_was_room_for() -> None:
    core = fifo(Row(5, TRADE, ASK, 99, 3000), Row(6, ADD, ASK, 98, 3000, 1))
    for number in range(1, 4):
        core.enter(limit(number, BID, 100, 1000, display=1, owner=number), 0)
    core.take()
    core.play(5)
    assert [number for number, *_ in fills(core)] == [1, 2, 3] * 1000
    for number in range(4, 7):
        core.enter(limit(number, BID, 100, 1000, display=1, owner=number), 5)
    core.enter(limit(7, ASK, 100, 1500, owner=9), 5)
    assert len(fills(core)) == 3000
    core.play(6)
    assert len(fills(core)) == 1500


def test_an_order_takes_more_levels_than_there_was_room_for() -> None:
    core = fifo(*(Row(1, ADD, ASK, 100 + level, 1, level + 1) for level in range(700)))
    core.play(1)
    core.enter(limit(1, BID, 2000, 1000), 1)
    assert [price for _, _, price, _ in fills(core)] == list(range(100, 800))
    assert core.open_lots(1) == 300


def test_many_orders_and_great_numbers_fit() -> None:
    core = fifo(Row(5, TRADE, ASK, 0, 10**6))
    for number in range(1, 3000, 3):
        core.enter(limit(number, BID, number % 7, 2, owner=number), 0)
    core.enter(limit(10**6, BID, 3, 2), 0)
    core.play(5)
    assert sum(lots for _, lots, _, _ in fills(core)) == 2002


@pytest.mark.parametrize("number", [-1, 0, 5, 2**40])
def test_an_unknown_order_is_refused(number: int) -> None:
    core = fifo()
    core.enter(limit(1, BID, 1, 2), 0)
    core.take()
    core.cancel(number, 1)
    core.replace(number, 3, 1, 1)
    assert [(one.cause, one.why) for one in taken(core)] == [(Cause.REFUSED, Why.UNKNOWN_ORDER)] * 2
    assert core.open_lots(number) == 0
    with pytest.raises(KeyError):
        core.ahead(number)


def test_rows_without_a_price_change_nothing() -> None:
    greatest = 2**63 - 1
    rows = [Row(1, action, side, 0, 5, 1, 1, off=price) for action in (ADD, MODIFY, TRADE, FILL) for side in (BID, ASK)
            for price in (greatest, -greatest - 1)]  # fmt: skip
    core = fifo(*rows, *(row._replace(flags=F_MBP) for row in rows), Row(2, CLEAR, NO_SIDE, 0, 0, 0, 1, off=greatest))
    core.enter(Entry(1, 1, 1, BID, EntryType.LIMIT, InForce.GTC, 5, 3), 0)
    core.enter(Entry(2, 1, 2, ASK, EntryType.LIMIT, InForce.GTC, 6, 3), 0)
    core.play(3)
    assert fills(core) == []
    assert core.best(1) == (None, None)
    assert core.last(1) is None


def test_orders_of_a_snapshot_stand_ahead_of_those_that_were_there() -> None:
    core = fifo(
        Row(1, ADD, BID, 100, 5, 1),
        Row(2, CLEAR, NO_SIDE, flags=0),
        Row(2, ADD, BID, 100, 5, 1, flags=F_SNAPSHOT),
        Row(2, ADD, BID, 100, 4, 2, flags=F_SNAPSHOT | F_LAST),
        Row(3, ADD, BID, 100, 7, 3),
    )
    core.play(1)
    core.enter(limit(1, BID, 100, 2), 1)
    assert core.ahead(1) == 5
    core.play(3)
    assert core.ahead(1) == 9


def test_a_stop_ends_the_play_with_the_trade_that_reaches_it() -> None:
    rows = [
        Row(1, TRADE, BID, 3, 1, off=1),
        Row(2, TRADE, BID, 4, 1),
        Row(3, TRADE, BID, 6, 1),
        Row(3, TRADE, ASK, 1, 1),
    ]
    core = fifo(*rows)
    core.set_stops(0, 5, 2)
    assert core.play(10) == 3
    assert core.last(0) == 6
    core.set_stops(0, None, 2)
    assert core.play(10) == 3
    assert core.last(0) == 1
    core.set_stops(0, None, None)
    assert core.play(10) == 10


def test_an_auction_fills_at_its_price_also_below_0() -> None:
    core = fifo(Row(1, TRADE, NO_SIDE, -3, 5, off=1))
    core.enter(limit(1, BID, -2, 4), 0)
    core.enter(limit(2, BID, -3, 4), 0)
    core.play(1)
    assert fills(core) == [(1, 4, -3, Why.AUCTION)]


def test_an_instrument_without_orders_is_risk_averse_in_a_fifo_market() -> None:
    rows = [Row(1, ADD, BID, 100, 5, flags=F_MBP), Row(2, MODIFY, BID, 100, 9, flags=F_MBP), Row(3, TRADE, ASK, 100, 6)]
    core = FillCore(ListedRows(INSTRUMENTS, [rows], "levels"), FIFO)
    core.play(1)
    core.enter(limit(1, BID, 100, 5), 1)
    core.play(3)
    assert fills(core) == [(1, 1, 100, Why.QUEUE)]


def test_the_next_time_is_that_of_the_next_row_of_any_block() -> None:
    core = FillCore(ListedRows(INSTRUMENTS, [[Row(1, ADD, BID, 1, 1, 1)], [Row(4, ADD, BID, 1, 1, 2)]]), FIFO)
    seen = []
    while (at := core.next_time()) is not None:
        seen.append(at)
        core.play(at)
    assert seen == [1, 4]
    assert core.reached == 4
    assert core.play(9) == core.reached == 9
