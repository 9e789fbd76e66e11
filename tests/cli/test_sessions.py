"""`hftlab info`, `recover`, `verify`, `diff` and `compact`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from hftlab.cli.session_text import session_text
from hftlab.clock import NANOSECONDS
from hftlab.session import Session, SessionWriter, open_session
from tests.cli.conftest import START
from tests.command import Run, sentence
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import crashed, numbered, write_session


class TestInfo:
    def test_it_shows_what_a_session_holds(self, session: Session, run: Run) -> None:
        status, out, err = run("info", session.folder)
        assert (status, err) == (0, "")
        lines = out.splitlines()
        assert lines[0] == session_text(session)
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
        assert out.splitlines() == ["3 messages recovered, 4 torn bytes set aside", session_text(open_session(folder))]
        assert run("recover", folder).out.startswith("0 messages recovered, 0 torn bytes")


class TestWhatInfoTellsOfCoverage:
    def test_holes_are_told_with_their_length(self, tmp_path: Path, run: Run) -> None:
        writer = SessionWriter(tmp_path / "session", source={})
        writer.control("start", NANOSECONDS, symbols=["AAPL", "MSFT"])
        writer.append(numbered(1), 2 * NANOSECONDS)
        writer.control("gap", 6 * NANOSECONDS, symbols=["MSFT"], ts_from=2 * NANOSECONDS, ts_to=6 * NANOSECONDS)
        writer.control("end", 11 * NANOSECONDS)
        writer.close()
        lines = run("info", tmp_path / "session").out.splitlines()
        assert "  coverage: MSFT 60 % (1 hole, 4.000 s); 1 of 2 without a hole" in lines

    def test_an_estimate_is_called_one(self, session: Session, run: Run) -> None:
        assert "  coverage (estimated): 1 symbol without a hole" in run("info", session.folder).out.splitlines()

    def test_late_rows_are_counted(self, tmp_path: Path, run: Run) -> None:
        times = [5.0, 9.0, 7.0, 9.5]
        received = [(number, market_data(symbol(timestamp=at))) for number, at in enumerate(times)]
        write_session(tmp_path / "late", received)
        (line,) = [line for line in run("info", tmp_path / "late").out.splitlines() if line.startswith("  late: ")]
        assert line.startswith("  late: 1 row of 4 with a ts_event before")
        assert line.endswith("by up to 2.000 ms")
        write_session(tmp_path / "punctual", [(0, market_data(symbol(timestamp=5.0)))])
        assert "late" not in run("info", tmp_path / "punctual").out.replace(str(tmp_path), "").partition("symbols")[2]


class TestVerify:
    def test_whole_sessions_end_with_0(self, session: Session, run: Run) -> None:
        status, out, err = run("verify", session.folder, session.folder)
        assert (status, err) == (0, "")
        parts = session.manifest.tables["market_data"]
        size = session.manifest.size
        line = f"{session.folder}: whole ({2 * len(parts) + 1} files, {size:,} bytes read)"
        assert out.splitlines() == [line] * 2

    def test_damage_is_named_and_ends_with_1(self, session: Session, run: Run, tmp_path: Path) -> None:
        whole = write_session(tmp_path / "whole", [(1, numbered(1))])
        path = session.folder / session.manifest.tables["market_data"][0].file
        path.write_bytes(path.read_bytes()[:-1])
        status, out, _ = run("verify", session.folder, whole.folder)
        first, problem, last = out.splitlines()
        assert status == 1
        assert first.startswith(f"{session.folder}: DAMAGED, 1 problem")
        assert problem.startswith(f"  {path}: it has ")
        assert last.startswith(f"{whole.folder}: whole")

    def test_those_behind_what_is_not_a_session_are_verified(self, session: Session, run: Run, tmp_path: Path) -> None:
        path = session.folder / session.manifest.tables["market_data"][0].file
        path.write_bytes(path.read_bytes()[:-1])
        status, out, err = run("verify", tmp_path / "nothing", session.folder)
        assert status == 2
        assert "nothing is not a recorded session" in err
        assert out.startswith(f"{session.folder}: DAMAGED, 1 problem")

    def test_a_session_that_is_recorded_says_so(self, tmp_path: Path, run: Run) -> None:
        writer = SessionWriter(tmp_path / "running", source={})
        writer.append(numbered(1), 1)
        writer.commit()
        status, out, _ = run("verify", tmp_path / "running")
        writer.close()
        assert status == 0
        assert f": whole as far as it is written by process {os.getpid()} on " in out

    def test_what_is_not_a_session_ends_with_2(self, tmp_path: Path, run: Run) -> None:
        assert "is not a recorded session" in sentence(run("verify", tmp_path))


class TestDiff:
    def test_equal_sessions_end_with_0(self, session: Session, run: Run) -> None:
        assert run("diff", session.folder, session.folder) == (0, "equal\n", "")

    def test_the_first_difference_is_shown_and_ends_with_1(self, session: Session, run: Run, tmp_path: Path) -> None:
        other = write_session(tmp_path / "other", [(START + at, numbered(5 if at == 2 else at)) for at in range(6)])
        status, out, _ = run("diff", session.folder, other.folder)
        where = "market_data, message 2 (row 2), id"
        assert (status, out) == (1, f"{where}: md_2 in {session.folder}, and md_5 in {other.folder}\n")
        ignored = [word for name in ("id", "price", "volume", "bid", "ask") for word in ("--ignore", name)]
        status, out, _ = run("diff", session.folder, other.folder, *ignored)
        assert (status, 'bids: [{"price": ' in out) == (1, True)
        assert run("diff", session.folder, other.folder, *ignored, "--ignore", "bids", "--ignore", "asks").status == 0

    def test_rows_and_values_that_one_lacks_are_said(self, session: Session, run: Run, tmp_path: Path) -> None:
        fewer = write_session(tmp_path / "fewer", [(START + at, numbered(at)) for at in range(5)])
        out = run("diff", session.folder, fewer.folder, "--ignore", "control").out
        assert out == f"market_data has 6 rows in {session.folder}, and 5 in {fewer.folder}\n"
        received = [(START + at, market_data(symbol("AAPL", bids=None) if at else symbol("AAPL"))) for at in range(2)]
        other = [(START + at, market_data(symbol("AAPL"))) for at in range(2)]
        one, two = write_session(tmp_path / "one", received), write_session(tmp_path / "two", other)
        assert "bids: nothing in" in run("diff", one.folder, two.folder).out

    def test_what_cannot_be_compared_ends_with_2(self, session: Session, tmp_path: Path, run: Run) -> None:
        assert "is not a recorded session" in sentence(run("diff", session.folder, tmp_path))
        assert "no_such" in sentence(run("diff", session.folder, session.folder, "--ignore", "no_such"))


class TestCompact:
    def test_it_tells_how_many_parts_there_were_and_are(self, session: Session, run: Run) -> None:
        before, rows = session.manifest, session.market_data.collect()
        status, out, err = run("compact", session.folder)
        after = open_session(session.folder)
        assert (status, err) == (0, "")
        parts = len(before.tables["market_data"])
        assert out == f"{parts} parts became 1, {before.size:,} bytes became {after.manifest.size:,}\n"
        assert after.market_data.collect().equals(rows)
