"""The manifest of a session: what was recorded, from which source, and the checksums of its parts."""

from __future__ import annotations

import os
import re
import zlib
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from hftlab.errors import SessionDamaged, SessionNotFound, SessionTooNew
from hftlab.session.object_path import Location

__all__ = [
    "MANIFEST",
    "SCHEMA_VERSION",
    "Ending",
    "File",
    "Manifest",
    "Part",
    "checksum",
    "manifest_bytes",
    "read_manifest",
    "sync_folder",
    "write_manifest",
]

SCHEMA_VERSION: Final = 2
MANIFEST: Final = "manifest.json"
_FORMAT: Final = "hftlab session"
_CHECKSUM: Final = re.compile(rb',\s*"checksum":\s*"([0-9a-f]{8})"\s*}\s*$')
_FETCHED: Final = 16 << 20
"""Bytes that are fetched from an object store at a time."""
_OUTSIDE: Final = frozenset("\0\\:")
"""Characters that paths of a session never have: on Windows some of them lead elsewhere."""


class File(msgspec.Struct):
    """A file beside the parts: its path in the session, its size in bytes and the CRC32 of its bytes."""

    file: str
    size: int
    crc32: int


class Part(msgspec.Struct, omit_defaults=True):
    """Entry of one Parquet file: its path in the session, its rows, its size in bytes and the CRC32 of its bytes.

    `segment` is the journal segment that it was made of, None for events, which never were in a journal. `first` and
    `last` are the numbers of its first and last message, `started` and `ended` their times (ts_recv, ns). Sessions of
    schema 1 have none of these.
    """

    file: str
    rows: int
    size: int
    crc32: int
    segment: int | None = None
    first: int | None = None
    last: int | None = None
    started: int | None = None
    ended: int | None = None
    index: File | None = None
    """The part's index (hftlab.session.state_index), for tables that have one."""


class Ending(StrEnum):
    """End of a recording: none yet, in order, or by a crash."""

    UNKNOWN = ""
    """Written by a version that did not say."""
    RUNNING = "running"
    """Not ended, or killed and not recovered since."""
    CLOSED = "closed"
    """Closed by its writer; `source["extent"]` says if its source was read to the end."""
    RECOVERED = "recovered"
    """Killed, and recovered: what came after the last committed row is missing."""


