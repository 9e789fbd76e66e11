"""Files packed with zstd, as Databento delivers its own, as blocks of bytes; plain ones and gzip too."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from hftlab.venues.capture_file import Damage, Progress, check_readable, read_blocks

__all__ = ["head_of_zstd", "is_zstd", "opened", "unpacked"]

_PART: Final = 1 << 10
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = (b"\x2a\x4d\x18", 0x50, 0x5F)


def is_zstd(head: bytes) -> bool:
    """Tell whether a file begins as zstd does."""
    rest, low, high = _SKIPPABLE
    return head.startswith(_ZSTD) or (head[1:4] == rest and low <= head[0] <= high)


def unpacked(path: Path, block: int, progress: Progress | None = None) -> Iterator[bytes]:
    """Yield the content of a file. Raises CaptureError for one that cannot be read, OSError at damage, after it."""
    with path.open("rb") as file:
        head = file.read(4)
    if not is_zstd(head):
        check_readable(path)
        try:
            yield from read_blocks(path, progress=progress)
        except Damage as error:
            raise OSError(str(error)) from error
        return
    import pyarrow as pa

    with pa.OSFile(str(path)) as packed, pa.CompressedInputStream(packed, "zstd") as stream:
        while data := stream.read(block):
            yield data
            if progress is not None:
                progress(packed.tell())


def opened(blocks: Iterator[bytes]) -> io.BufferedReader:
    """Open blocks of bytes as a file, for libraries that read from one."""
    return io.BufferedReader(_BlockFile(blocks))


class _BlockFile(io.RawIOBase):
    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._rest and (block := next(self._blocks, None)) is not None:
            self._rest = block
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def head_of_zstd(data: bytes, size: int) -> bytes:
    """Return the head of what data packs, as far as it is whole."""
    import pyarrow as pa

    found = b""
    try:
        with pa.CompressedInputStream(pa.BufferReader(data), "zstd") as stream:
            # By little parts: one that is cut off by the end is lost as a whole.
            while len(found) < size and (more := stream.read(_PART)):
                found += more
    except (OSError, pa.ArrowException):
        pass
    return found[:size]
