"""Full segments become Parquet in a process of their own, and nothing is lost whatever becomes of that process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import polars as pl
import psutil
import pytest

from hftlab.errors import HftlabError, SessionError
from hftlab.protocol import JSON
from hftlab.recorder import Recording
from hftlab.recorder.converter import Converter
from hftlab.session import open_session, recover
from hftlab.session.conversion import convert_segment
from hftlab.session.journal import Journal
from hftlab.session.journal_record import Record
from hftlab.session.manifest import Manifest, read_manifest, write_manifest
from hftlab.session.parts import Parts
from hftlab.session.table_ids import TableId
from tests.command import environment
from tests.protocol.conftest import market_data, symbol
from tests.session.sessions import replayed
from tests.waiting import PATIENCE, until

ROOT = Path(__file__).parents[2]
MESSAGES = 1_100
LONG = "x" * 4_000
"""Makes segments long enough for a process with few messages."""


def payload(number: int) -> bytes:
    return JSON.encode(market_data(symbol(price=1.0 + number), id=f"{number} {LONG}"))


def a_segment(folder: Path, place: int = 1, first: int = 0) -> Path:
    (folder / "journal").mkdir(parents=True, exist_ok=True)
    with Journal(folder / "journal" / f"{place:06d}.wal") as journal:
        for number in range(first, first + MESSAGES):
            journal.append(Record(TableId.MARKET_DATA, 10 * number, payload(number), number=number))
    return journal.path


def a_recording(folder: Path, messages: int) -> Recording:
    """Begin a recording that fills segments long enough for a process."""
    recording = Recording(folder, source={})
    recording._writer._segment_bytes = 5 << 20
    for number in range(messages):
        recording.message(JSON.decode(payload(number)), number, payload=payload(number))
        until(lambda: recording.waiting_bytes < 1 << 20)
    return recording


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_manifest(tmp_path, Manifest(source={"name": "test"}))
    return tmp_path


@pytest.fixture
def converter() -> Iterator[Converter]:
    made = Converter()
    yield made
    made.stop()


class TestConversion:
    """One process for all of these, as a recording has one for all of its segments, whatever becomes of each."""

    @pytest.fixture(scope="class")
    @classmethod
    def converter(cls) -> Iterator[Converter]:
        made = Converter()
        yield made
        made.stop()

    def test_it_writes_what_this_process_would(self, folder: Path, converter: Converter, tmp_path: Path) -> None:
        here = tmp_path / "here"
        here.mkdir()
        parts = Parts(here, Manifest(source={"name": "test"}))
        for place in (1, 2):
            path = a_segment(folder, place, (place - 1) * MESSAGES)
            assert converter.convert(path, ())
            convert_segment(parts, path)
        assert read_manifest(folder) == read_manifest(here)
        rows = [pl.read_parquet(one / "market_data" / "*.parquet") for one in (folder, here)]
        assert rows[0].equals(rows[1])
        assert rows[0].height == 2 * MESSAGES

    def test_a_disk_that_fails_is_an_error_of_the_system(self, folder: Path, converter: Converter) -> None:
        path = a_segment(folder)
        (folder / "market_data").write_text("in the way")
        with pytest.raises(FileExistsError):
            converter.convert(path, ())
        (folder / "market_data").unlink()
        assert converter.convert(path, ())
        assert read_manifest(folder).messages == MESSAGES

    def test_anything_else_says_which_segment(self, folder: Path, converter: Converter) -> None:
        path = a_segment(folder)
        (folder / "manifest.json").write_text("{}")
        with pytest.raises(SessionError, match=r"000001.wal cannot become Parquet \(SessionNotFound: "):
            converter.convert(path, ())

    @pytest.mark.skipif(os.name != "posix", reason="signals")
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_what_stops_a_group_of_processes_is_not_for_it(
        self, folder: Path, converter: Converter, number: signal.Signals
    ) -> None:
        assert converter.convert(a_segment(folder), ())
        process = converter._process
        assert process is not None
        process.send_signal(number)
        assert converter.convert(a_segment(folder, 2, MESSAGES), ())
        assert converter._process is process

    @pytest.mark.skipif(os.name != "posix", reason="process groups")
    def test_a_key_of_the_terminal_does_not_reach_it(self, folder: Path, converter: Converter) -> None:
        """Also while it starts, when it does not ignore anything yet."""
        assert converter.convert(a_segment(folder), ())
        assert converter._process is not None
        assert os.getpgid(converter._process.pid) != os.getpgid(0)


def test_a_small_segment_is_left_to_the_caller(folder: Path, converter: Converter) -> None:
    (folder / "journal").mkdir()
    with Journal(folder / "journal" / "000001.wal") as journal:
        journal.append(Record(TableId.MARKET_DATA, 0, payload(0), number=0))
    assert not converter.convert(journal.path, ())
    assert not converter.descriptors()


def test_where_no_process_can_be_started_all_are(
    folder: Path, converter: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(folder / "no python"))
    path = a_segment(folder)
    assert not converter.convert(path, ())
    monkeypatch.undo()
    assert not converter.convert(path, ()), "it was tried once, and said once"


def test_a_process_that_was_killed_is_replaced(folder: Path, converter: Converter) -> None:
    assert converter.convert(a_segment(folder), ())
    process = converter._process
    assert process is not None
    process.kill()
    process.wait()
    assert converter.convert(a_segment(folder, 2, MESSAGES), ())
    assert read_manifest(folder).messages == 2 * MESSAGES


def in_its_place(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_what_kills_two_would_kill_this_one(
    folder: Path, converter: Converter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_its_place(monkeypatch, tmp_path, "kill -KILL $$")
    path = a_segment(folder)
    with pytest.raises(ChildProcessError, match="was killed by signal 9"):
        converter.convert(path, ())
    monkeypatch.undo()
    assert converter.convert(path, ())


@pytest.mark.skipif(os.name != "posix", reason="a shell")
def test_a_program_that_is_not_python_leaves_all_to_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Python is a library of the program that runs."""
    in_its_place(monkeypatch, tmp_path, "exit 2")
    recording = a_recording(tmp_path / "session", 2 * MESSAGES)
    until(lambda: recording.manifest.segments >= 1)
    assert recording.problem is None
    assert recording.close().manifest.messages == 2 * MESSAGES


