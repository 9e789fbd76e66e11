"""`hftlab backtest`: a strategy over recorded sessions, its summary, and the result that is saved."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import hftlab as hl
from hftlab.ingest.simulation import exchange_on, record_simulation
from hftlab.session import Session
from tests.command import Run, sentence
from tests.session.sessions import numbered, write_session

SOURCE = '''
import hftlab as hl

class Joiner(hl.Strategy):
    """Buys at the best bid and sells at the best ask, an order a second on each side."""

    symbols = ["AAPL"]
    every = "1s"

    def __init__(self, size=100):
        self.size = size

    def on_timer(self, at):
        quote = self.market.latest("AAPL")
        self.trading.cancel_all()
        self.trading.buy("AAPL", self.size, price=quote.bid)
        self.trading.sell("AAPL", self.size, price=quote.ask)
'''


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Some seconds of AAPL, with order-level events."""
    folder = tmp_path_factory.mktemp("backtest") / "day"
    return record_simulation(exchange_on("2026-01-02", 7, ["AAPL"]), 15.0, folder).session


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "joiners.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("joiners", None)


def test_it_prints_the_summary_and_saves_the_result(day: Session, tmp_path: Path, run: Run) -> None:
    status, out, err = run("backtest", "joiners:Joiner", day.folder, "--latency", "1ms", "--save", "result", "--queue")
    assert (status, err) == (0, "")
    result = hl.open_result(tmp_path / "result")
    assert out == f"{result.summary()}\nsaved: {tmp_path / 'result'}\n"
    assert result.orders.collect().height > 20
    assert result.fills.collect().height > 0
    assert result.queue.collect().height > 0
    (facts,) = result.facts
    assert (facts.strategy, facts.session, facts.path) == ("joiners:Joiner", "day", str(day.folder))
    assert facts.latency["entry"] == hl.backtest.Latency(entry="1ms").to_dict()["entry"]
    # The same once more is the same, and says that the folder is taken before it runs.
    again = run("backtest", "joiners:Joiner", day.folder, "--latency", "1ms", "--save", "result")
    assert "exists already" in sentence(again)
    run("backtest", "joiners:Joiner", day.folder, "--latency", "1ms", "--save", "result", "--queue", "--overwrite")
    assert not hl.compare(result, tmp_path / "result")


def test_json_has_summary_and_facts(day: Session, run: Run) -> None:
    status, out, err = run(
        *("backtest", "joiners:Joiner", day.folder, "--json", "--param", "size=200", "--fees", "none"),
        *("--fill", "power(3)", "--cash", "5000000"),
    )  # fmt: skip
    assert (status, err) == (0, "")
    told = json.loads(out)
    (facts,) = told["facts"]
    assert (facts["parameters"], facts["fill"]["n"], facts["cash"]) == ({"size": 200}, 3, 5_000_000)
    assert (told["summary"]["total"]["commissions"], told["saved"]) == (0, None)
    assert told["summary"]["total"]["orders"] > 20


def test_several_sessions_are_summed_up(day: Session, run: Run) -> None:
    status, out, _ = run("backtest", "joiners:Joiner", day.folder, day.folder)
    assert status == 0
    assert out.startswith("joiners:Joiner on 2 sessions, 2026-01-02 ")


class TestErrors:
    def test_a_missing_session(self, tmp_path: Path, run: Run) -> None:
        assert "is not a recorded session" in sentence(run("backtest", "joiners:Joiner", tmp_path / "absent"))

    def test_a_session_without_a_market(self, tmp_path: Path, run: Run) -> None:
        empty = write_session(tmp_path / "empty", [])
        assert "has n" in sentence(run("backtest", "joiners:Joiner", empty.folder))

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["joinerz:Joiner"], "no module 'joinerz' (nearest: 'joiners')"),
            (["joiners:Joyner"], "no strategy 'Joyner' (nearest: 'Joiner')"),
            (["joiners:Joiner", "--param", "sise=1"], "no parameter 'sise' (nearest: 'size')"),
            (["joiners:Joiner", "--latency", "soon"], "--latency"),
            (["joiners:Joiner", "--fees", "maker=1"], "--fees"),
            (["joiners:Joiner", "--fill", "powr"], "there is no fill model 'powr'"),
            (["joiners:Joiner", "--cash", "nan"], "--cash nan is not an amount"),
        ],
    )
    def test_a_wrong_argument_is_a_sentence(self, tmp_path: Path, run: Run, arguments: list[str], said: str) -> None:
        session = write_session(tmp_path / "s", [(at, numbered(at)) for at in range(3)])
        strategy, *options = arguments
        assert said in sentence(run("backtest", strategy, session.folder, *options))
