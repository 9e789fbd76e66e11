"""Results of backtests for the tests of their figures."""

from __future__ import annotations

from typing import Any, Final

from hftlab.backtest import Result
from tests.backtest.made_run import SECOND, START, facts, fill, made_result, order, quote

__all__ = ["DAY", "one_day", "two_symbols"]

DAY: Final = 86_400 * SECOND


def place(name: str, at: float, ahead: float) -> dict[str, Any]:
    return {"at": START + round(at * SECOND), "client_order_id": name, "ahead": round(ahead * 10**9)}


def one_day(number: int = 0) -> Result:
    """A minute in AAPL with a purchase in two fills, a sale, an order that was cancelled, and a gap."""
    orders = [
        order("a", "BUY", 99.0, 10, 5, ended=START + 20 * SECOND),
        order("b", "SELL", 102.0, 4, 15, ended=START + 30 * SECOND),
        order("c", "BUY", 98.0, 10, 40, filled=0, ended=None),
    ]
    fills = [
        fill("a", "BUY", 99.0, 4, 10),
        fill("a", "BUY", 99.0, 6, 20, why="trade_through"),
        fill("b", "SELL", 102.0, 4, 30, liquidity="TAKER"),
    ]
    quotes = [quote(0, 99, 101), quote(12, 100, 102), quote(25, 100, 102), quote(30, 102, 104), quote(50, 0, 104)]
    queue = [place("a", 5, 30), place("a", 8, 10), place("a", 10, 0), place("b", 15, 7), place("b", 28, 0),
             place("c", 40, 90)]  # fmt: skip
    gaps = [
        {"symbol": symbol, "from": START + since * SECOND, "to": START + until * SECOND, "why": "disconnect"}
        for symbol, since, until in (("AAPL", 33, 36), ("AAPL", 35, 38), ("VOD", 1, 2))
    ]
    made = {"orders": orders, "fills": fills, "quotes": quotes, "queue": queue, "gaps": gaps}
    for rows in made.values():
        for row in rows:
            row |= {name: value + number * DAY for name, value in row.items() if name in _TIMES and value is not None}
    start = START + number * DAY
    return made_result(**made, about=facts(session=f"day{number}", start=start, end=start + 60 * SECOND))


_TIMES: Final = ("at", "heard", "created", "arrived", "ended", "from", "to")


def two_symbols() -> Result:
    """A purchase in AAPL, and a sale in VOD."""
    return made_result(
        [order("a", "BUY", 99.0, 10, 5), order("v", "SELL", 73.0, 20, 5, symbol="VOD")],
        [fill("a", "BUY", 99.0, 10, 10), fill("v", "SELL", 73.0, 20, 20, symbol="VOD")],
        [quote(0, 99, 101)],
    )