def test_what_a_module_prints_is_not_an_answer(
    folder: Path, converter: Converter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    printed = b'{}\n{"error": "\xff"}\nhello'
    (modules / "sitecustomize.py").write_text(f"import sys; sys.stdout.buffer.write({printed!r})")
    monkeypatch.syspath_prepend(modules)
    assert converter.convert(a_segment(folder), ())
    assert read_manifest(folder).messages == MESSAGES


def test_paths_that_are_no_text_are_passed_over(
    folder: Path, converter: Converter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Imports ignore them, so that nobody notices one."""
    monkeypatch.setattr(sys, "path", [*sys.path, tmp_path / "src"])
    assert converter.convert(a_segment(folder), ())


def test_a_path_that_no_environment_can_hold_leaves_all_to_the_caller(
    folder: Path, converter: Converter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, "a\0b"])
    assert not converter.convert(a_segment(folder), ())


def converting() -> list[psutil.Process]:
    """Processes of this one that convert segments."""
    found = []
    for one in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
            found += [one] if "hftlab.recorder.conversion_process" in one.cmdline() else []
    return found


def test_a_recording_has_it_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = a_recording(tmp_path / "session", 3 * MESSAGES)
    until(lambda: recording.manifest.segments >= 1)
    (child,) = converting()
    session = recording.close()
    assert not child.is_running()
    assert session.manifest.messages == recording.recorded == 3 * MESSAGES
    assert len(session.manifest.tables["market_data"]) > 1
    assert [at for at, _ in replayed(session)] == list(range(3 * MESSAGES))


def test_it_ends_when_nothing_has_to_be_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps the memory that a segment takes."""
    monkeypatch.setattr("hftlab.recorder.recording._IDLE", 0.2)
    recording = Recording(tmp_path / "session", source={})
    recording._writer._segment_bytes = 5 << 20
    for number in range(3 * MESSAGES):
        recording.message(JSON.decode(payload(number)), number, payload=payload(number))
        if number == 2 * MESSAGES:
            until(lambda: recording.manifest.segments >= 1)
            until(lambda: not converting())
    until(lambda: recording.manifest.segments >= 2)
    assert recording.close().manifest.messages == 3 * MESSAGES


def test_a_recording_that_cannot_be_converted_is_not_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / "session", source={})
    recording._writer._segment_bytes = 5 << 20
    with monkeypatch.context() as patch:
        patch.setattr(Converter, "convert", lambda *_: 1 // 0)
        for number in range(2 * MESSAGES):
            recording.message(JSON.decode(payload(number)), number, payload=payload(number))
            until(lambda: recording.waiting_bytes < 1 << 20)
            if recording.failure is not None:
                break
        assert isinstance(recording.failure, ZeroDivisionError)
    with pytest.raises(SessionError, match="hftlab recover"):
        recording.close()
    recover(recording.folder)
    assert open_session(recording.folder).manifest.messages >= recording.recorded > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows does not fork")
def test_a_recording_is_not_for_a_fork_of_its_process(tmp_path: Path) -> None:
    """Its threads are not there: what it took would be lost in silence."""
    recording = Recording(tmp_path / "session", source={})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork beside threads
        child = os.fork()
    if not child:
        refused = 0
        for call in (lambda: recording.message(JSON.decode(payload(0)), 0), recording.close):
            try:
                call()
            except HftlabError:
                refused += 1
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    recording.message(JSON.decode(payload(0)), 0)
    assert recording.close().manifest.messages == 1


RECORDER = """
import sys
from hftlab.protocol import JSON
from hftlab.recorder import Recording
from tests.recorder.test_converter import payload
recording = Recording(sys.argv[1], source={})
recording._writer._segment_bytes = 5 << 20
number = 0
while True:
    recording.message(JSON.decode(payload(number)), number, payload=payload(number))
    number += 1
    if number % 100 == 0:
        print(recording.recorded, flush=True)
        while number - recording.recorded > 1000:
            pass
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.parametrize("kills", [1, pytest.param(40, marks=pytest.mark.soak)])
def test_a_recorder_that_is_killed_takes_it_along(tmp_path: Path, kills: int) -> None:
    """A recovery waits for the moment that it takes, and finds all that was acknowledged."""
    for kill in range(kills):
        folder = tmp_path / f"{kill}"
        command = [sys.executable, "-c", RECORDER, str(folder)]
        with subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.PIPE) as recorder:
            process = psutil.Process(recorder.pid)
            until(process.children)
            children = process.children()
            assert recorder.stdout is not None
            acknowledged = int(recorder.stdout.readline())
            while acknowledged < MESSAGES * (kill + 2):
                acknowledged = int(recorder.stdout.readline())
            recorder.kill()
        recover(folder)
        session = open_session(folder)
        assert session.manifest.messages >= acknowledged
        assert [at for at, _ in replayed(session)] == list(range(session.manifest.messages))
        psutil.wait_procs(children, PATIENCE)
        assert not [child for child in children if child.is_running()]
