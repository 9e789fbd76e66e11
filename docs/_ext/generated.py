"""Pages that are made of the code at build time, in the git-ignored folder docs/_generated."""

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
FOLDER: Final = "_generated"


def setup(app: Sphinx) -> dict[str, Any]:
    # Before the configuration is checked, which looks for the folder of static files.
    app.connect("config-inited", lambda app, _config: generate(Path(app.srcdir) / FOLDER), priority=100)
    return {"parallel_read_safe": True}


def generate(folder: Path) -> None:
    """Write all generated pages; what has not changed keeps its time, so that Sphinx does not read it again."""
    pages: dict[str, str] = {
        "parts/wire_messages.md": wire_pages.messages(),
        "parts/wire_enums.md": wire_pages.enums(),
        "parts/limits.md": limits_table.table(),
        "parts/layers.md": layers_table.table(),
        "parts/commands.md": command_pages.page(),
        "parts/diagram.html": diagram.svg(),
        "parts/benchmarks.md": benchmarks_table.table(),
        "static/plotly.min.js": tutorials.script(),
        **{f"api/{name}": text for name, text in api_pages.pages().items()},
        **{f"tutorials/{path.name}": tutorials.page(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))},
    }
    write(folder, pages)


def write(folder: Path, pages: Mapping[str, str]) -> None:
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path.relative_to(folder).as_posix() not in pages:
            path.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
