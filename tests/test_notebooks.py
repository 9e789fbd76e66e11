"""The stored tutorials: nbval runs and compares them, but only cells that have an execution count."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

FIGURE = "application/vnd.plotly.v1+json"
PICTURE = "image/svg+xml"
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def test_the_tutorials_are_numbered() -> None:
    assert [path.name[:3] for path in NOTEBOOKS] == [f"{number:02d}_" for number in range(1, len(NOTEBOOKS) + 1)]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestStored:
    def test_executed_from_one_to_n(self, path: Path) -> None:
        """nbval silently skips a cell without a count."""
        cells = code_cells(path)
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))

    def test_without_errors_or_anything_on_stderr(self, path: Path) -> None:
        outputs = [output for cell in code_cells(path) for output in cell["outputs"]]
        assert not [output for output in outputs if output["output_type"] == "error"]
        assert not [output for output in outputs if output.get("name") == "stderr"]

    def test_small_and_without_widget_state(self, path: Path) -> None:
        assert path.stat().st_size < 120_000
        assert "widgets" not in json.loads(path.read_text())["metadata"]
        assert "application/vnd.jupyter.widget-view+json" not in path.read_text()

    def test_short_and_open_with_what_they_are_for(self, path: Path) -> None:
        cells = json.loads(path.read_text())["cells"]
        assert len(cells) < 25
        opening = "".join(cells[0]["source"])
        assert cells[0]["cell_type"] == "markdown"
        assert opening.startswith("# ")
        assert [words for words in ("**You will**", "**You will learn**", "**You need**") if words not in opening] == []

    def test_checks_are_folded(self, path: Path) -> None:
        """Asserts are for nbval: a reader sees the market, and may unfold them."""
        cells = code_cells(path)
        checks = [cell for cell in cells if re.search(r"^assert ", "".join(cell["source"]), re.MULTILINE)]
        assert checks
        for cell in checks:
            assert cell["metadata"]["jupyter"]["source_hidden"] is True
            assert {"check", "hide-cell"} <= set(cell["metadata"]["tags"])
            assert cell["outputs"] == []

    def test_every_figure_and_every_widget_has_its_picture(self, path: Path) -> None:
        """What GitHub and nbconvert show: they run neither Plotly nor widgets."""
        outputs = [output.get("data", {}) for cell in code_cells(path) for output in cell["outputs"]]
        assert [set(data) for data in outputs if FIGURE in data and PICTURE not in data] == []
        pictures = ["".join(data[PICTURE]) for data in outputs if PICTURE in data]
        assert pictures
        for picture in pictures:
            assert ElementTree.fromstring(picture).tag == "{http://www.w3.org/2000/svg}svg"
            assert len(picture) < 60_000

    def test_without_a_path_or_name_of_a_machine(self, path: Path) -> None:
        assert str(Path.home()) not in path.read_text()
        assert str(path.parents[1]) not in path.read_text()
