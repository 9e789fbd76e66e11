"""The figures show the values of the tables."""

from __future__ import annotations

import polars as pl
import pytest

from hftlab import analysis
from hftlab.instruments import listings
from hftlab.market import Processor
from hftlab.session import Session
from tests.market.dislocations import plant
from tests.market.test_arbitrage import batch_of
from tests.session.sessions import write_session

STATES, PLANTED = plant(22, steps=300)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    received = Processor(listings("AAPL")).process(batch_of(STATES))
    return write_session(tmp_path_factory.mktemp("figures") / "session", received)


@pytest.fixture(scope="module")
def found(session: Session) -> pl.DataFrame:
    return analysis.opportunities(session.market_data)


def test_lifetimes_are_those_of_the_opportunities(found: pl.DataFrame) -> None:
    (trace,) = analysis.lifetime_figure(found).data
    assert list(trace.x) == (found["lifetime"] / 1e6).to_list()
    assert list(trace.y) == found["peak_edge"].to_list()
    assert trace.name == "AAPL"


def test_what_is_caught_falls_to_nothing(found: pl.DataFrame) -> None:
    counts, edges = analysis.caught_figure(found, [0, 1_000_000, 10**12]).data
    assert (counts.y[0], counts.y[-1], edges.y[-1]) == (100.0, 0.0, 0.0)
    assert edges.y[0] == pytest.approx(found["edge"].sum() / found["peak_edge"].sum() * 100)
    assert counts.y[1] == pytest.approx(
        sum(one.closed - one.opened > 1_000_000 for one in PLANTED) / len(PLANTED) * 100
    )


def test_nothing_found_is_an_empty_picture(found: pl.DataFrame) -> None:
    assert len(analysis.lifetime_figure(found[:0]).data) == 0
    assert set(analysis.caught_figure(found[:0], [1]).data[0].y) == {0.0}


def test_crossed_stretches_are_shaded(session: Session) -> None:
    one = PLANTED[0]
    rows = analysis.consolidated(session.market_data)

    def is_planted(ms: float) -> bool:
        return 5.0 <= ms < 5.0 + (one.closed - one.opened) / 1e6

    figure = analysis.crossing_figure(rows, one.opened - 5_000_000, one.closed + 5_000_000)
    bid, ask = figure.data
    assert all(high > low for x, high, low in zip(bid.x, bid.y, ask.y, strict=True) if is_planted(x))
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(5.0, 5.0 + (one.closed - one.opened) / 1e6)]
