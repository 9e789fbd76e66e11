"""Makes Parquet of a recording's full journal segments, in a process of its own.

Beside a thread that does this the others would get the interpreter's lock a thousand times a second, after up to 5 ms
each: a recording would take half as much, and acknowledge what it has a second later.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from hftlab.errors import SessionError
from hftlab.forking import Home, hold
from hftlab.log import get_logger

__all__ = ["Answer", "Converter", "Job"]

_FROM: Final = 4 * 1024 * 1024
"""Bytes of a segment from which on a process is worth its start, which takes about a second."""

_log = get_logger("hftlab.recorder")


class Job(msgspec.Struct):
    """Order to convert a segment: its path, in the journal of a session folder."""

    segment: str


class Answer(msgspec.Struct):
    """Result of a job: `error` is empty if the manifest has the segment; `errno` is set if the system failed."""

    error: str
    errno: int | None = None


class Converter:
    """Process that converts segments, started when the first one needs it, until stop(). For one thread at a time.

    Small segments, and systems where the process cannot be started or does not run, are left to the caller. One that is
    killed is replaced.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._is_possible = bool(sys.executable)
        self._status = 0
        """Exit status of the last process, or the signal that killed it, below 0."""
        self._home = Home()
        hold(self)

    def convert(self, segment: Path, locks: Collection[int]) -> bool:
        """Convert a segment; returns False if the caller has to. Else the folder's manifest has changed.

        The process inherits the open files `locks`: if this one is killed, they hold until that one has ended as well.

        Raises OSError if the disk failed, or if two processes one after the other were killed at it, which would go on
        in this one: the next call starts another. SessionError if anything else is wrong.
        """
        if segment.stat().st_size < _FROM:
            return False
        job = Job(str(segment))
        answer = self._answer(job, locks) or self._answer(job, locks)
        if answer is None:
            return self._gave_up()
        if answer.errno is not None:
            raise OSError(answer.errno, answer.error)
        if answer.error:
            raise SessionError(f"{segment} cannot become Parquet ({answer.error})", path=segment)
        return True

    def stop(self) -> None:
        """End the process, which has nothing to do between two calls. It is started again by the next segment."""
        process, self._process = self._process, None
        if process is not None and self._home.is_here:
            with process, suppress(BrokenPipeError):
                assert process.stdin is not None
                process.stdin.close()
            self._status = process.returncode

    def descriptors(self) -> list[int]:
        """Return the ends of its pipes, which a forked child must let go of: the process would outlive this one."""
        process = self._process
        return [] if process is None else [pipe.fileno() for pipe in (process.stdin, process.stdout) if pipe]

    def _start(self, locks: Collection[int]) -> bool:
        if self._process is None and self._is_possible:
            # The modules that this process has found, and none that happens to be where it was started. As imports do,
            # it passes over all but texts, such as a Path that a notebook has put there.
            found = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path and isinstance(path, str))}
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", "-m", "hftlab.recorder.conversion_process"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=os.environ | found,
                    pass_fds=tuple(locks) if os.name == "posix" else (),
                    # A key that interrupts what runs in a terminal, or in a notebook, is not meant for it.
                    start_new_session=True,
                )
            except (OSError, ValueError) as exc:  # ValueError: a path that no environment can hold
                self._leave(str(exc))
        return self._process is not None

    def _answer(self, job: Job, locks: Collection[int]) -> Answer | None:
        """Let a process do a job. Returns None if it ended instead, or if none can be started."""
        if not self._start(locks):
            return None
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError):
            process.stdin.write(msgspec.json.encode(job) + b"\n")
            process.stdin.flush()
            for line in process.stdout:
                with suppress(msgspec.MsgspecError, ValueError):  # what a module prints that it imports
                    return msgspec.json.decode(line, type=Answer)
        self.stop()
        return None

    def _gave_up(self) -> bool:
        """Leave segments to the caller from now on, or raise ChildProcessError if processes were killed."""
        if self._is_possible and self._status < 0:
            raise ChildProcessError(0, f"the process that does that was killed by signal {-self._status}")
        self._leave(f"the process has ended with status {self._status}")
        return False

    def _leave(self, reason: str) -> None:
        if self._is_possible:
            self._is_possible = False
            _log.warning("Parquet is made beside the recording, and not in a process of its own", reason=reason)
