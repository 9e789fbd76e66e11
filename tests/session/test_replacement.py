"""A session is replaced by a new one so that at every moment one of the two is there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from hftlab.errors import SessionDamaged, SessionExists
from hftlab.session import SessionWriter, open_session, recover, unfinished_replacement
from hftlab.session.journal import Journal
from hftlab.session.lock import SessionLock
from hftlab.session.replacement import REPLACEMENT
from tests.session.sessions import Received, kill, let_go, numbered, replayed, write_session

OLD = [(at, numbered(at)) for at in range(4)]
NEW = [(at, numbered(at)) for at in range(100, 103)]
CHANGES = ("rename", "replace", "unlink", "rmdir", "mkdir", "fsync")


class Killed(BaseException):
    """What a kill is in these tests: nothing after it is done."""


@contextmanager
def killed_before(monkeypatch: pytest.MonkeyPatch, number: int) -> Iterator[list[str]]:
    """Raise Killed in place of the change of the file system with that number; yields the changes that were made."""
    made: list[str] = []

    def counted(name: str, change: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if len(made) == number:
                raise Killed
            made.append(name)
            return change(*arguments, **options)

        return call

    journals: list[Journal] = []
    locks: list[SessionLock] = []
    open_journal, lock = Journal.__init__, SessionLock.__init__

    def opened(self: Journal, path: Path) -> None:
        open_journal(self, path)
        journals.append(self)

    def locked(self: SessionLock, folder: Path) -> None:
        lock(self, folder)
        locks.append(self)

    with monkeypatch.context() as patch:
        for name in CHANGES:
            patch.setattr(os, name, counted(name, getattr(os, name)))
        patch.setattr(Journal, "__init__", opened)
        patch.setattr(SessionLock, "__init__", locked)
        yield made
    for journal in journals:
        journal.abandon()
    for held in locks:
        let_go(held)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A session of four messages in two parts."""
    return write_session(tmp_path / "old", OLD, segment_bytes=700).folder


def record(folder: Path, committed: list[Received], **options: Any) -> None:
    """Replace the session; `committed` grows with each message that is acknowledged."""
    writer = SessionWriter(folder, source={"name": "new"}, overwrite=True, **options)
    for at, message in NEW:
        writer.append(message, at)
        writer.commit()
        committed.append((at, message))
    writer.close()


@pytest.mark.no_cover
@pytest.mark.parametrize("when_whole", [False, True])
def test_a_kill_at_any_step_leaves_the_old_or_all_that_was_committed(
    old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when_whole: bool
) -> None:
    """The writer is killed before each of its changes of the file system; then `hftlab recover` is called."""
    seen = set()
    number = 0
    while True:
        folder = shutil.copytree(old, tmp_path / f"{number}")
        committed: list[Received] = []
        with killed_before(monkeypatch, number) as made, suppress(Killed):
            record(folder, committed, when_whole=when_whole)
        try:
            assert replayed(open_session(folder)) in (OLD, NEW[:1], NEW)
        except SessionDamaged as damaged:
            assert "hftlab recover" in str(damaged)
        recover(folder)
        there = replayed(open_session(folder))
        seen.add(len(there))
        if there == OLD:
            assert when_whole or not committed
        else:
            assert there == NEW[: len(there)]
            assert len(there) >= len(committed)
            assert len(there) == len(NEW) or not when_whole
        if len(made) < number:
            break
        number += 1
    assert number > 30
    assert seen == ({4, 3} if when_whole else {4, 1, 3})
    assert not (folder / REPLACEMENT).exists()


