"""A recording in a notebook, and how it is finished at the end of the process."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

import hftlab as hl
from hftlab.clock import Clock
from hftlab.errors import SessionError, SessionExists
from hftlab.lab import LabClient, LabServer
from hftlab.lab.recording import _Cells
from hftlab.session import open_session
from hftlab.simulator import RandomWalk
from tests.command import environment
from tests.recorder.test_recording import no_space
from tests.session.object_server import BUCKET, ObjectServer
from tests.session.sessions import replayed
from tests.waiting import until


@pytest.mark.parametrize("target", [3, "ws://127.0.0.1:8081", RandomWalk])
def test_clients_and_servers_are_recorded(target: Any, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"a client of hl.connect\(\) or a server of hl.serve\(\), got "):
        hl.record(target, tmp_path / "session")
    assert not (tmp_path / "session").exists()


class TestRunningACellAgain:
    def test_a_recording_into_the_same_folder_replaces(self, client: LabClient, tmp_path: Path) -> None:
        """The earlier recording is finished first, and does not write into the new session."""
        client.subscribe("AAPL", frequency=0)
        first = hl.record(client, tmp_path / "session")
        until(lambda: first.recorded > 3)
        with pytest.raises(SessionExists):
            hl.record(client, tmp_path / "session")
        assert "recording" in repr(first)
        second = hl.record(client, tmp_path / "session", overwrite=True)
        assert "finished" in repr(first)
        until(lambda: second.recorded > 3)
        session = second.stop()
        assert session.manifest.messages == second.recorded == len(replayed(session))
        assert session.manifest.complete

    def test_the_path_may_be_spelt_in_another_way(
        self, client: LabClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        first = hl.record(client, "session")
        with hl.record(client, tmp_path / "session", overwrite=True):
            assert "finished" in repr(first)


class TestRecord:
    def test_recording_a_server_equals_what_its_source_published(self, tmp_path: Path) -> None:
        start = 1_767_364_200_000_000_000
        source, twin = (RandomWalk(7, clock=Clock(start, 100, paused=True)) for _ in range(2))
        source.clock.resume()
        with hl.serve(source, port=0) as server, hl.record(server, tmp_path / "session") as recording:
            until(lambda: recording.recorded >= 30)
        session = recording.stop()
        received = replayed(session)
        while twin.next_time() < received[0][0]:
            twin.advance(twin.next_time())
        assert received == [(at, twin.advance(at)[0]) for at, _ in received]
        assert len(received) >= 30

    def test_stopping_again_returns_the_session_again(self, client: LabClient, tmp_path: Path) -> None:
        recording = hl.record(client, tmp_path / "session")
        assert recording.stop().folder == recording.stop().folder == recording.folder

    def test_a_recording_keeps_its_client(self, server: LabServer, tmp_path: Path) -> None:
        """`with hl.record(hl.connect(url), ...)`: nothing else refers to the client."""
        client = hl.connect(server.url)
        client.subscribe("AAPL", frequency=0)
        recording = hl.record(client, tmp_path / "session")
        del client
        gc.collect()
        start = recording.recorded
        until(lambda: recording.recorded > start + 5)
        assert server.stats()["connections"] == 1
        recording.stop()

    def test_an_error_in_the_block_still_finishes_the_session(self, client: LabClient, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError), hl.record(client, tmp_path / "session"):
            _ = 1 / 0
        assert hl.open_session(tmp_path / "session").manifest.complete

    def test_a_disk_that_fails_does_not_stand_in_the_way_of_the_next(self, client: LabClient, tmp_path: Path) -> None:
        recording = hl.record(client, tmp_path / "session")
        shutil.rmtree(tmp_path / "session")
        with pytest.raises(SessionError, match="has ended early"):
            recording.stop()
        assert "FAILED" in repr(recording)
        hl.record(client, tmp_path / "session")
        shutil.rmtree(tmp_path / "session")
        hl.record(client, tmp_path / "session", overwrite=True).stop()
        assert hl.open_session(tmp_path / "session").manifest.complete


class TestObjectStore:
    """Recordings to an address; how they are uploaded is tested with the recorder."""

    WHERE = f"s3://{BUCKET}/session"

    def test_it_is_there_when_it_is_stopped(self, client: LabClient, object_store: ObjectServer) -> None:
        client.subscribe("AAPL", frequency=0)
        recording = hl.record(client, self.WHERE, storage_options=object_store.environment)
        assert f"recording in '{self.WHERE}'" in repr(recording)
        until(lambda: recording.recorded > 3)
        session = recording.stop()
        assert str(session.folder) == str(recording.destination) == self.WHERE
        assert len(replayed(session)) == recording.recorded

    def test_a_recording_to_the_same_address_replaces(self, client: LabClient, object_store: ObjectServer) -> None:
        client.subscribe("AAPL", frequency=0)
        first = hl.record(client, self.WHERE)
        until(lambda: first.recorded > 3)
        second = hl.record(client, self.WHERE, overwrite=True)
        assert "finished" in repr(first)
        until(lambda: second.recorded > 3)
        assert second.stop().manifest.messages == second.recorded

    def test_it_is_uploaded_at_the_end_of_the_process(self, object_store: ObjectServer, tmp_path: Path) -> None:
        """Pyarrow ends its S3 when the process ends, and the recording is stopped before."""
        code = (
            "import sys, hftlab as hl\n"
            "server = hl.serve(hl.simulator.RandomWalk(7), port=0)\n"
            "client = hl.connect(server.url)\n"
            "recording = hl.record(client, sys.argv[1])\n"
            "client.subscribe('AAPL', frequency=0)\n"
            "for _ in range(5): client.next_message()\n"
        )
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", code, self.WHERE],
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, ended.stderr) == (0, "")
        assert len(replayed(open_session(self.WHERE))) >= 5
        assert not (tmp_path / "spool/s3").exists()


class TestWarnings:
    """A disk that fails is said where the reader of a notebook looks."""

    def test_it_is_said_once_by_the_next_use_and_in_the_repr(
        self, client: LabClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        recording = hl.record(client, tmp_path / "session")
        monkeypatch.setattr("hftlab.session.journal._sync", no_space)
        client.subscribe("AAPL", frequency=0)
        until(lambda: recording.problem is not None)
        with pytest.warns(RuntimeWarning, match=r"nothing is recorded in .*No space left on device.*by itself"):
            _ = recording.recorded
        before = recording.recorded
        assert "WAITING (nothing is recorded in" in repr(recording)
        monkeypatch.undo()
        until(lambda: recording.problem is None and recording.recorded > before)
        recording.stop()

    def test_it_is_said_at_the_end_of_a_cell(
        self, client: LabClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Without being asked."""
        shell = InteractiveShell()
        monkeypatch.setattr("hftlab.lab.recording.ipython", lambda: shell)
        monkeypatch.setattr("hftlab.lab.recording._cells", _Cells())
        recording = hl.record(client, tmp_path / "session")
        shell.events.trigger("post_run_cell", None)
        monkeypatch.setattr("hftlab.session.journal._sync", no_space)
        client.subscribe("AAPL", frequency=0)
        until(lambda: recording.problem is not None)
        with pytest.warns(RuntimeWarning, match="nothing is recorded in"):
            shell.events.trigger("post_run_cell", None)
        shell.events.trigger("post_run_cell", None)
        monkeypatch.undo()
        recording.stop()


