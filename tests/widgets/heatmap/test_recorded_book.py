from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import hftlab as hl
from hftlab.analysis import book_heat, trade_heat, trades
from hftlab.protocol import Trade
from hftlab.session import Session, SessionWriter
from hftlab.widgets.heatmap.column import NO_PRICE
from hftlab.widgets.heatmap.recorded_book import ALIGNED, MOST_COLUMNS, RecordedBook, round_up
from tests.protocol.conftest import market_data, symbol

FLASH = Path(__file__).parents[3] / "data" / "flash"
START = 1_767_364_200_000_000_000
SECOND = 1_000_000_000


@pytest.fixture(scope="module")
def session() -> Session:
    return hl.open_session(FLASH)


@pytest.fixture(scope="module")
def book(session: Session) -> RecordedBook:
    return RecordedBook(session, "AAPL")


def recorded(folder: Path, *, hole: tuple[float, float] | None = None) -> Session:
    """Ten seconds of X, a state each 100 ms, a trade each second, without every trade of the data type TRADES."""
    writer = SessionWriter(folder, source={"name": "test"})
    writer.control("start", START, symbols=["X"])
    for number in range(100):
        at = START + number * SECOND // 10
        if hole is not None and hole[0] <= number / 10 < hole[1]:
            continue
        last = Trade(price=10.0, size=1.0 + number // 10, timestamp=(START + number // 10 * SECOND) / 1e6, side="SELL")
        bid = 10.0 - 0.05 * (number % 3)
        state = symbol("X", bid=bid, ask=10.05, bid_size=5.0, ask_size=7.0, timestamp=at / 1e6, last_trade=last)
        writer.append(market_data(state), at)
        if hole is not None and number / 10 == hole[1]:
            writer.control(
                "gap", at, symbols=["X"], ts_from=START + round(hole[0] * SECOND), ts_to=START + round(hole[1] * SECOND)
            )
    writer.control("end", START + 10 * SECOND)
    writer.close()
    return hl.open_session(folder)


def test_columns_are_the_heat_of_the_recording(session, book):
    """Column by column, and every number of it."""
    window = book.window(START + 20 * SECOND, START + 80 * SECOND, 100, 17_500, 17_700, 100)
    columns = book.columns(window)
    terms = {"tick": 0.01, "group": window.group}
    heat = book_heat(session.market_data, "AAPL", window.start, window.step, window.columns, **terms)
    traded = trade_heat(trades(session.market_data), "AAPL", window.start, window.step, window.columns, **terms)
    assert len(columns) == window.columns > 60
    origin = book.tile(window, 5)[1].origin
    best = {row[0]: row[1:] for row in heat.columns.iter_rows()}
    for number, column in enumerate(columns):
        assert column.time == window.start + number * window.step
        cells = heat.cells.filter((pl.col("column") == number) & (pl.col("row") * window.group <= window.high))
        cells = cells.filter(pl.col("row") * window.group >= window.low)
        assert (column.ticks + origin).tolist() == (cells["row"] * window.group).to_list()
        assert column.sizes.tolist() == pytest.approx(cells["size"].to_list())
        assert [round((origin + tick) * 0.01, 2) for tick in (column.bid, column.ask)] == list(best[number])
        sold = traded.filter((pl.col("column") == number) & (pl.col("side") == "SELL"))["size"].sum()
        assert -column.trade_sizes[column.trade_sizes < 0].sum() == pytest.approx(sold)
        assert all(0 <= since < window.step for since in column.trade_times)


def test_the_whole_recording_is_a_few_hundred_columns(book):
    columns, terms = book.tile(book.whole, 3)
    assert 400 < len(columns) <= 512 + ALIGNED
    assert columns[0].time <= terms.start == book.start
    assert columns[-1].time + columns[-1].step > book.end == terms.end
    assert (terms.epoch, terms.group, terms.price_decimals, terms.tick) == (3, 1, 2, 0.01)
    assert terms.low < min(column.bid for column in columns if column.known)


def test_windows_are_round_so_that_near_ones_are_the_same(book):
    first = book.window(START + 20 * SECOND, START + 30 * SECOND, 500, 17_500, 17_600, 50)
    again = book.window(START + 20 * SECOND + 1, START + 30 * SECOND - 1, 505, 17_501, 17_599, 49)
    assert first == again
    assert (first.step, first.group) == (20_000_000, 2)
    assert first.low % (ALIGNED * 2) == first.high % (ALIGNED * 2) == 0


def test_a_page_cannot_ask_for_too_much(book):
    window = book.window(0, 2 * book.end, 10**9, 0, 10**6, 10**9)
    assert window.columns <= MOST_COLUMNS + ALIGNED
    assert window.start >= book.start - window.step


def test_what_was_not_recorded_is_unknown(tmp_path):
    book = RecordedBook(recorded(tmp_path / "session", hole=(3.0, 5.0)), "X")
    columns = book.columns(book.window(START, START + 10 * SECOND, 10, 150, 250, 100))
    step = columns[0].step
    assert step == SECOND
    assert [column.known for column in columns] == [True] * 3 + [False] * 2 + [True] * 5
    assert (columns[3].bid, len(columns[3].ticks)) == (NO_PRICE, 0)


def test_without_every_trade_the_last_one_of_each_state(tmp_path):
    book = RecordedBook(recorded(tmp_path / "session"), "X")
    columns = book.columns(book.window(START, START + 10 * SECOND, 10, 150, 250, 100))
    assert [column.trade_sizes.tolist() for column in columns] == [[-1.0 - second] for second in range(10)]
    assert book.scale.tick == 0.05


def test_a_symbol_without_rows_has_no_columns(session):
    book = RecordedBook(session, "ZZZ")
    assert book.columns(book.whole) == []


@pytest.mark.parametrize(("value", "expected"), [(0.3, 1), (1, 1), (1.5, 2), (3, 5), (7, 10), (10, 10), (2e9, 2e9)])
def test_steps_are_round(value, expected):
    assert round_up(value) == expected
