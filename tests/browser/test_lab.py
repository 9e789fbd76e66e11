"""The quickstart in JupyterLab and a real Chromium: it runs to its end while the ladder moves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command import environment
from tests.needs import program

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WAIT = 60_000  # ms; a cold JupyterLab on a busy machine takes its time

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("compiled"),
]


@pytest.fixture
def chromium() -> str:
    return program("chromium", "chromium")


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    """Run `hftlab lab` on a copy of the notebook; yields the address that it prints."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(NOTEBOOK, tmp_path / "notebooks")
    options = ["--no-browser", "--port=0", "--expose-app-in-browser"]
    folders = {"JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    command = [sys.executable, "-m", "hftlab", "lab", *options]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment(**folders), stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address, (tmp_path / "log").read_text()
            yield address
        finally:
            process.terminate()
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def test_the_quickstart_runs_to_its_end_with_the_ladder_moving(chromium: str, jupyterlab: str, tmp_path: Path) -> None:
    """Run all cells: none fails, the last one ends, and two pictures of the ladder taken one after the other differ."""
    from playwright.sync_api import sync_playwright

    pictures = Path(os.environ.get("HFTLAB_SCREENSHOTS", tmp_path))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(WAIT)
        # The printed address leads to the quickstart.
        page.goto(jupyterlab)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell")
        # The indicator says idle before there is a kernel; the notebook's own session knows.
        page.wait_for_function(
            """() => {
                const panel = window.jupyterapp?.shell.currentWidget;
                const kernel = panel?.sessionContext?.session?.kernel;
                window.notebook = panel?.content;
                return panel?.context?.isReady && kernel?.connectionStatus === "connected" && kernel.status === "idle";
            }"""
        )
        # The stored counts go first, so that the counts waited for are this run's.
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        page.evaluate(
            """() => {
                window.code = [...notebook.model.cells].filter((cell) => cell.type === "code");
                window.ran = (cell) => cell.executionCount !== null && cell.executionState === "idle";
                window.outputs = () => code.flatMap((cell) => cell.outputs.toJSON());
                window.failed = () => outputs().filter((output) => output.output_type === "error");
            }"""
        )
        page.wait_for_function("() => failed().length > 0 || code.every(ran)")
        assert page.evaluate("() => failed()") == []
        # JupyterLab keeps in the page only the cells that are near the view.
        page.evaluate(
            """() => notebook.scrollToItem(
                [...notebook.model.cells].findIndex((cell) => cell.sharedModel.source.includes("ladder(")), "start")"""
        )
        ladder = page.locator("canvas").first
        ladder.wait_for()
        page.screenshot(path=pictures / "quickstart-1.png")
        page.wait_for_function(
            "([canvas, before]) => canvas.toDataURL() !== before",
            arg=[ladder.element_handle(), ladder.evaluate("canvas => canvas.toDataURL()")],
        )
        page.screenshot(path=pictures / "quickstart-2.png")
        browser.close()
