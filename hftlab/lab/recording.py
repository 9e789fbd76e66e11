"""A recording as plain calls."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

from hftlab.errors import SessionError
from hftlab.lab.background import background
from hftlab.lab.client import LabClient
from hftlab.lab.server import LabServer
from hftlab.recorder import Recording, describe, tap
from hftlab.session import Session

__all__ = ["LabRecording", "record"]

_recordings: dict[Path, LabRecording] = {}


def record(target: LabClient | LabServer, path: Path | str, *, overwrite: bool = False) -> LabRecording:
    """Record all that a client receives, or a server publishes, into a session folder, until stopped.

    A context manager. With `overwrite` a session that is there is replaced, and a recording of this process into that
    folder is stopped first, so that a cell can be run again. Raises SessionExists without it, or if the folder holds
    anything else.
    """
    running = _recordings.pop(Path(path).resolve(), None) if overwrite else None
    if running is not None:
        with suppress(SessionError):  # it has failed, and is to be replaced
            running.stop()
    return LabRecording(target, path, overwrite=overwrite)


class LabRecording:
    """A recording in progress; leaving its `with` block, or `stop()`, finishes the session."""

    def __init__(self, target: LabClient | LabServer, path: Path | str, *, overwrite: bool) -> None:
        self._recording = Recording(path, source=describe(target.inner), overwrite=overwrite)
        self._target = target  # a client that nobody else refers to must not be closed under it
        self._detach: Callable[[], None] | None = background.call(lambda: tap(target.inner, self._recording))
        self._key = self.folder.resolve()
        _recordings[self._key] = self

    @property
    def folder(self) -> Path:
        return self._recording.folder

    @property
    def recorded(self) -> int:
        """Messages that are safe on disk."""
        return self._recording.recorded

    def stop(self) -> Session:
        """Write what is left and return the session; stopping again returns it again.

        Raises SessionError if the disk has failed; a client has told of that when it happened, as an "error".
        """
        detach, self._detach = self._detach, None
        if detach is not None:
            background.call(detach)
        if _recordings.get(self._key) is self:
            del _recordings[self._key]
        return self._recording.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "recording" if self._detach else "finished"
        if self._recording.failure is not None:
            state = f"FAILED ({self._recording.failure})"
        return f"<hftlab recording in {str(self.folder)!r}, {state}, {self.recorded} messages>"


# Registered after the servers' end, and so called before it: what recordings hold must not be lost.
@atexit.register
def _stop_all() -> None:
    """One that fails does not keep the others from it."""
    with ExitStack() as stack:
        for recording in _recordings.values():
            stack.callback(recording.stop)
