"""Content of a file read into memory that exists already: plain, gzip, or packed with zstd."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hftlab.errors import CaptureError
from hftlab.venues.capture_file import Damage, Progress, check_readable, read_blocks
from hftlab.venues.zstd_file import is_zstd, unpacked

__all__ = ["ContentStream", "check_content"]

_GZIP_MAGIC: Final = b"\x1f\x8b"
_BLOCK: Final = 1 << 16
_TRUNCATED: Final = "truncated"


def check_content(path: Path) -> None:
    """Raise CaptureError unless `path` is a file that can be opened, and is plain, gzip or packed with zstd."""
    if not path.is_file() or not is_zstd(_head(path)):
        check_readable(path)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}): check its permissions", path=path) from error


class ContentStream:
    """Content of the file at `path`, inflated where it is packed; a context manager.

    `is_torn` says that a packed stream ended before its end. `progress` gets the bytes of the file read so far.
    """

    def __init__(self, path: Path, progress: Progress) -> None:
        self.is_torn = False
        self._path, self._progress = path, progress
        self._file = path.open("rb", buffering=0)
        head = self._file.read(4)
        self._file.seek(0)
        self._texts: Iterator[bytes] | None = None
        if head.startswith(_GZIP_MAGIC):
            self._texts = read_blocks(path, progress=progress)
        elif is_zstd(head):
            self._texts = unpacked(path, _BLOCK, progress)
        self._text = memoryview(b"")
        self._damage: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def readinto(self, view: memoryview) -> int:
        """Fill the view as far as the content goes, and return how far; less than all of it is the last.

        Raises CaptureError in the call after the last byte before the damage of a packed stream.
        """
        if self._texts is None:
            return self._read_plain(view)
        filled = 0
        while filled < len(view) and (self._text or self._advance(self._texts)):
            part = self._text[: len(view) - filled]
            view[filled : filled + len(part)] = part
            self._text = self._text[len(part) :]
            filled += len(part)
        if not filled and self._damage is not None:
            self._tell(self._damage)
        return filled

    def _read_plain(self, view: memoryview) -> int:
        filled = 0
        while filled < len(view) and (count := self._file.readinto(view[filled:])):
            filled += count
        self._progress(self._file.tell())
        return filled

    def _advance(self, texts: Iterator[bytes]) -> bool:
        """Get the next piece that is not empty. Returns False if there is none."""
        while self._damage is None and not self._text:
            try:
                self._text = memoryview(next(texts))
            except StopIteration:
                return False
            except (Damage, OSError) as damage:
                self._damage = damage
        return bool(self._text)

    def _tell(self, damage: Exception) -> None:
        """Mark the end of a stream that is only too short; raise for one that is damaged."""
        # Damage of gzip has a cause, gzip that only ends too early has none; Arrow says it in words.
        is_short = damage.__cause__ is None if isinstance(damage, Damage) else _TRUNCATED in str(damage).lower()
        if not is_short:
            what = damage if isinstance(damage, Damage) else f"the zstd data is damaged ({damage}): fetch it again"
            raise CaptureError(f"{self._path}: {what}", path=self._path) from damage
        self.is_torn = True
