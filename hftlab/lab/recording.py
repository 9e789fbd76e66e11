"""The recording of a notebook: hftlab.recorder.Recording as plain calls."""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from os import PathLike
from pathlib import Path
from typing import Any, Final, Self

from hftlab.client import Client
from hftlab.display import ipython
from hftlab.errors import ArgumentTypeError, SessionError
from hftlab.forking import Home
from hftlab.lab.background import background
from hftlab.lab.client import LabClient
from hftlab.lab.kept import kept
from hftlab.lab.server import LabServer
from hftlab.protocol import Message
from hftlab.recorder import Recording, describe, tap
from hftlab.recorder.live_recording import LiveRecording, keep_raw
from hftlab.server import Server
from hftlab.session import Session
from hftlab.session.object_path import Location, ObjectPath, located
from hftlab.session.spool import spool_folder
from hftlab.source import Live, Source, undecorated

__all__ = ["LabRecording", "record", "recordings"]

_recordings: dict[Path, LabRecording] = kept("recordings", dict)


def record(
    target: LabClient | LabServer | Source[Message],
    path: PathLike[str] | str,
    *,
    overwrite: bool = False,
    raw: bool = False,
    storage_options: Mapping[str, object] | None = None,
) -> LabRecording:
    """Record everything that a client receives, or a server publishes, into a session folder until stopped.

    A live feed, such as hl.feeds.Binance, can be recorded without a server. With `raw` the frames of a feed, or of that
    which a server streams, are kept as well: in the folder's `raw`, a file a symbol, in the form that `hftlab import`
    reads.

    With an address on an object store, such as "s3://bucket/path", the session grows in a folder of this machine, is
    uploaded part by part, and is there when it is stopped. If the store cannot be reached, the recording goes on; if it
    cannot be reached at the end either, the session stays in the folder, and the error says how to upload it.
    `storage_options` are as in open_session().

    A context manager. Raises SessionExists if there is a session in the folder, or anything else. With `overwrite` a
    session is replaced as soon as the first new data is on disk, and a recording of this process into the same folder
    is stopped first, so that a cell can be run again.
    """
    inner = _inner(target)
    place = located(path, storage_options)
    running = _recordings.pop(_key(place), None) if overwrite else None
    if running is not None:
        with suppress(SessionError):  # a failed recording, about to be replaced
            running.stop()
    return LabRecording(target, inner, place, overwrite=overwrite, raw=raw)


def _key(place: Location) -> Path:
    """Return the folder in which a session grows, as recordings are known by it."""
    return (spool_folder(place) if isinstance(place, ObjectPath) else place).resolve()


def _inner(target: LabClient | LabServer | Source[Message]) -> Client | Server | Source[Message]:
    """Return what runs on the background loop, or a live source as it is. Raises TypeError for anything else.

    A handle whose class was reloaded since is as good as one of today.
    """
    inner = getattr(target, "inner", None)
    if isinstance(inner, Client | Server):
        return inner
    if isinstance(undecorated(target), Live) and isinstance(target, Source):
        return target
    if type(target).__name__ in (LabClient.__name__, LabServer.__name__):
        raise ArgumentTypeError(
            f"{target!r} is of an hftlab that was loaded before this one: call hl.connect() or hl.serve() again"
        )
    is_address = isinstance(target, str) and target.startswith(("ws://", "wss://"))
    raise ArgumentTypeError(
        f"what is recorded is a live feed, a client of hl.connect() or a server of hl.serve(), got {target!r}"
    ).advise(instead={target: f"hl.connect({target!r})"} if is_address else {})


def recordings() -> list[LabRecording]:
    """Return the recordings of this process that go on."""
    return list(_recordings.values())


