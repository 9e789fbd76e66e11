"""The dashboard in JupyterLab and a real Chromium: every view draws and moves, and little travels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Notebook, jupyterlab

pytestmark = [
    pytest.mark.browser,
    pytest.mark.usefixtures("compiled"),
]

CELLS = [
    """
import hftlab as hl

server = hl.serve(hl.simulator.Exchange(seed=7), port=0, name="dashboard")
client = hl.connect(server.url, name="dashboard")
client.subscribe(client.offered_symbols, data_types=["QUOTES", "ORDER_BOOK", "TRADES", "STATISTICS"], frequency=100)
board = hl.dashboard(client, "AAPL")
""",
    "board",
]
SETUP, SHOW = range(2)
MOVING = ("ladder",)
"""Views with a canvas that another message changes."""

MESSAGES = 40
"""Of the page in a second, at most."""
BYTES = 250_000
RATE = 10
"""Messages of the exchange in a second of its own time."""


@pytest.fixture(scope="module")
def notebook(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    folder: Path = tmp_path_factory.mktemp("lab")
    with jupyterlab(folder) as address:
        notebook = Notebook(browser, folder, address, CELLS)
        notebook.run(SETUP)
        notebook.run(SHOW)
        notebook.until("document.querySelectorAll('.hftlab-view').length > 0")
        yield notebook
        notebook.context.close()


def test_every_view_is_alive(notebook: Notebook) -> None:
    with notebook.kernel() as kernel:
        count = int(kernel.run("print(len(board.views))"))
    notebook.until("count => document.querySelectorAll('.hftlab-view').length === count", count)
    notebook.until(
        "[...document.querySelectorAll('.hftlab-view .dot')].every(({ className }) => !className.includes('lost'))"
    )
    assert notebook.page.locator(".veil:visible").count() == 0
    notebook.picture("dashboard-light")


@pytest.mark.parametrize("name", MOVING)
def test_a_view_moves(notebook: Notebook, name: str) -> None:
    canvas = f"document.querySelector('.cell.{name} canvas').toDataURL()"
    notebook.until(f"before => {canvas} !== before", notebook.page.evaluate(canvas))


def test_little_travels(notebook: Notebook) -> None:
    """In as many seconds as the server's messages stand for, whatever time the machine takes."""
    with notebook.kernel() as kernel:

        def received() -> int:
            return int(kernel.run("print(client.metrics.messages_received)"))

        before, start = received(), notebook.page.evaluate("({ ...traffic })")
        kernel.until(lambda: received() > before + 10 * RATE)
        end = notebook.page.evaluate("({ ...traffic })")
        seconds = (received() - before) / RATE
    assert end["messages"] - start["messages"] <= MESSAGES * seconds
    assert end["bytes"] - start["bytes"] <= BYTES * seconds


def test_all_views_show_the_symbol_that_is_asked_for(notebook: Notebook) -> None:
    with notebook.kernel() as kernel:
        kernel.run("board.symbol = 'MSFT'")
    notebook.until("document.querySelector('.cell.ladder .title').textContent === 'MSFT'")


@pytest.mark.parametrize("name", ["latency", "ladder", "heatmap"])
def test_one_view_can_be_shown_alone(notebook: Notebook, name: str) -> None:
    shown = "[...document.querySelectorAll('.hftlab-dashboard .cell')].filter((cell) => cell.offsetWidth).length"
    every = notebook.page.evaluate(shown)
    notebook.page.locator(f".cell.{name}").get_by_label("show this view alone").click()
    notebook.until(f"{shown} === 1")
    assert notebook.page.get_by_label("show all views").count() == 1
    notebook.page.keyboard.press("Escape")
    notebook.until(f"count => {shown} === count", every)


def test_jupyterlabs_dark_theme(notebook: Notebook) -> None:
    notebook.page.evaluate(
        "void window.jupyterapp.commands.execute('apputils:change-theme', { theme: 'JupyterLab Dark' })"
    )
    notebook.until("document.body.dataset.jpThemeLight === 'false'")
    notebook.until("getComputedStyle(document.querySelector('.hftlab-view')).colorScheme === 'dark'")
    notebook.picture("dashboard-dark")
