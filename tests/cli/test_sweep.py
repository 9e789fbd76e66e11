"""`hftlab sweep`: a strategy with every combination of parameters, the best of them, and a table that goes on."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import hftlab as hl
from hftlab import sweeps
from tests.command import Run, sentence
from tests.sweeps.recordings import two_days

SOURCE = """
import hftlab as hl

class Buyer(hl.Strategy):
    every, wake = "2s", "timer"

    def __init__(self, size=100, side="buy"):
        self.size, self.side = size, side

    def on_timer(self, at):
        if self.side == "fail":
            raise RuntimeError("no such side")
        getattr(self.trading, self.side)("AAPL", self.size)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("days") / "data"
    for name, session in zip(("monday", "tuesday"), two_days(), strict=True):
        shutil.copytree(session.folder, folder / name)
    return folder


@pytest.fixture(autouse=True)
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "buyers.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield
    sys.modules.pop("buyers", None)


def test_it_prints_the_best_and_keeps_the_table(data: Path, tmp_path: Path, run: Run) -> None:
    grid = ("--grid", "size=100,200", "--grid", "side=buy,sell,fail", "--fill", "risk_averse", "--latency", "1ms")
    command = ("sweep", "buyers.py:Buyer", data, *grid, "-o", "results", "--workers", 1, "--fees", "none")
    status, out, err = run(*command)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[:2] == ["buyers:Buyer: 12 runs, 4 with an error", "best by pnl:"]
    assert lines[2].split()[:4] == ["size", "side", "sessions", "pnl"]
    assert len(lines[3:7]) == 4
    assert lines[7].startswith("error of 4 runs: RuntimeError: no such side (buyers.py, line 12")
    assert lines[8] == f"table: {tmp_path / 'results' / 'table.parquet'}"
    table = pl.read_parquet(tmp_path / "results" / "table.parquet")
    assert table["session"].to_list() == ["monday", "tuesday"] * 6
    assert hl.open_sweep("results").table.equals(table)
    status, out, err = run(*command, "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == json.loads(table.write_json())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--grid", "sise=1"), "has no parameter 'sise' (nearest: 'size')"),
        (("--grid", "size"), "--grid 'size' is not of the form name=values"),
        (("--by", "pln"), "--by: there is no measure 'pln' (nearest: 'pnl')"),
        (("--cash", "nan"), "--cash nan is not an amount"),
        (("--workers", 0), "workers is 0: give a whole number"),
    ],
)
def test_what_cannot_be_is_said_before_a_run(options: tuple[str, ...], said: str, data: Path, run: Run) -> None:
    assert said in sentence(run("sweep", "buyers:Buyer", data / "monday", "-o", "results", *options))
    assert not Path("results").exists()


def test_an_interrupt_says_how_to_go_on(data: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = sweeps.sweep

    class Interrupting:
        def submit(self, *args: object) -> None:
            raise KeyboardInterrupt

    monkeypatch.setattr(sweeps, "sweep", lambda *args, **options: sweep(*args, **options, executor=Interrupting()))
    status, out, err = run("sweep", "buyers:Buyer", data / "monday", "-o", "results", "--grid", "size=1,2")
    assert (status, out) == (130, "")
    assert err == "hftlab: interrupted: 0 of 2 runs are kept in results; the same command goes on from there\n"
