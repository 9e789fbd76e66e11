"""Summary of a backtest: profit, risk, fills and markouts, for each symbol and in total."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hftlab.backtest.summary_table import summary_html, summary_text

__all__ = ["Drawdown", "Markout", "Performance", "Summary"]


class Markout(msgspec.Struct, frozen=True, kw_only=True):
    """Mean markout of fills at one horizon, weighted by quantity; None where no fill has one.

    `per_unit` is in the currency of the prices, None where symbols are taken together; `bps` is relative to what was
    paid. Of `left_out` fills the mid is not known: behind the end, in a gap of the recording, or without both sides.
    """

    horizon: int
    """ns."""
    per_unit: float | None
    bps: float | None
    fills: int
    left_out: int


class Drawdown(msgspec.Struct, frozen=True, kw_only=True):
    """Largest fall of the equity from its highest before: from `since` to `at` (ns), in money and of the highest."""

    amount: float
    share: float | None
    since: int
    at: int


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """Performance of a backtest in one symbol, or in all of them: `symbol` is None in the total.

    Money is in the account's currency, quantities in units. A measure that cannot be had is None: a ratio of nothing,
    and the volume and inventory of several symbols together.
    """

    symbol: str | None
    pnl: float
    """Realized and unrealized, after fees."""
    realized: float
    """After fees."""
    unrealized: float
    """Unrealized PnL of the position held at the end, valued at mid."""
    commissions: float
    """Rebates make it less."""
    turnover: float
    """Value of all fills."""
    volume: float | None
    orders: int
    rejected: int
    fills: int
    fill_ratio: float | None
    """Share of the orders that were filled at least in part; those rejected do not count."""
    quantity_fill_ratio: float | None
    """Share of their quantity that was filled."""
    maker_share: float | None
    """Share of the value of all fills, as the two below."""
    taker_share: float | None
    auction_share: float | None
    mean_inventory: float | None
    """Weighted by time; short below 0."""
    mean_absolute_inventory: float | None
    max_inventory: float | None
    """Largest, long or short, with its sign."""
    uncovered: float
    """Share of the time that the recording does not cover; in total the mean of the symbols."""
    markouts: list[Markout]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Summary of a backtest: `total`, `symbols`, and what only all together have. `exposure` is the value of all
    positions at mid, long and short ones added up: its mean over time, and the most."""

    strategy: str
    sessions: list[str]
    start: int
    end: int
    duration: float
    """Seconds of all sessions together."""
    currency: str
    total: Performance
    symbols: list[Performance]
    drawdown: Drawdown | None
    mean_exposure: float
    max_exposure: float

    def __getitem__(self, symbol: str) -> Performance:
        """Return a symbol's performance. Raises KeyError."""
        for one in self.symbols:
            if one.symbol == symbol:
                return one
        raise KeyError(symbol)

    def __iter__(self) -> Iterator[Performance]:
        """Iterate over the symbols."""
        return iter(self.symbols)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as JSON values."""
        built: dict[str, Any] = msgspec.to_builtins(self)
        return built

    def __repr__(self) -> str:
        total = self.total
        return (
            f"Summary({self.strategy}: PnL {total.pnl:+,.2f} {self.currency} after fees, "
            f"{total.fills:,} fills of {total.orders:,} orders in {len(self.sessions):,} session"
            f"{'' if len(self.sessions) == 1 else 's'})"
        )

    def __str__(self) -> str:
        return summary_text(self)

    def _repr_html_(self) -> str:
        return summary_html(self)
