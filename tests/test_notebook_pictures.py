"""Notebooks run by nbconvert and by papermill: pictures of all figures and widgets are in what they write."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.command import ROOT, environment

PICTURE = "image/svg+xml"
FIGURE = "application/vnd.plotly.v1+json"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
CELLS = [
    """
import hftlab as hl
from hftlab import analysis

session = hl.open_session(SESSION)
server = hl.serve(session.replay(speed=float("inf")), port=0)
client = hl.connect(server.url)
client.subscribe(["AAPL", "TSLA"], frequency=0)
analysis.mid_figure(analysis.quotes(session.market_data), ["AAPL", "TSLA"], points=50)
""",
    'client.ladder("TSLA")',
    "client.latency_panel()",
    'figure = analysis.depth_figure(client.book("AAPL").bids(), client.book("AAPL").asks(), "AAPL")\nfigure.show()',
    "server.stop()",
]
TITLES = ["Mid price", "TSLA", "network latency", "AAPL"]
"""What each picture says, in the order of the cells."""


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "mine.ipynb"
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{at}",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": cell.replace("SESSION", repr(str(ROOT / "data" / "walk"))),
        }
        for at, cell in enumerate(CELLS)
    ]
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": spec}, "cells": cells}))
    return path


def jupyter(folder: Path, module: str, *arguments: str | Path) -> None:
    """Run a program of Jupyter's in `folder`, with the kernel of this Python and with nothing of the user's."""
    names = ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    folders = {name: str(folder / name.lower()) for name in names}
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment(**folders), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr


def outputs_of(path: Path) -> list[dict[str, Any]]:
    """What the cells of a notebook have shown. Read as JSON, as nbformat takes a second to import."""
    return [output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", ())]


def texts(svg: str) -> str:
    return "\n".join(ElementTree.fromstring(svg).itertext())


def pictures(html: str) -> list[str]:
    """The SVG pictures of a page that nbconvert has written."""
    found = re.findall(
        r'data-mime-type="image/svg\+xml"[^>]*>\s*<img[^>]*src="data:image/svg\+xml;base64,([^"]+)"', html
    )
    return [base64.b64decode(encoded).decode() for encoded in found]


class TestRunByAProgram:
    def test_nbconvert_execute(self, notebook: Path) -> None:
        jupyter(notebook.parent, "nbconvert", "--execute", "--to", "html", notebook)
        shows_all(notebook.with_suffix(".html").read_text())

    def test_papermill(self, notebook: Path) -> None:
        """And nbconvert has the pictures of what it wrote, also on a dark page."""
        jupyter(notebook.parent, "papermill", "--no-progress-bar", notebook.name, "out.ipynb")
        out = notebook.with_name("out.ipynb")
        shown = ["".join(output["data"][PICTURE]) for output in outputs_of(out) if "data" in output]
        assert [title for title, svg in zip(TITLES, shown, strict=True) if title not in texts(svg)] == []
        shows_all(page_of(out, theme="dark"))


def shows_all(html: str) -> None:
    shown = pictures(html)
    assert len(shown) == len(TITLES)
    assert [title for title, svg in zip(TITLES, shown, strict=True) if title not in texts(svg)] == []
    assert '<script type="application/vnd.jupyter.widget-view+json"' not in html, "a place that would stay blank"


def page_of(path: Path, **options: str) -> str:
    """The page that nbconvert makes of a notebook that has been run."""
    from nbconvert import HTMLExporter

    return HTMLExporter(**options).from_filename(str(path))[0]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_nbconvert_shows_every_figure_and_widget_of_a_stored_tutorial(path: Path) -> None:
    stored = ["".join(output["data"][PICTURE]) for output in outputs_of(path) if PICTURE in output.get("data", {})]
    html = page_of(path)
    assert pictures(html) == stored
    assert '<script type="application/vnd.jupyter.widget-view+json"' not in html
