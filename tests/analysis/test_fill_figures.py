"""The figures of a backtest's orders show their fills on the market, and their places in the queue."""

from __future__ import annotations

from typing import Any

import pytest

from hftlab import analysis
from hftlab.backtest import Result
from hftlab.errors import ArgumentError
from tests.analysis.backtested import DAY, one_day, two_symbols
from tests.backtest.made_run import SECOND, START, fill, made_result, order, quote


def lines(figure: Any) -> dict[str, Any]:
    return {line.name: line for line in figure.data}


def seconds(times: Any) -> list[float | None]:
    """Seconds since the first time of a line."""
    return [None if at is None else (at - times[0]).total_seconds() for at in times]


class TestFills:
    def test_fills_are_on_bid_and_ask(self) -> None:
        figure = analysis.fills_figure(one_day())
        drawn = lines(figure)
        assert list(drawn["bid"].y) == [99, 100, 102, None, None]
        assert list(drawn["ask"].y) == [101, 102, 104, 104, 104]
        assert list(drawn["bought"].y) == [99, 99]
        assert tuple(drawn["bought"].customdata[1]) == (6.0, "a", "MAKER", "trade_through", 300.0)
        assert list(drawn["sold"].y) == [102]
        assert list(drawn["inventory"].y) == [0, 4, 10, 6, 6]
        assert figure.layout.yaxis.title.text == "price, USD"
        assert len(figure.layout.shapes) == 2

    def test_a_part_of_the_time_begins_with_what_was_before(self) -> None:
        figure = analysis.fills_figure(one_day(), "AAPL", START + 15 * SECOND, START + 31 * SECOND)
        drawn = lines(figure)
        assert (list(drawn["bid"].y), seconds(drawn["bid"].x)) == ([100, 102, 102], [0, 15, 16])
        assert (list(drawn["inventory"].y), seconds(drawn["inventory"].x)) == ([4, 10, 6, 6], [0, 5, 15, 16])
        assert drawn["bought"].customdata[0][0] == 6
        assert not figure.layout.shapes

    def test_too_many_fills_are_thinned_and_it_says_so(self) -> None:
        fills = [fill("a", "BUY", 100, 1, at / 10) for at in range(1, 100)]
        result = made_result([order("a", "BUY", 100, 99, 0)], fills, [quote(0, 99, 101)])
        drawn = lines(analysis.fills_figure(result, points=10))
        assert len(drawn["bought (1 of 10)"].x) == 10

    def test_of_several_symbols_one_is_to_be_named(self) -> None:
        with pytest.raises(ArgumentError, match="has traded 2 symbols: pass symbol= one of AAPL, VOD"):
            analysis.fills_figure(two_symbols())
        assert list(lines(analysis.fills_figure(two_symbols(), "VOD"))["sold"].y) == [73]

    def test_an_empty_time_is_refused(self) -> None:
        with pytest.raises(ArgumentError, match="is empty: give begin before end"):
            analysis.fills_figure(one_day(), begin=START + 2, end=START + 1)

    def test_a_time_in_text_is_taken(self) -> None:
        drawn = lines(analysis.fills_figure(one_day(), begin="2026-01-02T14:30:25", end="2026-01-02T14:30:35"))
        assert (len(drawn["bought"].x), len(drawn["sold"].x)) == (0, 1)


class TestQueuePositions:
    def test_each_order_is_a_line_until_its_end(self) -> None:
        drawn = lines(analysis.queue_position_figure(one_day()))
        assert list(drawn["buy orders"].y) == [30, 10, 0, 0, None, 90, 90, None]
        assert seconds(drawn["buy orders"].x) == [0, 3, 5, 15, None, 35, 55, None]
        assert list(drawn["buy orders"].text) == ["a"] * 5 + ["c"] * 3
        assert list(drawn["sell orders"].y) == [7, 0, 0, None]
        assert (list(drawn["bought"].y), list(drawn["sold"].y)) == ([0, 0], [0])

    def test_a_part_of_the_time_begins_with_what_was_before(self) -> None:
        drawn = lines(analysis.queue_position_figure(one_day(), begin=START + 9 * SECOND, end=START + 12 * SECOND))
        assert (list(drawn["buy orders"].y), seconds(drawn["buy orders"].x)) == ([10, 0, 0, None], [0, 1, 3, None])
        assert (len(drawn["bought"].x), len(drawn["sell orders"].x)) == (1, 0)

    def test_only_some_of_too_many_orders_are_drawn(self) -> None:
        drawn = lines(analysis.queue_position_figure(one_day(), points=3))
        assert list(drawn["buy orders (1 of 2)"].text) == ["a"] * 5

    def test_orders_of_two_sessions_are_not_joined(self) -> None:
        drawn = lines(analysis.queue_position_figure(Result.joined([one_day(0), one_day(1)])))
        assert list(drawn["buy orders"].y) == [30, 10, 0, 0, None, 90, 90, None] * 2
        assert seconds(drawn["buy orders"].x)[8] == DAY / SECOND

    def test_a_result_that_has_kept_none_says_so(self) -> None:
        with pytest.raises(ArgumentError, match="no places in the queue of VOD in this time"):
            analysis.queue_position_figure(two_symbols(), "VOD")
