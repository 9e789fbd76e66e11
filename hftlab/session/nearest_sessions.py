"""Sessions near a folder that is not one, for error messages."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Final

from hftlab.errors import SessionNotFound
from hftlab.nearest import nearest
from hftlab.session.manifest import MANIFEST

__all__ = ["with_nearest"]

_LOOKED_AT: Final = 1000
"""Entries of a folder that are looked at: an error message is not worth more."""
_NAMED: Final = 5


def with_nearest(error: SessionNotFound, given: str | PathLike[str]) -> SessionNotFound:
    """Return the error with the sessions that are in the folder, or the one beside it with the nearest name."""
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


def _sessions(folder: Path) -> list[str]:
    """Return the names of the sessions in a folder; none if it cannot be read."""
    try:
        entries = [entry for entry, _ in zip(folder.iterdir(), range(_LOOKED_AT), strict=False)]
        return sorted(entry.name for entry in entries if (entry / MANIFEST).is_file())
    except OSError:
        return []
