"""Run the tutorials and store them as they are committed: python notebooks/store.py [NOTEBOOK ...]

They are stored executed from 1 to N and without widget state, which GitHub cannot show and other kernels cannot use.
Figures and widgets bring their own pictures, which GitHub and nbconvert show: an output without one is an error.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

LIVE = "application/vnd.jupyter.widget-view+json"
FIGURE = "application/vnd.plotly.v1+json"
PICTURE = "image/svg+xml"
LATE = "late-picture"
"""Tag of a cell whose widget is pictured at the end of the run."""

_VALUE = r'(?:-?\d[\d.e+-]*|null|"\d{4}-\d\d-\d\dT[\d:.]+")'
_ARRAY = re.compile(rf"\[\n *({_VALUE}(?:,\n *{_VALUE})*)\n *\]")


def store(path: Path) -> None:
    """Run one notebook and write it back."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(path.parent)}})
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            client.execute_cell(cell, index, execution_count=None)
        for cell in notebook.cells:
            if LATE in cell.metadata.get("tags", ()):
                picture_again(client, cell)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if LIVE in data or (FIGURE in data and PICTURE not in data):
                raise SystemExit(f"{path.name}: no picture of the output of\n{cell.source}")
    path.write_text(_ARRAY.sub(_in_one_line, nbformat.writes(notebook)) + "\n")


def picture_again(client: NotebookClient, cell: nbformat.NotebookNode) -> None:
    """Replace a widget's picture by that of the end of the run, when it has seen some of the market."""
    client.reset_execution_trackers()
    asked = nbformat.v4.new_code_cell(f"Out[{cell.execution_count}].picture()")
    client.nb.cells.append(asked)
    client.execute_cell(asked, len(client.nb.cells) - 1, store_history=False)
    client.nb.cells.pop()
    cell.outputs[0].data[PICTURE] = asked.outputs[0].data[PICTURE]


def _in_one_line(array: re.Match[str]) -> str:
    """Write the values of a figure beside each other: one a line, they are two thirds spaces."""
    return "[" + re.sub(r",\n *", ",", array[1]) + "]"


if __name__ == "__main__":
    folder = Path(__file__).parent
    for path in map(Path, sys.argv[1:]) if len(sys.argv) > 1 else sorted(folder.glob("*.ipynb")):
        store(path)
