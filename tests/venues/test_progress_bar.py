"""Who is told how far a reader is."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from hftlab.venues import kraken, lobster, progress_bar
from tests.venues.kraken_captures import snapshot, write_capture
from tests.venues.lobster_pairs import write_pair


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """From now on standard error is a terminal, and no file is too small for a bar."""
    terminal = Terminal()
    monkeypatch.setattr(progress_bar, "_SHOW_ABOVE", 0)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal)
    return terminal


class TestBar:
    def test_of_a_large_file_on_a_terminal(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = open_terminal(monkeypatch)
        list(kraken.read(write_capture(tmp_path / "capture.gz", snapshot({"1": "1"}, {}))))
        assert "reading capture.gz" in terminal.getvalue()

    def test_is_one_for_a_pair_of_files(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = open_terminal(monkeypatch)
        path = write_pair(tmp_path, [(1.0, 1, 1, 4, 101, 1)], [({101: 4}, {})])
        list(lobster.read(path))
        assert "_message_2.csv" in terminal.getvalue()
        assert "_orderbook_" not in terminal.getvalue()

    def test_is_none_where_the_caller_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        terminal = open_terminal(monkeypatch)
        seen: list[int] = []
        list(kraken.read(write_capture(tmp_path / "capture.gz", snapshot({"1": "1"}, {})), progress=seen.append))
        assert seen
        assert terminal.getvalue() == ""

    def test_is_none_for_a_small_file_or_without_a_terminal(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terminal = open_terminal(monkeypatch)
        path = write_capture(tmp_path / "capture.gz", snapshot({"1": "1"}, {}))
        monkeypatch.setattr(progress_bar, "_SHOW_ABOVE", 50_000_000)
        list(kraken.read(path))
        assert terminal.getvalue() == ""
        monkeypatch.setattr(progress_bar, "_SHOW_ABOVE", 0)
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        list(kraken.read(path))
        assert sys.stderr.getvalue() == ""  # type: ignore[attr-defined]
