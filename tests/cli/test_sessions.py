"""`hftlab info` and `hftlab recover`."""

from __future__ import annotations

import json
from pathlib import Path

from hftlab.session import Session, SessionWriter, open_session
from tests.command import Run
from tests.session.sessions import crashed, numbered


class TestInfo:
    def test_it_shows_what_a_session_holds(self, session: Session, run: Run) -> None:
        status, out, err = run("info", session.folder)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == repr(session)
        assert "  symbols: AAPL" in lines
        parts = session.manifest.tables["market_data"]
        assert f"  market_data: 6 rows in {len(parts)} parts, {session.manifest.size:,} bytes" in lines
        assert len(parts) > 1

    def test_json_is_the_manifest(self, session: Session, run: Run) -> None:
        out = run("info", session.folder, "--json").out
        assert json.loads(out) == json.loads((session.folder / "manifest.json").read_text())


class TestRecover:
    def test_it_makes_a_session_of_what_a_crash_left(self, tmp_path: Path, run: Run) -> None:
        writer = SessionWriter(tmp_path / "running", source={})
        for at in range(3):
            writer.append(numbered(at), at)
        writer.commit()
        folder = crashed(writer, tmp_path / "crashed")
        with (folder / "journal" / "000001.wal").open("ab") as torn:
            torn.write(b"torn")
        refused = run("info", folder)
        assert refused.status == 2
        assert f"run `hftlab recover {folder}`" in refused.err
        status, out, err = run("recover", folder)
        assert (status, err) == (0, "")
        assert out.splitlines() == ["3 messages recovered, 4 torn bytes set aside", repr(open_session(folder))]
        assert run("recover", folder).out.startswith("0 messages recovered, 0 torn bytes")
