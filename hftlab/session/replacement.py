"""Replaces the session in a folder by a new one, so that there is always one of the two.

The new session grows in `replacement` within the folder, beside the old one. When it may take the old one's place, that
folder is renamed to `replacement.ready`: one step, from which on the new session counts. The old files are deleted, the
new manifest moves up, then everything else. Whatever ends in between is finished by `finish_replacement()`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from hftlab.errors import SessionDamaged
from hftlab.session.journal import JOURNAL
from hftlab.session.lock import LOCK
from hftlab.session.manifest import MANIFEST, read_manifest, sync_folder
from hftlab.session.table_ids import EVENTS, INDEX, RAW, TableId

__all__ = [
    "OURS",
    "REPLACEMENT",
    "TEMPORARY",
    "check_is_session",
    "check_not_being_replaced",
    "finish_replacement",
    "replace_session",
    "start_replacement",
    "strangers",
]

REPLACEMENT: Final = "replacement"
"""Folder within a session of the new session that is to replace it."""
_READY: Final = "replacement.ready"
TEMPORARY: Final = f"{MANIFEST}.tmp"
"""Manifest that is being written."""
OURS: Final = frozenset({MANIFEST, TEMPORARY, LOCK, JOURNAL, INDEX, EVENTS, RAW, *(table.folder for table in TableId)})
"""Entries of a session folder: nothing else in it is deleted."""


def start_replacement(folder: Path) -> Path:
    """Make the empty folder in which the new session grows; what an earlier replacement left unfinished is deleted."""
    new = folder / REPLACEMENT
    if new.exists():
        shutil.rmtree(new)
    new.mkdir()
    sync_folder(folder)
    return new


def replace_session(folder: Path) -> None:
    """Put the session in `replacement`, which must be durable, in the place of the old one.

    If it raises OSError, calling it again goes on from there.
    """
    if not (folder / _READY).is_dir():
        (folder / REPLACEMENT).rename(folder / _READY)
    sync_folder(folder)
    finish_replacement(folder)


def finish_replacement(folder: Path) -> None:
    """Finish a replacement from wherever it was interrupted; do nothing if none was ready."""
    ready = folder / _READY
    if not ready.is_dir():
        return
    if (ready / MANIFEST).exists():
        for entry in folder.iterdir():
            # What somebody has put there since the replacement began is not ours.
            if entry.name in OURS - {MANIFEST, LOCK} or entry.name == REPLACEMENT:
                _delete(entry)
        sync_folder(folder)
        # Moving the manifest says that nothing of the old session is left: from here on there is nothing to delete.
        (ready / MANIFEST).replace(folder / MANIFEST)
        sync_folder(ready)
        sync_folder(folder)
    for entry in ready.iterdir():
        if entry.name == LOCK:
            entry.unlink()  # of a process that was killed: the one of `folder` counts
        else:
            entry.rename(folder / entry.name)
    sync_folder(folder)
    ready.rmdir()
    sync_folder(folder)


def strangers(folder: Path) -> list[str]:
    """Name what is in a folder, or in the replacement within it, that belongs to no session."""
    found = []
    for entry in sorted(folder.iterdir()):
        if entry.name in (REPLACEMENT, _READY) and entry.is_dir():
            found += [f"{entry.name}/{inner.name}" for inner in sorted(entry.iterdir()) if inner.name not in OURS]
        elif entry.name not in OURS:
            found.append(entry.name)
    return found


def check_is_session(folder: Path) -> None:
    """Raise as read_manifest() does, unless a replacement that was ready is to be finished in the folder."""
    if not (folder / _READY).is_dir():
        read_manifest(folder)


def check_not_being_replaced(folder: Path) -> None:
    """Raise SessionDamaged for a folder in which a replacement was interrupted."""
    if (folder / _READY).is_dir():
        raise SessionDamaged(
            f"{folder} was being replaced by a new session when the process ended: run `hftlab recover {folder}`, "
            "which finishes that",
            path=folder,
        )


def _delete(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink()
