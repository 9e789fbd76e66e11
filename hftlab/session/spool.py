"""Folders of this machine where sessions grow that are to lie on an object store, until they are there as a whole."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from hftlab.errors import ObjectStoreFailed, SessionBusy, SessionError, SessionExists, SessionNotFound
from hftlab.session.lock import LOCK, in_words, writer_of
from hftlab.session.manifest import Ending, read_manifest
from hftlab.session.object_path import ObjectPath
from hftlab.session.session import Session
from hftlab.session.upload import Upload

__all__ = ["check_spool", "not_uploaded", "remove_spool", "spool_folder", "through_spool"]

_SPOOL: Final = "HFTLAB_SPOOL"
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

T = TypeVar("T")


def spool_folder(to: ObjectPath) -> Path:
    """Return the folder of a session that is to be uploaded to an address: below HFTLAB_SPOOL, if that is set."""
    return _root().joinpath(to.scheme, *to.parts)


def _root() -> Path:
    if given := os.environ.get(_SPOOL):
        return Path(given).absolute()
    default = Path.home() / ("AppData/Local" if os.name == "nt" else ".local/state")
    return Path(os.environ.get("LOCALAPPDATA" if os.name == "nt" else "XDG_STATE_HOME") or default) / "hftlab/spool"


def check_spool(folder: Path, to: ObjectPath, *, overwrite: bool) -> None:
    """Raise SessionExists for a session that was made for the address before, and is not there yet.

    Raises SessionBusy for one that is being made.
    """
    if (writer := writer_of(folder)) is not None:
        raise SessionBusy(
            f"{to} is being recorded by {in_words(writer)}: wait until it ends, stop it, or use another address",
            path=to,
        )
    if overwrite:
        return
    try:
        manifest = read_manifest(folder)
    except SessionNotFound:
        return
    if manifest.ending is Ending.RUNNING:
        raise SessionExists(
            f"an earlier session for {to} was not finished, and what there is of it is in {folder}: run `hftlab "
            f"recover {folder}`, `hftlab upload {folder} {to}`, and delete the folder then, or pass overwrite=True "
            "(on the command line --overwrite) to begin anew without it",
            path=folder,
        )
    raise SessionExists(
        f"an earlier recording for {to} is in {folder} and may not be uploaded: run `hftlab upload {folder} {to}` and "
        "delete the folder then, or pass overwrite=True (on the command line --overwrite) to give it up",
        path=folder,
    )


def through_spool(to: ObjectPath, write: Callable[[Path], T], *, overwrite: bool) -> tuple[Session, T]:
    """Have `write` make a session in a folder, upload it and delete the folder; returns it as it is there.

    The address is tried before that. If the upload fails, the session stays in the folder and the error says how to go
    on; so does what is left of it if `write` raises. If there is no room for it in the folder, what was written goes.
    """
    folder = spool_folder(to)
    check_spool(folder, to, overwrite=overwrite)
    is_new = not folder.exists()
    upload = Upload(folder, to, overwrite=overwrite)
    try:
        made = write(folder)
    except BaseException as exc:
        with suppress(SessionError):
            upload.discard()
        if _has_no_room(exc, folder):
            if is_new:
                remove_spool(folder)
            raise SessionError(
                f"{to} is made in {folder} first, where there is no room for it: free some, or set {_SPOOL} to a "
                "folder with more, and run it again",
                path=folder,
            ) from exc
        raise
    try:
        upload.finish(read_manifest(folder))
    except (ObjectStoreFailed, SessionExists) as exc:
        raise not_uploaded(folder, to, exc) from exc
    remove_spool(folder)
    return Session(to), made


def _has_no_room(error: BaseException, folder: Path) -> bool:
    """True if a disk was full, or a file as large as it may be, and it was not that of another file."""
    if not isinstance(error, OSError) or error.errno not in _NO_ROOM:
        return False
    return error.filename is None or Path(error.filename).is_relative_to(folder)


def not_uploaded(folder: Path, to: ObjectPath, error: SessionError) -> SessionError:
    """Return the error of an upload that was not finished, which says where the session is and how to go on."""
    held = f"the session is whole in {folder}, and is not uploaded: {error}"
    if isinstance(error, SessionExists):
        return SessionExists(f"{held}, and run `hftlab upload {folder} ADDRESS`", path=folder)
    return ObjectStoreFailed(f"{held}; then run `hftlab upload {folder} {to}`", path=folder)


def remove_spool(folder: Path) -> None:
    """Delete the folder of a session that is uploaded, and those around it that are empty now."""
    shutil.rmtree(folder, ignore_errors=True)  # it is safe where it belongs: what stays is in nobody's way
    root = _root()
    for parent in folder.parents:
        if parent == root or root not in parent.parents:
            return
        with suppress(OSError):
            (parent / LOCK).unlink(missing_ok=True)
            parent.rmdir()
