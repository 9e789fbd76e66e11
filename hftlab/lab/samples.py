"""The recordings that come with the tutorials."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from hftlab.errors import HftlabError, SessionNotFound
from hftlab.nearest import nearest
from hftlab.session import Session
from hftlab.tutorials import find_tutorials

__all__ = ["sample"]


def sample(name: str) -> Session:
    """Open a recording that comes with the tutorials, such as "flash" or "walk".

    It is looked for in a folder `data` beside the notebook, or beside a folder above it, then in this installation of
    hftlab. Raises SessionNotFound.
    """
    here = Path.cwd()
    folders = [here, *here.parents]
    with suppress(HftlabError):  # an installation without tutorials
        folders.append(find_tutorials())
    for folder in folders:
        found = folder / "data" / name
        if (found / "manifest.json").is_file():
            return Session(found)
    known = sorted({path.parent.name for folder in folders for path in (folder / "data").glob("*/manifest.json")})
    near = nearest(name, known)
    raise SessionNotFound(
        f"there is no recording {name!r} in {here / 'data'}, beside a folder above, or in this installation"
        + (f": did you mean hl.sample({near!r})?" if near else f": there are {', '.join(known)}" if known else ""),
        path=here / "data" / name,
    )
