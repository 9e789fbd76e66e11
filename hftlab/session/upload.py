"""Uploads sessions to object stores and downloads them: the manifest last, so that a session is whole or not there.

An object store has no renaming. Parts are put under the names that they have; where a session is replaced and one of
its parts has the name, the new part's has its checksum before the ending, as in part-000001.0a1b2c3d.parquet. The new
manifest takes the place of the old one in one step, and what only the old one names is deleted after that.
"""

from __future__ import annotations

import platform
import re
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

import msgspec

from hftlab.errors import ObjectStoreFailed, SessionDamaged, SessionError, SessionExists, SessionNotFound
from hftlab.session.manifest import MANIFEST, Ending, File, Manifest, Part, manifest_bytes, read_manifest
from hftlab.session.nearest_sessions import UPLOAD
from hftlab.session.object_path import Location, ObjectPath, is_object_uri, located
from hftlab.session.session import Session, open_session
from hftlab.session.table_ids import EVENTS, INDEX, RAW, TableId

__all__ = ["Upload", "checked_destination", "files_of", "plain_name", "renamed", "upload"]

_OURS: Final = frozenset({MANIFEST, UPLOAD, INDEX, EVENTS, RAW, *(table.folder for table in TableId)})
_REPLACEABLE: Final = re.compile(r"(?:[a-z_]+/part|index/[a-z_]+)-[0-9]{6}[-.0-9a-f]*\.parquet|raw/.+", re.DOTALL)
"""Objects of a session, which a later one may leave over."""
_WITH_CHECKSUM: Final = re.compile(r"\.[0-9a-f]{8}(?=\.parquet$)")


