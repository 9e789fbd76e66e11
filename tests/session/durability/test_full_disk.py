"""A disk that is full says so, and the recording goes on by itself once there is room."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hftlab.recorder import Recording
from tests.session.sessions import numbered, replayed
from tests.waiting import until

SIZE = 8 * 1024 * 1024


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 8 MB in memory, which only root may."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "hftlab-test", str(disk)]
    if os.name != "posix" or os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here: run as root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.soak)])
def test_a_disk_that_fills_and_is_emptied_costs_nothing(small_disk: Path, rounds: int) -> None:
    recording = Recording(small_disk / "session", source={})
    recording._writer._segment_bytes = 100_000
    number = 0
    for _ in range(rounds):
        with (small_disk / "ballast").open("wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(bytes(4096))
            except OSError:
                pass
        while recording.problem is None:
            recording.message(numbered(number), number)
            number += 1
            until(lambda: recording.problem or recording._queue.size < 500_000)
        assert "No space left on device" in str(recording.problem)
        assert recording.recorded < number
        (small_disk / "ballast").unlink()
        until(lambda sent=number: recording.problem is None and recording.recorded == sent)  # type: ignore[misc]
    session = recording.close()
    assert replayed(session) == [(at, numbered(at)) for at in range(number)]
    assert recording.dropped == session.manifest.damaged == 0