class LabRecording:
    """A recording in progress; a context manager. `stop()`, or leaving the `with` block, finishes the session.

    If the disk fails, the end of the cell that runs, or of the next one, shows a warning, and so does the next use of
    the recording; it goes on by itself once the disk is well.
    """

    def __init__(
        self,
        target: LabClient | LabServer | Source[Message],
        inner: Client | Server | Source[Message],
        path: Location,
        *,
        overwrite: bool,
        raw: bool,
    ) -> None:
        self._home = Home()
        self._target = target  # keeps a client alive that nothing else refers to
        self._live: LiveRecording | None = None
        self._detach: Callable[[], None] | None
        if isinstance(inner, Client | Server):
            self._recording = Recording(path, source=describe(inner), overwrite=overwrite)
            self._detach = self._attached(inner, raw=raw)
        else:
            self._live = LiveRecording(inner, path, overwrite=overwrite, raw=raw)
            self._recording = self._live.recording
            self._detach = _nothing  # closing it does that
        self._key = self.folder.resolve()
        _recordings[self._key] = self
        self._warned: str | None = None
        _cells.follow(ipython())
        if isinstance(path, ObjectPath):  # pyarrow ends its S3 at exit, and this has to come before it
            atexit.unregister(_stop_all)
            atexit.register(_stop_all)

    def _attached(self, inner: Client | Server, *, raw: bool) -> Callable[[], None]:
        """Begin to record; returns a function that ends it."""
        with ExitStack() as undo:
            undo.callback(self._recording.give_up)
            end_raw: Callable[[], None] = _nothing
            if raw:
                end_raw = keep_raw(inner.source if isinstance(inner, Server) else None, self._recording)
                undo.callback(end_raw)
            detach = background.call(lambda: tap(inner, self._recording))
            undo.pop_all()

        def end() -> None:
            detach()
            end_raw()

        return end

    def warn(self) -> None:
        """Show a warning if the disk fails and none was shown for that yet."""
        problem = self.problem
        if problem is not None and problem != self._warned:
            warnings.warn(problem, RuntimeWarning, stacklevel=3)
        self._warned = problem

    @property
    def problem(self) -> str | None:
        """Sentence that says what is wrong with the disk, or a feed, and what to do about it; None if nothing is."""
        return self._recording.problem if self._live is None else self._live.problem

    @property
    def folder(self) -> Path:
        """The session's folder, or the one in which it grows until it is on an object store."""
        return self._recording.folder

    @property
    def destination(self) -> Location:
        """Place of the finished session: its folder, or the address on an object store."""
        return self._recording.destination

    @property
    def recorded(self) -> int:
        """The number of messages that are safe on disk."""
        self.warn()
        return self._recording.recorded

    def stop(self) -> Session:
        """Write the rest and return the finished session; stopping again returns it again.

        Raises SessionError if the disk has failed, which a client's "error" event reported when it happened, or if a
        session was to be replaced and no data came: it is kept then.
        """
        self._home.check(f"the recording in {str(self.folder)!r}", "hl.record()")
        detach, self._detach = self._detach, None
        if detach is not None:
            background.call(detach)
        if _recordings.get(self._key) is self:
            del _recordings[self._key]
        return self._recording.close() if self._live is None else self._live.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._home.is_here:  # the recording of a forked child's parent goes on
            self.stop()

    def __repr__(self) -> str:
        state = "recording" if self._detach else "finished"
        if self._recording.failure is not None:
            state = f"FAILED ({self._recording.failure})"
        elif self.problem is not None:
            state = f"WAITING ({self.problem})"
        lost = f", {self._recording.dropped} dropped" if self._recording.dropped else ""
        return f"<hftlab recording in {str(self.destination)!r}, {state}, {self._recording.recorded} messages{lost}>"


def _nothing() -> None:
    pass


class _Cells:
    """Shows warnings of recordings at the end of a cell, where its reader looks: what a thread prints goes anywhere."""

    def __init__(self) -> None:
        self._shell: Any = None

    def follow(self, shell: Any) -> None:
        """Follow the cells of an IPython shell; None is ignored, and so is one that is followed already."""
        if shell is not None and shell is not self._shell:
            self._shell = shell
            shell.events.register("post_run_cell", self._cell_ends)

    def _cell_ends(self, *_: object) -> None:
        for recording in tuple(_recordings.values()):
            recording.warn()


_cells: Final = _Cells()


# Registered after the servers' end and therefore called before it: buffered messages must not be lost.
@atexit.register
def _stop_all() -> None:
    """Finish all recordings at the end of the process; one that fails does not keep the others from it."""
    with ExitStack() as stack:
        for recording in _recordings.values():
            stack.callback(recording.stop)
