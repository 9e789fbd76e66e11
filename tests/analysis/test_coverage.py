"""The share of a bin that was recorded, against a count of its moments."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hftlab import analysis
from hftlab.clock import NANOSECONDS
from hftlab.session import SessionWriter, open_session
from hftlab.session.coverage import Interval, interval_table
from tests.analysis.recorded import messages

SECOND = NANOSECONDS
EPOCH = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)

spans = st.lists(st.integers(0, 30), min_size=2, max_size=8, unique=True).map(sorted)


def intervals(edges: dict[str, list[int]]) -> pl.DataFrame:
    """Alternating intervals between some seconds, the first of them covered."""
    found = [
        Interval(symbol, start * SECOND, end * SECOND, place % 2 == 0, None if place % 2 == 0 else "gap")
        for symbol, some in edges.items()
        for place, (start, end) in enumerate(pairwise(some))
    ]
    return interval_table(found)


def slow_share(edges: list[int], start: int, length: int) -> float:
    """Look at every second of a bin."""
    covered = {
        second
        for place, (since, until) in enumerate(pairwise(edges))
        if place % 2 == 0
        for second in range(since, until)
    }
    return len(covered.intersection(range(start, start + length))) / length


@given(spans, spans, st.integers(1, 7), st.booleans())
def test_against_a_count_of_the_seconds(a: list[int], b: list[int], length: int, ends: bool) -> None:
    starts = range(-length, 35)
    times = [EPOCH + timedelta(seconds=start + (length if ends else 0)) for start in starts]
    bins = pl.LazyFrame(
        {"symbol": ["B", "A"] * len(times), "time": [time for time in times for _ in "BA"], "n": range(2 * len(times))},
        schema_overrides={"time": pl.Datetime("ns")},
    )
    found = analysis.covered_share(bins, intervals({"A": a, "B": b}), f"{length}s", ends=ends).collect()
    assert found.columns == ["symbol", "time", "n", "covered"]
    assert found["n"].to_list() == list(range(2 * len(times)))
    expected = [slow_share(edges, start, length) for start in starts for edges in (b, a)]
    assert found["covered"].to_list() == pytest.approx(expected)


def test_a_symbol_that_is_not_in_the_coverage_is_not_covered() -> None:
    bins = pl.LazyFrame({"symbol": ["X"], "time": [EPOCH]}, schema_overrides={"time": pl.Datetime("ns")})
    assert analysis.covered_share(bins, intervals({"A": [0, 9]}), "1s").collect()["covered"].to_list() == [0.0]


def test_bars_and_returns_tell_how_much_of_them_was_recorded(tmp_path: Path) -> None:
    """A hole in the middle of a session: the bins in it are marked, the others are whole."""
    received = messages()
    first, last = received[0][0], received[-1][0]
    start, end = first + (last - first) // 3, first + (last - first) // 2
    writer = SessionWriter(tmp_path / "session", source={})
    writer.control("start", first)
    told = False
    for at, message in received:
        if at >= end and not told:
            writer.control("drop", end, symbols=["A"], ts_from=start, ts_to=end)
            told = True
        writer.append(message, at)
    writer.control("end", last)
    writer.close()
    session = open_session(tmp_path / "session")
    coverage = session.coverage(detail=True)
    for made in (
        analysis.bars(analysis.trades(session.market_data), "100ms", coverage=coverage),
        analysis.returns(analysis.quotes(session.market_data), "100ms", coverage=coverage),
    ):
        frame = made.collect()
        shift = 0 if "open" in frame.columns else -SECOND // 10
        for symbol, time, covered in frame.select("symbol", pl.col("time").cast(pl.Int64), "covered").iter_rows():
            since, until = time + shift, time + shift + SECOND // 10
            known = max(0, min(until, last) - max(since, first))
            hole = max(0, min(until, end) - max(since, start)) if symbol == "A" else 0
            assert covered == pytest.approx((known - hole) / (until - since))
        marked = frame.filter(pl.col("covered") == 0)
        assert set(marked["symbol"]) == {"A"}
        plain = analysis.trades(session.market_data)
    assert "covered" not in analysis.bars(plain).collect_schema()


def quoted(*rows: tuple[str, int, float]) -> pl.LazyFrame:
    columns = ("symbol", "ts_event", "spread")
    frame = pl.LazyFrame([(symbol, at * SECOND, spread) for symbol, at, spread in rows], schema=columns, orient="row")
    return frame.with_columns(mid=100 + pl.col("spread"))


def test_a_spread_does_not_last_through_a_hole() -> None:
    """Of the nine seconds between A's quotes, four are missing; B's are whole."""
    quotes = quoted(("A", 0, 1.0), ("B", 1, 5.0), ("A", 1, 2.0), ("B", 3, 7.0), ("A", 9, 3.0), ("B", 9, 5.0))
    found = analysis.spread_distribution(quotes, coverage=intervals({"A": [0, 4, 8, 20], "B": [0, 20]}))
    shares = [("A", 1.0, 1 / 5), ("A", 2.0, 4 / 5), ("A", 3.0, 0.0), ("B", 5.0, 1 / 4), ("B", 7.0, 3 / 4)]
    assert found.rows() == shares
    whole = analysis.spread_distribution(quotes)
    assert whole.rows() == [("A", 1.0, 1 / 9), ("A", 2.0, 8 / 9), *shares[2:]]
    assert analysis.spread_distribution(quotes, coverage=intervals({"A": [0, 20], "B": [0, 20]})).equals(whole)


def test_facts_leave_out_what_was_not_recorded(tmp_path: Path) -> None:
    """Over a hole the mid jumps to where another market is: with the coverage there is no such return."""
    walk = [(at, 100 + at % 7 + (1000 if at > 50 else 0)) for at in [*range(50), *range(60, 110)]]
    quotes = pl.LazyFrame(
        [("A", at * SECOND, float(mid), 1.0) for at, mid in walk],
        schema=["symbol", "ts_event", "mid", "spread"],
        orient="row",
    )
    trades = pl.LazyFrame(
        [("A", at * SECOND, "BUY" if at % 3 else "SELL", 1.0, 1.0) for at, _ in walk],
        schema=["symbol", "ts_event", "side", "price", "size"],
        orient="row",
    )
    coverage = intervals({"A": [0, 50, 60, 120]})
    jumpy, true = analysis.stylised_facts(quotes, trades), analysis.stylised_facts(quotes, trades, coverage=coverage)
    assert jumpy["kurtosis"][0] > 20
    assert true["kurtosis"][0] < 10


def test_a_line_is_broken_where_nothing_was_recorded() -> None:
    quotes = quoted(("A", 0, 0.0), ("A", 2, 1.0), ("B", 3, 0.0), ("A", 9, 2.0), ("B", 9, 1.0))
    figure = analysis.mid_figure(quotes, coverage=intervals({"A": [0, 4, 8, 20], "B": [0, 20]}))
    (a, b) = figure.data
    seconds = [(at - EPOCH).total_seconds() for at in a.x]
    assert seconds == [0, 2, 4, 4, 9]
    assert list(a.y[:2]) == pytest.approx([0, 100])
    assert a.y[2] == a.y[1]
    assert a.y[3] is None
    assert [(at - EPOCH).total_seconds() for at in b.x] == [3, 9]
