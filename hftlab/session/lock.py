"""The lock of a session folder: one writer at a time, which is the recorder or a recovery."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import psutil

from hftlab.errors import SessionBusy
from hftlab.forking import hold
from hftlab.printable import printable
from hftlab.processes import this_process

__all__ = ["LOCK", "SessionLock", "in_words", "writer_of"]

LOCK: Final = ".lock"
"""File in a session folder that its writer holds a lock on. It goes when the writer ends as it should."""
_LONGEST: Final = 500
_ATTEMPTS: Final = 5
_PAUSE: Final = 0.01
_ENDING: Final = 5.0
"""Seconds that a killed holder's own processes, which have its lock, may take to notice."""
_PROCESS: Final = re.compile(r"process (\d+) on (\S+)")


class SessionLock:
    """Exclusive lock on a session folder (flock(2) on `.lock` in it), from now until release() or the process's end.

    Raises SessionBusy, which names the process that holds it. A context manager. File systems without such locks are
    written without one.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK
        self._descriptor: int | None = _locked(self.path)
        if self._descriptor is not None:
            hold(self)
            with suppress(OSError):  # a full disk: the lock holds without the name
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, _this_process().encode(errors="replace"), 0)

    def release(self) -> None:
        """Let go of the folder; releasing again does nothing. The folder may have been deleted or moved."""
        if self._descriptor is not None:
            descriptor, self._descriptor = self._descriptor, None
            try:
                if _is_at(descriptor, self.path):
                    self.path.unlink()
            except OSError:
                pass  # a file that stays does no harm: the next holder takes it
            finally:
                os.close(descriptor)

    def descriptors(self) -> list[int]:
        """Return the open file, which a forked child must let go of: it would hold the lock after its parent's end."""
        return [] if self._descriptor is None else [self._descriptor]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def writer_of(folder: Path) -> str | None:
    """Name the process that writes a session folder at present, None if no process does."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return None if _try_lock(descriptor, shared=True) else _holder(descriptor)
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if not (_try_lock(descriptor) or _try_again(descriptor)):
                raise _busy(path.parent, _holder(descriptor))
        except SessionBusy:
            os.close(descriptor)
            raise
        except OSError:  # not every file system has locks
            os.close(descriptor)
            return None
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)  # its holder has just ended and deleted it


def _busy(folder: Path, holder: str) -> SessionBusy:
    """Say who writes a folder; one's own kernel is not another process."""
    advice = "wait until it ends, stop it, or use another folder"
    if in_words(holder) != holder:
        advice = "call stop() of the recording there, or use another folder"
    return SessionBusy(f"{folder} is being written by {in_words(holder)}: {advice}", path=folder)


def in_words(writer: str) -> str:
    """Name the writer of a session for a reader: "this kernel", or "this process", where it is this one."""
    named = _PROCESS.match(writer)
    is_here = named is not None and named[2] == platform.node() and int(named[1]) == os.getpid()
    return this_process() if is_here else writer


def _try_again(descriptor: int) -> bool:
    """Lock what writer_of() may have been looking at for a moment, or what a killed process is about to let go of."""
    for attempt in range(round(_ENDING / _PAUSE)):
        if attempt >= _ATTEMPTS and not _is_dead(_holder(descriptor)):
            return False
        time.sleep(_PAUSE)
        if _try_lock(descriptor):
            return True
    return False


def _is_dead(holder: str) -> bool:
    """True if the process that holds a lock is one of this machine that has ended, if its parent has noticed or not."""
    named = _PROCESS.match(holder)
    if named is None or named[2] != platform.node():
        return False
    try:
        return bool(psutil.Process(int(named[1])).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, _LONGEST, 0).decode(errors="replace").strip()
    return printable(text) or "another process"


def _this_process() -> str:
    command = " ".join(Path(word).name if number == 0 else word for number, word in enumerate(sys.argv[:4]))
    return f"process {os.getpid()} on {platform.node()} ({command or 'python'})"[:_LONGEST]


if sys.platform == "win32":  # pragma: no cover

    def _try_lock(descriptor: int, *, shared: bool = False) -> bool:  # noqa: ARG001 - Windows has no shared ones
        import msvcrt

        locking: Any = msvcrt
        try:
            # A byte far behind the text, which Windows would else keep from its readers.
            os.lseek(descriptor, 1 << 20, os.SEEK_SET)
            locking.locking(descriptor, locking.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _try_lock(descriptor: int, *, shared: bool = False) -> bool:
        import fcntl

        try:
            fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
