"""The recordings in data/ are those that data/make.py makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hftlab

DATA = Path(__file__).parents[1] / "data"


def test_making_the_walk_again_gives_the_same_rows(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DATA / "make.py"), str(tmp_path)], check=True)
    stored, made = (hftlab.open_session(folder / "walk").market_data.collect() for folder in (DATA, tmp_path))
    assert stored.equals(made)
    assert stored.height == 300 * 8
