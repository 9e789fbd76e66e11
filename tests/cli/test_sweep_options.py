"""Grids as text, and folders of sessions."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.backtest import Latency
from hftlab.cli.sweep_options import grid_of, sessions_in
from hftlab.errors import HftlabError, SessionNotFound
from hftlab.session import Session
from hftlab.trading import Commission


def test_values_are_json_or_text() -> None:
    given = ["size=1, 2.5,true", "fill=power(3),log", "levels=[1, 2],[3]", "strategy.seed=1"]
    assert grid_of(given) == {
        "size": [1, 2.5, True],
        "fill": ["power(3)", "log"],
        "levels": [[1, 2], [3]],
        "strategy.seed": [1],
    }


def test_models_are_as_their_options() -> None:
    found = grid_of(["latency=5ms,entry=1ms", "backtest.fees=none,taker_bps=1"])
    assert found["latency"] == [Latency(feed="5ms", entry="5ms", response="5ms"), Latency(entry="1ms")]
    assert found["backtest.fees"] == [Commission(), Commission(taker_bps=1.0)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["size"], "--grid 'size' is not of the form name=values: write it as --grid size=50,100,200"),
        (["=1"], "not of the form"),
        (["size="], "not of the form"),
        (["size=1", "size=2"], "--grid size is given twice"),
        (["size=1,"], "--grid 'size=1,' has an empty value: leave out the comma that is too many"),
        (["latency=fast"], "--latency"),
    ],
)
def test_what_is_not_a_grid(given: list[str], said: str) -> None:
    with pytest.raises(HftlabError, match=said):
        grid_of(given)


def test_a_folder_is_a_session_or_all_below_it(session: Session, tmp_path: Path) -> None:
    folders = [str(session.folder), str(tmp_path)]
    assert [one.folder for one in sessions_in(folders)] == [session.folder] * 2
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "manifest.json").write_text("{")
    with pytest.warns(UserWarning, match=r"left out of the sweep: .*torn \("):
        assert len(sessions_in([str(tmp_path)])) == 1
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "empty"):
        with pytest.raises(SessionNotFound):
            sessions_in([str(tmp_path / name)])
