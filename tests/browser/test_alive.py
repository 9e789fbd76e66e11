"""A ladder in JupyterLab and a real Chromium: it is alive while it looks alive, and says so when it is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab import Notebook, jupyterlab
from tests.widgets.kernel import Kernel

pytestmark = [pytest.mark.browser]

CELLS = [
    """
import ctypes
import time
from pathlib import Path
from hftlab.widgets import Ladder
from tests.widgets.market import Market, bitcoin

class Moving(Market):
    def book(self, symbol):
        self.books[symbol].ts_event += 1_000_000
        return self.books[symbol]

done = Path("done")
hold = ctypes.PyDLL(None).usleep  # keeps the interpreter's lock, as code that computes does, and no core busy
""",
    "ladder = Ladder(Moving({'X': bitcoin()}), 'X')\nladder",
    "while not done.exists(): time.sleep(0.5)",
    "while not done.exists(): hold(200)",
    "while not done.exists(): sum(range(1000))",
    *["# further down" + 30 * "\n"] * 8,
]
SETUP, SHOW, SLEEP, HOLD, LOOP = range(5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    with jupyterlab(folder) as address:
        yield address


@pytest.fixture(scope="module")
def shared(browser: Any, folder: Path, address: str) -> Iterator[Notebook]:
    notebook = Notebook(browser, folder, address, CELLS)
    yield notebook
    notebook.context.close()


@pytest.fixture
def notebook(shared: Notebook, folder: Path) -> Iterator[Notebook]:
    """A notebook with a new ladder on screen that is alive, also after a test that ended the kernel or the tab."""
    if shared.page.is_closed():
        shared.open()
    (folder / "done").unlink(missing_ok=True)
    shared.until("isReady()")
    shared.run(SETUP)
    shared.run(SHOW)
    shared.page.evaluate("() => { updates = 0; answers = 0; }")
    shared.until("level() === 'well' && updates > 5 && answers > 0")
    yield shared
    (folder / "done").touch()


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        pytest.param(SLEEP, 5, id="sleep-5"),
        pytest.param(HOLD, 15, id="hold-15"),
        pytest.param(SLEEP, 60, id="sleep-60", marks=pytest.mark.soak),
        pytest.param(LOOP, 60, id="loop-60", marks=pytest.mark.soak),
    ],
)
def test_it_is_alive_through_a_long_cell(notebook: Notebook, folder: Path, cell: int, seconds: int) -> None:
    """After 13 s a view that is not heard counts as gone.

    Twelve updates a second come at most, so that their number says that the cell has run for long.
    """
    notebook.start(cell)
    updates, answers = notebook.page.evaluate("[updates, answers]")
    notebook.until("target => updates > target", updates + 12 * seconds)
    assert notebook.page.evaluate("index => cell(index).executionState", cell) == "running"
    assert notebook.page.evaluate("answers") > answers  # heard meanwhile
    canvas = "document.querySelector('.hftlab-view canvas').toDataURL()"
    notebook.until(f"before => {canvas} !== before", notebook.page.evaluate(canvas))
    notebook.until("level() === 'well' && !veil()")
    (folder / "done").touch()
    notebook.until("index => cell(index).executionState === 'idle'", cell)


def test_it_rests_out_of_view_and_is_alive_when_it_comes_back(notebook: Notebook) -> None:
    """JupyterLab takes cells that are far away off the page, or hides them, and puts them back."""
    notebook.page.evaluate("panel().content.activeCellIndex = panel().content.widgets.length - 1")  # it is always there
    notebook.page.evaluate("panel().content.scrollToItem(panel().content.widgets.length - 1, 'start')")
    notebook.until("!document.querySelector('.hftlab-view')?.checkVisibility()")
    with notebook.kernel() as kernel:
        kernel.until(lambda: not is_visible(kernel))
    notebook.page.evaluate("panel().content.scrollToItem(1, 'start')")
    notebook.page.evaluate("updates = 0")
    notebook.until("level() === 'well' && updates > 5")


def test_a_restarted_kernel_is_named(notebook: Notebook) -> None:
    notebook.page.evaluate("void kernel().restart()")
    notebook.until("veil().includes('run the cell again') && level() === 'lost'")
    notebook.picture("restarted")


def test_a_kernel_that_died_is_named(notebook: Notebook) -> None:
    notebook.page.evaluate("void kernel().requestExecute({ code: 'import os; os._exit(1)' })")
    notebook.until("veil().includes('run the cell again') && level() === 'lost'")
    notebook.page.locator(".jp-Dialog .jp-mod-accept").click()  # JupyterLab's own word on it


def test_a_page_that_is_loaded_again_shows_it_alive(notebook: Notebook) -> None:
    notebook.page.evaluate("void window.jupyterapp.commands.execute('docmanager:save')")
    notebook.until("!panel().context.model.dirty")
    notebook.page.reload()
    notebook.until("isReady() && level() === 'well' && updates > 5")
    notebook.picture("reloaded")


def test_a_closed_tab_gets_nothing_more(notebook: Notebook) -> None:
    with notebook.kernel() as kernel:
        kernel.until(lambda: is_visible(kernel))
        notebook.page.close()
        kernel.until(lambda: not is_visible(kernel))


def is_visible(kernel: Kernel) -> bool:
    return kernel.run("print(ladder._visibility.is_visible, end='')") == "True"
