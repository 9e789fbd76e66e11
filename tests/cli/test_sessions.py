"""`hftlab info` and `hftlab recover`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hftlab.session import Session, SessionWriter, open_session
from tests.command import Run
from tests.session.sessions import crashed, numbered, write_session


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

    def test_one_is_not_said_as_many(self, tmp_path: Path, run: Run) -> None:
        one = write_session(tmp_path / "one", [(1, numbered(0))])
        assert f"  market_data: 1 row in 1 part, {one.manifest.size:,} bytes" in run("info", one.folder).out

    @pytest.mark.parametrize(
        ("source", "said"),
        [
            ({"name": "ws://127.0.0.1:8081", "kind": "client"}, "ws://127.0.0.1:8081 (client)"),
            (
                {"name": "exchange", "kind": "simulator", "seed": 7, "instruments": [{}, {}]},
                "exchange (simulator, seed 7, 2 instruments)",
            ),
            ({"name": "by hand"}, "by hand"),
            ({}, "unknown"),
        ],
    )
    def test_the_source_is_its_name_and_facts(
        self, tmp_path: Path, run: Run, source: dict[str, Any], said: str
    ) -> None:
        SessionWriter(tmp_path / "session", source=source).close()
        assert f"  source: {said}" in run("info", tmp_path / "session").out.splitlines()

    def test_json_is_the_manifest(self, session: Session, run: Run) -> None:
        out = run("info", session.folder, "--json").out
        assert json.loads(out) == json.loads((session.folder / "manifest.json").read_text())


class TestDamage:
    """It has a line and an exit status."""

    def test_recover_and_info_say_it(self, tmp_path: Path, run: Run) -> None:
        writer = SessionWriter(tmp_path / "running", source={})
        for at in range(3):
            writer.append(numbered(at), at)
        writer.commit()
        folder = crashed(writer, tmp_path / "crashed")
        path = folder / "journal" / "000001.wal"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
        line = "  DAMAGED: recorded messages are missing in 1 place, each of which is a row of control"
        status, out, err = run("recover", folder)
        assert (status, err) == (1, "")
        assert out.splitlines()[0].startswith("2 messages recovered, ")
        assert line in out.splitlines()
        for options, lines in (([], [line]), (["--json"], ['  "damaged": 1,'])):
            status, out, err = run("info", folder, *options)
            assert (status, err) == (1, "")
            assert set(lines) <= set(out.splitlines())
        assert run("recover", folder).status == 0, "it has nothing left to recover"


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
