"""Runs made by hand and by chance: orders, fills and quotes as an engine hands them in, and results of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

import polars as pl

from hftlab.backtest.facts import Facts
from hftlab.backtest.result import Result
from hftlab.backtest.result_tables import RAW
from hftlab.instruments import UNIT, Instrument
from hftlab.trading.account import AccountTerms
from hftlab.trading.commissions import Commission
from tests.trading.units import AAPL, VODAFONE

__all__ = ["SECOND", "START", "TERMS", "facts", "fill", "made_result", "order", "quote", "random_run"]

SECOND: Final = 10**9
START: Final = 1_767_364_200 * SECOND  # 2026-01-02 14:30 UTC
TERMS: Final = AccountTerms(cash=10_000.0, commissions=Commission(maker_bps=-0.5, taker_bps=1.25))


def facts(**values: Any) -> Facts:
    """Facts of a run of a minute from START on."""
    return Facts(**{"strategy": "makers:Quoter", "session": "day", "start": START, "end": START + 60 * SECOND} | values)


def units(number: float) -> int:
    return round(number * UNIT)


def order(name: str, side: str, price: float, quantity: float, at: float, **values: Any) -> dict[str, Any]:
    """Row of an order that was sent so many seconds after START; filled in whole unless the values say otherwise."""
    created = START + round(at * SECOND)
    filled = values.pop("filled", quantity)
    status = "FILLED" if filled == quantity else "CANCELED"
    return {
        "client_order_id": name,
        "order_id": f"ORD_{name}",
        "account": "backtest",
        "symbol": "AAPL",
        "side": side,
        "order_type": "LIMIT",
        "time_in_force": "DAY",
        "price": units(price),
        "quantity": units(quantity),
        "created": created,
        "arrived": created + SECOND // 1000,
        "ended": created + SECOND,
        "status": status,
        "filled_quantity": units(filled),
        "average_price": price if filled else None,
        "commission": None,
        "reason": None,
    } | values


def fill(name: str, side: str, price: float, quantity: float, at: float, **values: Any) -> dict[str, Any]:
    """Row of a fill so many seconds after START, of a maker unless the values say otherwise."""
    moment = START + round(at * SECOND)
    return {
        "at": moment,
        "heard": moment + SECOND // 1000,
        "client_order_id": name,
        "symbol": "AAPL",
        "side": side,
        "price": units(price),
        "quantity": units(quantity),
        "liquidity": "MAKER",
        "why": "queue",
        "ahead": units(300),
        "commission": None,
    } | values


def quote(at: float, bid: float, ask: float, symbol: str = "AAPL") -> dict[str, Any]:
    """Row of a quote so many seconds after START; 0 is an empty side."""
    return {"at": START + round(at * SECOND), "symbol": symbol, "bid": units(bid), "ask": units(ask)}


def table(name: str, rows: Sequence[Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=RAW[name], orient="row")


def made_result(
    orders: Sequence[Any] = (),
    fills: Sequence[Any] = (),
    quotes: Sequence[Any] = (),
    *,
    gaps: Sequence[Any] = (),
    requests: Sequence[Any] = (),
    queue: Sequence[Any] = (),
    terms: AccountTerms = TERMS,
    instruments: Sequence[Instrument] = (AAPL, VODAFONE),
    about: Facts | None = None,
) -> Result:
    """Make a result of rows."""
    return Result.of_run(
        orders=table("orders", orders),
        fills=table("fills", fills),
        requests=table("requests", requests),
        quotes=table("quotes", quotes),
        gaps=table("gaps", gaps),
        queue=table("queue", queue),
        facts=about or facts(),
        terms=terms,
        instruments=instruments,
    )


def random_run(seed: int, fills: int = 40, quotes: int = 400) -> dict[str, list[Any]]:
    """Orders, fills and quotes of two symbols within a minute, some of them at the same times."""
    chance = random.Random(seed)
    made: dict[str, list[Any]] = {"orders": [], "fills": [], "quotes": []}
    for _ in range(quotes):
        symbol, mid = chance.choice((("AAPL", 17_500), ("VOD", 7_300)))
        bid = mid + chance.randint(-40, 40)
        ask = bid + chance.choice((1, 2, 3))
        empty = chance.random()
        made["quotes"].append(
            quote(
                chance.randint(0, 600) / 10,
                0 if empty < 0.03 else bid / 100,
                0 if empty > 0.97 else ask / 100,
                symbol,
            )
        )
    for number in range(fills):
        symbol, mid = chance.choice((("AAPL", 17_500), ("VOD", 7_300)))
        side, at = chance.choice(("BUY", "SELL")), chance.randint(0, 600) / 10
        price, quantity = (mid + chance.randint(-40, 40)) / 100, chance.randint(1, 30)
        role = chance.choice(("MAKER", "TAKER", "AUCTION"))
        made["orders"].append(order(f"o{number}", side, price, quantity, at, symbol=symbol))
        made["fills"].append(fill(f"o{number}", side, price, quantity, at, symbol=symbol, liquidity=role))
    for rows in made.values():
        rows.sort(key=lambda row: row.get("at", row.get("created")))
    return made
