"""Sessions near a folder that is not one, for error messages."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Final

import msgspec

from hftlab.errors import SessionNotFound
from hftlab.nearest import nearest
from hftlab.printable import printable
from hftlab.session.manifest import MANIFEST
from hftlab.session.object_path import ObjectPath
from hftlab.session.table_ids import EVENTS, INDEX, TableId

__all__ = ["UPLOAD", "how_to_recover", "with_nearest"]

_LOOKED_AT: Final = 1000
"""Entries of a folder that are looked at: an error message is not worth more."""
_NAMED: Final = 5
UPLOAD: Final = "upload.json"
"""Object beside a session's that says where it comes from, while its upload has not ended."""
_OURS: Final = frozenset({UPLOAD, EVENTS, INDEX, *(table.folder for table in TableId)})
"""Names that an upload begins with. Folders of an object store may be there and empty."""


class _Whence(msgspec.Struct):
    host: str
    folder: str


def with_nearest(error: SessionNotFound, given: str | PathLike[str]) -> SessionNotFound:
    """Return the error with the sessions that are in the folder, or the one beside it with the nearest name."""
    if isinstance(given, ObjectPath):
        return _on_object_store(error, given)
    text = fspath(given)
    folder = Path(text).absolute()
    inside = _sessions(folder)
    if inside:
        more = f" and {len(inside) - _NAMED:,} more" if len(inside) > _NAMED else ""
        told = f"; the sessions in it are {', '.join(inside[:_NAMED])}{more}"
        code = repr((Path(text) / inside[0]).as_posix()) if len(inside) == 1 else None
        near = {} if code is None else {text: code}
    else:
        name = nearest(folder.name, _sessions(folder.parent))
        if name is None:
            return error
        path = Path(text).with_name(name).as_posix()
        told, near = f"; the nearest is {path!r}", {text: repr(path)}
    return SessionNotFound(f"{error}{told}", path=error.path).advise(instead=near)


def _on_object_store(error: SessionNotFound, given: ObjectPath) -> SessionNotFound:
    """Say what is at an address instead: nothing, an upload that has not ended, or folders. It must have answered."""
    names = [name for name in given.names() if name not in _OURS or (given / name).has_objects()]
    if not names and given.is_file():
        told = "; it is an object, so give the address of its folder"
    elif not names:
        told = f"; there is nothing at {given}"
    elif _OURS.intersection(names):
        told = f"; its upload has not ended, or has failed: {_whence(given)}"
    else:
        more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
        told = f"; in it are {', '.join(names[:_NAMED])}{more}"
    return SessionNotFound(f"{error}{told}", path=error.path)


def how_to_recover(given: ObjectPath) -> str:
    """Say what to recover in the place of an address: the folder of this machine that is uploaded to it."""
    if (given / MANIFEST).is_file():
        return f"`hftlab verify {given}` says whether it is whole"
    try:
        whence = msgspec.json.decode((given / UPLOAD).read_bytes(), type=_Whence)
    except (FileNotFoundError, msgspec.DecodeError):
        return (
            f"run `hftlab recover FOLDER` with the folder that it was recorded in, then `hftlab upload FOLDER {given}`"
        )
    folder = printable(whence.folder)
    return (
        f"its upload comes from {folder} on {printable(whence.host)}: run `hftlab recover {folder}` there, then "
        f"`hftlab upload {folder} {given}`"
    )


def _whence(given: ObjectPath) -> str:
    """Say how to finish an upload, with the folder that it comes from if that is known."""
    try:
        whence = msgspec.json.decode((given / UPLOAD).read_bytes(), type=_Whence)
    except (FileNotFoundError, msgspec.DecodeError):
        return f"run `hftlab upload FOLDER {given}` with the folder that it comes from"
    return f"on {printable(whence.host)}, run `hftlab upload {printable(whence.folder)} {given}`"


def _sessions(folder: Path) -> list[str]:
    """Return the names of the sessions in a folder; none if it cannot be read."""
    try:
        entries = [entry for entry, _ in zip(folder.iterdir(), range(_LOOKED_AT), strict=False)]
        return sorted(entry.name for entry in entries if (entry / MANIFEST).is_file())
    except OSError:
        return []
