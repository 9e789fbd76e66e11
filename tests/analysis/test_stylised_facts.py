"""Measures of series with known answers: numpy's own sums, coin flips, and planted memory."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from hftlab import analysis as facts

SECOND = 1_000_000_000


def quotes_of(mids: np.ndarray, symbol: str = "A", step: int = SECOND, spread: float = 0.02) -> pl.LazyFrame:
    return pl.LazyFrame(
        {
            "ts_event": np.arange(len(mids)) * step + 1_700_000_000 * SECOND,
            "symbol": [symbol] * len(mids),
            "mid": mids,
            "spread": np.full(len(mids), spread),
        }
    )


def trades_of(signs: np.ndarray, symbol: str = "A") -> pl.LazyFrame:
    times = np.arange(len(signs)) * SECOND
    return pl.LazyFrame(
        {"ts_event": times, "symbol": [symbol] * len(signs), "side": np.where(signs > 0, "BUY", "SELL")}
    )


class TestReturns:
    def test_they_are_log_differences_on_the_grid(self) -> None:
        mids = np.array([100.0, 101.0, 102.5, 101.5])
        found = facts.returns(quotes_of(mids)).collect()["return"].to_list()
        assert found == pytest.approx(np.diff(np.log(mids[1:])).tolist())

    def test_a_mid_stands_until_the_next(self) -> None:
        """Quotes come every two seconds and returns every second, so that every second return is 0."""
        mids = np.exp(np.arange(10) * 0.001)
        found = facts.returns(quotes_of(mids, step=2 * SECOND)).collect()["return"].to_numpy()
        assert found.tolist() == pytest.approx([0.001, 0] * 8 + [0.001])

    def test_symbols_are_apart(self) -> None:
        both = pl.concat([quotes_of(np.full(5, 100.0)), quotes_of(np.full(5, 7.0), "B")]).sort("ts_event")
        found = facts.returns(both).collect()
        assert found["return"].to_list() == [0.0] * len(found)
        assert found["symbol"].unique().sort().to_list() == ["A", "B"]


class TestSigns:
    def test_fills_of_one_order_count_once(self) -> None:
        trades = pl.LazyFrame(
            {
                "ts_event": [1, 1, 1, 2, 3, 3],
                "symbol": ["A", "A", "B", "A", "A", "A"],
                "side": ["BUY", "BUY", "SELL", "BUY", "SELL", "BUY"],
            }
        )
        found = facts.trade_signs(trades).collect()
        assert found.filter(symbol="A")["sign"].to_list() == [1, 1, -1, 1]
        assert found.filter(symbol="B")["sign"].to_list() == [-1]


class TestAutocorrelation:
    def test_it_is_numpys(self) -> None:
        values = np.random.default_rng(1).normal(size=500).cumsum()
        frame = pl.LazyFrame({"symbol": ["A"] * 500, "x": values})
        found = facts.autocorrelation(frame, "x", (1, 5))["autocorrelation"].to_list()
        assert found == pytest.approx([np.corrcoef(values[lag:], values[:-lag])[0, 1] for lag in (1, 5)])

    def test_planted_memory_is_found_and_noise_is_not(self) -> None:
        random = np.random.default_rng(2)
        noise = random.normal(size=20_000)
        kept = np.zeros(20_000)
        for at in range(1, 20_000):
            kept[at] = 0.6 * kept[at - 1] + noise[at]
        frame = pl.LazyFrame({"symbol": ["A"] * 20_000 + ["B"] * 20_000, "x": np.concatenate([kept, noise])})
        found = facts.autocorrelation(frame, "x", range(1, 11))
        planted = found.filter(symbol="A")["autocorrelation"].to_numpy()
        assert planted == pytest.approx(0.6 ** np.arange(1, 11), abs=0.04)
        other = found.filter(symbol="B")
        assert (other["autocorrelation"].abs() < 2 * other["noise"]).all()

    def test_an_expression_can_be_asked_for(self) -> None:
        frame = pl.LazyFrame({"symbol": ["A"] * 100, "x": np.tile([1.0, -1.0], 50) * np.repeat([1.0, 2.0], 50)})
        plain, absolute = (
            facts.autocorrelation(frame, what, (1,))["autocorrelation"][0] for what in ("x", pl.col("x").abs())
        )
        assert plain < -0.9
        assert absolute > 0.9


class TestSpreads:
    def test_shares_are_of_time(self) -> None:
        quotes = pl.LazyFrame(
            {"ts_event": [0, 1, 4, 10], "symbol": ["A"] * 4, "spread": [0.01, 0.02, 0.01, 0.05], "mid": [1.0] * 4}
        )
        found = facts.spread_distribution(quotes)
        assert dict(zip(found["spread"], found["share"], strict=True)) == pytest.approx(
            {0.01: 0.7, 0.02: 0.3, 0.05: 0.0}
        )

    def test_a_symbol_with_one_quote_has_no_shares(self) -> None:
        quotes = pl.LazyFrame(
            {"ts_event": [0, 1, 0], "symbol": ["A", "A", "B"], "spread": [0.01, 0.02, 0.01], "mid": [1.0] * 3}
        )
        assert facts.spread_distribution(quotes)["symbol"].to_list() == ["A", "A"]


class TestTails:
    @pytest.mark.parametrize("exponent", [2.0, 3.0])
    def test_a_power_laws_exponent_comes_back(self, exponent: float) -> None:
        values = np.random.default_rng(3).uniform(size=200_000) ** (-1 / exponent)
        signs = np.where(np.arange(200_000) % 2, 1, -1)
        found = pl.DataFrame({"x": values * signs}).select(facts.tail_exponent("x"))["x"][0]
        assert found == pytest.approx(exponent, rel=0.05)

    def test_a_gaussian_has_no_such_tail(self) -> None:
        values = np.random.default_rng(3).normal(size=200_000)
        assert pl.DataFrame({"x": values}).select(facts.tail_exponent("x"))["x"][0] > 4


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    """A is a Gaussian walk with coin flips; B has clustered volatility and persistent signs."""
    random = np.random.default_rng(4)
    plain = np.exp(random.normal(0, 1e-4, 20_000).cumsum())
    levels = np.exp(np.repeat(random.normal(0, 1, 200), 100))
    clustered = np.exp((random.normal(0, 1e-4, 20_000) * levels).cumsum())
    flips = random.choice([-1, 1], 20_000)
    sticky = np.repeat(flips[:1000], 20)
    quotes = pl.concat([quotes_of(plain), quotes_of(clustered, "B", spread=0.04)])
    return facts.stylised_facts(quotes, pl.concat([trades_of(flips), trades_of(sticky, "B")]))


class TestSummary:
    def test_one_row_a_symbol(self, table: pl.DataFrame) -> None:
        assert table["symbol"].to_list() == ["A", "B"]
        assert not any(table.null_count().row(0))

    def test_without_a_trade_there_is_no_row(self, table: pl.DataFrame) -> None:
        quotes = quotes_of(np.exp(np.random.default_rng(4).normal(0, 1e-4, 100).cumsum()))
        found = facts.stylised_facts(quotes, trades_of(np.array([1])).filter(pl.lit(value=False)))
        assert found.is_empty()
        assert found.columns == table.columns

    def test_a_random_series_has_no_stylised_facts(self, table: pl.DataFrame) -> None:
        row = table.row(0, named=True)
        for name in ("sign_1", "sign_10", "return_1", "volatility"):
            assert abs(row[name]) < 2 * row["noise"], name
        assert abs(row["kurtosis"]) < 0.2
        assert row["tail"] > 4
        assert row["spread_bps"] == pytest.approx(200, rel=0.05)

    def test_what_was_planted_is_found(self, table: pl.DataFrame) -> None:
        row = table.row(1, named=True)
        assert row["sign_1"] == pytest.approx(0.95, abs=0.03)
        assert row["sign_10"] == pytest.approx(0.5, abs=0.06)
        assert abs(row["sign_50"]) < 0.1
        assert row["volatility"] > 0.2
        assert row["kurtosis"] > 2
        assert row["tail"] < 4


@pytest.mark.parametrize("log", [False, True])
def test_the_figure_draws_every_symbol(log: bool) -> None:
    values = pl.DataFrame(
        {
            "symbol": ["A", "A", "B", "B"],
            "lag": [1, 2, 1, 2],
            "autocorrelation": [0.5, -0.1, 0.4, 0.2],
            "noise": [0.1] * 4,
        }
    )
    figure = facts.autocorrelation_figure(values, "Signs", log=log)
    assert [trace.name for trace in figure.data] == ["A", "B"]
    assert list(figure.data[0].x) == ([1] if log else [1, 2])
    assert len(facts.autocorrelation_figure(values, "Signs", ["B"]).data) == 1
