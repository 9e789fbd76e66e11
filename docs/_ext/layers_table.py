"""The layers of the import contract in pyproject.toml as a table, each package with what it says of itself."""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from api_pages import INTERNAL

__all__ = ["layers", "table"]

PYPROJECT: Final = Path(__file__).parents[2] / "pyproject.toml"


def layers() -> list[list[str]]:
    """The packages of each layer, the topmost first; those that are planned and not there yet are left out."""
    tool = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]
    (contract,) = (one for one in tool["contracts"] if one["type"] == "layers")
    named = ([name.strip(" ()") for name in re.split(r"[|:]", layer)] for layer in contract["layers"])
    found = ([name for name in names if find_spec(name) is not None] for names in named)
    return [names for names in found if names]


def table() -> str:
    lines = ["| layer | package | what it holds |", "|---|---|---|"]
    for number, names in enumerate(layers()):
        for name in names:
            lines.append(f"| {len(layers()) - number} | {_linked(name)} | {summary(name)} |")
    return "\n".join([*lines, ""])


def summary(name: str) -> str:
    """The first sentence of a module's docstring."""
    paragraph = (import_module(name).__doc__ or "").strip().split("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def _linked(name: str) -> str:
    """The package with a link to its page, where it has one."""
    is_public = name not in INTERNAL and getattr(import_module(name), "__all__", [])
    return f"{{py:mod}}`{name}`" if is_public else f"`{name}`"