class Manifest(msgspec.Struct):
    """Description of a session, stored as manifest.json.

    `started` and `ended` are the first and last ts_recv in ns. `complete` is False while the session is recorded, and
    True as soon as there is no journal left; `ending` says how that came about. A session that is made of a file or a
    simulation has `source["extent"]`: whether it holds the `whole` of it, and how far it got.
    `segments` counts the journal segments that are Parquet already: a crash can leave one of those files behind.
    `damaged` counts the places where recovery found damage; each is a `damage` row of the control table. `buffer` is
    how many bytes of messages may wait for the disk before messages are dropped, None where none ever are.

    In the file a last field `checksum` follows, the CRC32 of everything before it. Who changes the file by hand leaves
    that field out.
    """

    source: dict[str, Any]
    format: str = _FORMAT
    schema: int = SCHEMA_VERSION
    protocol: str = "1.0"
    hftlab: str = ""
    complete: bool = False
    ending: Ending = Ending.UNKNOWN
    symbols: list[str] = []
    messages: int = 0
    segments: int = 0
    damaged: int = 0
    buffer: int | None = None
    started: int | None = None
    ended: int | None = None
    tables: dict[str, list[Part]] = {}

    def rows(self, table: str) -> int:
        """Count the rows of a table, 0 if it has no parts."""
        return sum(part.rows for part in self.tables.get(table, ()))

    def size_of(self, table: str) -> int:
        """Size of a table's parts and their indexes in bytes, 0 if it has none."""
        parts = self.tables.get(table, ())
        return sum(part.size + (0 if part.index is None else part.index.size) for part in parts)

    def update(self, other: Manifest) -> None:
        """Take over every field of another manifest, such as that of the same session read again."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(other, name))

    @property
    def next_number(self) -> int:
        """Number that the next message or control row gets."""
        last = [part.last for parts in self.tables.values() for part in parts if part.last is not None]
        return max(last) + 1 if last else self.messages + self.rows("control")

    @property
    def was_killed(self) -> bool:
        """True if the process that wrote it was killed, or is still at it: rows that were not committed are missing."""
        return self.ending in (Ending.RUNNING, Ending.RECOVERED)

    @property
    def size(self) -> int:
        """Size of all parts and their indexes in bytes."""
        return sum(map(self.size_of, self.tables))


class _Version(msgspec.Struct):
    format: str | None = None
    schema: int = 0


def read_manifest(folder: Location) -> Manifest:
    """Read the manifest of a session folder. Raises SessionNotFound, SessionTooNew or SessionDamaged."""
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        is_absent = isinstance(folder, Path) and not folder.exists()
        raise _not_found(folder, "there is nothing of that name" if is_absent else f"it has no {MANIFEST}") from None
    try:
        _check(data)
        version = msgspec.json.decode(data, type=_Version)
        if version.format != _FORMAT:
            raise _not_found(folder, f"its {MANIFEST} belongs to something else")
        if version.schema > SCHEMA_VERSION:
            raise SessionTooNew(
                f"{folder} has session schema {version.schema}, this hftlab reads up to {SCHEMA_VERSION}: "
                "upgrade hftlab to open it",
                path=folder,
            )
        manifest = msgspec.json.decode(data, type=Manifest)
        _check_inside(manifest)
        _check_numbers(manifest)
        return manifest
    except (ValueError, msgspec.DecodeError) as exc:  # bytes that are not UTF-8 are a ValueError
        raise SessionDamaged(
            f"{path} cannot be read ({exc}): restore it from a copy, or leave out its checksum if you have changed it "
            "by hand; the Parquet files beside it are readable",
            path=path,
        ) from None


def _not_found(folder: Location, reason: str) -> SessionNotFound:
    return SessionNotFound(
        f"{folder} is not a recorded session: {reason}. Give a folder that was recorded or imported", path=folder
    )


def _check(data: bytes) -> None:
    """Raise ValueError if the manifest has a checksum that does not match."""
    found = _CHECKSUM.search(data)
    if found is not None and int(found[1], 16) != zlib.crc32(data[: found.start()]):
        raise ValueError("its checksum does not match")


def _check_inside(manifest: Manifest) -> None:
    """Raise ValueError for names that lead out of the session: whoever reads, compacts or recovers it trusts them."""
    for table, parts in manifest.tables.items():
        if not _is_inside(table) or "/" in table:
            raise ValueError(f"{table!r} is not the name of a table")
        for file in (file for part in parts for file in (part, part.index) if file is not None):
            if not _is_inside(file.file):
                raise ValueError(f"{file.file!r} is not a file of the session")


def _check_numbers(manifest: Manifest) -> None:
    """Raise ValueError for numbers that no table holds."""
    for name in ("messages", "started", "ended"):
        number = getattr(manifest, name)
        if number is not None and not -(2**63) <= number < 2**63:
            raise ValueError(f"{name} is {number}, which is not an int64")


def _is_inside(path: str) -> bool:
    return not any(name in ("", ".", "..") for name in path.split("/")) and not _OUTSIDE.intersection(path)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Replace the manifest in one step: a crash leaves either the old one or the new one."""
    data = manifest_bytes(manifest)
    temporary = folder / f"{MANIFEST}.tmp"
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / MANIFEST)
    sync_folder(folder)


def manifest_bytes(manifest: Manifest) -> bytes:
    """Return the manifest as it is stored, with its checksum."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2).removesuffix(b"\n}")
    return text + b',\n  "checksum": "%08x"\n}' % zlib.crc32(text)


def checksum(path: Location) -> int:
    """Compute the CRC32 of a file's bytes."""
    value = 0
    size = 1 << 20 if isinstance(path, Path) else _FETCHED
    with path.open("rb") as file:
        while block := file.read(size):
            value = zlib.crc32(block, value)
    return value


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder durable. Windows cannot open folders and does this by itself."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
