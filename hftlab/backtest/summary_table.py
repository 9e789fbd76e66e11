"""A backtest's summary as a table: of HTML for notebooks, of text for terminals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape
from typing import TYPE_CHECKING, Final

from hftlab.clock import in_words

if TYPE_CHECKING:
    from hftlab.backtest.summary import Performance, Summary

__all__ = ["summary_html", "summary_text"]

_MOST: Final = 8
"""Symbols shown; those with the largest turnover first."""
_NOTHING: Final = "–"
_NAME: Final = "style='text-align:left;font-weight:normal'"
_NUMBER: Final = "style='text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap'"


def summary_html(summary: Summary) -> str:
    """Show a summary as an HTML table: a row a measure, a column for the total and for each symbol."""
    heads, rows = _table(summary)
    head = "".join(f"<th {_NUMBER}>{escape(one)}</th>" for one in heads)
    body = "".join(
        f"<tr><th {_NAME}>{escape(name)}</th>{''.join(f'<td {_NUMBER}>{escape(cell)}</td>' for cell in cells)}</tr>"
        for name, *cells in rows
    )
    caption = f"<caption style='text-align:left;white-space:nowrap'>{escape(_title(summary))}</caption>"
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def summary_text(summary: Summary) -> str:
    """Show a summary as lines of text, its columns aligned."""
    heads, rows = _table(summary)
    cells = [heads, *rows]
    widths = [max(len(row[place]) for row in cells) for place in range(len(heads))]
    lines = [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        )
        for row in cells
    ]
    return "\n".join([_title(summary), *(line.rstrip() for line in lines)])


def _title(summary: Summary) -> str:
    sessions = summary.sessions[0] if len(summary.sessions) == 1 else f"{len(summary.sessions):,} sessions"
    return f"{summary.strategy} on {sessions}, {in_words(summary.start)[:19]} to {in_words(summary.end)[:19]} UTC"


def _table(summary: Summary) -> tuple[list[str], list[list[str]]]:
    shown = sorted(summary.symbols, key=lambda one: -one.turnover)[:_MOST]
    if len(summary.symbols) == 1:
        columns, heads = [summary.total], [shown[0].symbol or ""]
    else:
        columns = [summary.total, *shown]
        heads = ["total", *(one.symbol or "" for one in shown)]
    rows = [[name, *(measure(one) for one in columns)] for name, measure in _measures(summary)]
    return ["", *heads], [*rows[:4], *_of_all(summary, len(columns)), *rows[4:]]


def _measures(summary: Summary) -> Iterator[tuple[str, Callable[[Performance], str]]]:
    currency = summary.currency
    yield f"PnL after fees, {currency}", lambda one: _money(one.pnl, "+")
    yield "realized", lambda one: _money(one.realized, "+")
    yield "unrealized", lambda one: _money(one.unrealized, "+")
    yield "commissions", lambda one: _money(one.commissions)
    yield f"turnover, {currency}", lambda one: _money(one.turnover)
    yield "volume", lambda one: _number(one.volume)
    yield "orders", lambda one: f"{one.orders:,}"
    yield "rejected", lambda one: f"{one.rejected:,}"
    yield "fills", lambda one: f"{one.fills:,}"
    yield "fill ratio, orders", lambda one: _share(one.fill_ratio)
    yield "fill ratio, quantity", lambda one: _share(one.quantity_fill_ratio)
    yield "maker / taker", lambda one: _roles(one)
    yield "mean inventory", lambda one: _number(one.mean_inventory)
    yield "mean absolute inventory", lambda one: _number(one.mean_absolute_inventory)
    yield "max inventory", lambda one: _number(one.max_inventory)
    for place, mark in enumerate(summary.total.markouts):
        yield f"markout {_length(mark.horizon)}", _markout(place)
    if any(mark.left_out for mark in summary.total.markouts):
        yield "fills left out of it", lambda one: " / ".join(f"{mark.left_out:,}" for mark in one.markouts)
    yield "time uncovered", lambda one: _share(one.uncovered)


def _of_all(summary: Summary, columns: int) -> Iterator[list[str]]:
    """Measures that only all symbols together have."""
    fall, rest = summary.drawdown, [""] * (columns - 1)
    yield ["max drawdown", _NOTHING if fall is None else f"{_money(fall.amount)} ({_share(fall.share)})", *rest]
    if fall is not None:
        yield ["from", in_words(fall.since)[:23], *rest]
        yield ["to", in_words(fall.at)[:23], *rest]
    yield ["mean / max exposure", f"{_money(summary.mean_exposure)} / {_money(summary.max_exposure)}", *rest]


def _markout(place: int) -> Callable[[Performance], str]:
    def show(one: Performance) -> str:
        if place >= len(one.markouts) or (mark := one.markouts[place]).bps is None:
            return _NOTHING
        return f"{mark.bps:+.2f} bps" if mark.per_unit is None else f"{mark.per_unit:+.3g} ({mark.bps:+.2f} bps)"

    return show


def _roles(one: Performance) -> str:
    if one.maker_share is None:
        return _NOTHING
    auction = f" / {_share(one.auction_share)} auction" if one.auction_share else ""
    return f"{_share(one.maker_share)} / {_share(one.taker_share)}{auction}"


def _money(amount: float, sign: str = "") -> str:
    return f"{amount:{sign},.2f}"


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:,.6g}"


def _share(value: float | None) -> str:
    return _NOTHING if value is None else f"{100 * value:.3g} %"


def _length(ns: int) -> str:
    """Format a length of time: 100 ms, 1 s."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:g} {unit}"
    return f"{ns} ns"
