"""Figures of a backtest over time: profit with drawdown, and inventory."""

from __future__ import annotations

from typing import Any, Final

from hftlab.analysis.backtest_traces import (
    chosen_symbol,
    draw_steps,
    held,
    rows_of,
    runs_within,
    shade_gaps,
    span_of,
    subject,
    traded,
)
from hftlab.analysis.figure_style import COLOURS, lay_out
from hftlab.backtest import Result
from hftlab.errors import ArgumentError

__all__ = ["equity_figure", "inventory_figure"]

_HELD, _EARNED, _FALLEN = COLOURS[0], COLOURS[2], COLOURS[5]
_TIME: Final = "time (UTC)"


def equity_figure(result: Result, *, title: str | None = None, points: int = 2000) -> Any:
    """Plot with plotly the profit of a backtest after fees over time, and its drawdown below.

    Times in which a traded symbol was not recorded are shaded. Lines have at most about `points` points, peaks and
    troughs among them.
    """
    from hftlab.analysis.figure import Figure

    currency, span = result.facts[0].currency, span_of(result)
    figure = Figure().set_subplots(rows=2, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.68, 0.32])
    shade_gaps(figure, result, traded(result), span, rows=2)
    each = max(4, points // len(result.facts))
    for run, _ in runs_within(result, span):
        equity = rows_of(result, run, result.equity).select("at", "pnl", "drawdown").collect()
        for row, (column, name, colour) in enumerate((("pnl", "PnL", _EARNED), ("drawdown", "drawdown", _FALLEN)), 1):
            draw_steps(
                figure, equity, column, each, name=name, colour=colour, row=row, showlegend=False,
                fill="tozeroy" if row == 2 else None, hovertemplate=f"{name} %{{y:,.2f}} {currency}<extra></extra>",
                width=3 - row,
            )  # fmt: skip
    lay_out(figure, title or f"{subject(result)}: profit after fees, and drawdown", "", "", height=480)
    figure.update_xaxes(title=_TIME, row=2)
    figure.update_yaxes(title=f"PnL, {currency}", row=1)
    figure.update_yaxes(title="drawdown", row=2)
    return figure.update_layout(hovermode="x", margin_l=90)


def inventory_figure(result: Result, symbol: str | None = None, *, title: str | None = None, points: int = 2000) -> Any:
    """Plot with plotly how much of a symbol, or of each that was traded, was held over time; short is below 0.

    Raises ArgumentError for a symbol that was not traded.
    """
    from hftlab.analysis.figure import Figure

    names = traded(result) if symbol is None else [chosen_symbol(result, symbol)]
    if not names:
        raise ArgumentError("the backtest has sent no orders: there is nothing to draw")
    figure, span, is_one = Figure().set_subplots(rows=1), span_of(result), len(names) == 1
    shade_gaps(figure, result, names, span, rows=1)
    each = max(4, points // len(result.facts))
    for place, name in enumerate(names):
        for number, (run, within) in enumerate(runs_within(result, span)):
            draw_steps(
                figure, held(result, run, name, within), "quantity", each, name=name,
                colour=_HELD if is_one else COLOURS[place % len(COLOURS)], row=1,
                showlegend=number == 0 and not is_one, fill="tozeroy" if is_one else None,
                hovertemplate=f"{name} %{{y:,}}<extra></extra>",
            )  # fmt: skip
    what = names[0] if is_one else f"{len(names)} symbols"
    lay_out(figure, title or f"{subject(result)}: inventory of {what}", _TIME, "quantity held")
    return figure.update_layout(hovermode="x", margin_l=90)
