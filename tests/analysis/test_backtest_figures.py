"""The figures of a backtest show its equity and what it held."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from hftlab import analysis
from hftlab.backtest import Result
from hftlab.errors import ArgumentError
from tests.analysis.backtested import one_day, two_symbols
from tests.backtest.made_run import made_result, random_run


def lines(figure: Any) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for line in figure.data:
        found.setdefault(line.name, []).append(line)
    return found


class TestEquity:
    def test_profit_and_drawdown_are_the_table_s(self) -> None:
        result = one_day()
        figure = analysis.equity_figure(result)
        drawn, equity = lines(figure), result.equity.collect()
        assert list(drawn["PnL"][0].y) == equity["pnl"].to_list()
        assert list(drawn["drawdown"][0].y) == equity["drawdown"].to_list()
        assert len(drawn["PnL"][0].x) == equity.height
        assert figure.layout.title.text == "Quoter: profit after fees, and drawdown"
        assert figure.layout.yaxis.title.text == "PnL, USD"

    def test_gaps_of_what_was_traded_are_shaded_once(self) -> None:
        figure = analysis.equity_figure(one_day())
        spans = [(shape.x1 - shape.x0).total_seconds() for shape in figure.layout.shapes]
        assert spans == [5, 5]  # both plots; the other symbol's is not there
        assert figure.data[0].name == "not recorded"
        assert figure.layout.xaxis.type == "date"

    def test_long_lines_keep_their_peaks(self) -> None:
        result = made_result(**random_run(5, quotes=2000))
        drawn = lines(analysis.equity_figure(result, points=60))["PnL"][0]
        pnl = result.equity.collect()["pnl"]
        assert len(drawn.y) <= 60 < pnl.len()
        assert (min(drawn.y), max(drawn.y)) == (pytest.approx(pnl.min()), pytest.approx(pnl.max()))

    def test_sessions_are_lines_of_their_own(self) -> None:
        week = Result.joined([one_day(0), one_day(1)])
        first, second = lines(analysis.equity_figure(week))["PnL"]
        assert first.y[-1] == pytest.approx(second.y[0])
        assert (second.x[0] - first.x[-1]).total_seconds() == 86_400 - 60

    def test_a_backtest_without_orders_is_a_flat_line(self) -> None:
        assert list(lines(analysis.equity_figure(made_result()))["PnL"][0].y) == [0, 0]

    def test_it_has_a_picture(self) -> None:
        assert ElementTree.fromstring(analysis.equity_figure(one_day(), title="mine").picture()).tag.endswith("svg")


class TestInventory:
    def test_it_goes_from_the_start_to_the_end(self) -> None:
        (line,) = lines(analysis.inventory_figure(one_day()))["AAPL"]
        assert list(line.y) == [0, 4, 10, 6, 6]
        assert (line.x[-1] - line.x[0]).total_seconds() == 60

    def test_several_symbols_are_several_lines(self) -> None:
        figure = analysis.inventory_figure(two_symbols())
        drawn = lines(figure)
        assert (list(drawn["AAPL"][0].y), list(drawn["VOD"][0].y)) == ([0, 10, 10], [0, -20, -20])
        assert figure.layout.title.text == "Quoter: inventory of 2 symbols"
        assert list(lines(analysis.inventory_figure(two_symbols(), "VOD"))) == ["VOD"]

    def test_every_session_begins_with_nothing(self) -> None:
        first, second = lines(analysis.inventory_figure(Result.joined([one_day(0), one_day(1)])))["AAPL"]
        assert list(first.y) == list(second.y) == [0, 4, 10, 6, 6]

    def test_a_symbol_that_was_not_traded_is_named(self) -> None:
        with pytest.raises(ArgumentError, match=r"has not traded 'VID' \(nearest: 'VOD'\); it has traded AAPL, VOD"):
            analysis.inventory_figure(two_symbols(), "VID")
        with pytest.raises(ArgumentError, match="has sent no orders"):
            analysis.inventory_figure(made_result())
