"""Capture files: their lines or blocks, plain or gzip, up to the first damage."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

import msgspec

from hftlab.bounds import check_symbol
from hftlab.errors import CaptureError

if TYPE_CHECKING:
    from zlib import _Decompress

__all__ = [
    "LONGEST_LINE",
    "Damage",
    "Progress",
    "bad_line",
    "bad_message",
    "check_readable",
    "decode_line",
    "read_blocks",
    "read_lines",
    "strip_line",
    "symbol_in",
]

T = TypeVar("T")

Progress = Callable[[int], object]
"""Function that is called with the number of bytes of the file (compressed ones, if it is) read so far."""

_BLOCK: Final = 1 << 16
LONGEST_LINE: Final = 1 << 26
"""Bytes after which what has no newline is not a line of text."""
_GZIP_MAGIC: Final = b"\x1f\x8b"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_BOM: Final = b"\xef\xbb\xbf"
_AROUND: Final = b" \t\r\v\f\0\x1a"  # what editors, Windows tools and tapes leave around a line
_ZIP: Final = b"PK\x03\x04"
_PACKED: Final = {
    _ZIP: "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"\xfd7zXZ\x00": "packed with xz",
    b"\x28\xb5\x2f\xfd": "packed with zstd",
    b"\x04\x22\x4d\x18": "packed with lz4",
    b"BZh": "packed with bzip2",
}
_CUT_OFF: Final = "truncated"  # in msgspec's words
_LAYERS: Final = 3  # of gzip: what is gzip already is packed once more by some servers and archives
_GZIP_FORMAT: Final = 31  # zlib's wbits for a gzip header and trailer around the largest window


def check_readable(path: Path, *, zipped: bool = False) -> None:
    """Raise CaptureError unless `path` is a file that can be opened, is plain or gzip, and is gzip if its name says so.

    A zip archive passes only with `zipped`, for formats whose reader looks into it.
    """
    if not path.exists():
        raise CaptureError(f"{path} does not exist: check the path", path=path)
    if path.is_dir():
        raise CaptureError(f"{path} is a folder: name a capture file in it", path=path)
    with _open(path) as file:
        head = file.read(8)
    for magic, what in _PACKED.items():
        if head.startswith(magic) and not (zipped and magic == _ZIP):
            raise CaptureError(f"{path} is {what}: unpack it, and name the file that was in it", path=path)
    if path.suffix == ".gz" and not head.startswith(_GZIP_MAGIC):
        raise CaptureError(f"{path} is not gzip though its name says so: rename it, or fetch it again", path=path)


def read_lines(path: Path, *, progress: Progress | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield (line number from 1, line); only a block of the file is held at a time.

    A line comes without its newline, a byte-order mark, and white space, zeros and DOS's end-of-file marks around it: a
    blank one is empty. The first bytes tell whether the file is gzip. Raises CaptureError at a damaged or truncated
    gzip stream, after every line that is whole before the damage.
    """
    check_readable(path)
    number, rest = 0, b""
    try:
        for block in read_blocks(path, progress=progress):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            if number == 0 and (lines or [rest])[0][:2] in _UTF16:
                raise Damage("is text in UTF-16: save the file as UTF-8")
            for line in lines:
                number += 1
                yield number, strip_line(line)
            if len(rest) > LONGEST_LINE:
                raise Damage(f"is longer than {LONGEST_LINE >> 20} MiB: this is not a text file")
    except (Damage, OSError) as damage:
        raise bad_line(path, number + 1, str(damage)) from damage
    if rest:
        yield number + 1, strip_line(rest)


def strip_line(line: bytes) -> bytes:
    """Return a line without a byte-order mark, and without white space, zeros and DOS's end-of-file marks around it."""
    return line.removeprefix(_BOM).strip(_AROUND)


def decode_line(decoder: msgspec.json.Decoder[T], path: Path, number: int, payload: Any, venue: str, form: str) -> T:
    """Decode the JSON of a line. Raises CaptureError that names path, line, field and the expected `form`."""
    try:
        return decoder.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_message(path, number, venue, form, error) from error


def bad_message(path: Path, number: int, venue: str, form: str, error: Exception) -> CaptureError:
    """Make the error of a line whose JSON cannot be read, or is of another form."""
    what = f"is not a {venue} message ({str(error).rstrip('.')}): a line is `{form}`"
    if _CUT_OFF in str(error):
        what += ", and this one is cut off: go on with what was read before it, or remove it"
    return bad_line(path, number, what)


def bad_line(path: Path, number: int, what: str) -> CaptureError:
    """Make the error of a line: `what` follows its path and number."""
    return CaptureError(f"{path}, line {number}: {what}", path=path)


def symbol_in(path: Path, number: int, symbol: str) -> str:
    """Return a symbol that a line names. Raises CaptureError for one that the wire and recordings cannot carry."""
    try:
        return check_symbol(symbol)
    except ValueError as error:
        raise bad_line(path, number, f"has a symbol that cannot be: {error}") from error


class Damage(Exception):
    """Damage of a file's bytes, described for an error message that names path and line."""


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        advice = "check the path" if isinstance(error, FileNotFoundError) else "check its permissions"
        raise CaptureError(f"{path} cannot be read ({error.strerror}): {advice}", path=path) from error


def read_blocks(path: Path, *, progress: Progress | None = None) -> Iterator[bytes]:
    """Yield the content of a file by blocks, inflated if it is gzip, also gzip within gzip.

    Raises Damage after all intact content before it.
    """
    with _open(path) as file:
        blocks = _raw_blocks(file, progress)
        for _ in range(_LAYERS):
            first = next(filter(None, blocks), b"")
            blocks = chain((first,), blocks)
            if not first.startswith(_GZIP_MAGIC):
                break
            blocks = _inflated(blocks)
        yield from blocks


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
