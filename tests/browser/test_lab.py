"""The tutorials in JupyterLab and a real Chromium: each runs to its end, and the dashboard of the first one moves."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import program_of_jupyter
from tests.command import ROOT

TUTORIALS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))
QUICKSTART = "01_quickstart"
SHORT = {QUICKSTART}
"""Those that `make test` runs here: the one whose address `hftlab lab` prints. nbval runs the cells of all of them."""
WAIT = 120_000  # ms; a cold JupyterLab on a busy machine takes its time

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("compiled"),
]

HELPERS = """
window.notebook = () => window.jupyterapp?.shell.currentWidget?.content;
window.isReady = () => {
  const panel = window.jupyterapp?.shell.currentWidget;
  // The indicator says idle before there is a kernel; the notebook's own session knows.
  const kernel = panel?.sessionContext?.session?.kernel;
  return panel?.context?.isReady && kernel?.connectionStatus === "connected" && kernel.status === "idle";
};
window.code = () => [...notebook().model.cells].filter((cell) => cell.type === "code");
window.ran = (cell) => cell.executionCount !== null && cell.executionState === "idle";
window.outputs = () => code().flatMap((cell) => cell.outputs.toJSON());
window.failed = () => outputs().filter((output) => output.output_type === "error");
"""


@pytest.fixture(scope="module")
def jupyterlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run `hftlab lab` on a copy of the tutorials and their recordings; yields the address that it prints."""
    folder = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("recordings", ".ipynb_checkpoints"))
    options = ["--no-browser", "--port=0", "--expose-app-in-browser"]
    with program_of_jupyter([sys.executable, "-m", "hftlab", "lab", *options], folder) as address:
        yield address


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(WAIT)
    page.add_init_script(HELPERS)
    yield page
    # Its kernel has a server and clients.
    page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    context.close()


def picture(page: Any, name: str) -> None:
    if folder := os.environ.get("HFTLAB_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


@pytest.mark.parametrize(
    "name", [name if name in SHORT else pytest.param(name, marks=pytest.mark.soak) for name in TUTORIALS]
)
def test_a_tutorial_runs_to_its_end(page: Any, jupyterlab: str, name: str) -> None:
    """Run all cells, as a person does with Run > Run All Cells: none fails, and the last one ends."""
    # The printed address leads to the quickstart.
    page.goto(jupyterlab.replace(QUICKSTART, name))
    page.wait_for_function("isReady()")
    # The stored counts go first, so that the counts waited for are this run's.
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("() => failed().length > 0 || code().every(ran)")
    assert page.evaluate("() => failed()") == []
    picture(page, name)
    if name == QUICKSTART:
        moves(page)


def moves(page: Any) -> None:
    """Two pictures of the first live view, taken one after the other, differ."""
    # JupyterLab keeps in the page only the cells that are near the view.
    page.evaluate(
        """() => notebook().scrollToItem([...notebook().model.cells].findIndex(({ sharedModel }) =>
            /dashboard\\(|ladder\\(/.test(sharedModel.source)), "start")"""
    )
    canvas = page.locator(".hftlab-view[data-view=LadderView] canvas").first
    canvas.wait_for()
    page.wait_for_function(
        "([canvas, before]) => canvas.toDataURL() !== before",
        arg=[canvas.element_handle(), canvas.evaluate("canvas => canvas.toDataURL()")],
    )
    picture(page, "quickstart-dashboard")
