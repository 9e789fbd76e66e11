"""The tutorials of this installation, and copies of them in a folder where a user may change them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from hftlab.errors import HftlabError
from hftlab.version import __version__

__all__ = ["FIRST", "Copied", "copy_tutorials", "find_tutorials"]

FIRST: Final = Path("notebooks/01_quickstart.ipynb")
"""The notebook to begin with, in the folder that holds the tutorials."""

_PACKAGE: Final = Path(__file__).parent
_COPIES: Final = Path(".hftlab-tutorials.json")
"""Record of what has been copied into a folder: a file that is still as it was copied may be renewed."""


@dataclass
class Copied:
    """Result of a copy: the files that were written, and those that were left because the user has changed them.

    `outdated` are those of the latter of which this version of hftlab has another text than the one they come from.
    """

    written: list[Path] = field(default_factory=list)
    kept: list[Path] = field(default_factory=list)
    outdated: list[Path] = field(default_factory=list)


def find_tutorials() -> Path:
    """Return the folder with notebooks/ and data/: in the wheel, or the checkout that hftlab runs from.

    Raises HftlabError if there is neither.
    """
    for folder in (_PACKAGE / "_tutorials", _PACKAGE.parent):
        if (folder / FIRST).is_file():
            return folder
    raise HftlabError(
        f"this installation of hftlab ({_PACKAGE}) has no tutorials: run `pip install --force-reinstall hftlab`"
    )


def copy_tutorials(folder: Path) -> Copied:
    """Copy the notebooks, and the recordings that they read, into `folder`.

    A file that the user has changed is never overwritten. One that is as an earlier version of hftlab has copied it is
    replaced by this version's. Raises HftlabError without tutorials, and OSError for a folder that cannot be written.
    """
    source, done = find_tutorials(), Copied()
    if folder.resolve() == source.resolve():
        return done
    record = folder / _COPIES
    copies = _read(record)
    for name in _files(source):
        content, target = (source / name).read_bytes(), folder / name
        ours, before = _digest(content), copies.get(name.as_posix())
        present = _digest(target.read_bytes()) if target.is_file() else None
        if present not in (None, ours, before):
            done.kept.append(name)
            if before != ours:
                done.outdated.append(name)
            continue
        if present != ours:
            target.parent.mkdir(parents=True, exist_ok=True)
            _write(target, content)
            done.written.append(name)
        copies[name.as_posix()] = ours
    if done.written or not record.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({"version": __version__, "files": copies}, indent=1), encoding="utf-8")
    return done


def _files(source: Path) -> Iterator[Path]:
    """Return the paths of the notebooks, and of all files of each recording."""
    found = list((source / "notebooks").glob("*.ipynb"))
    for manifest in (source / "data").glob("*/manifest.json"):
        found += [path for path in manifest.parent.rglob("*") if path.is_file()]
    return (path.relative_to(source) for path in sorted(found))


def _write(target: Path, content: bytes) -> None:
    """Write a file that is whole or not there, as half of a notebook would count as the user's own."""
    part = target.with_name(f".{target.name}.part")
    part.write_bytes(content)
    part.replace(target)


def _read(record: Path) -> dict[str, str]:
    """Return the SHA-256 of the copies by their paths; of none if there is no record that can be read."""
    try:
        return dict(json.loads(record.read_bytes())["files"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
