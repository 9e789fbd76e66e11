"""Downloads sessions from object stores."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Mapping
from os import PathLike
from pathlib import Path

from hftlab.errors import SessionDamaged, SessionError, SessionExists
from hftlab.session.lock import LOCK, SessionLock
from hftlab.session.manifest import MANIFEST, sync_folder, write_manifest
from hftlab.session.object_path import ObjectPath, located
from hftlab.session.session import Session, open_session
from hftlab.session.table_ids import RAW
from hftlab.session.upload import files_of, plain_name, renamed

__all__ = ["download"]


def download(
    session: Session | PathLike[str] | str,
    folder: PathLike[str] | str,
    *,
    storage_options: Mapping[str, object] | None = None,
    progress: Callable[[int], object] | None = None,
) -> Session:
    """Download a session from an object store into a folder, every file of it compared with its checksum.

    The folder is a session as soon as all of it is there. One that was interrupted is finished by calling it again.
    `progress` is called with the bytes fetched so far. Raises what open_session() does, SessionExists for a folder that
    has anything else in it, SessionDamaged and ObjectStoreFailed.
    """
    opened = session if isinstance(session, Session) else open_session(session, storage_options=storage_options)
    if not isinstance(opened.folder, ObjectPath):
        raise SessionError(f"{opened.folder} is a folder of this machine already: copy it", path=opened.folder)
    target = located(folder)
    if not isinstance(target, Path):
        raise SessionError(f"{target} is not a folder of this machine: give one to download to", path=target)
    names = {file.file: file for file in files_of(opened.manifest)}
    raw = [name for name in opened.folder.sizes() if name.startswith(f"{RAW}/")]
    _check_free(target, {plain_name(name) for name in (*names, *raw)})
    target.mkdir(parents=True, exist_ok=True)
    with SessionLock(target):
        done = 0
        for name, file in names.items():
            path = target / plain_name(name)
            if not _is_whole(path, file.size, file.crc32):
                data = _fetched(opened.folder / name)
                if len(data) != file.size or zlib.crc32(data) != file.crc32:
                    raise SessionDamaged(
                        f"{opened.folder / name} is damaged (its checksum is not the one in the manifest): upload the "
                        "session again, with overwrite=True (on the command line --overwrite)",
                        path=opened.folder / name,
                    )
                _store(path, data)
            done += file.size
            if progress is not None:
                progress(done)
        for name in raw:
            _store(target / name, _fetched(opened.folder / name))
        write_manifest(target, renamed(opened.manifest, plain_name))
    return Session(target)


def _check_free(folder: Path, names: set[str]) -> None:
    """Raise SessionExists unless there is nothing in a folder but what an interrupted download has left."""
    if folder.exists() and not folder.is_dir():
        raise SessionExists(f"{folder} is a file: give another folder", path=folder)
    left = {*names, *(f"{name}.tmp" for name in names), LOCK, f"{MANIFEST}.tmp"}
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    foreign = sorted({path.relative_to(folder).as_posix() for path in files} - left)
    if foreign:
        raise SessionExists(f"{folder} is not empty ({', '.join(foreign[:5])}): give another folder", path=folder)


def _is_whole(path: Path, size: int, crc32: int) -> bool:
    return path.is_file() and path.stat().st_size == size and zlib.crc32(path.read_bytes()) == crc32


def _fetched(path: ObjectPath) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise SessionDamaged(f"{path} is missing: upload the session again", path=path) from None


def _store(path: Path, data: bytes) -> None:
    """Write a file in one step: when this returns it is durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)
