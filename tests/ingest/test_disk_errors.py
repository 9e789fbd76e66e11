"""A disk that is full, by /dev/full: whose path the error has."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from hftlab.ingest import exchange_on, import_capture, record_simulation
from hftlab.ingest.disk_errors import naming
from hftlab.session import SessionWriter
from tests.venues.captures import SNAPSHOT, update, write_capture


def full(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_error_gets_the_path_that_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"No space left on device: '.*day'"), naming(tmp_path / "day"):
        full()
    with pytest.raises(FileNotFoundError, match="'other'"), naming(tmp_path / "day"):
        Path("other").read_bytes()


def test_an_import_names_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionWriter, "commit", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*session'"):
        import_capture(
            "binance",
            write_capture(tmp_path / "capture.gz", SNAPSHOT, update(10, 11, {"100.01": "5"}, {})),
            tmp_path / "session",
        )


def test_a_simulation_names_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SessionWriter, "commit", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*session'"):
        record_simulation(exchange_on("2026-01-02", 7, ["AAPL"]), 1, tmp_path / "session")


def test_a_simulation_names_the_venues_file(tmp_path: Path) -> None:
    """Its file is /dev/full, behind a link of the name under which it grows."""
    (tmp_path / ".new-day.itch").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: '.*day\.itch'"):
        record_simulation(
            exchange_on("2026-01-02", 7, ["AAPL"]), 30, tmp_path / "session", itch_path=tmp_path / "day.itch"
        )
