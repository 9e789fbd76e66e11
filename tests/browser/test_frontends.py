"""Every view outside of JupyterLab: in Notebook 7 and in marimo it draws, it is alive, and it moves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest

from hftlab.lab.views import ClientViews
from tests.browser.lab import NOTEBOOK_7, Notebook, jupyterlab
from tests.command import ROOT, environment

pytestmark = [pytest.mark.browser]

VIEWS = sorted(name for name in vars(ClientViews) if not name.startswith("_"))
SYMBOL = {"ladder", "heatmap", "time_and_sales", "depth_chart"}
"""Views of one symbol."""

START = """
import hftlab as hl

server = hl.serve(hl.simulator.RandomWalk(seed=7), port=0, name="frontends")
client = hl.connect(server.url, name="frontends")
_ = client.subscribe(["AAPL", "MSFT"], data_types=["QUOTES", "ORDER_BOOK", "TRADES", "STATISTICS"])
"""

# marimo shows a widget in a shadow root.
INSIDE = """
window.inside = (selector) => {
  const found = [];
  const walk = (root) => {
    found.push(...root.querySelectorAll(selector));
    for (const element of root.querySelectorAll("*")) if (element.shadowRoot) walk(element.shadowRoot);
  };
  walk(document);
  return found;
};
"""
ALIVE = """count => {
  const dots = inside(".hftlab-view .dot");
  return dots.length === count && dots.every(({ className }) => /well|late|still/.test(className));
}"""
LADDER = "inside('.hftlab-view').find((view) => view.dataset.view === 'LadderView')"
LONG = 60_000  # ms; a cold front end on a busy machine takes its time


def call(view: str) -> str:
    return f"client.{view}({chr(34) + 'AAPL' + chr(34) if view in SYMBOL else ''})"


def look(page: Any, count: int) -> None:
    """Wait until all views are alive and the ladder's canvas has changed."""
    page.set_viewport_size({"width": 1200, "height": 700 * count})
    page.wait_for_function(ALIVE, arg=count, timeout=LONG)
    page.evaluate(
        f"{LADDER}.scrollIntoView()"
    )  # the page may have kept its old height, and out of sight nothing is drawn
    canvas = f"{LADDER}.querySelector('canvas').toDataURL()"
    page.wait_for_function(f"before => {canvas} !== before", arg=page.evaluate(canvas), timeout=LONG)


def test_notebook_7(browser: Any, tmp_path: Path) -> None:
    views = ", ".join(map(call, VIEWS))
    cells = [START, f"from IPython.display import display\nfor view in [{views}]: display(view)"]
    with jupyterlab(tmp_path, NOTEBOOK_7) as address:
        notebook = Notebook(browser, tmp_path, address, cells)
        notebook.page.evaluate(INSIDE)
        for index in range(len(cells)):
            notebook.run(index)
        look(notebook.page, len(VIEWS))
        notebook.picture("notebook-7")
        notebook.context.close()


@pytest.fixture
def marimo(tmp_path: Path) -> Iterator[str]:
    """Run marimo on an app with a cell a view; yields its address."""
    cells = [
        f"@app.cell\ndef _():\n{indent(START, '    ')}    return (client,)",
        *(f"@app.cell\ndef _(client):\n    _view = {call(view)}\n    _view" for view in VIEWS),
    ]
    app = tmp_path / "app.py"
    app.write_text("\n\n\n".join(["import marimo\n\napp = marimo.App()", *cells, "app.run()\n"]))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "marimo", "run", str(app), "--headless", "--no-token", f"--port={port}"]
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(PYTHONPATH=str(ROOT)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line)
                if "URL" in line:
                    yield f"http://127.0.0.1:{port}"
                    break
            else:
                raise AssertionError("".join(said))
        finally:
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()


def test_marimo(browser: Any, marimo: str) -> None:
    page = browser.new_page(color_scheme="dark")
    page.add_init_script(INSIDE)
    page.goto(marimo)
    look(page, len(VIEWS))
    if folder := os.environ.get("HFTLAB_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / "marimo.png")
    page.close()
