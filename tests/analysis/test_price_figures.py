"""The figure shows the quotes, trades and volumes that the session has."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

import hftlab as hl
from hftlab import analysis
from tests.command import ROOT

BEGIN, END = "2026-01-02T14:31:55", "2026-01-02T14:32:05"


@pytest.fixture(scope="module")
def market_data() -> pl.LazyFrame:
    return hl.open_session(ROOT / "data" / "flash").market_data


@pytest.fixture(scope="module")
def rows(market_data: pl.LazyFrame) -> pl.DataFrame:
    time = pl.from_epoch("ts_recv", "ns")
    begin, end = datetime.fromisoformat(BEGIN), datetime.fromisoformat(END)
    return market_data.filter((pl.col("symbol") == "AAPL") & (time >= begin) & (time < end)).collect()


def test_bid_ask_trades_and_volume(market_data: pl.LazyFrame, rows: pl.DataFrame) -> None:
    figure = analysis.price_figure(market_data, "AAPL", BEGIN, END, points=10**6)
    bid, ask, bought, sold, volume = figure.data
    made = analysis.trades(rows.lazy()).collect()
    assert set(bid.y) == set(rows["bid"]) - {0} | {None}, "an empty side is a hole and not a price of 0"
    assert set(ask.y) == set(rows["ask"])
    assert sorted([*bought.y, *sold.y]) == made["price"].sort().to_list()
    assert sorted(sold.customdata) == made.filter(pl.col("side") == "SELL")["size"].sort().to_list()
    assert sum(volume.y) == made["size"].sum()
    assert figure.layout.title.text == "AAPL: bid, ask and trades"
    assert (figure.layout.yaxis.title.text, figure.layout.yaxis2.title.text) == ("price, USD", "volume per 0.1 s")
    assert "sold" in figure.picture()


def test_few_points(market_data: pl.LazyFrame) -> None:
    figure = analysis.price_figure(market_data, "AAPL", points=100, title="Flash", unit="dollars")
    bid, ask, bought, sold, _ = figure.data
    assert len(bid.x) == len(ask.x) <= 101
    assert len(bought.x) + len(sold.x) <= 102
    assert (figure.layout.title.text, figure.layout.yaxis.title.text) == ("Flash", "price, dollars")


def test_the_band_between_bid_and_ask_is_filled_where_both_are_known(market_data: pl.LazyFrame) -> None:
    calm = analysis.price_figure(market_data, "AAPL", end="2026-01-02T14:31:00")
    assert [trace.fill for trace in calm.data[:2]] == [None, "tonexty"]
    flash = analysis.price_figure(market_data, "AAPL", BEGIN, END)
    assert [trace.fill for trace in flash.data[:2]] == [None, None]


def test_a_time_without_trades_has_a_picture(market_data: pl.LazyFrame) -> None:
    """The volume's axis has no values of its own: it is one of time all the same, as the axis above."""
    quotes = market_data.with_columns(trades=pl.lit(None, market_data.collect_schema()["trades"]))
    figure = analysis.price_figure(quotes, "AAPL", BEGIN, END)
    assert len(figure.data[-1].x) == 0
    assert "14:32:00" in figure.picture()


def test_a_symbol_that_was_not_recorded_is_an_error_and_a_time_without_rows_is_none(market_data: pl.LazyFrame) -> None:
    with pytest.raises(hl.errors.ArgumentError, match=r"no rows of 'APPL' \(nearest: 'AAPL'\)"):
        analysis.price_figure(market_data, "APPL")
    assert not len(analysis.price_figure(market_data, "AAPL", "2030-01-01", "2030-01-02").data[0].x)
