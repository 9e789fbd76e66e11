from __future__ import annotations

import math
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hftlab as hl
from hftlab.analysis import book_heat, trade_heat, trades
from hftlab.session import Session

FLASH = Path(__file__).parents[2] / "data" / "flash"
TICK = 0.01


def row_of(price: float, group: int) -> int:
    return round(price / TICK) // group


def slow_heat(
    rows: list[dict[str, Any]], symbol: str, start: int, step: int, count: int, group: int, most: int | None
) -> tuple[dict[tuple[int, int], tuple[float, float]], dict[int, tuple[float | None, float | None]]]:
    """The same heat by loops over columns, states and levels: size and orders by cell, best prices by column."""
    own = sorted((row for row in rows if row["symbol"] == symbol), key=lambda row: row["ts_event"])
    cells, best = {}, {}
    for column in range(count):
        begin = start + column * step
        states = [row for row in own if begin <= row["ts_event"] < begin + step]
        if not states:
            states = [row for row in own if row["ts_event"] < begin][-1:]
        elif most is not None:
            every = math.ceil(len(states) / most)
            states = [state for place, state in enumerate(states) if (len(states) - 1 - place) % every == 0]
        if not states:
            continue
        best[column] = (states[-1]["bid"] or None, states[-1]["ask"] or None)
        sums = defaultdict(lambda: [0.0, 0.0])
        for state in states:
            levels = [*(state["bids"] or []), *(state["asks"] or [])]
            if state["bids"] is None and state["asks"] is None:
                quotes = ((state["bid"], state["bid_size"]), (state["ask"], state["ask_size"]))
                levels = [{"price": price, "size": size, "orders": 0} for price, size in quotes if price]
            for level in levels:
                cell = sums[row_of(level["price"], group)]
                cell[0] += level["size"]
                cell[1] += level["orders"] or 0
        for row, (size, orders) in sums.items():
            if size > 0:
                cells[column, row] = (size / len(states), orders / len(states))
    return cells, best


def compare(session: Session, symbol: str, start: int, step: int, count: int, group: int, most: int | None) -> None:
    terms = {"tick": TICK, "group": group, "states": most}
    found = book_heat(session.market_data, symbol, start, step, count, **terms)
    cells, best = slow_heat(session.market_data.collect().to_dicts(), symbol, start, step, count, group, most)
    got = {(column, row): (size, orders) for column, row, size, orders in found.cells.iter_rows()}
    assert got.keys() == cells.keys()
    for cell, value in got.items():
        assert value == pytest.approx(cells[cell])
    assert {column: (bid, ask) for column, bid, ask in found.columns.iter_rows()} == best


@pytest.mark.parametrize(("step", "count", "group", "most"), [(10_000_000_000, 24, 1, 8), (700_000_000, 40, 5, None)])
def test_levels_against_a_slow_loop(step: int, count: int, group: int, most: int | None) -> None:
    session = hl.open_session(FLASH)
    start = session.market_data.select(pl.col("ts_event").min()).collect().item()
    compare(session, "MSFT", start + 3_000_000_000, step, count, group, most)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6))
def test_quotes_against_a_slow_loop(session: Session, seed: int) -> None:
    """Empty columns, empty sides, and columns before the first state and after the last."""
    chance = random.Random(seed)
    first, last = (
        session.market_data.select(pl.col("ts_event").min(), pl.col("ts_event").max().alias("b")).collect().row(0)
    )
    step = chance.choice([1_000_000, 20_000_000, 300_000_000])
    start = chance.randrange(first - 2 * step, last) // 1000 * 1000
    compare(
        session,
        chance.choice("ABC"),
        start,
        step,
        chance.randint(1, 30),
        chance.choice([1, 10]),
        chance.choice([1, 3, None]),
    )


def test_trades_against_a_slow_loop() -> None:
    table = trades(hl.open_session(FLASH).market_data)
    rows = table.filter(pl.col("symbol") == "AAPL").collect().to_dicts()
    start, step, count, group = rows[3]["ts_event"] + 1, 2_500_000_000, 60, 2
    sums: dict[tuple[int, int, str], list[tuple[float, int]]] = defaultdict(list)
    for row in rows:
        column = (row["ts_event"] - start) // step
        if 0 <= column < count:
            sums[column, row_of(row["price"], group), row["side"]].append((row["size"], row["ts_event"]))
    found = trade_heat(table, "AAPL", start, step, count, tick=TICK, group=group)
    assert found.height == len(sums) > 20
    for column, row, side, size, time in found.iter_rows():
        expected = sums[column, row, side]
        assert size == pytest.approx(sum(each for each, _ in expected))
        assert time == pytest.approx(sum(each for _, each in expected) / len(expected), abs=200)


def test_a_symbol_without_rows_has_no_cells() -> None:
    heat = book_heat(hl.open_session(FLASH).market_data, "ZZZ", 0, 1, 5, tick=TICK)
    assert heat.cells.is_empty()
    assert heat.columns.is_empty()


@pytest.mark.parametrize("terms", [(0, 5, 1), (1, 0, 1), (1, 5, 0)])
def test_what_cannot_be_is_refused(terms: tuple[int, int, int]) -> None:
    step, count, group = terms
    with pytest.raises(ValueError, match="above 0"):
        book_heat(hl.open_session(FLASH).market_data, "AAPL", 0, step, count, tick=TICK, group=group)
