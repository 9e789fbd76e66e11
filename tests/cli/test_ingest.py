"""`hftlab import` and `hftlab simulate`: the session that they make, and what they print."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.session import open_session
from tests.command import Run
from tests.venues.captures import SNAPSHOT, trade, update, write_capture

pytestmark = pytest.mark.usefixtures("compiled")


class TestImport:
    @pytest.fixture
    def capture(self, tmp_path: Path) -> Path:
        traded = trade(1, "100.02", "0.5", buyer_is_maker=False)
        return write_capture(tmp_path / "capture.gz", SNAPSHOT, update(10, 11, {"100.01": "5"}, {}), traded)

    def test_it_makes_a_session_and_says_what_it_met(self, capture: Path, tmp_path: Path, run: Run) -> None:
        status, out, err = run("import", "binance", capture, "-o", tmp_path / "session")
        assert (status, err) == (0, "")
        assert out.splitlines()[0] == repr(open_session(tmp_path / "session"))
        assert any("1" in line for line in out.splitlines()[1:])

    def test_it_takes_an_instrument(self, capture: Path, tmp_path: Path, run: Run) -> None:
        status, _, err = run(
            "import", "binance", capture, "-o", tmp_path / "s", "--instrument", "BTCUSDT,tick=0.001,lot=0.0001"
        )
        assert (status, err) == (0, "")
        (instrument,) = open_session(tmp_path / "s").manifest.source["instruments"]
        assert (instrument["tick"], instrument["lot"]) == (1_000_000, 100_000)
        status, _, err = run("import", "binance", capture, "-o", tmp_path / "t", "--instrument", "ETHUSDT")
        assert (status, err.count("\n")) == (2, 1)
        assert "'ETHUSDT' is not BTCUSDT" in err

    def test_a_truncated_capture_says_where_and_what_was_kept(self, capture: Path, tmp_path: Path, run: Run) -> None:
        capture.write_bytes(capture.read_bytes()[:-12])
        status, out, err = run("import", "binance", capture, "-o", tmp_path / "session")
        assert (status, out) == (2, "")
        assert err.count("\n") == 1
        assert f"hftlab: {capture}, line" in err
        assert f"are in {tmp_path / 'session'}" in err
        assert open_session(tmp_path / "session").manifest.messages > 0


class TestSimulate:
    def test_it_makes_a_session_and_says_what_is_in_it(self, tmp_path: Path, run: Run) -> None:
        arguments = ("--hours", "0.01", "--symbols", "AAPL, BRK.A", "--itch", tmp_path / "day.itch")
        status, out, err = run("simulate", "-o", tmp_path / "day", *arguments)
        assert (status, err) == (0, "")
        session = open_session(tmp_path / "day")
        lines = out.splitlines()
        assert lines[0] == repr(session)
        assert f"events: {session.manifest.rows('events'):,}" in lines[1]
        assert f"{(tmp_path / 'day.itch').stat().st_size:,} bytes" in lines[2]
        assert lines[3].endswith("BRK.A")

    @pytest.mark.parametrize(
        ("option", "value", "said"),
        [
            ("--date", "2026-01-03", "NASDAQ is closed on 2026-01-03"),
            ("--date", "yesterday", "'yesterday'"),
            ("--symbols", "NOBODY", "no market for 'NOBODY'"),
        ],
    )
    def test_mistakes_are_said_in_one_sentence(
        self, tmp_path: Path, run: Run, option: str, value: str, said: str
    ) -> None:
        status, out, err = run("simulate", "-o", tmp_path / "day", option, value)
        assert (status, out) == (2, "")
        assert said in err
        assert err.count("\n") == 1
        assert not (tmp_path / "day").exists()
