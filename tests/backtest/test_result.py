"""Tables of a result: what the engine handed in, as doubles and as decimals."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest

from hftlab.backtest.result import Result
from hftlab.backtest.result_tables import EXACT
from hftlab.errors import ArgumentError
from tests.backtest.made_run import SECOND, START, fill, made_result, order, quote


@pytest.fixture
def result() -> Result:
    return made_result(
        [order("a", "BUY", 100.25, 10, 1)],
        [fill("a", "BUY", 100.25, 4, 3), fill("a", "BUY", 100.24, 6, 2)],
        [quote(2, 100.25, 100.27), quote(1, 0, 100.27)],
        queue=[{"at": START, "client_order_id": "a", "ahead": 300 * 10**9}],
        requests=[("a", "NEW", START, START + SECOND, "NEW")],
    )


def test_tables_are_doubles_sorted_by_time(result: Result) -> None:
    made = result.fills.collect()
    assert made["price"].to_list() == [100.24, 100.25]
    assert made["quantity"].dtype == pl.Float64
    assert made["at"].to_list() == [START + 2 * SECOND, START + 3 * SECOND]
    assert result.orders.collect().row(0, named=True)["filled_quantity"] == 10
    assert result.queue.collect()["ahead"].to_list() == [300]
    assert result.requests.collect()["arrived"].to_list() == [START + SECOND]
    assert result.gaps.collect().height == 0


def test_quotes_have_a_mid_where_both_sides_are_there(result: Result) -> None:
    assert result.quotes.collect().select("bid", "mid").rows() == [(0, None), (100.25, 100.26)]


def test_positions_are_those_after_each_fill(result: Result) -> None:
    rows = result.positions.select("quantity", "average_price", "currency").collect().rows()
    assert rows == [(6, 100.24, "USD"), (10, pytest.approx(100.244), "USD")]


def test_exact_tables_add_up(result: Result) -> None:
    made = result.exact("fills").collect()
    assert made["commission"].to_list() == [-Decimal("0.030072"), -Decimal("0.02005")]  # half a basis point
    paid = (made["price"] * made["quantity"]).sum() + made["commission"].sum()
    assert result.exact("equity").collect()["cash"][-1] == 10_000 - paid


def test_a_result_of_one_session_has_no_column_for_it(result: Result) -> None:
    assert {name: result.table(name).collect_schema().names() for name in EXACT} == {
        name: [column for column in schema if column != "session"] for name, schema in EXACT.items()
    }


def test_an_unknown_table_is_named_with_the_nearest(result: Result) -> None:
    with pytest.raises(ArgumentError, match=r"no table 'fils' \(nearest: 'fills'\): there are orders, fills"):
        result.table("fils")


def test_it_shows_itself_in_a_line_and_in_a_table(result: Result) -> None:
    assert repr(result) == "Result(makers:Quoter on day: 1 orders, 2 fills, PnL +0.21 USD)"
    assert "PnL after fees, USD" in result._repr_html_()
