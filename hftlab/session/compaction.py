"""Compaction of a session: many small parts of a table become few large ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Final, NamedTuple

from hftlab.errors import SessionDamaged
from hftlab.session.lock import SessionLock
from hftlab.session.manifest import Ending, Manifest, Part, read_manifest
from hftlab.session.object_path import local_folder
from hftlab.session.parts import Parts
from hftlab.session.replacement import check_is_session
from hftlab.session.segment import segment_paths
from hftlab.session.session import SCHEMAS, Session

__all__ = ["PART_BYTES", "Compaction", "compact"]

PART_BYTES: Final = 64 * 1024 * 1024
"""Size that parts grow to."""


class Compaction(NamedTuple):
    """Result: the number of parts before and after, and the bytes of all parts before and after."""

    parts_before: int
    parts_after: int
    bytes_before: int
    bytes_after: int


def compact(
    session: Session | PathLike[str] | str,
    *,
    part_bytes: int = PART_BYTES,
    progress: Callable[[int], object] | None = None,
) -> Compaction:
    """Join neighbouring parts of each table into parts of about `part_bytes`. Rows, their order and numbers stay.

    A new part is on disk before the manifest names it, and the old ones are deleted after that: at every moment the
    session is whole. What a kill leaves behind is deleted by the next compaction. Sessions that were opened before
    have to be opened again. `progress` is called with the bytes of the parts that have been dealt with. It needs
    the memory for one large part. Raises what open_session() does, SessionBusy for a session that is recorded, and
    SessionDamaged for one that was not closed or has a damaged part.
    """
    given = session.folder if isinstance(session, Session) else session
    folder = local_folder(given, "can be compacted in place")
    check_is_session(folder)  # before a lock's file is made in it
    with SessionLock(folder):
        return _compact(folder, part_bytes, progress or (lambda _: None))


def _compact(folder: Path, part_bytes: int, tell: Callable[[int], object]) -> Compaction:
    whole = Session(folder)  # refuses a replacement that was interrupted
    manifest = read_manifest(folder)
    if manifest.ending is Ending.RUNNING or segment_paths(folder):
        raise SessionDamaged(
            f"{folder} was not closed: if nothing is recorded there any more, run `hftlab recover {folder}` first",
            path=folder,
        )
    whole.verify()
    before, size = _count(manifest), manifest.size
    parts = Parts(folder, manifest)
    parts.remove_leftovers()
    done = 0
    for table in list(manifest.tables):
        for group in _groups(manifest.tables[table], part_bytes):
            if len(group) > 1:
                parts.replace(table, group, SCHEMAS.get(table))
            done += sum(part.size for part in group)
            tell(done)
    parts.remove_leftovers()
    return Compaction(before, _count(manifest), size, manifest.size)


def _count(manifest: Manifest) -> int:
    return sum(map(len, manifest.tables.values()))


def _groups(parts: Iterable[Part], part_bytes: int) -> Iterator[list[Part]]:
    """Yield neighbours that are joined: together they do not exceed the size, unless it is one part that does."""
    group: list[Part] = []
    for part in list(parts):
        if group and sum(one.size for one in group) + part.size > part_bytes:
            yield group
            group = []
        group.append(part)
    if group:
        yield group
