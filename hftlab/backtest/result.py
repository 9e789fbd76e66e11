"""Result of a backtest: what the strategy asked for, what became of it, and what it earned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Final, Self

import msgspec
import polars as pl

from hftlab.backtest.equity import continued, equity_table
from hftlab.backtest.facts import Facts
from hftlab.backtest.ledger import book_fills, listings_of
from hftlab.backtest.markouts import HORIZONS, markouts, mids
from hftlab.backtest.performance import summarize
from hftlab.backtest.result_folder import read_result, write_result
from hftlab.backtest.result_tables import EXACT, RAW, exact_table, with_doubles
from hftlab.backtest.summary import Summary
from hftlab.errors import ArgumentError
from hftlab.html_table import facts_table
from hftlab.instruments import Instrument
from hftlab.nearest import describe_unknown, meant
from hftlab.suggesting import Suggesting
from hftlab.trading.account import Account, AccountTerms

__all__ = ["Result", "open_result"]

_NAME: Final = "backtest"
_LONGEST: Final = 120
"""Characters of a fact that are shown."""


class Result(Suggesting):
    """Result of a backtest: its tables as LazyFrames, its summary, and the facts that reproduce it.

    Prices, quantities and money in the tables are doubles; `exact()` has the same as decimals with nine places, whose
    sums are exact. Times are ns UTC. Of a backtest over several sessions each table has a column `session`, and the
    equity goes on from where the session before has left it. `facts` has an item a session.
    """

    def __init__(self, tables: Mapping[str, pl.LazyFrame], facts: Sequence[Facts]) -> None:
        self._tables = dict(tables)
        self.facts = tuple(facts)

    @classmethod
    def of_run(
        cls,
        *,
        orders: pl.DataFrame,
        fills: pl.DataFrame,
        requests: pl.DataFrame,
        quotes: pl.DataFrame,
        gaps: pl.DataFrame,
        facts: Facts,
        terms: AccountTerms,
        instruments: Iterable[Instrument],
        queue: pl.DataFrame | None = None,
    ) -> Self:
        """Make the result of a run over one session.

        The tables have the columns of hftlab.backtest.result_tables.RAW, with integers of 1e-9; `commission` of fills
        is computed from the terms of the account. `instruments` are those that could be traded. `facts.start` is not
        behind, `facts.end` not before any row.
        """
        account = Account(_NAME, terms, instruments)
        cash, listings = account.portfolio().cash, listings_of(account)
        fills, quotes = (table.sort("at", maintain_order=True) for table in (fills, quotes))
        ledger = book_fills(fills, account)
        fills = fills.with_columns(pl.Series("commission", ledger.commissions, pl.Int128))
        raw = {
            "orders": orders,
            "fills": fills,
            "requests": requests,
            "positions": ledger.positions,
            "equity": equity_table(quotes, fills, ledger, listings, cash=cash, start=facts.start, end=facts.end),
            "quotes": quotes,
            "queue": pl.DataFrame(schema=RAW["queue"]) if queue is None else queue,
            "gaps": gaps,
        }
        tables = {name: exact_table(name, table, facts.session).lazy() for name, table in raw.items()}
        return cls(tables, [msgspec.structs.replace(facts, instruments=listings, currency=terms.currency)])

    @classmethod
    def joined(cls, results: Iterable[Result]) -> Result:
        """Join the results of one strategy over several sessions, in the order of their starts.

        A session whose name is taken gets a number behind it. Raises ArgumentError for none.
        """
        given = sorted(results, key=lambda one: one.facts[0].start)
        if not given:
            raise ArgumentError("there are no results to join: give those of at least one session")
        if len(given) == 1:
            return given[0]
        names: set[str] = set()
        renamed = [one._with_names(_free_names(one.facts, names)) for one in given]
        tables = {name: pl.concat([one._tables[name] for one in renamed]) for name in EXACT if name != "equity"}
        equity = continued(one._tables["equity"].collect() for one in renamed)
        return cls(tables | {"equity": equity.lazy()}, [run for one in renamed for run in one.facts])

    def _with_names(self, names: Mapping[str, str]) -> Result:
        """Return the same with other names of its sessions."""
        renamed = pl.col("session").replace_strict(names, return_dtype=pl.String)
        tables = {name: table.with_columns(renamed) for name, table in self._tables.items()}
        return Result(tables, [msgspec.structs.replace(one, session=names[one.session]) for one in self.facts])

    # --- tables ---

    @property
    def orders(self) -> pl.LazyFrame:
        """A row an order: created (by the strategy), arrived (at the venue), ended, how, and what was filled of it."""
        return self.table("orders")

    @property
    def fills(self) -> pl.LazyFrame:
        """A row a fill: at (the venue's time), heard (the strategy's), why, and what stood ahead of the order."""
        return self.table("fills")

    @property
    def requests(self) -> pl.LazyFrame:
        """A row a request: NEW, CANCEL or REPLACE, when it was sent and arrived, and its outcome."""
        return self.table("requests")

    @property
    def positions(self) -> pl.LazyFrame:
        """A row a fill: the position in its symbol after it, in the currency of its prices."""
        return self.table("positions")

    @property
    def equity(self) -> pl.LazyFrame:
        """Cash, value of the positions at mid, profit after fees and drawdown wherever one of them has changed."""
        return self.table("equity")

    @property
    def quotes(self) -> pl.LazyFrame:
        """Best bid, ask and mid of the strategy's symbols, when the market had them; null where a side is empty."""
        return mids(self.exact("quotes"))

    @property
    def queue(self) -> pl.LazyFrame:
        """Quantity ahead of each resting order over time; empty unless the backtest has kept it."""
        return self.table("queue")

    @property
    def gaps(self) -> pl.LazyFrame:
        """Intervals of symbols that the recording does not cover, and why."""
        return self.table("gaps")

    def table(self, name: str) -> pl.LazyFrame:
        """Return a table by its name, with doubles. Raises ArgumentError for one that results do not have."""
        return with_doubles(self.exact(name))

    def exact(self, name: str) -> pl.LazyFrame:
        """Return a table by its name, with decimals. Raises ArgumentError for one that results do not have."""
        if name not in EXACT:
            raise ArgumentError(
                f"results have no table {describe_unknown([str(name)], EXACT)}: there are {', '.join(EXACT)}"
            ).advise(instead=meant([str(name)], EXACT))
        table = self._tables[name]
        return table.drop("session") if len(self.facts) == 1 else table

    # --- what comes of them ---

    def markouts(self, horizons: Iterable[str | float] = HORIZONS) -> pl.LazyFrame:
        """Return the markout of each fill at each horizon, a length of time such as "100ms" or seconds.

        Columns: session, at, client_order_id, symbol, side, liquidity, price, quantity, horizon (ns), mid, markout:
        what a unit has earned since by the mid, null where that is not known (behind the end, in a gap).
        """
        ends = pl.LazyFrame({"session": [one.session for one in self.facts], "end": [one.end for one in self.facts]})
        tables = self._tables
        return markouts(tables["fills"], tables["quotes"], tables["gaps"], ends, horizons)

    def summary(self, horizons: Iterable[str | float] = HORIZONS) -> Summary:
        """Sum up: profit after fees, drawdown, turnover, fill ratios, inventory, and markouts at the horizons."""
        return summarize(self._tables, self.facts, horizons)

    def save(self, folder: Path | str, *, overwrite: bool = False) -> Path:
        """Save the result in a folder, a Parquet file a table, and return the folder's absolute path.

        `open_result()` opens it. The folder appears when it is whole; with `overwrite` it takes the place of a saved
        result. Raises ResultExists for a folder that is taken.
        """
        return write_result(folder, self._tables, list(self.facts), overwrite=overwrite)

    def __repr__(self) -> str:
        orders, fills = (self._tables[name].select(pl.len()).collect().item() for name in ("orders", "fills"))
        pnl = self.table("equity").select("pnl").tail(1).collect().item()
        sessions = self.facts[0].session if len(self.facts) == 1 else f"{len(self.facts):,} sessions"
        return (
            f"Result({self.facts[0].strategy} on {sessions}: {orders:,} orders, {fills:,} fills, "
            f"PnL {pnl:+,.2f} {self.facts[0].currency})"
        )

    def _repr_html_(self) -> str:
        told = {name: _cut(value) for name, value in msgspec.to_builtins(self.facts[0]).items() if value}
        title = f"Facts of {self.facts[0].session}" + (", the first" if len(self.facts) > 1 else "")
        facts = f"<details><summary>facts</summary>{facts_table(title, told)}</details>"
        return self.summary()._repr_html_() + facts


def open_result(folder: Path | str) -> Result:
    """Open a result that `result.save()` has saved, after comparing all of it with its checksums.

    Raises ResultNotFound, which names the nearest, ResultTooNew or ResultDamaged.
    """
    return Result(*read_result(folder))


def _cut(value: object) -> str:
    """Show a fact in at most about a line."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _free_names(facts: Iterable[Facts], taken: set[str]) -> dict[str, str]:
    """Return for each session a name that is not taken yet, and take it."""
    names = {}
    for one in facts:
        numbered = (one.session if number == 1 else f"{one.session} ({number})" for number in count(1))
        names[one.session] = next(name for name in numbered if name not in taken)
        taken.add(names[one.session])
    return names
