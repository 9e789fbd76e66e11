"""Tables of a result: what the engine handed in, as doubles and as decimals."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
import pytest

import hftlab as hl
from hftlab.backtest import recorded_run
from hftlab.backtest.result import Result, open_result
from hftlab.backtest.result_tables import EXACT
from hftlab.errors import ArgumentError
from hftlab.ingest.simulation import exchange_on, record_simulation
from hftlab.instruments import UNIT
from hftlab.trading.broker import Broker
from tests.backtest.made_run import SECOND, START, facts, fill, made_result, order, quote, random_run


@pytest.fixture
def result() -> Result:
    return made_result(
        [order("a", "BUY", 100.25, 10, 1)],
        [fill("a", "BUY", 100.25, 4, 3), fill("a", "BUY", 100.24, 6, 2)],
        [quote(2, 100.25, 100.27), quote(1, 0, 100.27)],
        queue=[{"at": START, "client_order_id": "a", "ahead": 300 * 10**9}],
        requests=[("a", "NEW", START, START + SECOND, "NEW")],
    )


def test_tables_are_doubles_sorted_by_time(result: Result) -> None:
    made = result.fills.collect()
    assert made["price"].to_list() == [100.24, 100.25]
    assert made["quantity"].dtype == pl.Float64
    assert made["at"].to_list() == [START + 2 * SECOND, START + 3 * SECOND]
    assert result.orders.collect().row(0, named=True)["filled_quantity"] == 10
    assert result.queue.collect()["ahead"].to_list() == [300]
    assert result.requests.collect()["arrived"].to_list() == [START + SECOND]
    assert result.gaps.collect().height == 0


def test_quotes_have_a_mid_where_both_sides_are_there(result: Result) -> None:
    assert result.quotes.collect().select("bid", "mid").rows() == [(0, None), (100.25, 100.26)]


def test_positions_are_those_after_each_fill(result: Result) -> None:
    rows = result.positions.select("quantity", "average_price", "currency").collect().rows()
    assert rows == [(6, 100.24, "USD"), (10, pytest.approx(100.244), "USD")]


def test_exact_tables_add_up(result: Result) -> None:
    made = result.exact("fills").collect()
    assert made["commission"].to_list() == [-Decimal("0.030072"), -Decimal("0.02005")]  # half a basis point
    paid = (made["price"] * made["quantity"]).sum() + made["commission"].sum()
    assert result.exact("equity").collect()["cash"][-1] == 10_000 - paid


def test_a_result_of_one_session_has_no_column_for_it(result: Result) -> None:
    assert {name: result.table(name).collect_schema().names() for name in EXACT} == {
        name: [column for column in schema if column != "session"] for name, schema in EXACT.items()
    }


def test_an_unknown_table_is_named_with_the_nearest(result: Result) -> None:
    with pytest.raises(ArgumentError, match=r"no table 'fils' \(nearest: 'fills'\): there are orders, fills"):
        result.table("fils")


def test_it_shows_itself_in_a_line_and_in_a_table(result: Result) -> None:
    assert repr(result) == "Result(makers:Quoter on day: 1 orders, 2 fills, PnL +0.21 USD)"
    html = result._repr_html_()
    assert "PnL after fees, USD" in html
    assert "<summary>facts</summary>" in html
    assert "makers:Quoter" in html.partition("<summary>facts</summary>")[2]


class TestSeveralSessions:
    def day(self, name: str, number: int, seed: int = 0) -> Result:
        """One of several days, with the same hours on each."""
        run, shift = random_run(seed or number), number * 86_400 * SECOND
        for rows in run.values():
            for row in rows:
                for column in ("at", "heard", "created", "arrived", "ended"):
                    if column in row:
                        row[column] += shift
        return made_result(**run, about=facts(session=name, start=START + shift, end=START + shift + 60 * SECOND))

    def test_tables_say_the_session(self) -> None:
        monday, tuesday = self.day("monday", 1), self.day("tuesday", 2)
        week = Result.joined([tuesday, monday])
        assert [one.session for one in week.facts] == ["monday", "tuesday"]
        for name in set(EXACT) - {"equity"}:
            parts = [
                one.exact(name).select(pl.lit(each), pl.all())
                for one, each in ((monday, "monday"), (tuesday, "tuesday"))
            ]
            assert week.exact(name).collect().rows() == [row for part in parts for row in part.collect().rows()], name
        assert repr(week).startswith("Result(makers:Quoter on 2 sessions: 80 orders, 80 fills, PnL ")

    def test_the_equity_goes_on(self) -> None:
        days = [self.day("monday", 1), self.day("tuesday", 2), self.day("wednesday", 3)]
        week = Result.joined(days).exact("equity").collect()
        earned = [one.exact("equity").collect()["pnl"] for one in days]
        assert week["pnl"][-1] == sum(one[-1] for one in earned)
        assert week["pnl"][earned[0].len()] == earned[0][-1] + earned[1][0]
        assert (week["equity"] - week["pnl"]).unique().to_list() == [10_000]
        assert (week["equity"] - week["cash"] - week["value"]).unique().to_list() == [0]
        values = week["equity"].to_list()
        falls = [value - max([10_000, *values[: place + 1]]) for place, value in enumerate(values)]
        assert week["drawdown"].to_list() == falls

    def test_the_summary_is_over_all(self) -> None:
        days = [self.day("monday", 1), self.day("tuesday", 2)]
        week, summaries = Result.joined(days).summary(), [one.summary() for one in days]
        for name in ("pnl", "realized", "unrealized", "commissions", "turnover", "orders", "fills"):
            parts = [getattr(one.total, name) for one in summaries]
            assert getattr(week.total, name) == pytest.approx(sum(parts)), name
        assert week.duration == 120
        assert week["VOD"].volume == sum(one["VOD"].volume or 0 for one in summaries)
        inventory = [one["VOD"].mean_inventory or 0 for one in summaries]
        assert week["VOD"].mean_inventory == pytest.approx(sum(inventory) / 2)
        assert week["VOD"].max_inventory == max((one["VOD"].max_inventory or 0 for one in summaries), key=abs)
        marks = [one["AAPL"].markouts[0] for one in summaries]
        assert week["AAPL"].markouts[0].fills == sum(one.fills for one in marks)
        assert week.mean_exposure == pytest.approx(sum(one.mean_exposure for one in summaries) / 2)
        assert str(week).startswith("makers:Quoter on 2 sessions, 2026-01-03 14:30:00 to 2026-01-04 14:31:00 UTC")

    def test_markouts_do_not_look_into_another_session(self) -> None:
        one, other = (
            made_result(
                [order("a", "BUY", 100, 1, 1)],
                [fill("a", "BUY", 100, 1, 1)],
                [quote(0, mid - 1, mid + 1)],
                about=facts(session="day"),
            )
            for mid in (100, 200)
        )
        both = Result.joined([one, other]).markouts(["1s"]).collect()
        assert both.select("session", "markout").rows() == [("day", 0), ("day (2)", 100)]

    def test_one_is_itself_and_none_is_refused(self) -> None:
        monday = self.day("monday", 1)
        assert Result.joined([monday]) is monday
        with pytest.raises(ArgumentError, match="no results to join"):
            Result.joined([])

    def test_joined_results_can_be_joined_and_saved(self, tmp_path: Path) -> None:
        days = [self.day("day", number) for number in (1, 2, 3)]
        week = Result.joined([Result.joined(days[:2]), days[2]])
        assert [one.session for one in week.facts] == ["day", "day (2)", "day (3)"]
        assert week.exact("equity").collect().equals(Result.joined(days).exact("equity").collect())
        assert str(open_result(week.save(tmp_path / "week")).summary()) == str(week.summary())


class Both(hl.Strategy):
    """Joins the best on both sides and crosses now and then."""

    every: ClassVar[Any] = "500ms"

    def on_timer(self, at: int) -> None:
        self.trading.cancel_all()
        for symbol in self.market.symbols:
            quote = self.market.latest(symbol)
            if quote is not None and quote.bid and quote.ask:
                self.trading.buy(symbol, 150, price=quote.bid)
                self.trading.sell(symbol, 150, price=quote.ask if at % 3 else quote.bid)


def test_a_run_s_money_is_the_broker_s_account_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In two currencies, and to the last 1e-9: the broker knows nothing of results."""
    brokers: list[Broker] = []

    def kept(*arguments: Any, **options: Any) -> Broker:
        brokers.append(Broker(*arguments, **options))
        return brokers[-1]

    monkeypatch.setattr(recorded_run, "Broker", kept)
    session = record_simulation(exchange_on("2026-01-02", 3, ["AAPL", "VOD"]), 12.0, tmp_path / "day").session
    result = hl.backtest(
        Both, session, cash={"USD": 90_000.0, "GBP": 1_000.0}, latency=hl.backtest.Latency(entry="2ms")
    )
    account = brokers[0].account("backtest")
    assert len(account.positions) == 2
    fills, orders, positions = (result.exact(name).collect() for name in ("fills", "orders", "positions"))
    for symbol, one in account.positions.items():
        last = positions.filter(symbol=symbol).row(-1, named=True)
        assert [last[name] * UNIT for name in ("quantity", "cost", "realized", "commissions")] == [
            one.quantity, one.cost, one.realized, one.commissions,
        ]  # fmt: skip
        assert fills.filter(symbol=symbol)["commission"].sum() * UNIT == one.commissions
        quotes = result.exact("quotes").filter(pl.col("symbol") == symbol, (pl.col("bid") > 0) & (pl.col("ask") > 0))
        bid, ask = quotes.select("bid", "ask").collect().row(-1)
        account.mark(symbol, int((bid + ask) * UNIT) // 2)
    assert orders["commission"].sum() == fills["commission"].sum()
    assert result.exact("equity").collect()["cash"][-1] * UNIT == account.portfolio().cash
    assert result.exact("equity").collect()["equity"][-1] * UNIT == account.total_value


class Idle(hl.Strategy):
    """Watches one of the symbols."""

    symbols: ClassVar[Any] = ["MSFT"]


def test_quotes_are_the_market_s_whatever_the_latency() -> None:
    """Markouts and equity do not shift with the time at which the strategy hears of prices."""
    session = hl.sample("flash")
    late = hl.backtest(Idle, session, latency=hl.backtest.Latency(feed="250ms"))
    punctual = hl.backtest(Idle, session)
    assert late.quotes.collect().equals(punctual.quotes.collect())
    recorded = session.market_data.filter(pl.col("symbol") == "MSFT").select("ts_recv", "bid", "ask").collect()
    assert late.quotes.select("at", "bid", "ask").collect().rows() == recorded.rows()
