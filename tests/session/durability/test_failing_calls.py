"""Calls of the system that fail: it is said, nothing acknowledged is lost, and the recording goes on when it can."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from hftlab.session import open_session, recover
from tests.command import ROOT, environment
from tests.session.durability.child import CLOSED, FAILED, make_notes, read_notes
from tests.session.sessions import numbered, replayed

pytestmark = pytest.mark.soak

COUNT: Final = 700
"""Messages that are recorded."""
PLACES: Final = {
    "write": ("ENOSPC", [1, 2, 7, 21]),
    "fdatasync": ("EIO", [1, 2, 5, 12, 21]),
    "fsync": ("EIO", [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 21]),
    "openat": ("EACCES", [1, 2, 3, 4, 5, 8, 11, 14, 20]),
    "rename": ("EIO", [1, 2, 3, 4, 5]),
    "mkdir": ("ENOSPC", [1, 2]),
    "unlink": ("EACCES", [1, 2, 3]),
}
"""Calls that fail: the error, and which of the calls that a thread makes after the start."""
CASES: Final = [(call, error, first, "") for call, (error, places) in PLACES.items() for first in places]
# The thread that makes Parquet has calls of its own, which are counted by themselves.
CASES += [("mkdir", "ENOSPC", 1, "market_data"), ("mkdir", "EACCES", 1, "index")]


@pytest.fixture(scope="module")
def strace() -> str:
    """Find the program that lets system calls fail."""
    program = shutil.which("strace")
    if program is None:
        assert not os.environ.get("HFTLAB_CI"), "strace is missing: apt-get install strace"
        pytest.skip("strace is not installed: apt-get install strace")
    return program


def paths(folder: Path, only: str) -> Iterator[Path]:
    """Yield `only`, or what a session may consist of: calls for anything else, such as a thread pool's, do not fail."""
    if only:
        yield folder / only
        return
    yield from (folder / name for name in ("", ".lock", "manifest.json", "manifest.json.tmp", "journal", "market_data"))
    for number in range(1, 100):
        yield folder / "journal" / f"{number:06d}.wal"
        yield from (folder / "market_data" / f"part-{number:06d}.{ending}" for ending in ("tmp", "parquet"))


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize(("call", "error", "first", "only"), CASES)
def test_nothing_acknowledged_is_lost(
    tmp_path: Path, strace: str, call: str, error: str, first: int, only: str, times: int
) -> None:
    folder, notes = tmp_path / "session", make_notes(tmp_path / "notes")
    command = [
        sys.executable,
        "-m",
        "tests.session.durability.child",
        str(folder),
        str(notes),
        "wait",
        str(COUNT),
        "25",
    ]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT, env=environment()
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == "ready\n"
        fault = f"inject={call}:error={error}:when={first}..{first + times - 1}"
        options = ["-f", "-qqq", "-e", f"trace={call}", "-e", fault, "-o", str(tmp_path / "calls")]
        options += [word for path in paths(folder, only) for word in ("-P", str(path))]
        with subprocess.Popen([strace, *options, "-p", str(child.pid)]) as tracer:
            traced = Path(f"/proc/{child.pid}/status")
            while "TracerPid:\t0\n" in traced.read_text():
                assert tracer.poll() is None, "strace cannot attach"
            child.stdin.write("\n")
            child.stdin.flush()
            errors = child.stderr.read()
            child.wait()
    assert "INJECTED" in (tmp_path / "calls").read_text()
    found = read_notes(notes)
    if child.returncode:
        # The recording could not begin: that is said to whoever begins it.
        assert "in _start" in errors
        assert found == (0, 0, 0, 0)
        return
    assert errors == ""
    assert found.ending in (CLOSED, FAILED)
    if found.ending == FAILED:
        recover(folder)
    session = open_session(folder)
    there = replayed(session)
    assert there == [(at, numbered(at)) for at in range(len(there))]
    assert len(there) >= found.acknowledged
    assert session.manifest.damaged == 0
    if found.ending == CLOSED:
        assert len(there) == found.acknowledged == COUNT
        assert found.dropped == 0