def test_a_recovery_that_is_killed_is_recovered(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer is killed when the old session is half deleted, and so is the recovery, at each of its steps."""
    number = 0
    while True:
        folder = shutil.copytree(old, tmp_path / f"{number}")
        writer = SessionWriter(folder, source={}, overwrite=True)
        writer.append(*reversed(NEW[0]))
        with pytest.raises(Killed), monkeypatch.context() as patch:
            patch.setattr("hftlab.session.replacement.shutil.rmtree", _kill)
            writer.commit()
        kill(writer)
        with pytest.raises(SessionDamaged, match="was being replaced"):
            open_session(folder)
        with killed_before(monkeypatch, number) as made, suppress(Killed):
            recover(folder)
        recover(folder)
        assert replayed(open_session(folder)) == NEW[:1]
        if len(made) < number:
            break
        number += 1
    assert number > 5


def _kill(*_: object) -> None:
    raise Killed


class TestUntilDataIsThere:
    def test_the_old_session_is_whole_until_the_first_message_is_on_disk(self, old: Path) -> None:
        writer = SessionWriter(old, source={}, overwrite=True)
        writer.control("connect", 1)
        writer.commit()
        writer.append(numbered(100), 100)
        assert replayed(open_session(old)) == OLD
        writer.commit()
        new = open_session(old)
        assert new.recorded_by is not None
        assert not new.manifest.complete
        assert replayed(new) == NEW[:1]
        writer.close()
        assert replayed(open_session(old)) == NEW[:1]
        assert open_session(old).control.collect().height == 1

    def test_giving_up_leaves_the_old_one_as_it_was(self, old: Path) -> None:
        before = {path: path.read_bytes() for path in old.rglob("*") if path.is_file()}
        writer = SessionWriter(old, source={}, overwrite=True, when_whole=True)
        writer.append(numbered(100), 100)
        writer.commit()
        writer.give_up()
        assert {path: path.read_bytes() for path in old.rglob("*") if path.is_file()} == before
        assert not (old / REPLACEMENT).exists()

    def test_a_crashed_session_is_kept_with_its_journal(self, tmp_path: Path) -> None:
        crashed = SessionWriter(tmp_path / "old", source={})
        crashed.append(*reversed(OLD[0]))
        crashed.commit()
        crashed.abandon()
        SessionWriter(tmp_path / "old", source={}, overwrite=True).give_up()
        assert recover(tmp_path / "old").messages == 1

    def test_what_somebody_puts_into_the_folder_meanwhile_stays(self, old: Path) -> None:
        """An import takes hours, and is refused only for what was there before."""
        writer = SessionWriter(old, source={}, overwrite=True, when_whole=True)
        writer.append(numbered(100), 100)
        (old / "thesis.tex").write_text("years of work")
        (old / "figures").mkdir()
        writer.close()
        assert (old / "thesis.tex").read_text() == "years of work"
        assert (old / "figures").is_dir()
        assert replayed(open_session(old)) == NEW[:1]

    def test_a_link_to_a_folder_stays_one(self, old: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(old)
        record(tmp_path / "link", [])
        assert (tmp_path / "link").is_symlink()
        assert replayed(open_session(old)) == NEW


class TestUnfinished:
    @pytest.fixture
    def unfinished(self, old: Path) -> Path:
        """What a kill leaves of an import: the old session, and the half of the new one."""
        writer = SessionWriter(old, source={}, overwrite=True, when_whole=True)
        writer.append(*reversed(NEW[0]))
        writer.commit()
        writer.abandon()
        return old

    def test_it_is_left_beside_the_old_one_and_is_a_session_by_itself(self, unfinished: Path) -> None:
        assert recover(unfinished).messages == 0
        assert replayed(open_session(unfinished)) == OLD
        new = unfinished_replacement(unfinished)
        assert new == unfinished / REPLACEMENT
        assert recover(new).messages == 1
        assert replayed(open_session(new)) == NEW[:1]

    def test_one_of_raw_frames_alone_is_left_as_well(self, old: Path) -> None:
        """No book could be made of them yet."""
        writer = SessionWriter(old, source={}, overwrite=True)
        writer.control("connect", 1)
        (writer.place / "raw").mkdir()
        (writer.place / "raw/BTCUSDT.gz").write_bytes(b"frames")
        kill(writer)
        (segment,) = (old / REPLACEMENT / "journal").iterdir()
        segment.unlink()  # the row of the connection was not on disk yet
        recover(old)
        new = unfinished_replacement(old)
        assert new is not None
        recover(new)
        assert (new / "raw/BTCUSDT.gz").read_bytes() == b"frames"

    def test_the_next_replacement_takes_its_place(self, unfinished: Path) -> None:
        record(unfinished, [])
        assert replayed(open_session(unfinished)) == NEW
        assert unfinished_replacement(unfinished) is None

    def test_a_folder_of_that_name_that_holds_other_files_is_never_deleted(self, old: Path) -> None:
        (old / REPLACEMENT).mkdir()
        (old / REPLACEMENT / "thesis.tex").write_text("years of work")
        with pytest.raises(SessionExists, match=r"not part of a session \(replacement/thesis.tex\)"):
            SessionWriter(old, source={}, overwrite=True)
        assert (old / REPLACEMENT / "thesis.tex").exists()
