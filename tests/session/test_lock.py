"""One process at a time writes a session folder, and the others are told which."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hftlab.errors import SessionBusy, SessionExists
from hftlab.session import SessionWriter, open_session, recover
from hftlab.session.lock import LOCK, SessionLock, writer_of
from tests.command import Run, environment
from tests.session.sessions import let_go, numbered, replayed, write_session

_HOLDER = """
import sys
from hftlab.recorder import Recording
from tests.session.sessions import numbered

recording = Recording(sys.argv[1], source={}, overwrite="overwrite" in sys.argv)
for number in range(100):
    recording.message(numbered(number), number)
while recording.recorded < 100:
    pass
print(recording.recorded, flush=True)
sys.stdin.read()
"""


@contextmanager
def recorder(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """Record a hundred messages in another process, which then waits for its input to end."""
    command = [sys.executable, "-c", _HOLDER, str(folder), *options]
    pipe = subprocess.PIPE
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root, env=environment()) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "100\n"
            yield child
        finally:
            child.kill()


class TestAnotherProcess:
    def test_its_recording_is_neither_recovered_nor_replaced(self, tmp_path: Path, run: Run) -> None:
        """Whoever tries is told which process it is, and the recording is as it was."""
        folder = tmp_path / "session"
        with recorder(folder) as child:
            named = f"is being written by process {child.pid} on "
            assert named in f"is being written by {writer_of(folder)}"
            status, out, err = run("recover", folder)
            assert (status, out) == (2, "")
            assert named in err
            with pytest.raises(SessionBusy, match=named) as caught:
                SessionWriter(folder, source={}, overwrite=True)
            assert caught.value.path == folder
            child.kill()
        assert writer_of(folder) is None
        assert run("recover", folder).status == 0
        assert replayed(open_session(folder)) == [(at, numbered(at)) for at in range(100)]
        assert not (folder / LOCK).exists()

    def test_a_killed_one_may_be_replaced_at_once(self, tmp_path: Path) -> None:
        with recorder(tmp_path / "session") as child:
            child.kill()
        write = SessionWriter(tmp_path / "session", source={"name": "new"}, overwrite=True)
        assert write.close().source == {"name": "new"}

    def test_one_that_replaces_holds_both_folders(self, tmp_path: Path) -> None:
        """The one that is replaced, and the one in which the new session grows."""
        folder = write_session(tmp_path / "session", [(1, numbered(1))]).folder
        writer = SessionWriter(folder, source={}, overwrite=True)
        for busy in (folder, writer.place):
            with pytest.raises(SessionBusy):
                recover(busy)
        writer.append(numbered(7), 7)
        writer.commit()
        with pytest.raises(SessionBusy):
            recover(folder)
        writer.close()
        assert [path.name for path in folder.iterdir() if path.name == LOCK] == []
        assert replayed(open_session(folder)) == [(7, numbered(7))]


def test_a_forked_child_does_not_hold_it_after_its_parent(tmp_path: Path) -> None:
    held, go_on = os.pipe(), os.pipe()
    lock = SessionLock(tmp_path)
    child = os.fork()
    if child == 0:
        os.write(held[1], b"x")
        os.read(go_on[0], 1)
        os._exit(0)
    try:
        os.read(held[0], 1)
        assert writer_of(tmp_path) is not None
        let_go(lock)
        assert writer_of(tmp_path) is None
    finally:
        os.write(go_on[1], b"x")
        os.waitpid(child, 0)
        for end in (*held, *go_on):
            os.close(end)


def test_releasing_deletes_the_file_and_may_be_repeated(tmp_path: Path) -> None:
    with SessionLock(tmp_path) as lock:
        assert (tmp_path / LOCK).is_file()
    lock.release()
    assert not (tmp_path / LOCK).exists()


def test_a_file_that_another_process_has_put_there_is_left_alone(tmp_path: Path) -> None:
    """The folder was deleted and made again meanwhile."""
    lock = SessionLock(tmp_path)
    (tmp_path / LOCK).unlink()
    other = SessionLock(tmp_path)
    lock.release()
    assert (tmp_path / LOCK).is_file()
    other.release()


def test_a_full_disk_costs_the_name_and_not_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hftlab.session.lock.os.pwrite", full)
    with SessionLock(tmp_path), pytest.raises(SessionBusy, match="written by another process"):
        SessionLock(tmp_path)


def test_a_file_system_without_locks_is_written_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with SessionLock(tmp_path) as lock:
        assert lock.descriptors() == []


@pytest.mark.parametrize("leftover", [[LOCK], [LOCK, "manifest.json.tmp"], []])
def test_what_a_kill_leaves_before_the_first_manifest_is_used_again(tmp_path: Path, leftover: list[str]) -> None:
    for name in leftover:
        (tmp_path / name).write_text("{")
    SessionWriter(tmp_path, source={}).close()
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_a_session_that_came_while_waiting_for_the_lock_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes begin at once in an empty folder; the slower one finds a finished session."""

    def slow(folder: Path) -> SessionLock:
        monkeypatch.undo()
        write_session(folder, [(1, numbered(1))])
        return SessionLock(folder)

    monkeypatch.setattr("hftlab.session.writer.SessionLock", slow)
    with pytest.raises(SessionExists, match="exists already"):
        SessionWriter(tmp_path / "session", source={})
    assert replayed(open_session(tmp_path / "session")) == [(1, numbered(1))]
