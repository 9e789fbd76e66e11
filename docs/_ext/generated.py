"""Pages that are made of the code at build time, in git-ignored folders of docs/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import api_pages
import benchmarks_table
import command_pages
import diagram
import layers_table
import limits_table
import tutorials
import wire_pages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sphinx.application import Sphinx

NOTEBOOKS: Final = Path(__file__).parents[2] / "notebooks"
FOLDERS: Final = ("_generated", "api", "tutorials")
"""Whole folders of generated pages; what `_generated` holds is included by other pages."""


def setup(app: Sphinx) -> dict[str, Any]:
    # Before the configuration is checked, which looks for the folder of static files.
    app.connect("config-inited", lambda app, _config: generate(Path(app.srcdir)), priority=100)
    return {"parallel_read_safe": True}


def generate(docs: Path) -> None:
    """Write all generated pages; what has not changed keeps its time, so that Sphinx does not read it again."""
    pages: dict[str, str] = {
        "_generated/wire_messages.md": wire_pages.messages(),
        "_generated/wire_enums.md": wire_pages.enums(),
        "_generated/limits.md": limits_table.table(),
        "_generated/layers.md": layers_table.table(),
        "_generated/commands.md": command_pages.page(),
        "_generated/diagram.html": diagram.svg(diagram.SYSTEM),
        "_generated/object_store_diagram.html": diagram.svg(diagram.OBJECT_STORE),
        "_generated/benchmarks.md": benchmarks_table.table(),
        "_generated/static/plotly.min.js": tutorials.script(),
        **{f"api/{name}": text for name, text in api_pages.pages().items()},
        **{f"tutorials/{path.name}": tutorials.page(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))},
    }
    write(docs, pages)


def write(docs: Path, pages: Mapping[str, str]) -> None:
    stored = [path for folder in FOLDERS for path in (docs / folder).rglob("*") if path.is_file()]
    for path in stored:
        if path.relative_to(docs).as_posix() not in pages:
            path.unlink()
    for name, text in pages.items():
        path = docs / name
        if not path.is_file() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
