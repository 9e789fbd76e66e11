"""Figures of a session's coverage."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from hftlab.analysis.figure_style import COLOURS, lay_out
from hftlab.session import Session

__all__ = ["coverage_figure"]

_NS_PER_MS: Final = 1_000_000
_MOST: Final = 40
"""Symbols shown; those with the smallest share first."""


def coverage_figure(session: Session | pl.DataFrame, title: str = "Coverage") -> Any:
    """Plot with plotly when each symbol was recorded: a bar a symbol, with its holes, and their reasons on hovering.

    `session` is a session, or what its coverage(detail=True) returns. Of many symbols the 40 that were covered least
    are shown.
    """
    from hftlab.analysis.figure import Figure

    intervals = session.coverage(detail=True) if isinstance(session, Session) else session
    length = pl.col("to") - pl.col("from")
    shares = (
        intervals.group_by("symbol")
        .agg((length.filter(pl.col("covered")).sum() / length.sum()).fill_nan(1.0).alias("share"))
        .sort("share", "symbol")
        .head(_MOST)
        .sort("symbol", descending=True)
    )
    names = {symbol: f"{symbol}  {100 * share:.4g} %" for symbol, share in shares.iter_rows()}
    shown = intervals.filter(pl.col("symbol").is_in(list(names)))
    figure = Figure()
    for name, rows, colour in (
        ("covered", shown.filter(pl.col("covered")), COLOURS[0]),
        ("not covered", shown.filter(~pl.col("covered")), COLOURS[1]),
    ):
        figure.add_bar(
            orientation="h",
            y=[names[symbol] for symbol in rows["symbol"]],
            base=rows["from"].cast(pl.Datetime("ns")).to_list(),
            x=((rows["to"] - rows["from"]) / _NS_PER_MS).to_list(),
            customdata=[
                [str(since), str(until), f"{(until - since).total_seconds():,.3f} s", why or "covered"]
                for since, until, why in rows.select(
                    pl.col("from", "to").cast(pl.Datetime("ns")).cast(pl.Datetime("us")), "why"
                ).iter_rows()
            ],
            hovertemplate="%{customdata[3]}: %{customdata[2]}<br>%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
            marker={"color": colour, "line": {"width": 1 if name == "not covered" else 0, "color": colour}},
            width=0.6,
            name=name,
        )
    is_estimated = bool(shown["estimated"].any()) if shown.height else False
    lay_out(
        figure,
        f"{title} (estimated)" if is_estimated else title,
        "time of reception (UTC)",
        "",
        height=140 + 28 * max(len(names), 2),
    )
    longest = max(map(len, names.values()), default=0)
    figure.update_layout(barmode="overlay", margin={"l": 30 + 7 * longest})
    figure.update_yaxes(categoryorder="array", categoryarray=list(names.values()), showgrid=False)
    return figure.update_xaxes(type="date")
