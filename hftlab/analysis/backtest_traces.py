"""Traces that several figures of backtests have: steps over time, gaps of the recording, a symbol's market."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import polars as pl

from hftlab.analysis.decimation import decimated
from hftlab.analysis.figure_style import FAINT
from hftlab.backtest import Facts, Result
from hftlab.clock import nanoseconds
from hftlab.errors import ArgumentError
from hftlab.nearest import describe_unknown, meant
from hftlab.palette import AXIS

__all__ = [
    "Span", "chosen_symbol", "draw_quotes", "draw_steps", "held", "rows_of", "runs_within", "shade_gaps", "span_of",
    "subject", "times", "traded",
]  # fmt: skip

_MOST_GAPS: Final = 100
"""Gaps that are shaded, the longest: each is a shape of its own."""


class Span(NamedTuple):
    """Time from `since` to `until`, ns."""

    since: int
    until: int


def span_of(result: Result, begin: int | datetime | str | None = None, end: int | datetime | str | None = None) -> Span:
    """Return the time between two times, or that of the whole backtest. Raises ArgumentError if it is empty."""
    since = min(run.start for run in result.facts) if begin is None else nanoseconds(begin)
    until = max(run.end for run in result.facts) if end is None else nanoseconds(end)
    if since > until:
        raise ArgumentError(f"the time from {begin} to {end} is empty: give begin before end")
    return Span(since, until)


def runs_within(result: Result, span: Span) -> Iterator[tuple[Facts, Span]]:
    """Return the sessions that overlap a time, each with the time that both have."""
    for run in result.facts:
        both = Span(max(run.start, span.since), min(run.end, span.until))
        if both.since <= both.until:
            yield run, both


def rows_of(result: Result, run: Facts, table: pl.LazyFrame) -> pl.LazyFrame:
    """Return the rows of one session."""
    return table if len(result.facts) == 1 else table.filter(pl.col("session") == run.session)


def with_session(result: Result, table: pl.LazyFrame) -> pl.LazyFrame:
    """Return a table with the column `session`, which those of one session do not have."""
    return table.with_columns(session=pl.lit(result.facts[0].session)) if len(result.facts) == 1 else table


def traded(result: Result) -> list[str]:
    """Return the symbols in which there are orders, sorted."""
    found: list[str] = result.orders.select(pl.col("symbol").unique().sort()).collect()["symbol"].to_list()
    return found


def chosen_symbol(result: Result, symbol: str | None) -> str:
    """Return a symbol that was traded, or the only one. Raises ArgumentError."""
    names = traded(result)
    if symbol in names:
        return symbol
    if symbol is None and len(names) == 1:
        return names[0]
    if not names:
        raise ArgumentError("the backtest has sent no orders: there is nothing to draw")
    if symbol is None:
        raise ArgumentError(
            f"the backtest has traded {len(names)} symbols: pass symbol= one of {', '.join(names)}"
        ).advise(arguments={"symbol": repr(names[0])})
    raise ArgumentError(
        f"the backtest has not traded {describe_unknown([symbol], names)}; it has traded {', '.join(names)}"
    ).advise(instead=meant([symbol], names))


def subject(result: Result) -> str:
    """Return what a title says of a backtest: the strategy's name."""
    return result.facts[0].strategy.rpartition(":")[2]


def held(result: Result, run: Facts, symbol: str, span: Span) -> pl.DataFrame:
    """Return the steps of a symbol's inventory in a session within a time: at, quantity, from its start to its end."""
    own = rows_of(result, run, result.positions).filter(pl.col("symbol") == symbol)
    rows = own.filter(pl.col("at") <= span.until).select("at", "quantity").collect()
    start = pl.DataFrame({"at": [run.start], "quantity": [0.0]})
    return steps_within(pl.concat([start, rows]), span)


