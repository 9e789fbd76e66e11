"""The recordings that come with the tutorials."""

from __future__ import annotations

from pathlib import Path

from hftlab.errors import SessionNotFound
from hftlab.session import Session

__all__ = ["sample"]


def sample(name: str) -> Session:
    """Open a recording that comes with the tutorials, such as "flash" or "walk".

    It is looked for in a folder `data` beside the notebook, or beside a folder above it. Raises SessionNotFound.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        found = folder / "data" / name
        if (found / "manifest.json").is_file():
            return Session(found)
    raise SessionNotFound(
        f"there is no recording data/{name} in {here} or in a folder above it: "
        "run this where `hftlab lab` has put the tutorials, or in a checkout of hftlab",
        path=here / "data" / name,
    )
