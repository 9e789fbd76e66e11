"""The quickstart as a person meets it: JupyterLab in a real Chromium, run to its end, with the ladder moving."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01_quickstart.ipynb"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
WAIT = 60_000  # ms; a cold JupyterLab on a busy machine takes its time

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH (Debian: apt install chromium)"),
]


@pytest.fixture
def jupyterlab(tmp_path: Path) -> Iterator[str]:
    """`hftlab lab` on a copy of the notebook; yields its address."""
    (tmp_path / "notebooks").mkdir()
    shutil.copy(NOTEBOOK, tmp_path / "notebooks")
    options = [
        "--no-browser",
        "--allow-root",
        "--port=0",
        "--IdentityProvider.token=",
        "--expose-app-in-browser",
    ]
    # Jupyter writes down where it listens; the file is found by its process id.
    runtime = tmp_path / "runtime"
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_CONFIG_DIR": str(tmp_path / "config")}
    command = [sys.executable, "-m", "hftlab", "lab", *options]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "is running at" in line:
                break
        # From here on nobody reads what it says, and it must not wait for that.
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        (described,) = runtime.glob("jpserver-*.json")
        yield json.loads(described.read_text())["url"]
        process.terminate()
        process.wait()
        drain.wait()


def test_the_quickstart_runs_to_its_end_with_the_ladder_moving(jupyterlab: str, tmp_path: Path) -> None:
    """Run all cells: none fails, the last one ends, and two pictures of the ladder taken one after the other differ."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        # The address that JupyterLab opens by itself leads to the quickstart.
        page.goto(jupyterlab)
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=WAIT)
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=WAIT)
        page.evaluate("() => void window.jupyterapp.commands.execute('notebook:run-all-cells')")
        ladder = page.locator("canvas").first
        ladder.wait_for(timeout=WAIT)
        ladder.scroll_into_view_if_needed()
        first = ladder.screenshot()
        page.wait_for_function(
            "([canvas, before]) => canvas.toDataURL() !== before",
            arg=[ladder.element_handle(), ladder.evaluate("canvas => canvas.toDataURL()")],
            timeout=WAIT,
        )
        second = ladder.screenshot()
        pictures = Path(os.environ.get("HFTLAB_SCREENSHOTS", tmp_path))
        page.screenshot(path=pictures / "quickstart-ladder-1.png")
        page.wait_for_function(
            # JupyterLab renders cells as they come into view, so the numbers are read from its model.
            """() => {
                const cells = window.jupyterapp.shell.currentWidget.content.model.cells;
                const code = [...cells].filter((cell) => cell.type === "code");
                return code.every((cell) => cell.executionCount !== null && cell.executionState === "idle");
            }""",
            timeout=WAIT,
        )
        page.screenshot(path=pictures / "quickstart-ladder-2.png")
        failed = page.evaluate(
            """() => [...window.jupyterapp.shell.currentWidget.content.model.cells]
                .filter((cell) => cell.type === "code")
                .flatMap((cell) => cell.outputs.toJSON().filter((output) => output.output_type === "error"))"""
        )
        browser.close()
    assert failed == []
    assert first != second
