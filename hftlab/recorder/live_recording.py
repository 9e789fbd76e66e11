"""Recording of a live source, without a server in between."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from os import PathLike
from typing import Final

from hftlab.clock import wall_time
from hftlab.errors import ArgumentTypeError, HftlabError, SessionError
from hftlab.log import get_logger
from hftlab.protocol import Message
from hftlab.recorder.closing import closed
from hftlab.recorder.raw_frames import RawFrames
from hftlab.recorder.recording import Recording
from hftlab.recorder.taps import describe, tap_live
from hftlab.server.served_sources import claim_for, release
from hftlab.session.object_path import located
from hftlab.session.session import Session
from hftlab.session.table_ids import RAW
from hftlab.source import Live, Source, timed, undecorated

__all__ = ["LiveRecording", "keep_raw", "record_source"]

_WAIT: Final = 10.0
"""Seconds that the venue has to tell of its instruments before the recording begins without."""
_INTERVAL: Final = 0.5
"""Seconds between two reports of progress."""

_log = get_logger("hftlab.recorder")


class LiveRecording:
    """Reader of a live source that records all of it on a thread of its own, until close().

    With `raw` the frames of the source are kept as well, see RawFrames. If the source fails, `failure` is the exception
    and the control table says so; what was recorded before stays. Raises HftlabError for a source that something else
    reads, or that cannot be had, as for a symbol that its venue does not list.
    """

    def __init__(
        self,
        source: Source[Message],
        folder: PathLike[str] | str,
        *,
        overwrite: bool = False,
        raw: bool = False,
        keep_empty: bool = True,
    ) -> None:
        live = undecorated(source)
        if not isinstance(live, Live):
            raise ArgumentTypeError(f"{source!r} is not a live source: serve it, and record the server")
        self._source, self._live = source, live
        self.failure: Exception | None = None
        self._come, self._stops = threading.Event(), False
        where = located(folder)
        claim_for(source, lambda: f"the recording in {where}", "recording.stop()")
        with ExitStack() as undo:  # of a recording that cannot begin
            undo.callback(release, source)
            self._unwatch = live.watch(self._come.set)
            undo.callback(self._unwatch)
            live.wait(_WAIT)
            self.recording = Recording(folder, source=describe(live), overwrite=overwrite, keep_empty=keep_empty)
            undo.callback(self.recording.give_up)
            self._end_raw = keep_raw(source, self.recording) if raw else _nothing
            undo.pop_all()
        self._tap, self._end_tap = tap_live(source, self.recording)
        self._thread = threading.Thread(target=self._run, name="hftlab live recording", daemon=True)
        self._thread.start()

    @property
    def problem(self) -> str | None:
        """Sentence about what is wrong with the source or the disk, None if nothing is."""
        problems = [None if self.failure is None else str(self.failure), self._live.problem, self.recording.problem]
        return "; ".join(one for one in problems if one is not None) or None

    def _run(self) -> None:
        try:
            while not self._stops:
                self._come.wait()
                self._come.clear()
                while not self._stops and (due := self._source.next_time()) is not None:
                    for item in timed(self._source.advance(due), due):
                        self._tap(item)
        except Exception as exc:
            self.failure = exc
            _log.error("the recording of a live source has ended early", source=self._live.name, exc_info=exc)
            with suppress(SessionError):
                self.recording.control("error", wall_time(), detail=str(exc))

    def close(self) -> Session:
        """Write the rest and return the finished session; closing again returns it again. Raises SessionError."""
        if not self._stops:
            self._stops = True
            self._come.set()
            self._thread.join()
            self._unwatch()
            release(self._source)
            self._end_tap()
            self._end_raw()
        return self.recording.close()


def keep_raw(source: Source[Message] | None, recording: Recording) -> Callable[[], None]:
    """Keep the raw frames of a live source beside a recording of it from now on; returns a function that ends that.

    What is wrong with them is part of the recording's `problem`. Raises ArgumentTypeError for a source that is not a
    live one, and OSError if their files cannot be made.
    """
    live = undecorated(source)
    if source is None or not isinstance(live, Live):
        raise ArgumentTypeError(
            f"raw=True keeps the frames of a live feed, and {'nothing' if source is None else source.name!r} is not "
            "one: record one such as hl.feeds.Binance(...), or a server of it"
        )
    frames = RawFrames(recording.place / RAW, source.symbols)
    recording.side_problems.append(lambda: frames.problem)
    live.raw_taps.append(frames.add)

    def end() -> None:
        live.raw_taps.remove(frames.add)
        frames.close()
        recording.is_worth_keeping = frames.kept > 0

    return end


async def record_source(
    source: Source[Message],
    folder: PathLike[str] | str,
    stop: Awaitable[object],
    *,
    overwrite: bool = False,
    raw: bool = False,
    progress: Callable[[int], object] | None = None,
    impatience: Callable[[], Awaitable[object]] | None = None,
) -> Session:
    """Record a live source until `stop` is done, or it or the disk fails.

    `progress` is called with the messages that are on disk so far, twice a second, and `impatience` at the end: when it
    is done, an upload that cannot be finished is given up. Raises what LiveRecording does, the error of a source that
    has failed before anything came, and SessionError if neither market data nor raw frames came.
    """
    recording = await asyncio.to_thread(LiveRecording, source, folder, overwrite=overwrite, raw=raw, keep_empty=False)
    waiting = asyncio.ensure_future(stop)
    try:
        while not waiting.done() and recording.failure is None and recording.recording.failure is None:
            await asyncio.wait([waiting], timeout=_INTERVAL)
            if progress is not None:
                progress(recording.recording.recorded)
    finally:
        waiting.cancel()
        closing = asyncio.ensure_future(closed(recording.close, recording.recording, impatience))
        await asyncio.wait([closing])
        closing.exception()  # asyncio logs one that nobody has asked for, as where the source's own is raised
    if recording.failure is not None and not isinstance(recording.failure, HftlabError):
        raise HftlabError(f"{source.name} has failed: {recording.failure}") from recording.failure
    if recording.failure is not None:
        raise recording.failure
    return closing.result()


def _nothing() -> None:
    pass
