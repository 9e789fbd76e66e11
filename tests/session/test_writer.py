"""A session may be written into an empty folder or in place of another session, and nowhere else."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hftlab.errors import SessionDamaged, SessionError, SessionExists, SessionNotFound
from hftlab.protocol import JSON
from hftlab.session import SessionWriter, open_session, recover
from hftlab.session.journal import Journal
from hftlab.session.segment import read_segment
from tests.session.sessions import kill, numbered, replayed, write_session


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_missing_folders_are_made(tmp_path: Path) -> None:
    session = write_session(tmp_path / "a" / "b" / "c", [(1, numbered(0))])
    assert replayed(session) == [(1, numbered(0))]


def test_an_empty_folder_is_written_into(tmp_path: Path) -> None:
    assert write_session(tmp_path, [(1, numbered(0))]).manifest.messages == 1


def test_a_finished_session_leaves_no_journal_and_nothing_temporary(tmp_path: Path) -> None:
    write_session(tmp_path / "session", [(at, numbered(at)) for at in range(5)], segment_bytes=300)
    folder = tmp_path / "session"
    numbers = range(1, len(list((folder / "market_data").iterdir())) + 1)
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*")} == {
        "manifest.json",
        "market_data",
        "index",
        *(f"market_data/part-{n:06d}.parquet" for n in numbers),
        *(f"index/market_data-{n:06d}.parquet" for n in numbers),
    }
    assert len(numbers) > 1


def test_a_file_of_others_in_the_journal_does_not_fail_the_end(tmp_path: Path) -> None:
    """File managers leave some, and network file systems keep what a reader still has open."""
    writer = SessionWriter(tmp_path / "session", source={})
    writer.append(numbered(1), 1)
    (tmp_path / "session" / "journal" / ".nfs0001").write_bytes(b"")
    assert writer.close().complete
    assert replayed(open_session(tmp_path / "session")) == [(1, numbered(1))]


def test_a_segment_is_converted_once_it_has_its_seal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thread may convert it from the moment on when it is counted as full."""
    writer = SessionWriter(tmp_path / "session", source={}, segment_bytes=1, convert_later=True)
    full: list[int] = []

    def watched(journal: Journal, close: Callable[[Journal], None] = Journal.close) -> None:
        full.append(writer.full_segments)
        close(journal)

    monkeypatch.setattr(Journal, "close", watched)
    writer.append(numbered(1), 1)
    writer.commit()
    assert (full, writer.full_segments) == ([0], 1)
    assert read_segment(tmp_path / "session" / "journal" / "000001.wal").is_sealed
    writer.close()


def test_a_payload_is_stored_as_it_came(tmp_path: Path) -> None:
    """It is not encoded again, which would take time and lose what this version does not know."""
    writer = SessionWriter(tmp_path / "session", source={})
    writer.append(numbered(1), 1, payload=JSON.encode(numbered(2)))
    writer.close()
    assert replayed(open_session(tmp_path / "session")) == [(1, numbered(2))]


@pytest.mark.parametrize("overwrite", [False, True])
def test_another_session_is_replaced_only_if_asked_for(tmp_path: Path, overwrite: bool) -> None:
    write_session(tmp_path / "session", [(1, numbered(1)), (2, numbered(2))], segment_bytes=1)
    before = contents(tmp_path)
    if overwrite:
        SessionWriter(tmp_path / "session", source={}, overwrite=True).close()
        assert replayed(open_session(tmp_path / "session")) == []
        assert list(contents(tmp_path)) == [tmp_path / "session" / "manifest.json"]
    else:
        with pytest.raises(SessionExists, match="record to another folder, or pass overwrite=True") as caught:
            SessionWriter(tmp_path / "session", source={})
        assert caught.value.path == tmp_path / "session"
        assert contents(tmp_path) == before


