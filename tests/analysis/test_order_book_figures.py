"""The figures show the numbers that they are given."""

from __future__ import annotations

import polars as pl

from hftlab import analysis


def test_depth_is_summed_up_from_the_best_level() -> None:
    figure = analysis.depth_figure([(10.0, 5.0, 1), (9.0, 2.0, 2)], [(11.0, 1.0, 1), (12.0, 3.0, 1)])
    bids, asks = figure.data
    assert (list(bids.x), list(bids.y)) == ([10.0, 9.0], [5.0, 7.0])
    assert (list(asks.x), list(asks.y)) == ([11.0, 12.0], [1.0, 4.0])
    assert bids.text[1] == "2 in 2 orders"


def test_a_queue_has_two_lines() -> None:
    places = pl.DataFrame({"seconds": [0.0, 1.0], "ahead": [300.0, 100.0], "behind": [0.0, 50.0]})
    ahead, behind = analysis.queue_figure(places).data
    assert (list(ahead.y), list(behind.y)) == ([300.0, 100.0], [0.0, 50.0])


def test_spreads_without_a_share_are_not_drawn() -> None:
    """A logarithmic axis cannot show zero."""
    shares = pl.DataFrame({"symbol": ["A", "A", "B"], "spread": [0.01, 0.02, 0.01], "share": [1.0, 0.0, 1.0]})
    figure = analysis.spread_figure(shares)
    assert [list(line.x) for line in figure.data] == [[0.01], [0.01]]
    assert figure.layout.yaxis.type == "log"
