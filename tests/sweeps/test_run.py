"""One run of a sweep: its measures, and what is raised as a text."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import cloudpickle

from hftlab.backtest import Autocorrelated, Latency, Strategy, run_backtest
from hftlab.protocol import MarketData
from hftlab.session import open_session
from hftlab.session.writer import SessionWriter
from hftlab.sweeps.measures import MEASURES
from hftlab.sweeps.run import Task, manifest_hash, run_task
from hftlab.sweeps.subject import Subject
from tests.sweeps.recordings import two_days
from tests.sweeps.strategies import Joiner, maker


def task(strategy: Any, parameters: dict[str, Any] | None = None, **arguments: Any) -> Task:
    session = two_days()[0]
    point = cloudpickle.dumps((parameters or {}, arguments))
    return Task(Subject(strategy).to_bytes(), session.folder, manifest_hash(session.folder), point)


def test_has_the_measures_of_the_summary() -> None:
    measures, seconds, error = run_task(task(Joiner, {"size": 50}, fill="log", cash=5e5))
    summary = run_backtest(Joiner, two_days()[0], fill="log", cash=5e5, parameters={"size": 50}).summary()
    total, drawdown = summary.total, summary.drawdown
    assert error is None
    assert seconds > 0
    assert set(measures) == set(MEASURES)
    assert measures["pnl"] == total.pnl
    assert measures["max_drawdown"] == (0 if drawdown is None else drawdown.amount)
    assert measures["max_exposure"] == summary.max_exposure > 0
    assert [measures[name] for name in MEASURES if name.startswith("markout")] == [one.bps for one in total.markouts]


def test_a_seed_is_that_of_the_latency() -> None:
    latency = Latency(
        entry={"new": Autocorrelated("30ms", sigma=1, correlation=0.9), "cancel": 1, "replace": 1}, compute=5
    )
    drawn = Latency(entry=latency.entry, compute=5, seed=9)
    expected = run_backtest(Joiner, two_days()[0], latency=drawn).summary().total
    measures = run_task(task(Joiner, latency=latency, seed=9)).measures
    assert (measures["pnl"], measures["fills"], measures["orders"]) == (expected.pnl, expected.fills, expected.orders)
    assert run_task(task(Joiner, seed=9)).error is None


class Clocked(Strategy):
    """It buys as many as the milliseconds of the second in which it hears of the market."""

    def on_market_data(self, message: MarketData) -> None:
        if not self.trading.orders:
            self.trading.buy(message.symbols[0].symbol, 1 + self.market.now // 1_000_000 % 1_000)


def test_a_seed_leaves_a_fitted_latency_that_of_its_session(tmp_path: Path) -> None:
    """Messages of the session that it was fitted to have their feed latency already, whatever the seed."""
    writer = SessionWriter(tmp_path / "late", source=two_days()[0].manifest.source)
    for item in two_days()[0].replay(float("inf")).take(200):
        writer.append(item.message, item.at + 5_000_000)
    writer.close()
    late = open_session(tmp_path / "late")
    fitted = Latency.fit(late, kind="constant", entry="1ms", response=0)
    arguments = cloudpickle.dumps(({}, {"latency": fitted}))
    seeded = cloudpickle.dumps(({}, {"latency": fitted, "seed": 9}))
    given = Subject(Clocked).to_bytes(), late.folder, manifest_hash(late.folder)
    assert fitted.feed != Latency.none.feed
    of_seeded, of_fitted = (run_task(Task(*given, point)).measures for point in (seeded, arguments))
    assert of_seeded["volume"] == of_fitted["volume"] > 1


def test_a_session_that_is_another_one_by_now_is_said_to_be_and_not_to_be_damaged(tmp_path: Path) -> None:
    """As where a link to the newest day was set to the next one: this process has opened the session already."""
    first, second = two_days()
    link = tmp_path / "newest"
    link.symlink_to(first.folder)
    planned = Task(Subject(Joiner).to_bytes(), link, manifest_hash(link), cloudpickle.dumps(({}, {})))
    assert run_task(planned).error is None
    link.unlink()
    link.symlink_to(second.folder)
    assert run_task(planned).error == f"{link} has changed since the sweep began: start it again"
    assert run_task(planned._replace(manifest=manifest_hash(link))).error is None


def test_what_a_strategy_raises_is_told_with_its_line() -> None:
    measures, _, error = run_task(task(Joiner, {"fault": "raise"}))
    assert measures == {}
    assert error is not None
    assert error.endswith('`raise ZeroDivisionError("by nothing")`)')


def test_a_strategy_that_exits_ends_its_run_alone() -> None:
    _, _, error = run_task(task(Joiner, {"fault": "exit"}))
    assert error is not None
    assert error.startswith("SystemExit: 3")


def test_what_hftlab_raises_is_told_in_its_words() -> None:
    error = run_task(task(Joiner, fill="fifo")).error
    assert error is not None
    assert "fifo" in error
    assert "Error:" not in error


def test_a_session_of_other_data_is_refused() -> None:
    error = run_task(task(Joiner)._replace(manifest="0" * 64)).error
    assert error is not None
    assert error.endswith("has changed since the sweep began: start it again")


def test_threads_compile_a_strategy_once_and_have_sessions_of_their_own() -> None:
    outcomes = []
    threads = [threading.Thread(target=lambda: outcomes.append(run_task(task(maker)))) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert [one.error for one in outcomes] == [None] * 3
    assert outcomes[0].measures == outcomes[1].measures == outcomes[2].measures
