"""Recognition of a capture's format by its content, whatever its name, also behind gzip and in a zip archive."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from hftlab.errors import CaptureError
from hftlab.printable import printable
from hftlab.venues.binary_signatures import HFTBACKTEST, describe_binary
from hftlab.venues.capture_file import Damage, read_blocks
from hftlab.venues.datagram_signatures import describe_payload, describe_units
from hftlab.venues.own_formats import format_names, recognise_own, what_of
from hftlab.venues.packet_capture import describe_packets, is_capture
from hftlab.venues.text_signatures import describe_text
from hftlab.venues.zstd_file import head_of_zstd, is_zstd

__all__ = ["READABLE", "Guess", "explaining", "looks_like", "recognise", "recognise_format"]

READABLE: Final[dict[str, str]] = {
    "binance": "lines `<ns> <JSON>` of Binance's streams",
    "dbn": "Databento's DBN, or its CSV, plain or packed with zstd",
    "hftbacktest": "hftbacktest's event array in .npz or .npy",
    "iex": "IEX's DEEP+, DEEP or TOPS: a packet capture",
    "itch": "TotalView-ITCH 5.0: a file of messages after their lengths, a packet capture, MoldUDP64, SoupBinTCP",
    "kraken": "lines `<seconds>: <JSON>` of Kraken's channels, API v1 or v2",
    "lobster": "a LOBSTER message file, or the zip of a pair",
    "mitch": "LSE Level 2 MITCH 11.9: a packet capture, or a file of its units",
    "nyse": "NYSE Integrated Feed: a packet capture",
}
"""Descriptions of the files that hftlab reads, by the name of the format."""

_HEAD: Final = 1 << 18
_ZIP: Final = b"PK\x03\x04"
_MEMBERS: Final = 20  # of an archive


class Guess(NamedTuple):
    """Guess at a file's format: the `format` that reads it, None if there is none, and `what` it is; "" if unknown."""

    format: str | None
    what: str


def recognise(path: Path) -> Guess:
    """Tell what a file is from its first 256 KiB. Raises CaptureError for a path that cannot be read."""
    if path.is_dir():
        raise CaptureError(f"{path} is a folder: name a capture file in it", path=path)
    try:
        head = _head(path)
        if not head.startswith(_ZIP):
            found = _described(head)
            if found.format is not None and is_zstd(head) and not _begins_as_zstd(path):
                return Guess(None, f"{found.what} packed with zstd and then with gzip: unpack it once")
            return found
        if not zipfile.is_zipfile(path):
            return Guess(None, "a zip archive within another file, or one that is not whole")
        heads = list(_member_heads(path))
    except OSError as error:
        raise CaptureError(f"{path} cannot be read ({error.strerror}): check the path", path=path) from error
    if any(_described(one).format == "lobster" for one in heads):
        return Guess("lobster", "LOBSTER's files in a zip archive")
    if any(_described(one).format == "hftbacktest" for one in heads):
        return Guess("hftbacktest", HFTBACKTEST)
    what = _described(heads[0] if heads else b"").what
    return Guess(None, f"{what or 'another file'} in a zip archive, which has to be unpacked")


def recognise_format(path: Path) -> str:
    """Return the name of the format that reads a file. Raises CaptureError that says what hftlab reads."""
    found = recognise(path)
    if found.format is not None:
        return found.format
    known = READABLE | {name: what_of(name) for name in format_names()}
    listed = "; ".join(f"{name}: {what}" for name, what in known.items())
    what = f"it looks like {printable(found.what)}" if found.what else "its content was not recognised"
    raise CaptureError(
        f"{path} is not a capture of a format that hftlab reads: {what}. If it is one of them, give its format before "
        f"the file ({listed})",
        path=path,
    )


def looks_like(path: Path, expected: str) -> str:
    """Describe, as a clause of an error, what a file looks like that is not of the `expected` format."""
    found = recognise(path)
    if found.format == expected:
        return "it begins like such a file: fetch it again, it may be damaged"
    if found.format is not None:
        return f"it looks like {found.what}: read it as {found.format!r}"
    if found.what:
        return f"it looks like {found.what}"
    return "its content was not recognised: name another file"


@contextmanager
def explaining(path: Path, expected: str) -> Iterator[None]:
    """Add to a CaptureError about the first lines of a file what it looks like, if that is another format."""
    try:
        yield
    except CaptureError as error:
        if not path.is_file() or recognise(path).format == expected:
            raise
        raise CaptureError(f"{error}; {looks_like(path, expected)}", path=path) from error


def _described(head: bytes) -> Guess:
    if not head:
        return Guess(None, "an empty file")
    if not head.strip(b"\0"):
        return Guess(None, "a file of zeros")
    if is_zstd(head):
        content = head_of_zstd(head, _HEAD)
        inner = _described(content) if content else Guess(None, "")
        if inner.format == "dbn" or is_capture(content):
            return inner
        return Guess(None, f"{inner.what or 'a file'} packed with zstd")
    if is_capture(head):
        return Guess(*describe_packets(head, describe_payload))
    found = Guess(*(describe_text(head) or describe_binary(head) or describe_units(head) or (None, "")))
    if found.format is None and (own := recognise_own(head)) is not None:
        return Guess(*own)
    return found


def _begins_as_zstd(path: Path) -> bool:
    with path.open("rb") as file:
        return is_zstd(file.read(4))


def _head(path: Path) -> bytes:
    """Return the head of a file's content, as far as it is whole."""
    head = b""
    try:
        for block in read_blocks(path):
            head += block
            if len(head) >= _HEAD:
                break
    except Damage:
        pass
    return head[:_HEAD]


def _member_heads(path: Path) -> Iterator[bytes]:
    """Yield the heads of an archive's files that are not empty, as far as they can be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist()[:_MEMBERS]:
                if member.file_size:
                    with archive.open(member) as file:
                        yield file.read(_HEAD)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return
