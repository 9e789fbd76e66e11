"""The recordings in data/ are those that data/make.py makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import hftlab
from hftlab.analysis import quotes
from tests.command import environment

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, compiled: None) -> Path:
    folder = tmp_path_factory.mktemp("data")
    subprocess.run([sys.executable, str(DATA / "make.py"), str(folder)], check=True, env=environment())
    return folder


@pytest.mark.parametrize(("name", "symbols", "messages"), [("walk", 8, 300), ("flash", 3, 2400)])
def test_making_it_again_gives_the_same_rows(made: Path, name: str, symbols: int, messages: int) -> None:
    stored, again = (hftlab.open_session(folder / name) for folder in (DATA, made))
    assert stored.market_data.collect().equals(again.market_data.collect())
    assert (len(stored.manifest.symbols), stored.manifest.messages) == (symbols, messages)


def test_the_recordings_are_small() -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*") if path.is_file()) < 1_000_000


def test_the_flash_falls_by_a_percent_and_comes_back() -> None:
    aapl = quotes(hftlab.open_session(DATA / "flash").market_data).filter(pl.col("symbol") == "AAPL").collect()
    mid = aapl["mid"]
    assert mid.min() < mid[0] * 0.99
    assert mid[-1] > mid[0] * 0.999