def test_a_crashed_recording_can_be_replaced(tmp_path: Path) -> None:
    """The journal and temporary files belong to a session and are deleted with it."""
    writer = SessionWriter(tmp_path, source={})
    for name in ("manifest.json.tmp", "journal/000009.wal.damaged"):
        (tmp_path / name).write_text("torn")
    kill(writer)
    SessionWriter(tmp_path, source={}, overwrite=True).close()
    assert open_session(tmp_path).manifest.complete


class TestNeverDeletes:
    def refused(self, folder: Path, error: type[SessionError]) -> str:
        before = contents(folder.parent)
        for overwrite in (False, True):
            with pytest.raises(error if overwrite else SessionExists) as caught:
                SessionWriter(folder, source={}, overwrite=overwrite)
        assert contents(folder.parent) == before
        return str(caught.value)

    @pytest.mark.parametrize("at", [1.5, 2**63, None, "1"])
    def test_a_time_that_cannot_be(self, tmp_path: Path, at: Any) -> None:
        writer = SessionWriter(tmp_path / "session", source={})
        with pytest.raises(ValueError, match=r"ts_recv is .*: a time is a whole number"):
            writer.append(numbered(1), at)
        writer.append(numbered(2), 2)
        assert writer.close().messages == 1

    def test_a_folder_that_is_not_a_session(self, tmp_path: Path) -> None:
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
        text = self.refused(tmp_path / "thesis", SessionNotFound)
        assert "is not a recorded session, and nothing else is replaced: record to another folder" in text

    def test_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "thesis").write_text("years of work")
        self.refused(tmp_path / "thesis", SessionNotFound)

    def test_files_beside_a_session(self, tmp_path: Path) -> None:
        """A folder may hold a session and other files."""
        write_session(tmp_path / "work", [(1, numbered(1))])
        (tmp_path / "work" / "notebook.ipynb").write_text("years of work")
        assert "not part of a session (notebook.ipynb)" in self.refused(tmp_path / "work", SessionExists)

    def test_a_folder_with_a_foreign_manifest(self, tmp_path: Path) -> None:
        (tmp_path / "app").mkdir()
        (tmp_path / "app" / "manifest.json").write_text('{"name": "a web app"}')
        self.refused(tmp_path / "app", SessionNotFound)

    def test_a_session_whose_manifest_cannot_be_read(self, tmp_path: Path) -> None:
        """The tables beside a damaged manifest may still be intact."""
        write_session(tmp_path / "session", [(1, numbered(1))])
        (tmp_path / "session" / "manifest.json").write_text("{")
        self.refused(tmp_path / "session", SessionDamaged)


def test_a_writer_whose_folder_is_gone_says_so(tmp_path: Path) -> None:
    """close() does not report success."""
    writer = SessionWriter(tmp_path / "session", source={})
    writer.append(numbered(1), 1)
    writer.commit()
    (tmp_path / "session").rename(tmp_path / "elsewhere")
    with pytest.raises(FileNotFoundError):
        writer.close()
    writer.abandon()


