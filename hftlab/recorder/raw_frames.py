"""Raw frames of a live source, kept beside the tables of its session as a capture that can be imported again."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import quote

from hftlab.log import get_logger

__all__ = ["RawFrames"]

_GZIP: Final = 31
"""zlib's wbits for a gzip header and trailer around the largest window."""
_LEVEL: Final = 1
"""Compression that keeps up with any feed."""
_BLOCK: Final = 1 << 20
"""Bytes of frames after which what was compressed is complete on disk as far as that goes."""
_INTERVAL: Final = 1_000_000_000
"""Nanoseconds of receive time after which it is as well."""

_log = get_logger("hftlab.recorder")


class RawFrames:
    """Files with the frames of a source, one a symbol: `<ts_recv, ns> <payload>` a line, gzip.

    It is the form that `hftlab import` reads, so that a decoder that was mended since can be run again. Where the
    process was killed, a file lacks at most what came in the second of its last frames. If a disk fails, `problem` says
    so, and nothing more is kept of that symbol. Raises OSError if the files cannot be made.
    """

    def __init__(self, folder: Path, symbols: Iterable[str]) -> None:
        self.problem: str | None = None
        self.kept = 0
        """Frames that were added."""
        folder.mkdir(exist_ok=True)
        self._files: dict[str, _File] = {}
        with ExitStack() as undo:
            for one in symbols:
                self._files[one] = _File(folder / f"{quote(one, safe='')}.gz")
                undo.callback(self._files[one].abandon)
            undo.pop_all()

    def add(self, symbol: str, ts_recv: int, payload: bytes) -> None:
        """Add a frame; of a symbol that has no file nothing is kept."""
        file = self._files.get(symbol)
        if file is None:
            return
        try:
            file.add(b"%d %s\n" % (ts_recv, payload.replace(b"\n", b" ")), ts_recv)
            self.kept += 1
        except OSError as exc:
            self._give_up(symbol, exc)

    def close(self) -> None:
        """Finish the files."""
        for symbol in list(self._files):
            try:
                self._files[symbol].close()
            except OSError as exc:
                self._give_up(symbol, exc)
        self._files.clear()

    def _give_up(self, symbol: str, error: OSError) -> None:
        file = self._files.pop(symbol)
        with suppress(OSError):
            file.abandon()
        self.problem = f"the raw frames of {symbol} end early ({error.strerror or error}): free some room on the disk"
        _log.error(self.problem)


class _File:
    def __init__(self, path: Path) -> None:
        self._file: BinaryIO = path.open("wb")
        self._zip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
        self._since = self._written_at = 0

    def add(self, line: bytes, ts_recv: int) -> None:
        self._file.write(self._zip.compress(line))
        self._since += len(line)
        if self._since >= _BLOCK or abs(ts_recv - self._written_at) >= _INTERVAL:
            self._since, self._written_at = 0, ts_recv
            self._file.write(self._zip.flush(zlib.Z_SYNC_FLUSH))
            self._file.flush()

    def close(self) -> None:
        with self._file:
            self._file.write(self._zip.flush())
            self._file.flush()
            os.fsync(self._file.fileno())

    def abandon(self) -> None:
        self._file.close()
