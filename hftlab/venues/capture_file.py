"""Capture files: their lines or blocks, plain or gzip, up to the first damage."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import msgspec

from hftlab.errors import CaptureError

if TYPE_CHECKING:
    from zlib import _Decompress

__all__ = ["Damage", "Progress", "bad_line", "check_readable", "decode_line", "read_blocks", "read_lines"]

T = TypeVar("T")

Progress = Callable[[int], object]
"""Function that is called with the number of bytes of the file (compressed ones, if it is) read so far."""

_BLOCK: Final = 1 << 16
_LONGEST_LINE: Final = 1 << 26
_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_FORMAT: Final = 31  # zlib's wbits for a gzip header and trailer around the largest window


def check_readable(path: Path) -> None:
    """Raise CaptureError unless `path` is a file that can be opened and is gzip if its name says so."""
    if not path.exists():
        raise CaptureError(f"{path} does not exist: check the path", path=path)
    if path.is_dir():
        raise CaptureError(f"{path} is a folder: name a capture file in it", path=path)
    with _open(path) as file:
        if path.suffix == ".gz" and file.read(2) != _GZIP_MAGIC:
            raise CaptureError(f"{path} is not gzip though its name says so: rename it, or fetch it again", path=path)


def read_lines(path: Path, *, progress: Progress | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line without its newline); only a block of the file is held at a time.

    The first bytes tell whether the file is gzip. Raises CaptureError at a damaged or truncated gzip stream,
    after every line that is whole before the damage.
    """
    check_readable(path)
    number, rest = 0, b""
    try:
        for block in read_blocks(path, progress=progress):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            for line in lines:
                number += 1
                yield number, line
            if len(rest) > _LONGEST_LINE:
                raise Damage(f"is longer than {_LONGEST_LINE >> 20} MiB: this is not a text file")
    except (Damage, OSError) as damage:
        raise bad_line(path, number + 1, str(damage)) from damage
    if rest:
        yield number + 1, rest


def decode_line(decoder: msgspec.json.Decoder[T], path: Path, number: int, payload: Any, venue: str, form: str) -> T:
    """Decode the JSON of a line. Raises CaptureError that names path, line, field and the expected `form`."""
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = str(error).rstrip(".")
        raise bad_line(path, number, f"is not a {venue} message ({reason}): a line is `{form}`") from error


def bad_line(path: Path, number: int, what: str) -> CaptureError:
    """Make the error of a line: `what` follows its path and number."""
    return CaptureError(f"{path}, line {number}: {what}", path=path)


class Damage(Exception):
    """Damage of a file's bytes, described for an error message that names path and line."""


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}): check its permissions", path=path) from error


def read_blocks(path: Path, *, progress: Progress | None = None) -> Iterator[bytes]:
    """Yield the content of a file by blocks, inflated if it is gzip.

    Raises Damage after all intact content before it.
    """
    with _open(path) as file:
        is_gzip = file.read(2) == _GZIP_MAGIC
        file.seek(0)
        raw = _raw_blocks(file, progress)
        yield from _inflated(raw) if is_gzip else raw


def _raw_blocks(file: BinaryIO, progress: Progress | None) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block
        if progress is not None:
            progress(file.tell())


def _inflated(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate one or more gzip members, with or without zeros behind each, as tapes pad.

    The module gzip would drop the whole block that holds the damage.
    """
    member = zlib.decompressobj(_GZIP_FORMAT)
    for block in blocks:
        while block:
            if member.eof:
                block = block.lstrip(b"\0")
                if not block:
                    break
                member = zlib.decompressobj(_GZIP_FORMAT)
            before = member.copy()
            try:
                text = member.decompress(block)
            except zlib.error as error:
                yield from _salvaged(before, block)
                raise Damage(f"the gzip data is damaged ({error}): fetch the file again") from error
            yield text
            block = member.unused_data
    if not member.eof:
        raise Damage("the gzip data ends too early: fetch the file again, or keep what was read before this line")


def _salvaged(member: _Decompress, block: bytes) -> Iterator[bytes]:
    """Yield what `block` holds before its first damaged byte."""
    try:
        for at in range(len(block)):
            yield member.decompress(block[at : at + 1])
    except zlib.error:
        return
