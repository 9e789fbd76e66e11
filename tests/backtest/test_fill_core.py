"""The fill core against a slow market, and the laws that hold for every fill model."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from hftlab.backtest.fill_core import FillCore
from hftlab.backtest.fill_state import FIFO
from hftlab.backtest.queue_models import QueueModel
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
@settings(max_examples=300)
def test_fills_in_a_recording_of_orders_are_those_of_the_slow_market(
    case: tuple[list[list[Row]], list[Ask], int], model: int, n: float, stop: bool
) -> None:
    blocks, requests, end = case
    core, slow = markets(blocks, model, n, has_orders=True)
    assert trace(core, requests, end, stop=stop) == trace(slow, requests, end, stop=stop)


@given(cases(has_orders=False), st.sampled_from(MODELS), st.sampled_from([1.0, 2.0, 0.5]), st.booleans())
@settings(max_examples=300)
def test_fills_in_a_recording_of_levels_are_those_of_the_slow_market(
    case: tuple[list[list[Row]], list[Ask], int], model: int, n: float, stop: bool
) -> None:
    blocks, requests, end = case
    core, slow = markets(blocks, model, n, has_orders=False)
    assert trace(core, requests, end, stop=stop) == trace(slow, requests, end, stop=stop)
