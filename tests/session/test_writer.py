"""A session may be written into an empty folder or in place of another session, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from hftlab.errors import SessionDamaged, SessionError, SessionExists, SessionNotFound
from hftlab.protocol import JSON
from hftlab.session import SessionWriter, open_session
from tests.session.sessions import numbered, replayed, write_session


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_missing_folders_are_made(tmp_path: Path) -> None:
    session = write_session(tmp_path / "a" / "b" / "c", [(1, numbered(0))])
    assert replayed(session) == [(1, numbered(0))]


def test_an_empty_folder_is_written_into(tmp_path: Path) -> None:
    assert write_session(tmp_path, [(1, numbered(0))]).manifest.messages == 1


def test_a_finished_session_leaves_no_journal_and_nothing_temporary(tmp_path: Path) -> None:
    write_session(tmp_path / "session", [(at, numbered(at)) for at in range(5)], segment_bytes=300)
    names = {path.name for path in (tmp_path / "session").rglob("*")}
    assert names == {"manifest.json", "market_data", *(f"part-{n:06d}.parquet" for n in range(1, len(names) - 1))}
    assert len(names) > 4


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
    SessionWriter(tmp_path, source={}, overwrite=True).close()
    assert open_session(tmp_path).manifest.complete
    writer.abandon()


class TestNeverDeletes:
    def refused(self, folder: Path, error: type[SessionError]) -> str:
        before = contents(folder.parent)
        for overwrite in (False, True):
            with pytest.raises(error if overwrite else SessionExists) as caught:
                SessionWriter(folder, source={}, overwrite=overwrite)
        assert contents(folder.parent) == before
        return str(caught.value)

    def test_a_folder_that_is_not_a_session(self, tmp_path: Path) -> None:
        (tmp_path / "thesis").mkdir()
        (tmp_path / "thesis" / "thesis.tex").write_text("years of work")
        assert "is not a recorded session" in self.refused(tmp_path / "thesis", SessionNotFound)

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