_NO_STOP = """
import shutil, sys, hftlab as hl
from hftlab.clock import Clock
from hftlab.simulator import RandomWalk

server = hl.serve(RandomWalk(7, clock=Clock(speed=100)), port=0)
client = hl.connect(server.url)
client.subscribe("AAPL", frequency=0)
hl.record(client, sys.argv[1])
hl.record(server, sys.argv[2])
hl.record(server, sys.argv[3])
client.messages()
client.messages(count=20)
if "lose" in sys.argv:
    shutil.rmtree(sys.argv[2])
if "fail" in sys.argv:
    1 / 0
"""


class TestEndOfTheProcess:
    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", _NO_STOP, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=environment())

    @pytest.mark.parametrize("end", ["return", "fail"])
    def test_recordings_that_nobody_stopped_are_finished(self, tmp_path: Path, end: str) -> None:
        """Also recordings without a variable, and when the program ends with an error."""
        folders = [tmp_path / name for name in "abc"]
        done = self.run(*folders, end)
        assert done.returncode == (1 if end == "fail" else 0)
        assert ("ZeroDivisionError" in done.stderr) == (end == "fail")
        for folder in folders:
            session = open_session(folder)
            assert session.manifest.complete
            assert len(replayed(session)) >= 18
        assert done.stdout == ""

    def test_one_that_fails_does_not_keep_the_others_from_it(self, tmp_path: Path) -> None:
        folders = [tmp_path / name for name in "abc"]
        done = self.run(*folders, "lose")
        assert "SessionError" in done.stderr
        for folder in (folders[0], folders[2]):
            assert open_session(folder).manifest.complete