def steps_within(rows: pl.DataFrame, span: Span) -> pl.DataFrame:
    """Cut steps, sorted by `at`, to a time: the value before it holds at its start, the last one until its end."""
    before = rows.filter(pl.col("at") <= span.since).tail(1).with_columns(at=pl.lit(span.since, pl.Int64))
    within = rows.filter((pl.col("at") > span.since) & (pl.col("at") <= span.until))
    both = pl.concat([before, within])
    return pl.concat([both, both.tail(1).with_columns(at=pl.lit(span.until, pl.Int64))])


def times(column: pl.Series) -> list[Any]:
    """Return times in ns as datetimes, which Plotly draws."""
    return column.cast(pl.Datetime("ns")).to_list()


def draw_steps(
    figure: Any, steps: pl.DataFrame, column: str, points: int, *, name: str, colour: str, row: int, **options: Any
) -> None:
    """Draw a line of steps over `at`, in at most about so many points."""
    line = decimated(steps, [column], points)
    figure.add_scatter(
        x=times(line["at"]), y=line[column].round(9).to_list(), name=name, legendgroup=name, mode="lines",
        line={"shape": "hv", "width": options.pop("width", 2), "color": colour}, row=row, col=1, **options,
    )  # fmt: skip


def draw_quotes(figure: Any, result: Result, symbol: str, span: Span, points: int) -> None:
    """Draw the bid and ask of a symbol with the area between them."""
    for run, both in runs_within(result, span):
        rows = rows_of(result, run, result.quotes).filter(pl.col("symbol") == symbol)
        quotes = rows.select("at", *(_known(side) for side in ("bid", "ask"))).collect()
        steps = steps_within(quotes, both)
        if steps.is_empty():
            continue
        value = pl.struct("bid", "ask")
        changed = steps.filter(value.ne_missing(value.shift(1)) | (pl.int_range(pl.len()) == pl.len() - 1))
        line = decimated(changed, ["bid", "ask"], points)
        # Plotly draws a wedge across a hole of a filled line.
        is_whole = line["bid"].null_count() == line["ask"].null_count() == 0
        for side, fill in (("bid", None), ("ask", "tonexty" if is_whole else None)):
            figure.add_scatter(
                x=times(line["at"]), y=line[side].to_list(), name=side, mode="lines", fill=fill, fillcolor=FAINT,
                line={"shape": "hv", "width": 1, "color": AXIS}, showlegend=False, row=1, col=1,
            )  # fmt: skip


def _known(side: str) -> pl.Expr:
    """A price, None where its side of the book is empty."""
    return pl.when(pl.col(side) > 0).then(pl.col(side)).alias(side)


def shade_gaps(figure: Any, result: Result, symbols: Sequence[str], span: Span, *, rows: int) -> None:
    """Shade the times in which one of the symbols was not recorded; of very many the longest."""
    gaps = result.gaps.filter(pl.col("symbol").is_in(symbols)).select("from", "to").sort("from").collect()
    joined: list[tuple[int, int]] = []
    for since, until in gaps.iter_rows():
        since, until = max(since, span.since), min(until, span.until)
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        elif since < until:
            joined.append((since, until))
    shown = sorted(joined, key=lambda gap: gap[0] - gap[1])[:_MOST_GAPS]
    if not shown:
        return
    axes = ["", *map(str, range(2, rows + 1))]
    figure.layout.shapes = [
        {
            "type": "rect",
            "layer": "below",
            "xref": f"x{axis}",
            "yref": f"y{axis} domain",
            **dict(zip(("x0", "x1"), times(pl.Series(gap)), strict=True)),
            "y0": 0,
            "y1": 1,
            "fillcolor": FAINT,
            "line_width": 0,
        }
        for gap in shown
        for axis in axes
    ]
    figure.update_xaxes(type="date")  # which Plotly guesses from the first trace, and that has no times
    figure.add_scatter(  # a shape has no place in the legend
        x=[None], y=[None], name="not recorded", mode="markers", hoverinfo="skip",
        marker={"symbol": "square", "size": 10, "color": FAINT}, row=1, col=1,
    )  # fmt: skip
