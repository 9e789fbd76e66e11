"""`hftlab bench replay`: the sessions that it measures, and a short run of all of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.bench import replay
from hftlab.bench.replay import copied, recorded
from hftlab.session import open_session
from tests.session.sessions import replayed

STEP = 1_000_000


def test_copies_are_one_session_without_an_end_in_between(tmp_path: Path) -> None:
    """Numbers and times go on from copy to copy; each is a part with an index."""
    once = recorded(tmp_path / "once", 10, STEP)
    session = copied(once, tmp_path / "copies", 250, STEP)
    messages = replayed(session)
    start = messages[0][0]
    assert [at for at, _ in messages] == [start + number * STEP for number in range(40)]
    assert session.manifest.messages == 40
    parts = session.manifest.tables["market_data"]
    assert [(part.first, part.last) for part in parts] == [(0, 9), (10, 19), (20, 29), (30, 39)]
    assert all(part.index is not None for part in parts)
    session.verify()
    open_session(session.folder).replay().seek(start + 25 * STEP)


def test_every_figure_that_must_be_reached_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratio is that of the figure that is the furthest from what it must be."""
    small = {"_MESSAGES": 300, "_TURNS": 1, "_TIMED_SECONDS": 1, "_LARGE_ROWS": 5000, "_SEEKS": 5}
    for name, value in small.items():
        monkeypatch.setattr(replay, name, value)
    result = replay.run()
    assert result.bench == "replay"
    assert result.met == (result.ratio >= result.must)
    shares = []
    for name, must in replay._MUST.items():
        assert result.figures[f"{name}_must"] == must
        share = result.figures[name] / must if name.startswith("rows") else must / max(result.figures[name], must / 100)
        shares.append(share)
    assert result.ratio == min(shares)
    assert result.figures["rows"] >= 5000