class TestClock:
    def test_a_clock_that_is_set_back_is_a_row_and_no_time_is_lost(self, tmp_path: Path) -> None:
        """Twenty messages a second apart; the clock goes back an hour before the sixth."""
        second, start = 1_000_000_000, 1_760_000_000_000_000_000
        clocks = [start + at * second - (3600 * second if at >= 5 else 0) for at in range(20)]
        session = write_session(tmp_path / "session", [(at, numbered(n)) for n, at in enumerate(clocks)])
        data = session.market_data.collect()
        assert data["ts_recv"].is_sorted()
        assert data["ts_recv"][-1] - data["ts_recv"][0] == 18 * second
        assert data["ts_clock"].to_list() == [None] * 5 + clocks[5:]
        (row,) = session.control.collect().to_dicts()
        assert (row["event"], row["ts_from"], row["ts_to"]) == ("clock", clocks[4], clocks[5])
        assert (row["message"], row["ts_recv"], row["ts_clock"]) == (5, data["ts_recv"][5], clocks[5])
        assert [message for _, message in replayed(session)] == [numbered(n) for n in range(20)]

    def test_a_suspended_machine_is_a_row(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path, source={})
        hour = 3_600_000_000_000
        writer.append(numbered(1), hour, steady=5)
        writer.append(numbered(2), 2 * hour, steady=6)
        writer.close()
        (row,) = open_session(tmp_path).control.collect().to_dicts()
        assert (row["event"], row["ts_from"], row["ts_to"]) == ("clock", hour + 1, 2 * hour)
        assert open_session(tmp_path).market_data.collect()["ts_recv"].to_list() == [hour, 2 * hour]

    def test_a_clock_that_is_set_right_again_leaves_no_hole(self, tmp_path: Path) -> None:
        """It was an hour behind for two messages: all of the ten seconds are recorded, and a replay has no loss."""
        second, start = 1_000_000_000, 1_760_000_000_000_000_000
        writer = SessionWriter(tmp_path, source={})
        writer.control("start", start)
        for at in range(10):
            clock = start + at * second - (3600 * second if at in (5, 6) else 0)
            writer.append(numbered(at), clock, steady=at * second)
        writer.close()
        session = open_session(tmp_path)
        assert session.market_data.collect()["ts_recv"].to_list() == [start + at * second for at in range(10)]
        back, right = session.control.filter(pl.col("event") == "clock").collect().to_dicts()
        assert back["ts_from"] - back["ts_to"] == 3600 * second
        assert (right["ts_from"], right["ts_to"], right["ts_recv"]) == (None, None, start + 7 * second)
        assert session.coverage().select("share", "holes").rows() == [(1.0, 0)] * session.coverage().height

    def test_a_crash_keeps_it_too(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path, source={})
        for at in (3600, 1):
            writer.append(numbered(at), at * 1_000_000_000)
        writer.commit()
        writer.abandon()
        recover(tmp_path)
        assert open_session(tmp_path).market_data.collect()["ts_clock"].to_list() == [None, 1_000_000_000]


class TestGivingUp:
    def test_a_new_session_that_counts_stays_where_the_old_one_cannot_be_deleted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As an import does whose last step fails: the error says how to go on, and so it is."""

        def refused(entry: Path) -> None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(entry))

        write_session(tmp_path / "session", [(1, numbered(1))])
        writer = SessionWriter(tmp_path / "session", source={}, overwrite=True, when_whole=True)
        writer.append(numbered(7), 7)
        with monkeypatch.context() as patch:
            patch.setattr("hftlab.session.replacement._delete", refused)
            with pytest.raises(SessionError, match="the new one is whole up to here: run `hftlab recover"):
                writer.close()
            writer.give_up()
        recover(tmp_path / "session")
        assert replayed(open_session(tmp_path / "session")) == [(7, numbered(7))]

    def test_folders_that_were_made_for_nothing_go(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path / "a" / "b", source={})
        writer.control("connect", 1)
        writer.commit()
        writer.give_up()
        assert not any(tmp_path.iterdir())

    def test_those_that_were_there_stay(self, tmp_path: Path) -> None:
        SessionWriter(tmp_path / "a", source={}).close()
        SessionWriter(tmp_path / "b", source={}).give_up()
        (tmp_path / "c").mkdir()
        SessionWriter(tmp_path / "c", source={}).give_up()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c"]
        assert not any((tmp_path / "c").iterdir())

    def test_data_stays_for_a_recovery(self, tmp_path: Path) -> None:
        writer = SessionWriter(tmp_path, source={})
        writer.append(numbered(1), 1)
        writer.commit()
        writer.give_up()
        assert recover(tmp_path).messages == 1


def test_a_folder_that_a_kill_left_without_a_manifest_is_empty(tmp_path: Path) -> None:
    """The first thing that is written there is the manifest, to a temporary name."""
    (tmp_path / "manifest.json.tmp").write_text("{")
    SessionWriter(tmp_path, source={}).close()
    assert open_session(tmp_path).manifest.ending == "closed"