def upload(
    session: Session | PathLike[str] | str,
    to: PathLike[str] | str,
    *,
    overwrite: bool = False,
    storage_options: Mapping[str, object] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Session:
    """Upload a session of this machine to an object store, such as "s3://bucket/path"; returns it as it is there.

    It is a session there as soon as all of it is there, and no sooner; the folder here stays as it is. An upload that
    was interrupted is finished by calling it again, which sends what is not there yet, by size and checksum; one that
    is there already does nothing, unless an object is missing or has another size. With `overwrite` whatever session is
    in its place is replaced in one step, once the new one is whole. `progress` is called with the bytes that are there
    so far. Of two uploads to one address the one that began last goes on; the other one raises SessionExists. Object
    stores have no locks: what both send in the same moment can be spoilt, which the checksums tell.

    Raises ObjectStoreFailed, SessionExists, SessionBusy for a session that is being recorded, and SessionDamaged.
    """
    place = checked_destination(to, storage_options)
    opened = session if isinstance(session, Session) else open_session(session)
    if not isinstance(opened.folder, Path):
        raise SessionError(f"{opened.folder} is on an object store already: download it first", path=opened.folder)
    _check_is_closed(opened)
    manifest = read_manifest(opened.folder)
    found = _found(place)
    if found is not None and not overwrite and _is_of(manifest, found):
        there = place.sizes()
        if all(there.get(file.file) == file.size for file in files_of(found)):
            _remove_leftovers(place, there, {file.file for file in files_of(found)} | set(filter(_is_raw, there)))
            return Session(place)
        overwrite = True  # with itself
    sent = Upload(opened.folder, place, overwrite=overwrite, progress=progress)
    sent.finish(manifest)
    return Session(place)


def checked_destination(to: PathLike[str] | str, storage_options: Mapping[str, object] | None = None) -> ObjectPath:
    """Return the address of an object store. Raises ArgumentError for an address of something else, SessionError."""
    place = located(to, storage_options if is_object_uri(to) else None)
    if not isinstance(place, ObjectPath):
        raise SessionError(f"{place} is a folder of this machine: give an address such as s3://bucket/path", path=place)
    return place


class _Sent(NamedTuple):
    """An object that was put: its name below the address, its size in bytes and the CRC32 of its bytes."""

    name: str
    size: int
    crc32: int


class Upload:
    """Upload of a session, which may be recorded still: send() takes a part that is sealed, finish() the rest.

    Calls that raise ObjectStoreFailed can be made again, and go on where they were. For one thread at a time. Raises
    SessionExists where something else is at the address, and as soon as another upload to it has begun or ended: it
    would overwrite that one's objects.
    """

    def __init__(
        self,
        folder: Path,
        to: ObjectPath,
        *,
        overwrite: bool = False,
        progress: Callable[[int], object] | None = None,
    ) -> None:
        self.folder, self.to = folder, to
        self._progress = progress or (lambda _: None)
        self._sent: dict[str, _Sent] = {}
        """Files that are there, by the names that they have here."""
        old, has_objects = _check_free(to, overwrite=overwrite)
        self._left = to.sizes() if has_objects else {}
        """Objects that were there before, such as an interrupted upload leaves: the size of each."""
        self._taken = set() if old is None else {file.file for file in files_of(old)}
        # What may not be written to is told of now, and not after hours of recording.
        self._mark = msgspec.json.encode(
            {"host": platform.node(), "folder": str(folder), "upload": secrets.token_hex(8)}
        )
        (to / UPLOAD).write_bytes(self._mark)
        self._check_can_read()

    @property
    def sent(self) -> int:
        """Bytes that are there."""
        return sum(sent.size for sent in self._sent.values())

    def missing(self, manifest: Manifest) -> list[Part | File]:
        """Return the files that a manifest names and that are not there yet."""
        sent = {name: one.crc32 for name, one in self._sent.items()}
        return [file for file in files_of(manifest) if sent.get(file.file) != file.crc32]

    def send(self, file: Part | File) -> None:
        """Send one of the files that a manifest names. Raises ObjectStoreFailed, SessionDamaged."""
        self._send(file.file, file)

    def finish(self, manifest: Manifest) -> None:
        """Send what is left of a closed session, and then its manifest. Raises ObjectStoreFailed, SessionDamaged."""
        if not self._is_ours() and _is_of(manifest, _found(self.to)):
            return  # it was finished from elsewhere
        for file in self.missing(manifest):
            self.send(file)
        raw = self.folder / RAW
        for path in sorted(raw.rglob("*")) if raw.is_dir() else ():
            name = path.relative_to(self.folder).as_posix()
            if path.is_file() and name not in self._sent:
                self._send(name, None)
        there = self.to.sizes()
        for here, sent in self._sent.items():
            found, place = there.get(sent.name), self.to / sent.name
            if found != sent.size:
                del self._sent[here]
                raise ObjectStoreFailed(
                    f"{place} is not as it was sent (it has {found} bytes, of {sent.size:,}): upload again", path=place
                )
        self._check_is_ours()
        (self.to / MANIFEST).write_bytes(manifest_bytes(renamed(manifest, lambda name: self._sent[name].name)))
        _remove_leftovers(self.to, there, {sent.name for sent in self._sent.values()})

    def discard(self) -> None:
        """Delete what was sent: there is nothing to be finished. Raises ObjectStoreFailed."""
        if not self._is_ours():
            return
        for name in (*(sent.name for sent in self._sent.values()), UPLOAD):
            (self.to / name).delete()

    def _check_can_read(self) -> None:
        """Raise ObjectStoreFailed where objects can be put and not read: each part is sent after a look at the mark."""
        try:
            self._check_is_ours()
        except ObjectStoreFailed:
            with suppress(ObjectStoreFailed):
                (self.to / UPLOAD).delete()
            raise

    def _is_ours(self) -> bool:
        try:
            return (self.to / UPLOAD).read_bytes() == self._mark
        except FileNotFoundError:
            return False

    def _check_is_ours(self) -> None:
        if not self._is_ours():
            raise SessionExists(
                f"another upload to {self.to} has begun since, or has ended, so that this one of {self.folder} stops: "
                "choose another address",
                path=self.to,
            )

    def _send(self, name: str, file: Part | File | None) -> None:
        """Send a file of the folder, and what a manifest says of it if one names it."""
        self._check_is_ours()
        path = self.folder / name
        crc32 = None if file is None else file.crc32
        there = name if crc32 is None else plain_name(name)
        if there in self._taken:
            there = str(PurePosixPath(there).with_suffix(f".{crc32:08x}.parquet"))
        place = self.to / there
        if file is not None and self._is_left(there, file):
            self._sent[name] = _Sent(there, file.size, file.crc32)
            self._progress(self.sent)
            return
        try:
            size, actual = place.upload(path, crc32)
        except FileNotFoundError:
            raise SessionDamaged(f"{path} is missing: restore it from a copy of the session", path=path) from None
        if crc32 is not None and actual != crc32:
            place.delete()  # it states another checksum than it has
            raise SessionDamaged(
                f"{path} is damaged (its checksum is not the one in the manifest), so that the session is not "
                "uploaded: restore it from a copy",
                path=path,
            )
        self._sent[name] = _Sent(there, size, actual)
        self._progress(self.sent)

    def _is_left(self, name: str, file: Part | File) -> bool:
        """True if an interrupted upload has left just this object."""
        if name in self._taken or self._left.get(name) != file.size:
            return False
        return (self.to / name).stated_crc32() == file.crc32


def plain_name(name: str) -> str:
    """Return the name of a part as it is in a folder: without the checksum that tells it from one that it replaced."""
    return _WITH_CHECKSUM.sub("", name)


def _remove_leftovers(place: ObjectPath, there: Iterable[str], kept: Collection[str]) -> None:
    """Delete what earlier sessions and uploads have left, and at last what says that an upload goes on."""
    for name in there:
        if name not in kept and _REPLACEABLE.fullmatch(name):
            (place / name).delete()
    (place / UPLOAD).delete()


def _is_raw(name: str) -> bool:
    return name.startswith(f"{RAW}/")


def _check_is_closed(session: Session) -> None:
    if session.recorded_by is not None or session.manifest.ending is Ending.RUNNING:
        by = "" if session.recorded_by is None else f" by {session.recorded_by}"
        raise SessionError(
            f"{session.folder} is being recorded{by}, or was killed: upload it when it is closed, or run `hftlab "
            f"recover {session.folder}` first",
            path=session.folder,
        )


def _check_free(to: ObjectPath, *, overwrite: bool) -> tuple[Manifest | None, bool]:
    """Return the manifest of the session to be replaced, None if there is none, and whether anything is there.

    Raises SessionExists.
    """
    names = to.names()
    foreign = [name for name in names if name not in _OURS]
    if foreign:
        more = f" and {len(foreign) - 5:,} more" if len(foreign) > 5 else ""
        raise SessionExists(
            f"{to} contains what is not part of a session ({', '.join(foreign[:5])}{more}): choose another address",
            path=to,
        )
    old = _found(to)
    if old is not None and not overwrite:
        raise SessionExists(
            f"{to} is a session already: choose another address, or pass overwrite=True (on the command line "
            "--overwrite) to replace it",
            path=to,
        )
    return old, bool(names)


def _found(place: Location) -> Manifest | None:
    try:
        return read_manifest(place)
    except SessionNotFound:
        return None


def files_of(manifest: Manifest) -> Iterator[Part | File]:
    """Yield the entries of all files that a manifest names, an index before its part."""
    for parts in manifest.tables.values():
        for part in parts:
            if part.index is not None:
                yield part.index
            yield part


def renamed(manifest: Manifest, name: Callable[[str], str]) -> Manifest:
    """Return a copy of a manifest with a new name for each of its files."""
    copy = msgspec.json.decode(msgspec.json.encode(manifest), type=Manifest)
    for file in files_of(copy):
        file.file = name(file.file)
    return copy


def _is_of(manifest: Manifest, found: Manifest | None) -> bool:
    """True if what was found at an address is the session of a manifest."""
    return found is not None and _content(found) == _content(manifest)


def _content(manifest: Manifest) -> Any:
    """Return what two manifests of one content have in common: all but the names of parts that replaced others."""
    return msgspec.to_builtins(renamed(manifest, plain_name))
