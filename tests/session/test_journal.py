"""Commits of a journal are on disk, and go on in another segment after a disk has failed."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from hftlab.session.journal import Journal
from hftlab.session.journal_record import LONGEST, Record
from hftlab.session.segment import read_segment
from tests.session.segments import RECORDS, read, write


def test_only_what_is_committed_is_in_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.wal")
    journal.append(RECORDS[0])
    assert journal.is_empty
    assert read(journal.path) == ([], 0)
    journal.commit()
    assert not journal.is_empty
    assert read(journal.path) == (RECORDS[:1], 0)
    journal.append(RECORDS[1])
    journal.commit()
    journal.commit()
    assert read(journal.path) == (RECORDS[:2], 0)
    assert journal.size == journal.path.stat().st_size
    journal.close()
    assert read(journal.path) == (RECORDS[:2], 0)


def test_a_segment_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    """The old segment may be all that is left of a recording."""
    write(tmp_path / "a.wal", RECORDS)
    with pytest.raises(FileExistsError):
        Journal(tmp_path / "a.wal")
    assert read(tmp_path / "a.wal") == (RECORDS, 0)


def test_a_record_that_is_too_long_is_refused_and_the_others_go_on(tmp_path: Path) -> None:
    with Journal(tmp_path / "a.wal") as journal:
        with pytest.raises(ValueError, match=r"16,777,216 bytes cannot be recorded: at most 16 MiB"):
            journal.append(Record(0, 1, b"x" * (LONGEST + 1), number=0))
        journal.append(RECORDS[0])
    assert read(journal.path) == (RECORDS[:1], 0)


class TestFailure:
    """A commit that failed says so until its records are in another segment."""

    @pytest.fixture
    def failed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
        """Journal whose second commit has written some of its bytes."""
        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        journal.commit()
        journal.append(RECORDS[1])
        journal.append(RECORDS[2])

        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("hftlab.session.journal._sync", full)
        with pytest.raises(OSError, match="No space left"):
            journal.commit()
        monkeypatch.undo()
        return journal

    def test_further_commits_fail_though_the_disk_is_well_again(self, failed: Journal) -> None:
        """The system forgets after the first fsync that failed: a second one would lie."""
        for _ in range(2):
            with pytest.raises(OSError, match="No space left") as caught:
                failed.commit()
            assert caught.value.errno == errno.ENOSPC
        failed.abandon()

    def test_what_was_not_committed_goes_on_in_another_segment(self, failed: Journal, tmp_path: Path) -> None:
        journal = failed.continued(tmp_path / "b.wal")
        journal.append(RECORDS[3])
        journal.close()
        assert read(tmp_path / "a.wal") == (RECORDS[:1], 0)
        assert read(tmp_path / "b.wal") == (RECORDS[1:4], 0)
        assert read_segment(tmp_path / "b.wal").is_sealed

    def test_that_may_be_the_first_commit(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        monkeypatch.setattr("hftlab.session.journal.os.write", lambda *_: (_ for _ in ()).throw(OSError(5, "broken")))
        with pytest.raises(OSError, match="broken"):
            journal.commit()
        monkeypatch.undo()
        journal.continued(tmp_path / "b.wal").close()
        assert read(tmp_path / "b.wal") == (RECORDS[:1], 0)
        assert read_segment(tmp_path / "b.wal").is_sealed

    def test_records_may_be_added_after_it(self, failed: Journal, tmp_path: Path) -> None:
        """Whoever adds them may not have been told yet."""
        failed.append(RECORDS[3])
        failed.continued(tmp_path / "b.wal").close()
        assert read(tmp_path / "b.wal") == (RECORDS[1:4], 0)

    def test_a_write_that_fails_half_way_leaves_the_records_as_they_are(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What has reached the file is cut off, and a seal that did not get there is no damage."""
        write, calls = os.write, 0

        def half(descriptor: int, data: memoryview) -> int:
            nonlocal calls
            calls += 1
            if calls % 2:
                return write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")

        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        journal.commit()
        monkeypatch.setattr("hftlab.session.journal.os.write", half)
        with pytest.raises(OSError, match="No space left"):
            journal.close()
        assert read(journal.path) == (RECORDS[:1], 0)
        monkeypatch.undo()
        other = Journal(tmp_path / "b.wal")
        other.append(RECORDS[0])
        monkeypatch.setattr("hftlab.session.journal.os.write", half)
        with pytest.raises(OSError, match="No space left"):
            other.commit()
        monkeypatch.undo()
        other.append(RECORDS[1])
        other.continued(tmp_path / "c.wal").close()
        assert (other.path.read_bytes(), read(tmp_path / "c.wal")) == (b"", (RECORDS[:2], 0))

    def test_a_file_that_was_deleted_does_not_count_as_written(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "a.wal")
        journal.append(RECORDS[0])
        journal.path.unlink()
        with pytest.raises(FileNotFoundError, match="was deleted while it was written"):
            journal.commit()
        journal.abandon()
