"""Figures of what an account has traded."""

from __future__ import annotations

import math
from typing import Any, Final

import polars as pl

from hftlab.analysis.figure_style import COLOURS, FAINT, lay_out
from hftlab.analysis.fills import fills
from hftlab.errors import SessionError
from hftlab.palette import AXIS
from hftlab.session import Session

__all__ = ["trading_figure"]

_BUY, _SELL, _HELD, _EARNED = COLOURS[:4]
_MARKERS: Final = {"BUY": ("bought", "triangle-up", _BUY), "SELL": ("sold", "triangle-down", _SELL)}
_HEIGHTS: Final = [0.46, 0.27, 0.27]


def trading_figure(
    session: Session, symbol: str, account: str | None = None, *, title: str | None = None, points: int = 1000
) -> Any:
    """Plot with plotly what an account has traded in a symbol: fills on bid and ask, inventory, and profit and loss.

    `account` may be left out where the session has the private messages of only one. The profit is realized (net of
    commissions) and unrealized together, in the account's currency. Lines have at most `points` points. The time is
    that of reception: the venue's where the server was recorded, the client's where a client was. Raises SessionError
    for a symbol that the account has not traded.
    """
    from hftlab.analysis.figure import Figure

    held = _one_account(session, session.position_updates.filter(pl.col("symbol") == symbol).collect(), symbol, account)
    made = fills(session.order_updates).filter((pl.col("symbol") == symbol) & _is_of(held["account"][0])).collect()
    figure = Figure().set_subplots(rows=3, shared_xaxes=True, vertical_spacing=0.05, row_heights=_HEIGHTS)
    _draw_market(figure, session, symbol, held["ts_recv"][0], held["ts_recv"][-1], points)
    _draw_fills(figure, made)
    _draw_account(figure, held, points)
    lay_out(figure, title or f"{symbol}: fills, inventory, profit and loss", "", "", height=620)
    figure.update_xaxes(title="time of reception (UTC)", row=3)
    for row, name in enumerate(("price", "inventory", f"profit, {held['currency'][0] or 'money'}"), start=1):
        figure.update_yaxes(title=name, row=row)
    return figure.update_layout(hovermode="x", legend_traceorder="normal")


def _one_account(session: Session, positions: pl.DataFrame, symbol: str, account: str | None) -> pl.DataFrame:
    """Return the positions of the account, or of the only one. Raises SessionError."""
    names = positions["account"].unique().sort().to_list()
    chosen = positions if account is None else positions.filter(_is_of(account))
    if chosen.is_empty():
        if account is None or not names:
            raise SessionError(f"no account has traded {symbol} in this session", path=session.folder)
        raise SessionError(
            f"the account {account!r} has not traded {symbol} in this session; those who have are "
            f"{', '.join(map(str, names))}",
            path=session.folder,
        )
    if account is None and len(names) > 1:
        raise SessionError(
            f"{len(names)} accounts have traded {symbol} in this session: pass account= one of "
            f"{', '.join(map(str, names))}",
            path=session.folder,
        )
    return chosen.sort("ts_recv", maintain_order=True)


def _is_of(account: str | None) -> pl.Expr:
    return pl.col("account").eq_missing(pl.lit(account, pl.String))


def _draw_market(figure: Any, session: Session, symbol: str, first: int, last: int, points: int) -> None:
    """Draw bid and ask from the first position to the last."""
    quotes = (
        session.market_data.filter((pl.col("symbol") == symbol) & (pl.col("ts_recv") <= last))
        .filter((pl.col("bid") > 0) & (pl.col("ask") > 0))
        .select("ts_recv", "bid", "ask")
        .collect()
    )
    before = quotes.filter(pl.col("ts_recv") <= first).tail(1).with_columns(ts_recv=pl.lit(first, pl.Int64))
    line = _steps(pl.concat([before, quotes.filter(pl.col("ts_recv") > first)]), ["bid", "ask"], last, points)
    style = {"shape": "hv", "width": 1, "color": AXIS}
    figure.add_scatter(x=_times(line), y=line["bid"].to_list(), name="bid", line=style, showlegend=False, row=1, col=1)
    figure.add_scatter(
        x=_times(line), y=line["ask"].to_list(), name="ask", line=style, fill="tonexty", fillcolor=FAINT,
        showlegend=False, row=1, col=1,
    )  # fmt: skip


def _draw_fills(figure: Any, made: pl.DataFrame) -> None:
    for side, (name, shape, colour) in _MARKERS.items():
        rows = made.filter(pl.col("side") == side)
        figure.add_scatter(
            x=_times(rows), y=rows["price"].to_list(), customdata=rows["quantity"].to_list(), name=name, mode="markers",
            hovertemplate=f"{name} %{{customdata:,}} at %{{y}}<extra></extra>",
            marker={"symbol": shape, "size": 8, "color": colour}, row=1, col=1,
        )  # fmt: skip


def _draw_account(figure: Any, held: pl.DataFrame, points: int) -> None:
    """Draw inventory and profit where they have changed."""
    profit = (pl.col("realized_pnl") + pl.col("unrealized_pnl")).round(2).alias("profit")
    lines = held.select("ts_recv", "quantity", profit)
    for row, (column, name, colour) in enumerate((("quantity", "inventory", _HELD), ("profit", "profit", _EARNED)), 2):
        line = _steps(lines.select("ts_recv", column), [column], held["ts_recv"][-1], points)
        figure.add_scatter(
            x=_times(line), y=line[column].to_list(), name=name, showlegend=False, fill="tozeroy",
            hovertemplate="%{y:,}<extra></extra>", line={"shape": "hv", "color": colour, "width": 2}, row=row, col=1,
        )  # fmt: skip


def _steps(line: pl.DataFrame, columns: list[str], last: int, points: int) -> pl.DataFrame:
    """Keep the rows in which something has changed, at most `points`, and let the last of them stand until `last`."""
    if line.is_empty():
        return line
    value = pl.struct(columns)
    steps = line.filter(value.ne_missing(value.shift(1)))
    end = line.tail(1).with_columns(ts_recv=pl.lit(last, pl.Int64))
    return pl.concat([steps.gather_every(math.ceil(steps.height / points)), end])


def _times(rows: pl.DataFrame) -> list[Any]:
    return rows["ts_recv"].cast(pl.Datetime("ns")).to_list()
